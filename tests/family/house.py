"""A small book with borrowers, relatives with telephones, and a clock that is set."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.servicing.books import KEYS, TestBook, fresh
from usance.cases.borrower import OwnCases
from usance.cases.policy import case_policy
from usance.cases.service import Cases
from usance.cases.work import Desk
from usance.consents import asking
from usance.consents.asking import What
from usance.consents.records import borrower
from usance.consents.service import Consents
from usance.core.identifiers import cell_of_borrower, parse
from usance.family import store
from usance.family.records import Acceptance, Link, Nomination, member
from usance.family.service import Family
from usance.identity import portal_store
from usance.identity.changing import Asking
from usance.identity.codes import new_half
from usance.notices import sealing
from usance.notices.recipients import Person
from usance.platform.clock import FixedClock
from usance.platform.database import Pool, transaction
from usance.web import personal  # noqa: F401 (enters what is told and forgotten)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOTHER, FATHER = "+8613911110000", "+8613911111111"
ALL = ("borrowing", "plan", "overdue")
ONES = {"borrowing": 1, "plan": 1, "overdue": 1}
_places = itertools.count(1)


class Nobody:
    """No member of staff handles anything."""

    async def handles(self, staff_id: int) -> bool:
        return True


@dataclass
class House:
    """Relatives of the borrowers of a book."""

    book: TestBook
    family: Family
    consents: Consents
    clock: FixedClock
    who: int
    keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def pool(self) -> Pool:
        return self.book.pool

    def asking(self, who: int = 0) -> Asking:
        return Asking(f"borrower:{who or self.who}", f"key {next(self.keys)}", b"h")

    async def named(self, phone: str = MOTHER, who: int = 0, **changes: Any) -> int:
        """A relative is named; their number."""
        asked = Nomination(
            name="李梅", relation="parent", phone=phone, scopes=ALL, versions=ONES,
            language="en", again=True,
        )  # fmt: skip
        asked = msgspec.structs.replace(asked, **changes)
        answer = await self.family.nominate(who or self.who, asked, self.asking(who))
        assert answer.status == 201
        return parse("member", answer.document["member_id"])

    async def link(self, member_id: int) -> Link:
        row = await self.pool.fetchval(
            "SELECT borrower_id FROM family_link WHERE member_id = $1", member_id
        )
        found = await store.one(self.pool, row, member_id)
        assert found is not None
        return found

    async def code(self, member_id: int) -> str:
        """What the invitation says."""
        row = await self.pool.fetchrow(
            "SELECT borrower_id, key, box FROM notice WHERE member_id = $1"
            " AND template_id = 'family-invitation'",
            member_id,
        )
        who = await portal_store.active_borrower(self.pool, row["borrower_id"])
        assert who is not None
        data_key = KEYS.unwrap(who["data_key"], who["borrower_id"])
        return sealing.opened(data_key, who["borrower_id"], row["key"], row["box"])["code"]

    async def one_time_code(self, borrower_id: int) -> str:
        """The newest code that was to show a number."""
        row = await self.pool.fetchrow(
            "SELECT key, box FROM notice WHERE cell = $1 AND borrower_id = $2"
            " AND template_id = 'family-code' ORDER BY notice_id DESC LIMIT 1",
            *(cell_of_borrower(borrower_id), borrower_id),
        )
        who = await portal_store.active_borrower(self.pool, borrower_id)
        assert who is not None
        data_key = KEYS.unwrap(who["data_key"], borrower_id)
        return sealing.opened(data_key, borrower_id, row["key"], row["box"])["code"]

    async def visit(self, member_id: int, phone: str = MOTHER) -> str:
        """The relative shows the number; the token of the visit."""
        half, place = new_half(), f"place {next(_places)}"
        link = await self.link(member_id)
        await self.family.knock(await self.code(member_id), phone[-4:], half, place)
        code = await self.one_time_code(link.borrower_id)
        return await self.family.enter(half, code, place)

    async def accepted(self, member_id: int, phone: str = MOTHER, **changes: Any) -> None:
        """The relative accepts; everything, unless it is said."""
        link = await self.link(member_id)
        given = Acceptance(scopes=link.scopes, channels=("sms",), versions=ONES, again=True)
        given = msgspec.structs.replace(given, **changes)
        token = await self.visit(member_id, phone)
        answer = await self.family.answer(token, given)
        assert answer.status == 201

    async def on(self, phone: str = MOTHER, who: int = 0, **changes: Any) -> int:
        """A relative who has accepted."""
        member_id = await self.named(phone, who, **changes)
        await self.accepted(member_id, phone)
        return member_id

    async def refused(self, member_id: int, phone: str = MOTHER) -> None:
        """The relative wants none of it."""
        await self.family.answer(await self.visit(member_id, phone), Acceptance())

    async def stop_code(self, member_id: int) -> str:
        link = await self.link(member_id)
        async with transaction(self.pool) as connection:
            found = await self.family.members.secrets(connection, link.borrower_id, member_id)
        return found["stop"]

    async def left(self, member_id: int, *, for_ever: bool = False) -> None:
        """The relative stops it by the code of a notice."""
        code = await self.stop_code(member_id)
        await self.family.leave(code, f"place {next(_places)}", for_ever=for_ever)

    async def taken_back(self, member_id: int) -> None:
        link = await self.link(member_id)
        await self.family.take_back(link.borrower_id, member_id, self.asking(link.borrower_id))

    async def person(self, member_id: int) -> Person | None:
        """Whom a sender is told of now."""
        link = await self.link(member_id)
        async with transaction(self.pool) as connection:
            return await self.family.members.person(connection, link.borrower_id, member_id)

    async def live(self, member_id: int, scope: str, channel: str = "sms") -> bool:
        """What a sender is told of the agreements of both."""
        link = await self.link(member_id)
        async with transaction(self.pool) as connection:
            found = await asking.live(
                connection, borrower(link.borrower_id), What("family", scope, channel),
                self.clock.now(), member(member_id),
            )  # fmt: skip
        return found is not None

    async def waiting(self, member_id: int = -1) -> list[str]:
        """Templates of notices that still go: to a relative, 0 to the borrower, -1 to anybody."""
        rows = await self.pool.fetch(
            "SELECT template_id FROM notice WHERE state IN (1, 2) AND $1::bigint IN (-1, member_id)"
            " ORDER BY notice_id",
            member_id,
        )
        return [row[0] for row in rows]

    async def shown(self, who: int = 0) -> list[tuple[str, str]]:
        """What a borrower sees of relatives: states, and why they ended."""
        found = await self.family.of_borrower(who or self.who)
        return [(each.state, each.because) for each in found]


@asynccontextmanager
async def house(pool: Pool, jurisdiction: str = "CN") -> AsyncIterator[House]:
    """A new book with one borrower."""
    async with fresh(pool) as book:
        clock = FixedClock(NOON)
        policy = case_policy()
        desk = Desk(pool, KEYS, clock, policy, policy.home("CNY"))
        cases = OwnCases(Cases(desk, Nobody()))
        family = Family.over(pool, KEYS, jurisdiction, cases, clock)
        who = await book.borrower()
        yield House(book, family, Consents(pool, KEYS, clock), clock, who)
