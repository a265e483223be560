"""Where a contract stands: days past due, pay-off, its next alarm, what runs into the ledger."""

from usance.contract.accrual import (
    denominator,
    interest_base,
    penalty_base,
    penalty_step,
    run_now,
)
from usance.contract.records import (
    ACTIVE,
    ASKED,
    CHARGED_OFF,
    CLOSED,
    LAPSED,
    LINE,
    Contract,
    Due,
    Streams,
    Terms,
    at,
    outstanding,
)
from usance.contract.waterfall import asked_end, at_index
from usance.core.days import NEVER, next_month_day
from usance.core.kernel import kernel
from usance.core.money import RATE_ONE
from usance.core.rules import rule


@kernel
@rule("R-LATE-01")
def days_past_due(c: Contract, day: int) -> int:
    """Age of the oldest unmet required amount on ``day``."""
    if c.late_from == 0 or c.late_from >= day:
        return 0
    return day - c.late_from


@kernel
@rule("R-EXT-01")
def days_past_due_unextended(c: Contract, day: int) -> int:
    """The same as if nothing had been extended, so that re-ageing cannot hide risk."""
    if c.late_from_unextended == 0 or c.late_from_unextended >= day:
        return 0
    return day - c.late_from_unextended


@kernel
@rule("R-PAYOFF-01")
def pay_off(t: Terms, c: Contract, dues: list[Due]) -> int:
    """What closes the contract on the day it stands at."""
    total = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
    total += unasked_interest(t, c, dues)
    if c.status == ACTIVE and c.kind != LINE and c.running <= c.rows:
        row = dues[at(dues, c.running)]
        total += row.fee - row.asked_fee
    return total


@kernel
@rule("R-PAYOFF-01")
def unasked_interest(t: Terms, c: Contract, dues: list[Due]) -> int:
    """Interest that has run and is not yet asked, rounded."""
    if c.status != ACTIVE or (c.kind != LINE and c.running > c.rows):
        return 0
    return run_now(t, c, dues)


@kernel
def late_alarm(t: Terms, c: Contract, d: Due) -> int:
    """The next close that must see an unpaid, asked due: its due day, grace, steps, non-accrual."""
    if d.due_on >= c.on:
        return d.due_on
    best = NEVER
    if d.phase == ASKED:
        best = d.due_on + t.grace
    for i in range(t.overdue_steps):
        step_on = d.due_on + t.overdue_step[i] - 1
        if step_on >= c.on:
            best = min(best, step_on)
    for i in range(1, t.penalty_count):
        step_on = d.due_on + t.penalty_from[i] - 2
        if step_on >= c.on:
            best = min(best, step_on)
    if c.non_accrual == 0 and d.due_on + t.non_accrual - 1 >= c.on:
        best = min(best, d.due_on + t.non_accrual - 1)
    return best


@kernel
def reminder_alarm(t: Terms, c: Contract, due_on: int) -> int:
    """The close after which the next reminder of a due goes out."""
    best = NEVER
    for i in range(t.reminders):
        remind_on = due_on - t.reminder[i] - 1
        if remind_on >= c.on:
            best = min(best, remind_on)
    return best


@kernel
@rule("R-ALARM-01")
def next_alarm(t: Terms, c: Contract, dues: list[Due]) -> int:
    """The next business day whose close must wake the contract; NEVER if none."""
    if c.status == CLOSED or c.status == CHARGED_OFF:
        return NEVER
    best = NEVER
    if c.kind == LINE:
        best = next_month_day(c.on - 1, c.statement_day)
    elif c.running <= c.rows:
        due_on = dues[at(dues, c.running)].due_on
        best = min(due_on, reminder_alarm(t, c, due_on))
    for i in range(at_index(dues, c.first_open), asked_end(c, dues)):
        d = dues[i]
        if outstanding(d) > 0:
            best = min(best, late_alarm(t, c, d))
            if d.due_on >= c.on:
                best = min(best, reminder_alarm(t, c, d.due_on))
    return best


@kernel
@rule("R-ACCR-01")
def note_streams(t: Terms, c: Contract, dues: list[Due], s: Streams) -> None:
    """What runs into the ledger at ``c.on``, as linear functions; nothing on non-accrual.

    Interest run and not asked is ``whole + rest / below``; each unit of weight adds the slope.
    """
    s.below = denominator(t, c, dues)
    s.penalty_below = t.penalty_basis * RATE_ONE
    if c.status == ACTIVE and c.non_accrual == 0:
        product = interest_base(t, c) * t.rate
        s.whole = c.accrued - c.billed
        s.rest = c.accrued_rest
        s.slope = product // s.below
        s.slope_rest = product % s.below
        if t.penalty_count > 0:
            note_penalty_stream(t, c, dues, s)


@kernel
def note_penalty_stream(t: Terms, c: Contract, dues: list[Due], s: Streams) -> None:
    """The penalty interest of all lapsed dues."""
    for i in range(at_index(dues, c.first_open), asked_end(c, dues)):
        d = dues[i]
        if d.phase == LAPSED and outstanding(d) > 0:
            product = penalty_base(t, c, d) * t.penalty_rate[penalty_step(t, d, c.on)]
            s.penalty_whole += d.penalty_run - d.penalty_billed
            s.penalty_rest += d.penalty_rest
            s.penalty_slope += product // s.penalty_below
            s.penalty_slope_rest += product % s.penalty_below
