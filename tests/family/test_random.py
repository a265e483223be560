"""Random lives of links against a model as simple as the rule: both have agreed, or nothing.

Seeds are printed; ``USANCE_SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.family.house import ALL, House
from tests.family.test_follows import PLANNED
from usance.core.identifiers import cell_of_borrower
from usance.core.refusals import Refused
from usance.family.follows import FOLLOWS

PHONES = [f"+861391111000{n}" for n in range(4)]
STEPS = 30
FOLLOWED = {"drawn": {"borrowing", "plan"}, "overdue-1": {"overdue"}}
FACTS = '{"day": "2026-03-01", "due_on": "%s", "instalments": 12}'


@dataclass
class Model:
    """What was said, and by whom; who may be told what follows from nothing else."""

    borrower: int
    phone: str
    mine: set[str]
    theirs: set[str] = field(default_factory=set)
    answered: bool = False
    paused: bool = False
    over: bool = False

    @property
    def agreed(self) -> set[str]:
        if self.paused or self.over or not self.answered:
            return set()
        return self.mine & self.theirs


class Life:
    """Steps that anybody might take, in any order."""

    def __init__(self, home: House, people: list[int], chance: random.Random) -> None:
        self.home, self.people, self.chance = home, people, chance
        self.links: dict[int, Model] = {}
        self.barred: set[tuple[str, int]] = set()
        self.notices = 0

    async def step(self) -> str:
        able = [self.name, self.accept, self.refuse, self.take_back, self.leave, self.never,
                self.withdraw_one, self.report, self.borrow]  # fmt: skip
        weights = [5, 6, 1, 1, 1, 1, 3, 1, 3]
        act = self.chance.choices(able, weights)[0]
        try:
            await act()
        except Refused as refused:
            return f"{act.__name__}: {refused.refusal.rule}"
        return act.__name__

    def some(self, *, open_only: bool = False) -> int:
        able = [n for n, each in self.links.items()
                if not each.over and not (open_only and (each.answered or each.paused))]
        if not able:
            raise Refused("none", "nobody to do it to")
        return self.chance.choice(able)

    async def name(self) -> None:
        who, phone = self.chance.choice(self.people), self.chance.choice(PHONES)
        scopes = tuple(each for each in ALL if self.chance.random() < 0.7) or ("plan",)
        member = await self.home.named(phone, who, scopes=scopes)
        self.links[member] = Model(who, phone, set(scopes))

    def takes(self, model: Model) -> bool:
        return not {(model.phone, 0), (model.phone, model.borrower)} & self.barred

    async def accept(self) -> None:
        member = self.some(open_only=True)
        model = self.links[member]
        chosen = tuple(each for each in ALL if each in model.mine and self.chance.random() < 0.7)
        if not chosen or not self.takes(model):
            return
        await self.home.accepted(member, model.phone, scopes=chosen)
        model.answered, model.theirs = True, set(chosen)
        model.mine &= model.theirs

    async def refuse(self) -> None:
        member = self.some(open_only=True)
        model = self.links[member]
        if not self.takes(model):
            return
        await self.home.refused(member, model.phone)
        model.over = True
        self.barred.add((model.phone, model.borrower))

    async def take_back(self) -> None:
        member = self.some()
        await self.home.taken_back(member)
        self.links[member].over = True

    async def leave(self) -> None:
        member = self.some()
        await self.home.left(member)
        self._left(member)

    async def never(self) -> None:
        member = self.some()
        await self.home.left(member, for_ever=True)
        phone = self.links[member].phone
        for each, model in self.links.items():
            if model.phone == phone and not model.over:
                self._left(each)
        self.barred.add((phone, 0))

    def _left(self, member: int) -> None:
        model = self.links[member]
        if not model.answered:
            self.barred.add((model.phone, model.borrower))
        model.over = True

    async def withdraw_one(self) -> None:
        """One agreement of one side, by telephone: the rest of the room hears of it."""
        rows = await self.home.pool.fetch(
            "SELECT borrower_id, record_id, grantor_kind, grantor_id, counterparty_id, document_id"
            " FROM consent WHERE state = 1 ORDER BY record_id"
        )
        if not rows:
            return
        row: Any = self.chance.choice(rows)
        asking = self.home.asking(row["borrower_id"])
        await self.home.consents.withdraw(
            row["borrower_id"], row["record_id"], "paper", "", asking
        )
        is_theirs = row["grantor_kind"] == "member"
        model = self.links[row["grantor_id" if is_theirs else "counterparty_id"]]
        scope = row["document_id"].removeprefix("family-")
        model.mine.discard(scope)
        model.theirs.discard(scope)
        model.over = model.over or not model.mine

    async def report(self) -> None:
        member = self.some()
        model = self.links[member]
        link = await self.home.link(member)
        code = await self.home.stop_code(member)
        await self.home.family.report_by_member(code, "Misuse.", f"place {member}", "k")
        assert link.borrower_id == model.borrower
        model.paused = True

    async def borrow(self) -> None:
        """What a planner does after it has planned something for a borrower."""
        who = self.chance.choice(self.people)
        template = self.chance.choice(sorted(FOLLOWED))
        self.notices += 1
        await self.home.pool.execute("DELETE FROM notice WHERE scope <> ''")
        await self.home.pool.execute(
            PLANNED + FOLLOWS, cell_of_borrower(who), who, self.notices, template, 7,
            FACTS % f"2026-01-{self.notices:02}", self.home.clock.now(),
        )  # fmt: skip
        rows = await self.home.pool.fetch(
            "SELECT member_id, scope FROM notice WHERE scope <> ''")
        planned = {(row["member_id"], row["scope"]) for row in rows}
        assert planned == {
            (member, scope) for member, model in self.links.items() if model.borrower == who
            for scope in model.agreed & FOLLOWED[template]
        }  # fmt: skip

    async def check(self) -> None:
        """Nobody is yielded who must not be, and everybody who may be."""
        await self.home.pool.execute(
            "UPDATE notice SET state = 3 WHERE template_id = 'family-withdrawn'")  # has gone
        for member, model in self.links.items():
            person = await self.home.person(member)
            if model.answered or model.over or model.paused:
                assert (person is not None) == bool(model.agreed), (member, model)
                for scope in ALL:
                    if not model.over and not model.paused:
                        live = await self.home.live(member, scope)
                        assert live == (scope in model.agreed), (member, scope, model)
            elif not self.takes(model):
                assert person is None, (member, model)


async def lived(home: House, number: int) -> None:
    """One life; its seed is printed."""
    named = os.environ.get("USANCE_SEED") or secrets.token_hex(8)
    print(f"USANCE_SEED={named} (life {number})")
    people = [home.who, *(await home.book.borrowers(2))]
    life, done = Life(home, people, random.Random(f"{named} {number}")), []
    for _ in range(STEPS):
        done.append(await life.step())
        await life.check()
        home.clock.advance(timedelta(minutes=20))
    print(done)
    await home.book.holds()


@pytest.mark.parametrize("number", range(5))
async def test_nobody_hears_of_anything_that_both_have_not_agreed_to(
    home: House, number: int
) -> None:
    """R-FAMILY-04, R-FAMILY-10, R-FAMILY-12, R-FAMILY-13."""
    await lived(home, number)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(5, 105))
async def test_nor_in_a_hundred_lives(home: House, number: int) -> None:
    """The same for long."""
    await lived(home, number)
