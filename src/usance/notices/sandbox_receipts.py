"""How the provider of the sandbox tells what became of messages: signed, in portions, again."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from usance.notices.providers import look_up
from usance.notices.receipt_words import (
    AT_ONCE,
    PROVIDER_HEADER,
    RECEIPTS_PATH,
    SIGNATURE_HEADER,
    TIME_HEADER,
    Receipt,
    Receipts,
)
from usance.platform.clock import Clock
from usance.platform.http_courier import PORTS, Limits, Line, Target
from usance.platform.signing import seconds, sign

LIMITS = Limits(connect_seconds=3, answer_seconds=10, answer_bytes=4_096)
GATHER = 0.05
"""Seconds in which receipts gather before they are sent."""
AGAIN = 0.5


class Reporter:
    """Posts receipts to the host ``url`` under a provider's name, until they are taken."""

    def __init__(self, url: str, provider: str, secret: str, clock: Clock) -> None:
        parts = urlsplit(url)
        host = parts.hostname or "127.0.0.1"
        path = f"{parts.path.rstrip('/')}{RECEIPTS_PATH}"
        self._target = Target(parts.scheme, host, parts.port or PORTS[parts.scheme], path)
        self._provider = provider
        self._secret = secret.encode()
        self._clock = clock
        self._queue: deque[Receipt] = deque()
        self.taken = 0
        self.waits: Callable[[], bool] = lambda: False

    def put(self, receipt: Receipt) -> None:
        """Have one sent."""
        self._queue.append(receipt)

    @property
    def waiting(self) -> int:
        """How many are not taken yet."""
        return len(self._queue)

    async def run(self) -> None:
        """Send until broken off."""
        line: Line | None = None
        try:
            while True:
                await asyncio.sleep(GATHER)
                while self._queue and not self.waits():
                    if line is None:
                        line = await self._line()
                    if line is None or not await self._send(line):
                        line = None
                        await asyncio.sleep(AGAIN)
        finally:
            if line is not None:
                line.close()

    async def _line(self) -> Line | None:
        try:
            addresses = await look_up(self._target.host, self._target.port)
        except OSError:
            return None
        return Line(self._target, addresses, LIMITS, ssl.create_default_context())

    async def _send(self, line: Line) -> bool:
        """A portion, which stays in the queue until it is taken."""
        portion = [self._queue[place] for place in range(min(AT_ONCE, len(self._queue)))]
        body = msgspec.json.encode(Receipts(portion))
        now = self._clock.now()
        headers = {
            PROVIDER_HEADER: self._provider, TIME_HEADER: str(seconds(now)),
            SIGNATURE_HEADER: sign(self._secret, now, body),
        }  # fmt: skip
        answered = await line.post(headers, body)
        if not 200 <= answered.status <= 299:
            line.close()
            return False
        for _ in portion:
            self._queue.popleft()
        self.taken += len(portion)
        return True
