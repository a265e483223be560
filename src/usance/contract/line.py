"""A pay-later line: the open cycle, statements, the lapse of an unpaid cycle, and money."""

from usance.contract.accrual import (
    WHY_CONTINGENT,
    accrue,
    accrue_amount_days,
    add_penalty,
    bill,
    bill_penalty,
    charge_fee,
    restart,
    run_now,
    run_penalty,
)
from usance.contract.records import (
    ASK,
    ASKED,
    CHARGED_OFF,
    CREDIT,
    CYCLE,
    FEE,
    FROM_CREDIT,
    INTEREST,
    LAPSED,
    NOTICE,
    PENALTY,
    PRINCIPAL,
    TAKE_BACK,
    Contract,
    Due,
    Event,
    Out,
    Terms,
    append_due,
    ask,
    at,
    emit,
    outstanding,
    unpaid,
    why,
)
from usance.contract.waterfall import (
    at_index,
    lower_bearing,
    move_first_open,
    note_late,
    pay,
    pay_dues,
    to_credit,
)
from usance.core.days import next_month_day
from usance.core.kernel import kernel
from usance.core.money import RATE_ONE
from usance.core.rules import rule


@kernel
@rule("R-LINE-01")
def open_cycle(t: Terms, c: Contract, dues: list[Due], day: int) -> None:
    """A new cycle, from ``day`` on."""
    d = append_due(dues, c)
    d.kind = CYCLE
    d.from_on = day
    d.contingent_on = day
    c.running = d.n


@kernel
def free_principal(d: Due) -> int:
    """Unpaid principal that neither bears contract interest nor the penalty rate."""
    return unpaid(d, PRINCIPAL) - d.bearing - d.arrears


@kernel
def run_contingent(t: Terms, d: Due, day: int) -> None:
    """Count the amount-days of a cycle that has not lapsed, to the start of ``day``."""
    start = d.contingent_on
    if t.posting == 0:
        if d.phase != ASKED:
            return
        start = max(start, d.due_on)
    if day > start:
        d.contingent += free_principal(d) * (day - start)
        d.contingent_on = day


@kernel
@rule("R-LINE-03", "R-LINE-04", "R-LINE-05", "R-LINE-06")
def lapse(t: Terms, c: Contract, dues: list[Due], d: Due, day: int, out: Out) -> None:
    """Not fully paid by the end of grace (``day`` is the day after): interest and penalty are real."""
    run_contingent(t, d, day)
    accrue(t, c, dues, day, out)
    late_nights = day - d.due_on
    arrears = 0
    if t.penalty_count > 0:
        arrears = max(min(d.required - d.received, unpaid(d, PRINCIPAL)), 0)
    still_free = max(unpaid(d, PRINCIPAL) - d.bearing - arrears, 0)
    taken = unpaid(d, PRINCIPAL) - d.bearing - still_free  # of the free principal, into arrears
    real = d.contingent - taken * late_nights
    if t.compound == 1:
        real += unpaid(d, INTEREST) * late_nights
        still_free += unpaid(d, INTEREST)
    accrue_amount_days(t, c, real)
    why(out, WHY_CONTINGENT, d.due_on, d.n, INTEREST, real, t.rate, 1, 0)
    from_bearing = arrears - taken
    d.bearing += still_free - from_bearing
    c.balance += still_free - from_bearing
    d.arrears = arrears
    d.contingent = 0
    d.phase = LAPSED
    if arrears > 0:
        add_penalty(t, d, arrears, d.due_on, day, out)
    d.penalty_on = day


@kernel
def pass_cycle(t: Terms, c: Contract, dues: list[Due], d: Due, day: int, out: Out) -> None:
    """One issued cycle on a later day."""
    if outstanding(d) == 0:
        d.contingent = 0
        return
    if d.phase == ASKED and day > d.due_on + t.grace:
        lapse(t, c, dues, d, d.due_on + t.grace + 1, out)
    if d.phase == LAPSED:
        run_penalty(t, c, d, day, out)
        if c.status != CHARGED_OFF:
            bill_penalty(t, c, d, out)
    else:
        run_contingent(t, d, day)


