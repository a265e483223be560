"""A real HTTP receiver on loopback, which can fail in every way that one can fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["usance-webhook-id"]


def status(line: str, body: bytes = b"", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


@dataclass
class Receiver:
    """What came in; ``answer`` is called with (request, writer) and says how to answer."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received, asyncio.StreamWriter], Any] | None = None
    connections: int = 0
    host: str = "127.0.0.1"
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/in?from=usance"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.received]

    def types(self) -> list[str]:
        return [each.document["type"] for each in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await one_request(reader, number)
                self.received.append(request)
                if await self._answered(request, writer):
                    break
        writer.close()

    async def _answered(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        """True when the connection is to be closed."""
        if self.answer is None:
            writer.write(OK)
            await writer.drain()
            return False
        found = self.answer(request, writer)
        if asyncio.iscoroutine(found):
            found = await found
        if found is None:
            return True
        writer.write(found)
        await writer.drain()
        return False


async def one_request(reader: asyncio.StreamReader, connection: int) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers["content-length"]))
    method, path, _ = head[0].split(" ")
    assert method == "POST"
    return Received(path, headers, body, connection)


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that answers 204 until told otherwise."""
    found = Receiver(scheme="https" if tls else "http")
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
