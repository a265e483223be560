"""Requests over HTTP from several kept connections, as cheap for the client as Python allows."""

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Build = Callable[[int], bytes]
"""Makes the bytes of the n-th request."""


@dataclass(slots=True)
class Load:
    """What a run saw: seconds of each answer, and answers that were not as expected."""

    seconds: list[float] = field(default_factory=list)
    wrong: list[bytes] = field(default_factory=list)
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.elapsed

    def percentile(self, share: float) -> float:
        """Seconds within which so large a share was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.answer: asyncio.Future[bytes] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect until the body is whole."""
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or self.answer is None or self.answer.done():
            return
        head = self.buffer[:end].lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self.buffer) >= end + 4 + length:
            self.answer.set_result(bytes(self.buffer))
            self.buffer.clear()

    async def ask(self, request: bytes) -> bytes:
        """Send and wait."""
        assert self.transport is not None
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer


async def drive(
    port: int, build: Build, *, connections: int, seconds: float, expected: bytes,
    rate: float = 0.0,
) -> Load:  # fmt: skip
    """Ask as fast as answers come, or at a steady ``rate`` a second in all.

    The collector is off meanwhile: its pauses are the client's, and would be counted as ours.
    """
    loop, load = asyncio.get_running_loop(), Load()
    started = time.perf_counter()
    number = 0

    async def one(place: int) -> None:
        nonlocal number
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        due = started + place / rate if rate else 0.0
        while time.perf_counter() - started < seconds:
            if rate:
                await asyncio.sleep(max(due - time.perf_counter(), 0))
            number += 1
            request = build(number)
            began = due if rate else time.perf_counter()
            answer = await connection.ask(request)
            load.seconds.append(time.perf_counter() - began)
            if not answer.startswith(expected):
                load.wrong.append(answer[:300])
            due += connections / rate if rate else 0.0

    gc.disable()
    try:
        await asyncio.gather(*(one(place) for place in range(connections)))
    finally:
        gc.enable()
    load.elapsed = time.perf_counter() - started
    return load
