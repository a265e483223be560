"""Takes slices of the buckets and spends them: one statement for hundreds of requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from usance.allowance import store
from usance.allowance.policy import EVERY, Rates, default_rates
from usance.allowance.rules import Slice, seconds_until
from usance.core.rules import rule
from usance.platform import metrics
from usance.platform.clock import Clock, SystemClock
from usance.platform.database import Pool


class TooOften(Exception):
    """A client has used up what it may ask for; ``seconds`` until it may try again."""

    def __init__(self, kind: str, seconds: int) -> None:
        super().__init__(f"{kind}: again in {seconds} s")
        self.kind = kind
        self.seconds = seconds


@dataclass(slots=True)
class _Held:
    """A slice, and the turn that whoever renews it takes."""

    slice: Slice
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Allowance:
    """What each client may still ask for, as this process knows it."""

    def __init__(self, pool: Pool, clock: Clock | None = None, rates: Rates | None = None) -> None:
        self._pool = pool
        self._clock = clock or SystemClock()
        self._rates = rates or default_rates()
        self._held: dict[tuple[int, str], _Held] = {}

    async def spend(self, client_id: int, route: str) -> None:
        """One request of a client on ``METHOD /path/{template}``; raises ``TooOften``.

        The kind of the route first, so that a request refused by it does not count among all.
        """
        kind = self._rates.routes.get(route)
        if kind is not None:
            await self._spend(client_id, kind)
        await self._spend(client_id, EVERY)

    @rule("R-RATE-01")
    async def _spend(self, client_id: int, kind: str) -> None:
        now = self._clock.now()
        held = self._held.get((client_id, kind))
        if held is not None and held.slice.spend(now):
            return
        if held is None:
            held = self._held[client_id, kind] = _Held(Slice(now, now))
        async with held.turn:
            now = self._clock.now()
            while not held.slice.spend(now):
                if now < held.slice.not_before:
                    metrics.refused_by_rate.labels(kind).inc()
                    raise TooOften(kind, seconds_until(now, held.slice.not_before))
                await self._renew(held.slice, client_id, kind, now)
                now = self._clock.now()

    async def _renew(self, held: Slice, client_id: int, kind: str, now: datetime) -> None:
        """Ask the table for the next slice; its time runs from before the asking."""
        rate = self._rates.kinds[kind]
        held.wanted = held.next_wanted(now, rate)
        granted, left_over = await store.take(
            self._pool, client_id, kind, now, held.wanted, rate
        )
        held.fill(now, granted, left_over, rate, self._rates.lease)
