"""The provider of the sandbox as an HTTP server: the contract of ``docs/integrating.md``.

It is written close to the socket, so that what is measured against it is not its own slowness.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast
from urllib.parse import parse_qs

import httptools
import msgspec
from msgspec import Struct

from usance.notices.sandbox import Asked, How, Manners, Reply, Sandbox
from usance.notices.sandbox_receipts import Reporter

BODY_MAX = 64_000
SILENCE = 120.0
"""Seconds after which somebody who is told nothing is hung up."""
LOG_AT_ONCE = 1_000
REASONS = {
    200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
    413: "Content Too Large", 422: "Unprocessable Content", 429: "Too Many Requests",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


class Outage(Struct, forbid_unknown_fields=True):
    """An outage to begin; of no minutes, the end of one. Minutes are the sandbox's own."""

    minutes: float = 30
    how: How = "refuse"


class Answers(Protocol):
    """A sandbox behind a socket: who may ask, and what is answered."""

    reporter: Reporter | None

    def is_known(self, authorization: bytes) -> bool:
        """Whether the token is right."""
        ...

    def reply(self, method: bytes, url: bytes, key: str, body: bytes) -> Reply:
        """What a request is answered."""
        ...


class Server:
    """Who asks what of a sandbox. ``speed``: seconds of its clock in one of ours."""

    def __init__(
        self, token: str, manners: Manners | None = None, *, speed: float = 1.0,
        reporter: Reporter | None = None,
    ) -> None:  # fmt: skip
        self._token = f"Bearer {token}".encode()
        self._loop = asyncio.get_running_loop()
        self._speed = speed
        self.reporter = reporter
        self.sandbox = Sandbox(manners or Manners(), self._now, self._later)
        if reporter is not None:
            reporter.waits = lambda: self.sandbox.is_down

    def _now(self) -> float:
        return self._loop.time() * self._speed

    def _later(self, seconds: float, receipt: Any) -> None:
        if self.reporter is not None:
            self._loop.call_later(seconds / self._speed, self.reporter.put, receipt)

    def is_known(self, authorization: bytes) -> bool:
        """Whether the token is right."""
        return hmac.compare_digest(authorization, self._token)

    def reply(self, method: bytes, url: bytes, key: str, body: bytes) -> Reply:
        """What a request is answered."""
        path, _, query = url.decode("latin-1").partition("?")
        try:
            if method == b"POST" and path.endswith("/messages"):
                if not 1 <= len(key) <= 200:
                    return Reply(400, b'{"error":"no_key"}')
                return self.sandbox.ask(key, msgspec.json.decode(body, type=Asked))
            return self._looked(method, path, query, body)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            return Reply(400, b'{"error":"malformed"}')

    def _looked(self, method: bytes, path: str, query: str, body: bytes) -> Reply:
        """What only a sandbox has: its log, its manners, outages."""
        sandbox, given = self.sandbox, parse_qs(query)
        if (method, path) == (b"POST", "/sandbox/outage"):
            asked = msgspec.json.decode(body or b"{}", type=Outage)
            sandbox.outage(asked.minutes, asked.how)
            return Reply(200, msgspec.json.encode({"down": sandbox.is_down}))
        if (method, path) == (b"POST", "/sandbox/manners"):
            sandbox.manners = msgspec.json.decode(body, type=Manners)
            return Reply(200, msgspec.json.encode(sandbox.manners))
        if (method, path) == (b"GET", "/sandbox/log"):
            after = int(given.get("after", ["0"])[0])
            found = sandbox.effects[after : after + LOG_AT_ONCE] if after >= 0 else []
            return Reply(200, msgspec.json.encode({"effects": found}))
        if (method, path) == (b"GET", "/sandbox/message"):
            key = given.get("key", [""])[0]
            shown = {"tries": sandbox.tries(key), "effect": sandbox.effect(key)}
            return Reply(200, msgspec.json.encode(shown))
        if (method, path) == (b"GET", "/sandbox/counts"):
            return Reply(200, msgspec.json.encode(sandbox.counts()))
        return Reply(404, b'{"error":"no_such_route"}')


class Connection(asyncio.Protocol):
    """One client; one request at a time."""

    def __init__(self, server: Answers) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._key = ""
        self._authorization = b""
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """They went."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Part of a request."""
        if self._timer is not None:  # one that is not answered yet comes first
            self._hang_up()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._hang_up()

    def on_url(self, url: bytes) -> None:
        """A new request."""
        self._begin()
        self._url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Two of them matter."""
        name = name.lower()
        if name == b"idempotency-key":
            self._key = value.decode("latin-1")
        elif name == b"authorization":
            self._authorization = value

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._body += body
        if len(self._body) > BODY_MAX:
            self._answer(Reply(413))
            self._hang_up()

    def on_message_complete(self) -> None:
        """The whole request."""
        if self._transport is None:
            return
        method, body = self._parser.get_method(), bytes(self._body)
        if not self._server.is_known(self._authorization):
            reply = Reply(401, b'{"error":"unknown_token"}')
        else:
            reply = self._server.reply(method, self._url, self._key, body)
        if not reply.delay and reply.say == "answer":
            self._answer(reply)
            return
        loop = asyncio.get_running_loop()
        if reply.say == "answer":
            self._timer = loop.call_later(reply.delay, self._answer, reply)
        else:
            delay = SILENCE if reply.say == "silence" else reply.delay
            self._timer = loop.call_later(delay, self._hang_up)

    def _answer(self, reply: Reply) -> None:
        self._timer = None
        if self._transport is None:
            return
        wait = f"Retry-After: {reply.retry_after}\r\n" if reply.retry_after else ""
        head = (
            f"HTTP/1.1 {reply.status} {REASONS[reply.status]}\r\nContent-Type: application/json\r\n"
            f"{wait}Content-Length: {len(reply.body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + reply.body)

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None


@asynccontextmanager
async def serving(
    server: Answers, host: str = "127.0.0.1", port: int = 0, *,
    told: Callable[[str], None] | None = None,
) -> AsyncIterator[str]:  # fmt: skip
    """The address of a sandbox that answers; ``told`` is called with it."""
    reporter = server.reporter
    listening = await asyncio.get_running_loop().create_server(
        lambda: Connection(server), host, port
    )
    address = f"http://{host}:{listening.sockets[0].getsockname()[1]}"
    task = asyncio.create_task(reporter.run()) if reporter is not None else None
    if told is not None:
        told(address)
    try:
        yield address
    finally:
        listening.close()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


