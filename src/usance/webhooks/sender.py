"""One attempt over HTTP: to an address that was checked, bounded in time and in bytes.

No proxy, no redirect, no cookie, no name looked up a second time: a connection is made to the very
address that the rules allowed, and TLS holds it to the name of the endpoint.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httptools

from usance import __version__
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.webhooks.policy import Policy, Reach
from usance.webhooks.rules import Target, allowed, target_of

HEAD_MAX = 16_384
"""Bytes of an answer's head."""
CHUNK = 4_096
ADDRESSES_TRIED = 3
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]

# What went wrong where no (good) answer came, for the delivery log.
ADDRESS, NAME, CONNECTION, TLS, TIMEOUT, EARLY, NOT_HTTP, STATUS = (
    "address", "name", "connection", "tls", "timeout", "closed_early", "not_http", "status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: the status of the answer (0 without one), or what went wrong."""

    status: int
    error: str
    answer: str
    milliseconds: int

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status <= 299

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more."""
        return self.status == 410


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint with the addresses that its name had when it was looked up."""

    target: Target
    addresses: list[str]


class UnreachableError(Exception):
    """The endpoint cannot be sent anything; ``error`` is the class of what went wrong."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error = error


class _ClosedEarly(Exception):
    """The other side hung up before it answered; ``untouched``: before it sent a byte."""

    def __init__(self, *, untouched: bool) -> None:
        super().__init__()
        self.untouched = untouched


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order of the system."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class Sender:
    """Knows where messages may go and how long they may take."""

    def __init__(
        self, policy: Policy, reach: Reach, *, resolve: Resolve = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.policy = policy
        self.reach = reach
        self._resolve = resolve
        self.tls = tls or ssl.create_default_context()

    @rule("R-HOOK-02")
    async def find(self, url: str) -> Route:
        """Look the endpoint's name up and check its addresses; raises ``UnreachableError``."""
        try:
            target = target_of(url, self.reach)
            async with asyncio.timeout(self.policy.connect_seconds):
                addresses = await self._resolve(target.host, target.port)
            return Route(target, allowed(addresses, self.reach))
        except Refused as refused:
            raise UnreachableError(ADDRESS, refused.refusal.detail) from refused
        except TimeoutError as error:
            raise UnreachableError(TIMEOUT, "the name was not found in time") from error
        except OSError as error:
            raise UnreachableError(NAME, "the name is not known") from error


@dataclass(slots=True)
class _Answer:
    """What has come of an answer; the parser calls the methods."""

    most: int
    body: bytearray = field(default_factory=bytearray)
    has_head: bool = False
    is_whole: bool = False
    parser: Any = None

    def on_headers_complete(self) -> None:
        """The head is there; one of 100 to 199 only announces another."""
        self.has_head = self.parser.get_status_code() >= 200

    def on_body(self, data: bytes) -> None:
        """Part of the body."""
        self.body += data[: self.most - len(self.body)]

    def on_message_complete(self) -> None:
        """The end."""
        self.is_whole = self.has_head

    @property
    def is_enough(self) -> bool:
        """Whether nothing more need be read."""
        return self.is_whole or (self.has_head and len(self.body) >= self.most)


class Courier:
    """One connection to an endpoint, kept open from message to message while all goes well."""

    def __init__(self, sender: Sender, route: Route) -> None:
        self._sender = sender
        self._route = route
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one message; never raises for what the other side does."""
        began = time.perf_counter()
        answer = _Answer(self._sender.policy.answer_bytes)
        answer.parser = httptools.HttpResponseParser(answer)
        error = await self._attempt(request(self._route.target, headers, body), answer)
        if error or not (answer.is_whole and answer.parser.should_keep_alive()):
            self.close()
        status = answer.parser.get_status_code() if answer.has_head else 0
        if status and not 200 <= status <= 299:
            error = STATUS
        elif status:
            error = ""  # the status is known, whatever became of the rest
        kept = printable(bytes(answer.body), self._sender.policy.answer_kept)
        return Outcome(status, error, kept, int((time.perf_counter() - began) * 1000))

    async def _attempt(self, raw: bytes, answer: _Answer) -> str:
        """Ask and read; the class of what went wrong, or nothing."""
        try:
            async with asyncio.timeout(self._sender.policy.answer_seconds):
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
        if self._writer is None:
            await self._connect()
            await self._ask(raw, answer)
            return
        try:
            await self._ask(raw, answer)
        except (_ClosedEarly, OSError) as error:
            self.close()
            if isinstance(error, _ClosedEarly) and not error.untouched:
                raise
            await self._connect()
            await self._ask(raw, answer)

    async def _connect(self) -> None:
        """To the first of the checked addresses that answers."""
        target = self._route.target
        secure = target.scheme == "https"
        tried = self._route.addresses[:ADDRESSES_TRIED]
        async with asyncio.timeout(self._sender.policy.connect_seconds):
            for address in tried:
                try:
                    self._reader, self._writer = await asyncio.open_connection(
                        address, target.port, limit=CHUNK * 4,
                        ssl=self._sender.tls if secure else None,
                        server_hostname=target.host if secure else None,
                    )  # fmt: skip
                except OSError:
                    if address == tried[-1]:
                        raise
                else:
                    return

    async def _ask(self, raw: bytes, answer: _Answer) -> None:
        assert self._reader is not None
        assert self._writer is not None
        self._writer.write(raw)
        await self._writer.drain()
        received, most = 0, HEAD_MAX + answer.most
        while not answer.is_enough and received < most:
            data = await self._reader.read(CHUNK)
            if not data:
                break
            received += len(data)
            answer.parser.feed_data(data)
        if not answer.has_head:
            if received >= most:
                raise httptools.HttpParserError("the head of the answer has no end")
            raise _ClosedEarly(untouched=received == 0)

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


def request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of a message. All parts are ours or were checked to hold no line break."""
    lines = [
        f"POST {target.path} HTTP/1.1", f"Host: {target.named}",
        f"User-Agent: usance/{__version__}", "Content-Type: application/json",
        f"Content-Length: {len(body)}", "Accept: */*",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def printable(raw: bytes, most: int) -> str:
    """The beginning of an answer as text that can be shown."""
    text = raw[: most * 4].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text)[:most]
