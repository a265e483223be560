"""The rows of a term contract from what was agreed. Plain Python: it runs once, at the gate.

The equal instalment is the exact rational solution over integers, rounded once: no powers of floats
and no search.
"""

from dataclasses import dataclass, field, replace
from math import gcd

from usance.contract.accrual import accrue, charge_fee, restart
from usance.contract.early import ask_run, plan_rows, row_interest
from usance.contract.records import (
    ASK,
    BULLET,
    CLOSED,
    EQUAL_INSTALMENT,
    EQUAL_PRINCIPAL,
    FEE,
    LAPSED,
    MOVE_IN,
    PAY_OUT_LOAN,
    PRINCIPAL,
    TERM,
    Contract,
    Due,
    Out,
    Terms,
    append_due,
    emit,
)
from usance.contract.standing import next_alarm
from usance.contract.step import note_accrual
from usance.contract.term import finish_term
from usance.core.days import NEVER, WHOLE_PERIOD, add_months, count_weight
from usance.core.money import RATE_ONE, divide_half_even
from usance.core.rules import rule


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee in the terms: a fixed amount, or a rate of the principal; where it is asked."""

    amount: int = 0
    rate: int = 0
    where: str = "first"  # disbursement, first, each

    def of(self, principal: int) -> int:
        """Minor units of the fee."""
        return self.amount + divide_half_even(principal * self.rate, RATE_ONE)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a term contract's rows are made from; days are ordinals."""

    principal: int
    disbursed_on: int
    instalments: int
    months: int = 1
    days: int = 0  # > 0: instead of months
    first_due_on: int = 0
    moved: bool = False  # principal moved in from a line instead of being paid out
    fees: tuple[Fee, ...] = field(default=())

    @rule("R-SCHED-01")
    def due_days(self) -> list[int]:
        """Due days in order."""
        anchor = self.first_due_on or self.disbursed_on
        offset = 0 if self.first_due_on else 1
        steps = range(offset, self.instalments + offset)
        if self.days:
            return [anchor + i * self.days for i in steps]
        return [add_months(anchor, i * self.months) for i in steps]


@rule("R-SCHED-02", "R-EARLY-04")
def equal_instalment(
    t: Terms, balance: int, flat_base: int, periods: list[tuple[int, Due]]
) -> int:
    """The instalment that brings ``balance`` to zero after the last period, a multiple of the unit.

    After each period the balance is (a - x b) / d for the instalment x; exact integers.
    """
    if t.flat:
        none = Contract(running=0)
        interest = sum(row_interest(t, none, row, start, flat_base) for start, row in periods)
        return divide_half_even(balance + interest, len(periods) * t.unit) * t.unit
    a, b, d = balance, 0, 1
    for start, row in periods:
        below = t.basis * RATE_ONE
        if t.count == WHOLE_PERIOD:
            below *= row.nights
        above = below + t.rate * count_weight(t.count, start, row.due_on)
        common = gcd(above, below)
        above, below = above // common, below // common
        d *= below
        a, b = a * above, b * above + d
    return divide_half_even(a, b * t.unit) * t.unit


def rows_of(t: Terms, plan: Plan, c: Contract) -> list[Due]:
    """Empty rows with their periods."""
    dues: list[Due] = []
    append_rows(t, c, dues, plan.disbursed_on - (t.first + t.last - 1), plan.due_days())
    return dues


def append_rows(t: Terms, c: Contract, dues: list[Due], start: int, ends: list[int]) -> list[Due]:
    """Rows from ``start`` to each of ``ends``; a bullet has one row."""
    rows = []
    for end in ends[-1:] if t.amortisation == BULLET else ends:
        row = append_due(dues, c)
        rows.append(row)
        row.from_on, row.due_on, row.original_due_on = start, end, end
        row.nights = end - start
        start = end
    return rows


def plan_instalment(t: Terms, c: Contract, dues: list[Due]) -> int:
    """The fixed amount of the plan: equal instalment, equal principal, or none."""
    if t.amortisation == EQUAL_PRINCIPAL:
        return divide_half_even(c.balance, len(dues) * t.unit) * t.unit
    if t.amortisation != EQUAL_INSTALMENT:
        return 0
    return equal_instalment(t, c.balance, c.principal, [(row.from_on, row) for row in dues])


@rule("R-FEE-01")
def plan_fees(plan: Plan, dues: list[Due]) -> int:
    """Put fees into their rows; gives what is asked at disbursement (in row 1)."""
    at_once = 0
    for fee in plan.fees:
        amount = fee.of(plan.principal)
        if fee.where == "disbursement":
            at_once += amount
        for row in dues if fee.where == "each" else dues[:1]:
            if fee.where != "disbursement":
                row.fee += amount
    return at_once


