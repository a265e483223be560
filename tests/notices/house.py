"""A small book whose events are told, sent by carriers that note what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.servicing.books import KEYS, TestBook, fresh
from usance.core.identifiers import cell_of_borrower
from usance.notices.deciding import House as Deciding
from usance.notices.delivery import Delivery
from usance.notices.gate import Gate
from usance.notices.legal import law
from usance.notices.outbox import Telling, tell
from usance.notices.planner import Planner
from usance.notices.providers import TAKEN, Order, Outcome
from usance.notices.sending import sending
from usance.platform.clock import FixedClock
from usance.platform.database import Pool, transaction

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Noon in Shanghai."""
NIGHT = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
"""Half past midnight there."""
PHONE = "400-820-8820"
Answer = Callable[[Order], Outcome]


@dataclass
class Hand:
    """A carrier that answers as it is told, and remembers."""

    name: str = "one"
    answer: Answer = lambda order: Outcome(TAKEN, f"r-{order.key}")
    orders: list[Order] = field(default_factory=list)
    meanwhile: Callable[[Order], Any] | None = None

    async def carry(self, order: Order) -> Outcome:
        self.orders.append(order)
        if self.meanwhile is not None:
            await self.meanwhile(order)
        await asyncio.sleep(0)
        return self.answer(order)

    async def close(self) -> None:
        """Nothing is open."""

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.orders]


@dataclass
class House:
    """A book, who plans what is told of it, and who sends it."""

    book: TestBook
    clock: FixedClock
    planner: Planner
    deciding: Deciding
    sms: Hand
    email: Hand

    @property
    def pool(self) -> Pool:
        return self.book.pool

    def delivery(self, lanes: int = 1, **others: list[Hand]) -> Delivery:
        """Somebody who sends."""
        carriers = {"sms": [self.sms], "email": [self.email]} | others
        return Delivery(self.pool, self.clock, self.deciding, carriers, lanes)

    async def planned(self) -> list[dict[str, Any]]:
        """Everything that is planned by now, in its order."""
        await self.planner.look()
        return await self.rows()

    async def rows(self) -> list[dict[str, Any]]:
        """All notices, in their order."""
        rows = await self.pool.fetch("SELECT * FROM notice ORDER BY notice_id")
        return [dict(each) for each in rows]

    async def row(self, key: str) -> dict[str, Any]:
        """One notice."""
        return dict(await self.pool.fetchrow("SELECT * FROM notice WHERE key = $1", key))

    async def steps(self, key: str) -> list[tuple[str, str]]:
        """What happened to a notice: kinds, and what was said."""
        rows = await self.pool.fetch(
            "SELECT s.kind, s.said FROM notice_step s JOIN notice USING (cell, borrower_id,"
            " notice_id) WHERE key = $1 ORDER BY number", key,
        )  # fmt: skip
        return [tuple(each) for each in rows]

    async def tell(self, *tellings: Telling) -> int:
        """Plan these."""
        async with transaction(self.pool) as connection:
            return await tell(connection, tellings, self.clock.now())

    async def paid(self, who: int, key: str, amount: int = 5_000, **how: Any) -> None:
        """Plan the word that a payment came."""
        facts = {"amount": amount, "day": "2026-03-02"}
        assert await self.tell(Telling(who, key, "paid", facts, **how)) == 1

    async def sent(self) -> None:
        """Send what is due now."""
        await self.delivery().look()

    async def later(self, **by: float) -> None:
        """The clock moves on, and what is due then is sent."""
        self.clock.advance(timedelta(**by))
        await self.sent()

    async def prefers(self, who: int, **columns: Any) -> None:
        """What a borrower chose."""
        names = ", ".join(columns)
        places = ", ".join(f"${n}" for n in range(3, 3 + len(columns)))
        await self.pool.execute(
            f"INSERT INTO notice_preference (cell, borrower_id, member_id, changed_at, {names})"
            f" VALUES ($1, $2, 0, now(), {places})",
            cell_of_borrower(who), who, *columns.values(),
        )  # fmt: skip


@asynccontextmanager
async def house(pool: Pool, now: datetime = NOON, **how: Any) -> AsyncIterator[House]:
    """A new book, in China."""
    async with fresh(pool) as book:
        clock, gate = FixedClock(now), Gate(law())
        deciding = Deciding(
            KEYS, gate, "CN", PHONE, sending(), {"sms": ["one"], "email": ["post"]}
        )
        planner = Planner(pool, clock, gate, "CN", **how)
        yield House(book, clock, planner, deciding, Hand(), Hand("post"))
