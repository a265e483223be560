"""A small book whose events are told, and a clock that is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.servicing.books import TestBook, fresh
from usance.notices.gate import Gate
from usance.notices.legal import law
from usance.notices.planner import Planner
from usance.platform.clock import FixedClock
from usance.platform.database import Pool

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Noon in Shanghai."""
NIGHT = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
"""Half past midnight there."""


@dataclass
class House:
    """A book, and who plans what is told of it."""

    book: TestBook
    clock: FixedClock
    planner: Planner

    @property
    def pool(self) -> Pool:
        return self.book.pool

    async def planned(self) -> list[dict[str, Any]]:
        """Everything that is planned by now, in its order."""
        await self.planner.look()
        rows = await self.pool.fetch("SELECT * FROM notice ORDER BY notice_id")
        return [dict(each) for each in rows]


@asynccontextmanager
async def house(pool: Pool, now: datetime = NOON, **how: Any) -> AsyncIterator[House]:
    """A new book, in China."""
    async with fresh(pool) as book:
        clock = FixedClock(now)
        yield House(book, clock, Planner(pool, clock, Gate(law()), "CN", **how))
