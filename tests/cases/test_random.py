"""Random lives of cases against a small oracle that knows only the words of the rules.

The oracle is written from docs/people.md and shares no code with the room: it keeps, for each case,
who did what, and says which requests are good. After each step the room must agree.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from tests.cases.house import House
from usance.cases import rules
from usance.cases.remedies import Remedy
from usance.cases.work import Acting
from usance.core.refusals import Refused

HANDLERS, DECIDERS = ("anna", "ben", "clara", "dora"), ("clara", "dora", "cora")
EVERYBODY = ("anna", "ben", "clara", "dora", "cora")
BORROWER = Acting("borrower:1")


@dataclass
class Told:
    """What the oracle knows of a case."""

    came_in: date
    state: str = "open"
    handler: str = ""
    handled: set[str] = field(default_factory=set)
    decided_by: set[str] = field(default_factory=set)
    pending: tuple[int, str, int] | None = None  # number, result, goodwill
    proposals: int = 0
    extensions: int = 0
    reopened: int = 0
    messages: int = 0
    told: int = 0  # messages that the borrower sees
    result: str = ""
    ended: date | None = None
    goodwill: int = 0

    @property
    def under_way(self) -> bool:
        return self.state in ("open", "waiting")

    @property
    def decide_by(self) -> date:
        return self.came_in + timedelta((15, 30, 60)[self.extensions])


async def refusal_of(work: Any) -> str:
    """The rule that refuses; empty if it was done."""
    try:
        await work
    except Refused as refused:
        return refused.refusal.rule
    return ""


class Life:
    """One borrower's cases, asked for at random."""

    def __init__(self, house: House, borrower: int, account: int, seed: int) -> None:
        self.house, self.borrower, self.account = house, borrower, account
        self.pick = random.Random(seed)
        self.cases: dict[int, Told] = {}
        self.met: dict[str, int] = {}

    @property
    def today(self) -> date:
        return (self.house.clock.now() + timedelta(hours=8)).date()

    async def step(self) -> None:
        """Something is asked for; the oracle has said before whether it is good."""
        if len(self.cases) < 3 or (len(self.cases) < 8 and self.pick.random() < 0.05):
            await self.open()
            return
        case_id = self.pick.choice(sorted(self.cases))
        told = self.cases[case_id]
        names = ["assign", "say", "ask", "note", "hear", "extend", "propose", "decide",
                 "send_back", "withdraw", "reopen", "close", "days"]  # fmt: skip
        name = self.pick.choice(names)
        if self.pick.random() < 0.5:
            name = self.what_fits(told)
        if name == "days":
            self.house.forward(self.pick.randrange(12))
            return
        good, work, after = getattr(self, name)(case_id, told)
        rule = await refusal_of(work)
        assert good == (not rule), f"{name}: the oracle says {good}, the room {rule or 'yes'}"
        self.met[rule or name] = self.met.get(rule or name, 0) + 1
        if good:
            after()

    def what_fits(self, told: Told) -> str:
        """Something that brings the case on, so that lives get somewhere."""
        if not told.under_way:
            return self.pick.choice(("reopen", "close"))
        if not told.handler:
            return "assign"
        if told.pending:
            return self.pick.choice(("decide", "decide", "send_back"))
        return "propose"

    async def open(self) -> None:
        case_id = await self.house.open(self.borrower)
        self.cases[case_id] = Told(self.today)

    def assign(self, case_id: int, told: Told) -> Any:
        who = self.pick.choice(EVERYBODY)
        work = self.house.room.work.assign(case_id, self.house.ids[who], self.house.by("ben"))

        def after() -> None:
            told.handler = who
            told.handled.add(who)

        return told.under_way and who in HANDLERS, work, after

    def say(self, case_id: int, told: Told) -> Any:
        return self.message(case_id, told, rules.TO_BORROWER)

    def note(self, case_id: int, told: Told) -> Any:
        return self.message(case_id, told, rules.NOTE)

    def hear(self, case_id: int, told: Told) -> Any:
        good, work, counted = self.message(case_id, told, rules.FROM_BORROWER)

        def after() -> None:
            counted()
            told.state = "open" if told.state == "waiting" else told.state

        return good, work, after

    def message(self, case_id: int, told: Told, way: int) -> Any:
        work = self.house.room.work.say(case_id, way, "Words.", self.house.by("anna"))

        def after() -> None:
            told.messages += 1
            told.told += way != rules.NOTE

        return told.state in ("open", "waiting", "decided"), work, after

    def ask(self, case_id: int, told: Told) -> Any:
        work = self.house.room.work.say(
            case_id, rules.TO_BORROWER, "When?", self.house.by("anna"), wait=True
        )

        def after() -> None:
            told.state = "waiting"
            told.messages += 1
            told.told += 1

        return told.under_way, work, after

    def extend(self, case_id: int, told: Told) -> Any:
        who = self.pick.choice(EVERYBODY)
        first = told.extensions == 0 and (who == told.handler or who in DECIDERS)
        second = told.extensions == 1 and who in DECIDERS and who not in told.handled
        work = self.house.room.work.extend(case_id, "Reasons.", self.house.by(who))

        def after() -> None:
            told.extensions += 1
            told.messages += 1
            told.told += 1

        return told.under_way and (first or second), work, after

    def propose(self, case_id: int, told: Told) -> Any:
        who = told.handler or "anna"
        if self.pick.random() < 0.2:
            who = self.pick.choice(EVERYBODY)
        result = self.pick.choice(("upheld", "partly", "not_upheld"))
        amount = self.pick.choice((0, 0, 100))
        booked = amount == 0 or (who in ("anna", "ben") and result != "not_upheld")
        remedy = Remedy("goodwill", self.account, amount) if amount else Remedy()
        good = told.under_way and who == told.handler and told.pending is None and booked
        work = self.house.propose(case_id, by=who, result=result, remedy=remedy)

        def after() -> None:
            told.proposals += 1
            told.handled.add(who)
            told.pending = (told.proposals, result, amount)

        return good, work, after

    def review(self, told: Told) -> tuple[str, int, bool]:
        who = self.pick.choice(DECIDERS)
        number = told.pending[0] if told.pending else self.pick.randrange(1, 4)
        apart = who not in told.handled | told.decided_by
        return who, number, bool(told.pending) and told.under_way and apart

    def decide(self, case_id: int, told: Told) -> Any:
        who, number, good = self.review(told)
        work = self.house.room.deciding.decide(case_id, number, self.house.by(who))

        def after() -> None:
            assert told.pending
            _, told.result, amount = told.pending
            told.state, told.pending, told.ended = "decided", None, self.today
            told.decided_by.add(who)
            told.messages += 1
            told.told += 1
            told.goodwill += amount

        return good, work, after

    def send_back(self, case_id: int, told: Told) -> Any:
        who, number, good = self.review(told)
        work = self.house.room.deciding.send_back(case_id, number, "No.", self.house.by(who))

        def after() -> None:
            told.pending = None

        return good, work, after

    def withdraw(self, case_id: int, told: Told) -> Any:
        work = self.house.room.own.withdraw(self.borrower, case_id, BORROWER)

        def after() -> None:
            told.state, told.pending, told.ended = "withdrawn", None, self.today

        return told.under_way, work, after

    def reopen(self, case_id: int, told: Told) -> Any:
        recent = told.ended is not None and (self.today - told.ended).days <= 180
        work = self.house.room.own.reopen(self.borrower, case_id, "Again.", BORROWER)

        def after() -> None:
            told.state, told.came_in, told.handler, told.result = "open", self.today, "", ""
            told.extensions, told.ended = 0, None
            told.reopened += 1
            told.messages += 1
            told.told += 1

        return not told.under_way and recent, work, after

    def close(self, case_id: int, told: Told) -> Any:
        work = self.house.room.work.close(case_id, self.house.by("anna"))

        def after() -> None:
            told.state, told.ended = "closed", self.today

        return told.state == "decided", work, after

    async def agree(self) -> None:
        """The room says of each case what the oracle says."""
        for case_id, told in self.cases.items():
            row = await self.house.row(case_id)
            found = (
                rules.name_of(rules.STATES, row["state"]), row["received_on"], row["decide_by"],
                row["assignee"], row["extensions"], row["reopened"], row["messages"],
                rules.name_of(rules.RESULTS, row["result"]), row["ended_on"] or row["decided_on"],
            )  # fmt: skip
            assert found == (
                told.state, told.came_in, told.decide_by, self.house.ids.get(told.handler, 0),
                told.extensions, told.reopened, told.messages, told.result, told.ended,
            )  # fmt: skip
            own = await self.house.room.own.read(self.borrower, case_id)
            assert len(own["messages"]) == told.told
        paid = await self.house.pool.fetchval(
            "SELECT coalesce(sum(amount), 0) FROM event WHERE contract_id = $1 AND kind = 7",
            self.account,
        )
        assert paid == sum(told.goodwill for told in self.cases.values())


async def live(house: House, seed: int, steps: int) -> dict[str, int]:
    borrower, account = await house.account()
    life = Life(house, borrower, account, seed)
    for n in range(steps):
        await life.step()
        if n % 10 == 9:
            await life.agree()
    await life.agree()
    await house.whole()
    return life.met


@pytest.mark.parametrize("seed", range(3))
async def test_random_lives_agree_with_the_oracle(house: House, seed: int) -> None:
    met = await live(house, seed, 300)
    print(f"seed {seed}: {sorted(met.items())}")
    assert {"decide", "send_back", "extend", "reopen", "withdraw", "close"} <= met.keys()
    assert {"R-CASE-07", "R-CASE-08", "R-CASE-09", "R-CASE-10", "R-CASE-11"} <= met.keys()
    assert met["decide"] >= 10


@pytest.mark.soak
async def test_random_lives_for_long(house: House) -> None:
    first = int(os.environ.get("USANCE_SEED", "1000"))
    for seed in range(first, first + 30):
        await live(house, seed, 1000)
