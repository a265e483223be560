"""What if: a contract as it stands today, led on by the kernel under different habits of paying.

The contract is replayed from its events (``contract.replay``), copied, and given the payments and
statements of the months to come, exactly as the book would give them. There is no second
calculator: what is shown here is what the book will ask, if nothing else happens meanwhile. Days
are ordinals, amounts minor units.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from usance.contract.records import ACTIVE, LINE, REPAYMENT, STATEMENT, Event, outstanding
from usance.contract.replay import History, State
from usance.contract.standing import days_past_due, pay_off
from usance.core.days import NEVER, next_month_day
from usance.core.identifiers import cell_of_contract
from usance.core.rules import rule
from usance.platform.database import Pool
from usance.servicing import read, read_sql, store

HORIZON = 5 * 366
"""Days that are looked ahead; who pays the minimum may owe longer than anybody wants to read."""
MISSED_FOR = 30
"""Days after which a missed payment is made up for, where no other one follows."""

AGREED, EARLY, MINIMUM, MISS = "agreed", "early", "minimum", "miss"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment on the way: of ``amount``, ``cost`` is interest, fees and penalty interest."""

    on: int
    amount: int
    cost: int
    left: int


@dataclass(frozen=True, slots=True)
class Course:
    """What comes of a habit: every payment, their sum, what of it is cost, and the end."""

    name: str
    payments: list[Payment]
    left: int
    days_late: int

    @property
    def total(self) -> int:
        """Paid from today on."""
        return sum(each.amount for each in self.payments)

    @property
    def cost(self) -> int:
        """Interest, fees and penalty interest in it."""
        return sum(each.cost for each in self.payments)

    @property
    def ends_on(self) -> int:
        """The day of the last payment; 0 where something is left at the horizon."""
        return self.payments[-1].on if self.payments and not self.left else 0


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The courses side by side; ``early`` is the amount that was asked about, 0 for everything."""

    today: int
    early: int
    pay_off: int
    courses: dict[str, Course]
    missed_on: int = 0
    line: bool = False


Habit: TypeAlias = Callable[["Walk"], int]
"""How much is paid on the day at which a walk stands."""


@dataclass(slots=True)
class Walk:
    """A copy of a contract on its way; ``day`` is where it stands."""

    state: State
    day: int
    first_due: int = 0
    payments: list[Payment] = field(default_factory=list)
    days_late: int = 0

    def required(self) -> int:
        """What must have been paid by today."""
        c = self.state.contract
        return sum(read.required_of(c, d) for d in self.state.dues if 0 < d.due_on <= self.day)

    def stated(self) -> int:
        """What is due by today in full: on a line, the whole of every statement due by then."""
        return sum(outstanding(d) for d in self.state.dues if 0 < d.due_on <= self.day)

    def owed(self) -> int:
        """What closes the contract today."""
        return pay_off(self.state.terms, self.state.contract, self.state.dues)

    def pay(self, amount: int) -> None:
        """A repayment today."""
        state = self.state
        event = Event(kind=REPAYMENT, seq=state.contract.seq + 1, on=self.day, amount=amount)
        code = state.do(event)
        assert code == 0, f"a repayment was refused with {code}"
        penalty, fee, interest, _, _ = state.parts[event.seq].amounts
        cost = penalty + fee + interest
        self.payments.append(Payment(self.day, amount, cost, self.owed()))

    def go(self, day: int) -> None:
        """Let time pass to the start of a day."""
        self.day = day
        self.state.advance(day)
        self.days_late = max(self.days_late, days_past_due(self.state.contract, day))

    def next_due(self) -> int:
        """The next day on which something must be paid; ``NEVER`` if there is none yet."""
        found = (d.due_on for d in self.state.dues if d.due_on > self.day and outstanding(d))
        return min(found, default=NEVER)

    def statement_day(self) -> int:
        """The next statement day of a line, today included."""
        c = self.state.contract
        if c.kind != LINE or c.status != ACTIVE:
            return NEVER
        return next_month_day(self.day - 1, c.statement_day)

    def issue(self) -> None:
        """The end of a statement day: the statement, and on to the next morning."""
        code = self.state.do(Event(kind=STATEMENT, on=self.day, seq=self.state.contract.seq + 1))
        assert code == 0, f"a statement was refused with {code}"
        self.go(self.day + 1)


async def what_if(pool: Pool, contract_id: int, early: int = 0) -> WhatIf | None:
    """The courses of a contract from today on; None where there is none, or nothing to lead on."""
    async with pool.acquire() as connection:
        book = await read.book(connection)
        row = await connection.fetchrow(
            read_sql.CONTRACT.format(contract=read.CONTRACT), cell_of_contract(contract_id),
            contract_id,
        )  # fmt: skip
        if row is None or book is None:
            return None
        (hand,) = await read.load(connection, [row])
        await store.load_history(connection, hand)
    assert hand.history is not None
    return await asyncio.to_thread(led_on, hand.history, book.today, early)


def led_on(history: History, today: int, early: int) -> WhatIf | None:
    """The courses of a replayed contract; years of months take their time, so not on the loop."""
    history.rebuild(today)
    return courses(history.state, today, early)


@rule("R-PORTAL-03")
def courses(state: State, today: int, early: int = 0) -> WhatIf | None:
    """The courses from a state at the start of ``today``: as agreed, early, minimum, one missed."""
    begin = Walk(copied(state), today)
    owed = begin.owed()
    if state.contract.status != ACTIVE or owed <= 0:
        return None
    early = min(early, owed)
    found = {
        AGREED: follow(AGREED, state, today, Walk.stated),
        EARLY: follow(EARLY, state, today, Walk.stated, early or owed),
    }
    if state.contract.kind == LINE and state.terms.minimum_rate < 10**8:
        found[MINIMUM] = follow(MINIMUM, state, today, Walk.required)
    missed_on = first_due_after(found[AGREED], today)
    if missed_on:
        found[MISS] = follow(MISS, state, today, missing(missed_on))
    return WhatIf(today, early, owed, found, missed_on, state.contract.kind == LINE)


def first_due_after(agreed: Course, today: int) -> int:
    """The day of the first payment that lies ahead; 0 if there is none."""
    return next((each.on for each in agreed.payments if each.on > today), 0)


def missing(missed_on: int) -> Habit:
    """Pay as agreed, but nothing on one day."""
    return lambda walk: 0 if walk.day == missed_on else walk.stated()


def follow(name: str, state: State, today: int, habit: Habit, first: int = 0) -> Course:
    """Lead a contract on: ``first`` today (else what is due by now), then by habit."""
    walk = Walk(copied(state), today)
    amount = first or habit(walk)
    if amount > 0:
        walk.pay(min(amount, walk.owed()))
    made_up = 0
    while walk.owed() > 0 and walk.day < today + HORIZON:
        due, stated = walk.next_due(), walk.statement_day()
        if stated <= due and stated <= (made_up or NEVER):
            walk.go(stated)
            walk.issue()
            continue
        nearest = min(due, made_up or NEVER)
        if nearest == NEVER:
            break
        walk.go(nearest)
        amount = habit(walk)
        made_up = 0 if amount else walk.day + MISSED_FOR if walk.next_due() == NEVER else 0
        if amount > 0:
            walk.pay(min(amount, walk.owed()))
    return Course(name, walk.payments, max(walk.owed(), 0), walk.days_late)


def copied(state: State) -> State:
    """The same contract in another hand, without its past."""
    return replace(
        state, contract=copy(state.contract), dues=[copy(d) for d in state.dues], parts={},
        effects=[], whys=None, issued=[],
    )  # fmt: skip
