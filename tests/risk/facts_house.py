"""A small book with two borrowers, their facts and consents, and a clock that is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.servicing.books import KEYS, TestBook, fresh
from usance.consents.records import NOBODY, Saying, borrower
from usance.consents.service import Consents
from usance.core.identifiers import parse
from usance.identity.changing import Asking
from usance.platform.clock import FixedClock
from usance.platform.database import Pool
from usance.risk import facts_store
from usance.risk.bureau import Bureau
from usance.risk.bureau_pulls import BureauPulls
from usance.risk.fact_keeping import Facts
from usance.risk.facts import Given, Known, Value, told
from usance.web import personal  # noqa: F401 (enters what is told and forgotten)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAFF, MACHINE = "staff:1", "machine:1"
DAY = timedelta(days=1)


@dataclass
class House:
    """Facts of borrowers in a book."""

    book: TestBook
    facts: Facts
    consents: Consents
    clock: FixedClock
    who: int
    other: int

    @property
    def pool(self) -> Pool:
        return self.book.pool

    async def record(
        self, name: str, source: str, value: Value, *, who: int = 0, by: str = STAFF,
        key: str = "", **more: Any,
    ) -> int:  # fmt: skip
        """A fact of the borrower; its number."""
        given = Given(name, source, value, more.pop("observed_at", self.clock.now()), **more)
        answer = await self.facts.record(who or self.who, given, Asking(by, key, b"h"))
        assert answer.status == 201
        return parse("fact", answer.document["fact_id"])

    async def agree(self, document: str, who: int = 0, other: int = 0) -> tuple[int, int]:
        """A borrower agrees, with another one where there are two sides; place of the record."""
        grantor = who or self.who
        said = Saying(
            grantor, borrower(grantor), document, 1, "en", "portal",
            counterparty=borrower(other) if other else NOBODY,
        )  # fmt: skip
        answer = await self.consents.grant(said, Asking(f"borrower:{grantor}"))
        return grantor, parse("consent", answer.document["record_id"])

    async def withdraw(self, place: tuple[int, int]) -> None:
        """It is taken back."""
        await self.consents.withdraw(*place, "portal", "", Asking(f"borrower:{place[0]}"))

    async def both(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Both sides of the household agree."""
        mine = await self.agree("household-income", self.who, self.other)
        return mine, await self.agree("household-income", self.other, self.who)

    async def known(self, at: datetime | None = None, who: int = 0) -> dict[str, Known]:
        """What is known at a moment; now without one."""
        async with self.pool.acquire() as connection:
            return await facts_store.known_facts(
                connection, KEYS, who or self.who, at or self.clock.now()
            )

    async def values(self, at: datetime | None = None, who: int = 0) -> dict[str, int]:
        """The values of recorded facts that are known."""
        found = await self.known(at, who)
        return told({name: each for name, each in found.items() if each.fact_id})

    def pulls(self, bureau: Bureau | None) -> BureauPulls:
        """Reports of a bureau."""
        return BureauPulls(self.pool, KEYS, self.clock, "CNY", bureau)


@asynccontextmanager
async def house(pool: Pool) -> AsyncIterator[House]:
    """A new book with two borrowers."""
    async with fresh(pool) as book:
        clock = FixedClock(NOON)
        consents = Consents(pool, KEYS, clock)
        who, other = await book.borrowers(2)
        yield House(book, Facts(pool, KEYS, clock, "CNY"), consents, clock, who, other)
