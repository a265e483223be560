"""A small book with a borrower, its consents, and a clock that is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tests.servicing.books import KEYS, TestBook, fresh
from usance.consents import asking, store
from usance.consents.asking import What
from usance.consents.records import NOBODY, Party, Record, Saying, borrower
from usance.consents.service import Consents
from usance.core.identifiers import parse
from usance.identity.changing import Asking
from usance.platform.clock import FixedClock
from usance.platform.database import Pool, transaction
from usance.web import personal  # noqa: F401 (enters what is told and forgotten)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAFF = "staff:1"
REMINDER = What("service-notices", "reminders", "sms")
OFFER = What("marketing", "offers", "email")
OVERDUE = What("family", "overdue", "inbox")


@dataclass
class House:
    """Consents of a borrower in a book."""

    book: TestBook
    consents: Consents
    clock: FixedClock
    who: int

    @property
    def pool(self) -> Pool:
        return self.book.pool

    @property
    def actor(self) -> str:
        return f"borrower:{self.who}"

    def saying(self, document: str = "notices-service", **changes: Any) -> Saying:
        """What the borrower says in the portal."""
        said = Saying(self.who, borrower(self.who), document, 1, "en", "portal")
        return replace(said, **changes)

    async def given(self, document: str = "notices-service", **changes: Any) -> int:
        """A consent; its number."""
        answer = await self.consents.grant(self.saying(document, **changes), Asking(self.actor))
        assert answer.status == 201
        return parse("consent", answer.document["record_id"])

    async def withdrawn(self, record_id: int, **how: str) -> dict[str, Any]:
        """A consent is taken back; the receipt."""
        asked = {"method": "portal", "evidence": "", "actor": self.actor, "key": ""} | how
        answer = await self.consents.withdraw(
            self.who, record_id, asked["method"], asked["evidence"],
            Asking(asked["actor"], asked["key"], b"h"),
        )  # fmt: skip
        return answer.document

    async def live(
        self, what: What = REMINDER, grantor: Party | None = None, counterparty: Party = NOBODY
    ) -> Record | None:
        """What a sender is told now."""
        async with transaction(self.pool) as connection:
            return await asking.live(
                connection, grantor or borrower(self.who), what, self.clock.now(), counterparty
            )

    async def record(self, record_id: int) -> Record:
        """An agreement as it stands."""
        found = await store.record(self.pool, self.who, record_id)
        assert found is not None
        return found

    async def counted(self) -> tuple[int, int]:
        """Events of consents, and operations."""
        row = await self.pool.fetchrow(
            "SELECT (SELECT count(*) FROM consent_event), (SELECT count(*) FROM operation)"
        )
        return row[0], row[1]


@asynccontextmanager
async def house(pool: Pool) -> AsyncIterator[House]:
    """A new book with one borrower."""
    async with fresh(pool) as book:
        clock = FixedClock(NOON)
        yield House(book, Consents(pool, KEYS, clock), clock, await book.borrower())
