"""A book that decides: facts that are brought in, a scorecard, and everybody's decisions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from tests.risk.registering import BEGINS, CARD, Office, office_of, register
from tests.servicing.books import TestBook, fresh
from usance.core.identifiers import parse
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.platform.database import Connection, Pool
from usance.policy import shipped
from usance.risk import decision_store as store
from usance.risk.book_source import BookSource, TierSource
from usance.risk.deciding import Deciding, Wanted
from usance.risk.opening import Archive, Opened
from usance.risk.registered import BookVersions
from usance.risk.snapshots import Given, Snapshots
from usance.risk.stored import OVERTURNED, PAUSED, Stored

AT = datetime(2025, 12, 31, 9, tzinfo=UTC)
GOOD = {
    "identity_checked": 1, "of_age": 1, "income": 1_000_000, "debt_service": 2_000,
    "bureau_late": 0, "bureau_lenders": 1, "days_late_12m": 0,
}  # fmt: skip
"""Of somebody about whom everything is known; income is 10,000.00 CNY a month."""
STUDENT_NO = {"student": 0}


@dataclass
class Brought:
    """Facts that somebody brought in."""

    facts: dict[int, dict[str, int | None]] = field(default_factory=dict)

    async def read(self, _: Connection, borrower_id: int, on: date) -> Mapping[str, Given]:
        """As of a day before any."""
        known = self.facts.get(borrower_id, {}) if on else {}
        return {name: Given(value, "income", AT, 77) for name, value in known.items()}


@dataclass
class Deciders:
    """Who decides in a test."""

    book: TestBook
    brought: Brought
    deciding: Deciding
    archive: Archive
    office: Office

    async def good(self, **facts: int | None) -> int:
        """A borrower with facts that let a line be opened, but for those that are given."""
        borrower = await self.book.borrower()
        self.brought.facts[borrower] = GOOD | facts
        return borrower

    async def answer(self, kind: str, borrower_id: int, **more: Any) -> Answer:
        """What is answered."""
        asking = Asking("staff:1", more.pop("key", ""), more.pop("request_hash", b""))
        wanted = Wanted(kind=kind, borrower_id=borrower_id, **more)
        return await self.deciding.decide(wanted, asking)

    async def decide(self, kind: str, borrower_id: int, **more: Any) -> Stored:
        """What is stored."""
        if kind == "open":
            more.setdefault("declared", STUDENT_NO)
        answer = await self.answer(kind, borrower_id, **more)
        assert answer.status == 201
        found = await store.one(self.book.pool, parse("decision", answer.document["decision_id"]))
        assert found is not None
        return found

    async def card(self, role: str = "champion", version: int = 1, card: Any = CARD) -> None:
        """A scorecard gets a role."""
        await self.office.adopted(register(version, role, card, BEGINS))

    async def opened(self, stored: Stored) -> Opened:
        """With what it was made of."""
        return await self.archive.one(stored.decision_id)


@asynccontextmanager
async def deciders(pool: Pool) -> AsyncIterator[Deciders]:
    """A book on the day from which its policies hold."""
    async with fresh(pool, BEGINS) as book:
        brought, versions = Brought(), BookVersions()
        snapshots = Snapshots((BookSource(), TierSource(), brought), shipped.dictionary())
        yield Deciders(
            book, brought, Deciding(pool, book.keys, versions, snapshots),
            Archive(pool, book.keys, versions), await office_of(book),
        )  # fmt: skip


async def newest(pool: Pool, borrower_id: int, kind: str) -> Stored | None:
    """The last decision of a kind that is acted on: no shadow, and none that a person overturned
    or looks at."""
    found = [
        each for each in await store.of_borrower(pool, borrower_id)
        if each.kind == kind and each.state not in (PAUSED, OVERTURNED)
    ]
    return found[0] if found else None
