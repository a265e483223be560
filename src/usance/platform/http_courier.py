"""One HTTP connection over which something is posted, bounded in time and in bytes.

No proxy, no redirect, no cookie, and no name looked up here: a connection is made to an address
that whoever uses this found and allowed, and TLS holds it to the name. What comes while nobody has
asked spoils a connection, so no answer is ever taken for that of another request.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

from usance import __version__

HEAD_MAX = 16_384
"""Bytes of an answer's head."""
ADDRESSES_TRIED = 3
PORTS = {"https": 443, "http": 80}

# What went wrong where no (good) answer came.
NAME, CONNECTION, TLS, TIMEOUT, EARLY, NOT_HTTP = (
    "name", "connection", "tls", "timeout", "closed_early", "not_http",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart; ``path`` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def named(self) -> str:
        """For the header ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a connection and an answer may take, and how much of an answer is read."""

    connect_seconds: float
    answer_seconds: float
    """From the first byte sent to the last byte read, with the time to connect."""
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What came: a status (0 without one), or what went wrong.

    ``reached``: whether the request may have reached the other side, answered or not.
    """

    status: int
    error: str
    body: bytes
    retry_after: str
    reached: bool
    milliseconds: int


class _ClosedEarly(Exception):
    """The other side hung up before it answered; ``untouched``: before it sent a byte."""

    def __init__(self, *, untouched: bool) -> None:
        super().__init__()
        self.untouched = untouched


@dataclass(slots=True)
class _Answer:
    """What has come of an answer; the parser calls the methods that begin with ``on``."""

    most: int
    body: bytearray = field(default_factory=bytearray)
    received: int = 0
    status: int = 0
    retry_after: str = ""
    has_head: bool = False
    is_whole: bool = False
    is_overfull: bool = False
    keeps: bool = False
    parser: Any = None

    def on_message_begin(self) -> None:
        """The answer, or one that nobody has asked for."""
        self.is_overfull = self.is_whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of all headers one matters."""
        if not self.is_whole and name.lower() == b"retry-after":
            self.retry_after = value[:100].decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is there; one of 100 to 199 only announces another."""
        if not self.is_whole:
            self.status = self.parser.get_status_code()
            self.has_head = self.status >= 200

    def on_body(self, data: bytes) -> None:
        """Part of the body."""
        if not self.is_whole:
            self.body += data[: self.most - len(self.body)]

    def on_message_complete(self) -> None:
        """The end; only here does the parser know whether the connection stays."""
        if self.has_head and not self.is_whole:
            self.is_whole = True
            self.keeps = self.parser.should_keep_alive()

    @property
    def is_enough(self) -> bool:
        """Whether nothing more need be read."""
        return self.is_whole or (self.has_head and len(self.body) >= self.most)

    @property
    def is_too_long(self) -> bool:
        """Whether nothing more is read."""
        return self.received >= HEAD_MAX + self.most

    @property
    def leaves_open(self) -> bool:
        """Whether another request may follow on the same connection."""
        return self.keeps and not self.is_overfull


class _Line(asyncio.Protocol):
    """A connection, with one question at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: _Answer | None = None
        self._done: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has hung up."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Part of an answer; where nobody has asked, the end of this connection."""
        answer = self._answer
        if answer is None:
            self.close()
            return
        answer.received += len(data)
        try:
            answer.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(error)
        else:
            if answer.is_enough or answer.is_too_long:
                self._end(None)

    def eof_received(self) -> bool:
        """The other side has no more to say."""
        self.close()
        self._end(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._transport = None
        self._end(exc)

    def _end(self, error: Exception | None) -> None:
        self._answer = None
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)

    async def ask(self, raw: bytes, answer: _Answer) -> None:
        """Send and read; raises for what is not an answer."""
        if self._transport is None:
            raise _ClosedEarly(untouched=True)
        self._answer = answer
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        try:
            await self._done
        finally:
            self._answer = self._done = None
        if not answer.has_head:
            if answer.is_too_long:
                raise httptools.HttpParserError("the head of the answer has no end")
            raise _ClosedEarly(untouched=answer.received == 0)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


class Line:
    """A way to one target, kept open from request to request while all goes well."""

    def __init__(
        self, target: Target, addresses: Sequence[str], limits: Limits, tls: ssl.SSLContext
    ) -> None:
        self._target = target
        self._addresses = addresses[:ADDRESSES_TRIED]
        self._limits = limits
        self._tls = tls if target.scheme == "https" else None
        self._line: _Line | None = None
        self._reached = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection that nobody has hung up."""
        return self._line is not None and self._line.is_open

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answered:
        """Send one request; never raises for what the other side does."""
        began = time.perf_counter()
        answer = _Answer(self._limits.answer_bytes)
        answer.parser = httptools.HttpResponseParser(answer)
        self._reached = False
        try:
            error = await self._attempt(request(self._target, headers, body), answer)
        except asyncio.CancelledError:
            self.close()  # an answer that still comes is nobody's
            raise
        if error or not answer.leaves_open:
            self.close()
        status = answer.status if answer.has_head else 0
        milliseconds = int((time.perf_counter() - began) * 1000)
        # Where the status is known it counts, whatever became of the rest.
        return Answered(
            status, "" if status else error, bytes(answer.body), answer.retry_after,
            self._reached, milliseconds,
        )  # fmt: skip

    async def _attempt(self, raw: bytes, answer: _Answer) -> str:
        """Ask and read; the class of what went wrong, or nothing."""
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                await self._exchange(raw, answer)
        except TimeoutError:
            return TIMEOUT
        except _ClosedEarly:
            return EARLY
        except httptools.HttpParserError:
            return NOT_HTTP
        except ssl.SSLError:
            return TLS
        except OSError:
            return CONNECTION
        return ""

    async def _exchange(self, raw: bytes, answer: _Answer) -> None:
        """On the open connection; on a new one if that was closed while it was idle."""
        if self._line is None or not self.is_open:
            await self._connected(raw, answer)
            return
        try:
            self._reached = True
            await self._line.ask(raw, answer)
        except (_ClosedEarly, OSError) as error:
            self.close()
            if isinstance(error, _ClosedEarly) and not error.untouched:
                raise
            await self._connected(raw, answer)

    async def _connected(self, raw: bytes, answer: _Answer) -> None:
        self._line = await self._connect()
        self._reached = True
        await self._line.ask(raw, answer)

    async def _connect(self) -> _Line:
        """To the first of the addresses that answers."""
        loop, name = asyncio.get_running_loop(), self._target.host if self._tls else None
        async with asyncio.timeout(self._limits.connect_seconds):
            for address in self._addresses[:-1]:
                try:
                    _, line = await loop.create_connection(
                        _Line, address, self._target.port, ssl=self._tls, server_hostname=name
                    )
                except OSError:
                    continue
                return line
            _, line = await loop.create_connection(
                _Line, self._addresses[-1], self._target.port, ssl=self._tls, server_hostname=name
            )
            return line

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
        self._line = None


def request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of a request. All parts are ours or were checked to hold no line break."""
    lines = [
        f"POST {target.path} HTTP/1.1", f"Host: {target.named}",
        f"User-Agent: usance/{__version__}", "Content-Type: application/json",
        f"Content-Length: {len(body)}", "Accept: */*",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
