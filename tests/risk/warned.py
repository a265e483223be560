"""A book that is watched: days, alerts, and a clock that moves when told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.servicing.books import TestBook, fresh
from usance.identity.changing import Asking
from usance.platform.clock import FixedClock, SystemClock
from usance.platform.database import Connection, Pool, transaction
from usance.risk.alerts import CLOSED, OPEN, TAKEN, Raised
from usance.risk.early_warning import EarlyWarning
from usance.risk.measuring import Portfolio
from usance.risk.raising import raise_alerts
from usance.risk.registered import BookVersions
from usance.risk.signs import Move, Signs
from usance.risk.warning_policy import warning_policy

BEGINS = date(2026, 1, 1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANNA, BEN = Asking("staff:1"), Asking("staff:2")
ALL = (OPEN, TAKEN, CLOSED)


async def planted(pool: Pool, borrower_id: int, signal: str = "first-late", level: int = 2) -> int:
    """An alert about a borrower, as a look raises it; its number."""
    found = Raised(
        borrower_id, signal, level, {"first_payment_late": 1},
        {"row": 1, "when": {"first_payment_late": True}}, "cn-warning 1", 12,
    )  # fmt: skip
    async with transaction(pool) as connection:
        on = await connection.fetchval("SELECT business_date FROM book")
        await raise_alerts(connection, SystemClock(), warning_policy(), [found], on)
    number: int = await pool.fetchval("SELECT max(alert_id) FROM alert")
    return number


@dataclass
class Watched:
    """Everything around it."""

    book: TestBook
    clock: FixedClock
    warning: EarlyWarning
    portfolio: Portfolio
    tiers: dict[int, list[Move]] = field(default_factory=dict)

    async def moved(
        self, _: Connection, borrowers: Sequence[int], on: date
    ) -> dict[int, list[Move]]:
        """Changes of tiers that a test says."""
        return {each: [m for m in self.tiers.get(each, []) if m[0] <= on] for each in borrowers}

    async def close_through(self, day: date) -> None:
        """Close days, with a look after each."""
        while (today := await self.book.today()) <= day:
            await self.book.close_through(today)
            self.clock.advance(timedelta(days=1))
            await self.warning.look()

    async def alerts(self, signal: str = "", states: Sequence[int] = ALL) -> list[Any]:
        """Of borrowers, the oldest first."""
        rows = await self.warning.page(2**63 - 1, 200, states, signal=signal)
        return [row for row in reversed(rows) if row["borrower_id"]]

    async def operations(self) -> list[str]:
        """What was noted of alerts."""
        rows = await self.book.pool.fetch(
            "SELECT action FROM operation WHERE action LIKE '%Alert%' ORDER BY operation_id"
        )
        return [row["action"] for row in rows]


@asynccontextmanager
async def watched(pool: Pool) -> AsyncIterator[Watched]:
    """A book on the day from which its policies hold."""
    async with fresh(pool, BEGINS) as book:
        clock = FixedClock(NOON)
        found = Watched(book, clock, None, Portfolio(pool))  # type: ignore[arg-type]
        signs = Signs(found.moved)
        found.warning = EarlyWarning(
            pool, clock, signs.facts_of, BookVersions().policy_in_force
        )
        yield found