@kernel
def advance_line(t: Terms, c: Contract, dues: list[Due], day: int, out: Out) -> None:
    """Bring the line to the start of ``day``; statements are events and not issued here."""
    if c.status != CHARGED_OFF:
        for i in range(at_index(dues, c.first_open), at_index(dues, c.running)):
            pass_cycle(t, c, dues, dues[i], day, out)
    accrue(t, c, dues, day, out)
    run_contingent(t, dues[at(dues, c.running)], day)
    move_first_open(c, dues)
    note_late(c, dues)
    c.on = day


@kernel
@rule("R-LINE-07")
def ask_line_interest(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """Ask what has run, in the open cycle."""
    d = dues[at(dues, c.running)]
    d.interest += bill(t, c, dues, d.n, out)


@kernel
@rule("R-CREDIT-02")
def use_line_credit(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """The credit balance pays what has just been asked."""
    if c.credit > 0:
        c.credit = pay_dues(t, c, dues, c.running, c.credit, FROM_CREDIT, out)


@kernel
@rule("R-LINE-01")
def purchase(t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out) -> None:
    """Principal in the open cycle; from the posting day on it may come to bear interest."""
    d = dues[at(dues, c.running)]
    ask(c, d, PRINCIPAL, amount)
    if t.posting == 1 and t.first == 0:
        d.contingent -= amount
    emit(out, source, PRINCIPAL, d.n, amount)
    use_line_credit(t, c, dues, out)


@kernel
@rule("R-LINE-07", "R-LINE-08")
def receive_line(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> None:
    """A repayment: interest run is asked, cycles are paid oldest first, the rest is credit."""
    owed = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
    if owed > 0 and c.status != CHARGED_OFF:
        ask_line_interest(t, c, dues, out)
    left = pay_dues(t, c, dues, c.running, amount, source, out)
    to_credit(c, left, source, out)
    finish_line(c, dues)


@kernel
@rule("R-REFUND-02")
def refund_line(
    t: Terms, c: Contract, dues: list[Due], amount: int, cycle: int, source: int, out: Out
) -> None:
    """A merchant's refund lowers principal: the purchase's cycle, then the oldest, then credit."""
    left = amount
    if cycle >= dues[0].n:
        left -= pay(t, c, dues[at(dues, cycle)], PRINCIPAL, left, source, out)
    for i in range(at_index(dues, c.first_open), at_index(dues, c.running) + 1):
        left -= pay(t, c, dues[i], PRINCIPAL, left, source, out)
    to_credit(c, left, source, out)
    finish_line(c, dues)


@kernel
def finish_line(c: Contract, dues: list[Due]) -> None:
    """After money: nothing contingent stays on a paid cycle; late or not."""
    for i in range(at_index(dues, c.first_open), at_index(dues, c.running)):
        if outstanding(dues[i]) == 0:
            dues[i].contingent = 0
    move_first_open(c, dues)
    note_late(c, dues)


@kernel
@rule("R-LINE-02")
def roll(t: Terms, c: Contract, dues: list[Due], d: Due, to: Due) -> None:
    """A met cycle hands everything it still has unpaid to the cycle being issued."""
    principal = unpaid(d, PRINCIPAL)
    interest = unpaid(d, INTEREST)
    fee = unpaid(d, FEE)
    penalty = unpaid(d, PENALTY)
    d.principal -= principal
    d.interest -= interest
    d.fee -= fee
    d.penalty -= penalty
    to.principal += principal
    to.interest += interest
    to.fee += fee
    to.penalty += penalty
    to.bearing += d.bearing
    to.contingent += d.contingent
    if d.arrears > 0:  # met, so it bears contract interest again
        to.bearing += d.arrears
        c.balance += d.arrears
    d.bearing = 0
    d.arrears = 0
    d.contingent = 0


@kernel
@rule("R-MIN-01")
def required_amount(t: Terms, d: Due) -> int:
    """What must be paid of a cycle to stay current."""
    base = unpaid(d, PRINCIPAL)
    if t.minimum_of_bill == 1:
        base = outstanding(d)
    part = max(-(-base * t.minimum_rate // RATE_ONE), t.minimum_floor)
    if t.minimum_of_bill == 0:
        part += unpaid(d, INTEREST) + unpaid(d, FEE) + unpaid(d, PENALTY)
    return min(part, outstanding(d))


@kernel
@rule("R-LINE-01")
def due_day_of(t: Terms, statement_on: int) -> int:
    """The due day of the statement issued at the end of ``statement_on``."""
    if t.due_after > 0:
        return statement_on + t.due_after
    return next_month_day(statement_on, t.due_day)


@kernel
@rule("R-STMT-01")
def hold_back(c: Contract, d: Due, fresh: Due, e: Event) -> None:
    """A statement is replayed: what is more than it said goes to the new cycle."""
    principal = max(free_principal(d) - max(e.principal - d.bearing, 0), 0)
    if principal > 0:
        moved = d.contingent // free_principal(d) * principal
        d.contingent -= moved
        fresh.contingent += moved
    interest = max(unpaid(d, INTEREST) - e.interest, 0)
    fee = max(unpaid(d, FEE) - e.fee, 0)
    penalty = max(unpaid(d, PENALTY) - e.penalty, 0)
    d.principal -= principal
    d.interest -= interest
    d.fee -= fee
    d.penalty -= penalty
    fresh.principal += principal
    fresh.interest += interest
    fresh.fee += fee
    fresh.penalty += penalty


@kernel
@rule("R-LINE-01", "R-LINE-02", "R-MIN-01", "R-DAY-02")
def issue_statement(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """The end of a statement day: the open cycle is issued, a new one opens."""
    if t.statement_counts == 1:
        advance_line(t, c, dues, e.on + 1, out)
        ask_line_interest(t, c, dues, out)
        restart(t, c, dues, out)
    else:
        ask_line_interest(t, c, dues, out)
        restart(t, c, dues, out)
        advance_line(t, c, dues, e.on + 1, out)
    n = c.running
    d = dues[at(dues, n)]
    for i in range(at_index(dues, c.first_open), at(dues, n)):
        if dues[i].due_on <= e.on and dues[i].received >= dues[i].required:
            roll(t, c, dues, dues[i], d)
    open_cycle(t, c, dues, e.on + 1)
    if e.pinned == 1:
        hold_back(c, d, dues[at(dues, c.running)], e)
    d.due_on = due_day_of(t, e.on)
    d.original_due_on = d.due_on
    d.phase = ASKED
    d.received = 0
    d.required = required_amount(t, d)
    c.statements += 1
    use_line_credit(t, c, dues, out)
    emit(out, NOTICE, 2, d.n, 1)
    move_first_open(c, dues)
    note_late(c, dues)


@kernel
@rule("R-FEE-02")
def charge_line(
    t: Terms, c: Contract, dues: list[Due], component: int, amount: int, out: Out
) -> None:
    """A fee or an agreed lump-sum penalty lands in the open cycle."""
    d = dues[at(dues, c.running)]
    if component == FEE:
        charge_fee(c, d, amount, out)
    else:
        ask(c, d, PENALTY, amount)
        emit(out, ASK, PENALTY, d.n, amount)
    use_line_credit(t, c, dues, out)


@kernel
@rule("R-BACK-01")
def charge_back_line(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """Ask again, in the open cycle, what the repayment had paid."""
    from_credit = min(e.credit, c.credit)
    c.credit -= from_credit
    emit(out, TAKE_BACK, CREDIT, 0, from_credit)
    d = dues[at(dues, c.running)]
    principal = e.principal + e.credit - from_credit
    ask(c, d, PRINCIPAL, principal)
    ask(c, d, INTEREST, e.interest)
    ask(c, d, FEE, e.fee)
    ask(c, d, PENALTY, e.penalty)
    emit(out, TAKE_BACK, PRINCIPAL, d.n, principal)
    emit(out, TAKE_BACK, INTEREST, d.n, e.interest)
    emit(out, TAKE_BACK, FEE, d.n, e.fee)
    emit(out, TAKE_BACK, PENALTY, d.n, e.penalty)
    finish_line(c, dues)


__all__ = ["lower_bearing", "run_now"]
