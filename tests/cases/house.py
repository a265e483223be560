"""A house that handles cases: a small book, staff with roles, and a clock that moves when told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.servicing.books import KEYS, TestBook, fingerprint, fresh
from usance.cases import rules
from usance.cases.deciding import Finding
from usance.cases.intake import Opening
from usance.cases.remedies import Approval, Remedy
from usance.cases.work import Acting
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity import staff_sql
from usance.identity.once import Answer
from usance.identity.roles import permissions_of
from usance.platform import key_file
from usance.platform.clock import FixedClock
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool, transaction
from usance.servicing import commands as ask
from usance.web.app import case_room
from usance.web.services import CaseRoom

MORNING = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""A Monday, ten in the morning in Shanghai."""
STAFF = {
    "anna": ["service"], "ben": ["service"], "clara": ["supervisor"], "dora": ["supervisor"],
    "cora": ["compliance"],
}  # fmt: skip


@dataclass
class HeldBack:
    """A book that holds some commands back for a second person, as approvals do."""

    book: TestBook
    held: set[type] = field(default_factory=set)
    asked: list[tuple[Any, str, str]] = field(default_factory=list)
    approvals: dict[str, Approval] = field(default_factory=dict)
    breaks: int = 0

    async def submit(
        self, command: Any, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Do it, hold it back, or break."""
        self.asked.append((command, actor, key))
        if self.breaks:
            self.breaks -= 1
            raise ConnectionError("the book is away")
        if type(command) in self.held:
            number = f"v-{key}"
            self.approvals.setdefault(number, Approval(waits=True))
            return Answer(202, {"proposal_id": number})
        return await self.book.book.submit(
            command, actor=actor, key=key, request_hash=request_hash
        )

    async def approval(self, proposal_id: str) -> Approval | None:
        """How it stands."""
        return self.approvals.get(proposal_id)


@dataclass
class House:
    """The room of cases with everything around it."""

    pool: Pool
    book: TestBook
    gate: HeldBack
    clock: FixedClock
    room: CaseRoom
    ids: dict[str, int]

    def by(self, name: str, key: str = "", request_hash: bytes = b"") -> Acting:
        """A member of staff acting."""
        actor = f"staff:{self.ids[name]}"
        return Acting(actor, permissions_of(STAFF[name]), key, request_hash)

    async def account(self) -> tuple[int, int]:
        """A borrower with a pay-later account and a purchase of 5000.00."""
        borrower = await self.book.borrower()
        account = await self.book.line(borrower, "pay_later")
        await self.book.do(ask.Purchase(contract_id=account, amount=500_000))
        return borrower, account

    async def open(self, borrower_id: int, kind: str = "complaint", **more: Any) -> int:
        """A case, opened in the portal unless said otherwise."""
        channel = more.pop("channel", rules.PORTAL)
        acting = more.pop("acting", Acting("borrower:1"))
        asked = Opening(kind=kind, text="You charged me twice.", borrower_id=borrower_id, **more)
        answer = await self.room.work.open(asked, channel, acting)
        return parse("case", answer.document["case_id"])

    async def given(self, borrower_id: int, to: str = "anna", **more: Any) -> int:
        """A case that was given to a member of staff."""
        case_id = await self.open(borrower_id, **more)
        await self.room.work.assign(case_id, self.ids[to], self.by("ben"))
        return case_id

    async def propose(
        self, case_id: int, by: str = "anna", result: str = "upheld", remedy: Remedy | None = None,
        value: str = "",
    ) -> int:  # fmt: skip
        """A proposal; its number."""
        finding = Finding(
            result=result, reasons="It was our mistake.", remedy=remedy or Remedy(), value=value
        )
        answer = await self.room.deciding.propose(case_id, finding, self.by(by))
        return int(answer.document["proposal"])

    async def decided(self, borrower_id: int, **more: Any) -> int:
        """A case that was decided."""
        case_id = await self.given(borrower_id, **more)
        await self.room.deciding.decide(case_id, await self.propose(case_id), self.by("clara"))
        return case_id

    async def row(self, case_id: int) -> dict[str, Any]:
        """The row of a case."""
        return dict(await self.pool.fetchrow("SELECT * FROM case_file WHERE case_id = $1", case_id))

    async def kinds(self, case_id: int) -> list[str]:
        """What was done to a case."""
        rows = await self.pool.fetch(
            "SELECT kind FROM case_event WHERE case_id = $1 ORDER BY number", case_id
        )
        return [row["kind"] for row in rows]

    async def said_to_borrower(self, case_id: int) -> str:
        """The last message to the borrower."""
        row = await self.row(case_id)
        own = await self.room.own.read(row["borrower_id"], case_id)
        told = [each["text"] for each in own["messages"] if each["way"] == "to_borrower"]
        return str(told[-1]) if told else ""

    async def refused(self, rule: str, work: Any) -> Refused:
        """The work is refused by the rule, and no table changed."""
        before = await fingerprint(self.pool)
        with pytest.raises(Refused) as found:
            await work
        assert found.value.refusal.rule == rule, found.value
        assert await fingerprint(self.pool) == before, f"{found.value} changed something"
        return found.value

    async def whole(self) -> None:
        """Each event has its audit event, events are numbered through, states fit the events."""
        loose = await self.pool.fetch(
            "SELECT case_id, number FROM case_event LEFT JOIN operation o USING (operation_id)"
            " WHERE o.operation_id IS NULL"
        )
        assert loose == []
        gaps = await self.pool.fetch(
            "SELECT f.case_id FROM case_file f LEFT JOIN case_event e USING (cell, borrower_id,"
            " case_id) GROUP BY f.case_id, f.events HAVING count(e.*) <> f.events"
            " OR max(e.number) <> f.events"
        )
        assert gaps == []
        assert await self.book.findings() == []

    def forward(self, days: int) -> None:
        """So many days later."""
        self.clock.advance(timedelta(days))


async def hired(pool: Pool) -> dict[str, int]:
    """Accounts that nobody logs in to, by name."""
    ids = {}
    async with transaction(pool) as connection:
        for name, roles in STAFF.items():
            staff_id = await staff_sql.insert_staff(
                connection, name, "no password", must_change=False
            )
            assert staff_id is not None
            await staff_sql.grant_roles(connection, staff_id, roles)
            ids[name] = staff_id
    return ids


@dataclass
class Keyed:
    """A house whose keys are in a file."""

    house: House
    keys: LocalKeyService
    path: Path

    def another(self) -> LocalKeyService:
        """The keys of another process, which has read the file as it is now and never again."""
        ring = key_file.read(self.path)
        return LocalKeyService(ring.index_keys, ring.master_keys)

    def room(self, keys: LocalKeyService) -> CaseRoom:
        """The room of cases with other keys."""
        return case_room(self.house.pool, keys, self.house.gate, "CNY", self.house.clock)


@asynccontextmanager
async def opened(
    pool: Pool, moment: datetime = MORNING, keys: LocalKeyService = KEYS
) -> AsyncIterator[House]:
    """A house on an empty database."""
    async with fresh(pool, keys=keys) as book:
        clock, ids = FixedClock(moment), await hired(pool)
        gate = HeldBack(book)
        room = case_room(pool, keys, gate, "CNY", clock, gate)
        yield House(pool, book, gate, clock, room, ids)
        await room.watch.stop()