def open_term(t: Terms, plan: Plan, out: Out) -> tuple[Contract, list[Due]]:
    """A term contract on the day its principal is paid out (or moved in from a line)."""
    c = Contract(kind=TERM, opened_on=plan.disbursed_on, on=plan.disbursed_on)
    dues = rows_of(t, plan, c)
    c.principal = c.balance = c.unpaid_principal = plan.principal
    c.rows = len(dues)
    c.accrued_on = dues[0].from_on
    c.instalment = plan_instalment(t, c, dues)
    accrue(t, c, dues, c.on, out)  # both day ends count: one night has run
    plan_rows(t, c, dues, 0)
    emit(out, MOVE_IN if plan.moved else PAY_OUT_LOAN, PRINCIPAL, 0, plan.principal)
    at_once = plan_fees(plan, dues)
    if at_once:
        planned = dues[0].fee
        dues[0].fee = 0
        charge_fee(c, dues[0], at_once, out)
        dues[0].fee += planned
        dues[0].asked_fee = at_once
    c.alarm = next_alarm(t, c, dues)
    return c, dues


@rule("R-DRAW-01")
def undraw(c: Contract, dues: list[Due], day: int, out: Out) -> None:
    """A loan just opened owes nothing: its pay-out came to nothing, as was known on ``day``."""
    emit(out, PAY_OUT_LOAN, PRINCIPAL, 0, -c.principal)
    emit(out, ASK, FEE, dues[0].n, -c.unpaid_fee)
    for d in dues:
        d.principal = d.interest = d.fee = d.asked_fee = 0
        d.phase = LAPSED
    c.principal = c.balance = c.instalment = c.unpaid_principal = c.unpaid_fee = 0
    c.accrued = c.accrued_rest = 0
    c.running = c.rows + 1
    c.status, c.closed_on, c.alarm = CLOSED, day, NEVER


@rule("R-RESTR-01")
def restructured(
    t: Terms, plan: Plan, instalments: int, rate: int, first_due_on: int
) -> tuple[Terms, Plan]:
    """Terms and plan over so many instalments; ``rate`` is in the form agreed, -1 the same one.

    ``first_due_on`` 0: one step after the day of the restructuring.
    """
    spans = plan.instalments if t.amortisation == BULLET and t.count == WHOLE_PERIOD else 1
    new_spans = instalments if spans > 1 or t.amortisation == BULLET else 1
    if t.count != WHOLE_PERIOD:
        new_spans = 1
    new = t.rate // spans * new_spans
    if rate >= 0:
        step = {12: plan.months, 365: plan.days}.get(t.basis, 1) if t.count == WHOLE_PERIOD else 1
        new = rate * step * new_spans
    return replace(t, rate=new), replace(plan, instalments=instalments, first_due_on=first_due_on)


def close_old_rows(c: Contract, dues: list[Due]) -> Due:
    """Old dues ask only what was paid there; gives what they still asked beside principal."""
    moved = Due(interest=c.unpaid_interest, fee=c.unpaid_fee, penalty=c.unpaid_penalty)
    for d in dues:
        d.principal, d.interest = d.paid_principal, d.paid_interest
        d.fee, d.penalty = d.paid_fee, d.paid_penalty
        d.phase = LAPSED
    return moved


@rule("R-RESTR-01")
def restructure(
    old: Terms, t: Terms, plan: Plan, c: Contract, dues: list[Due], out: Out
) -> None:
    """All unpaid principal anew by ``t`` and ``plan`` from today; interest run is asked first."""
    if c.running <= c.rows:
        ask_run(old, c, dues, out)
        restart(old, c, dues, out)
    c.accrued_on = c.on
    moved = close_old_rows(c, dues)
    c.first_open = c.running = c.count + 1
    ends = replace(plan, disbursed_on=c.on).due_days()
    rows = append_rows(t, c, dues, c.on, ends)
    c.principal = c.balance = c.unpaid_principal
    c.rows = c.count
    c.instalment = plan_instalment(t, c, rows)
    first = rows[0]
    first.asked_interest, first.fee, first.penalty = moved.interest, moved.fee, moved.penalty
    first.asked_fee = moved.fee
    plan_rows(t, c, dues, 0)
    finish_term(t, c, dues, out)
    note_accrual(t, c, out)
    c.alarm = next_alarm(t, c, dues)
