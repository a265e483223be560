"""A pay-later line: the open cycle, statements, the lapse of an unpaid cycle, and money."""

from usance.contract.accrual import (
    WHY_CONTINGENT,
    accrue,
    accrue_amount_days,
    bill,
    bill_penalty,
    book,
    charge_fee,
    restart,
    run_penalty,
)
from usance.contract.records import (
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
    ask_again,
    at_index,
    is_unmet,
    move_first_open,
    note_late,
    pay,
    pay_dues,
    to_credit,
)
from usance.core.days import next_month_day
from usance.core.kernel import kernel
from usance.core.money import RATE_ONE, share
from usance.core.rules import rule


@kernel
@rule("R-LINE-01")
def open_cycle(c: Contract, dues: list[Due], day: int) -> None:
    """A new cycle, from ``day`` on."""
    d = append_due(dues, c)
    d.kind = CYCLE
    d.from_on = day
    d.contingent_on = day
    c.running = d.n


@kernel
def free_principal(d: Due) -> int:
    """Unpaid principal that neither bears contract interest nor the penalty rate.

    Negative while a late cycle has not lapsed and principal that bears already is in arrears.
    """
    return unpaid(d, PRINCIPAL) - d.bearing - d.arrears


@kernel
@rule("R-LINE-03", "R-LINE-04")
def run_contingent(t: Terms, d: Due, day: int) -> None:
    """Count the amount-days of a cycle that has not lapsed, to the start of ``day``."""
    late = d.penalty_on > 0
    if day <= d.contingent_on or (t.posting == 0 and not late):
        return
    base = free_principal(d)
    if t.compound == 1 and late:
        base += unpaid(d, INTEREST) - d.bearing_interest
    d.contingent += base * (day - d.contingent_on)
    d.contingent_on = day


@kernel
@rule("R-LINE-03", "R-LINE-06")
def fall_late(t: Terms, d: Due) -> None:
    """The due day has passed with something unpaid: from it on, what is unmet is in arrears."""
    run_contingent(t, d, d.due_on)
    d.contingent_on = d.due_on
    d.penalty_on = d.due_on
    if t.penalty_count > 0:
        d.arrears = max(min(d.required - d.received, unpaid(d, PRINCIPAL)), 0)


@kernel
@rule("R-LINE-03", "R-LINE-04", "R-LINE-05", "R-LINE-06")
def lapse(t: Terms, c: Contract, dues: list[Due], d: Due, day: int, out: Out) -> None:
    """Not fully paid by the end of grace (``day`` is the day after): what ran is real."""
    run_contingent(t, d, day)
    run_penalty(t, c, d, day, out)
    accrue(t, c, dues, day, out)
    accrue_amount_days(t, c, d.contingent)
    why(out, WHY_CONTINGENT, d.due_on, d.n, INTEREST, d.contingent, t.rate, 1, 0, t.basis)
    d.contingent = 0
    d.phase = LAPSED
    more = free_principal(d)
    d.bearing += more
    c.balance += more
    if t.compound == 1:
        c.balance += unpaid(d, INTEREST) - d.bearing_interest
        d.bearing_interest = unpaid(d, INTEREST)


@kernel
def forget_cycle(d: Due) -> None:
    """A cycle that is fully paid: nothing contingent stays on it."""
    d.contingent = 0
    if d.phase == ASKED:
        d.arrears = 0
        d.penalty_run = d.penalty_billed
        d.penalty_rest = 0


@kernel
def pass_cycle(t: Terms, c: Contract, dues: list[Due], d: Due, day: int, out: Out) -> None:
    """One issued cycle on a later day."""
    if outstanding(d) == 0:
        forget_cycle(d)
        return
    if d.penalty_on == 0 and day > d.due_on:
        fall_late(t, d)
    if d.phase == ASKED and day > d.due_on + t.grace:
        lapse(t, c, dues, d, d.due_on + t.grace + 1, out)
    if d.penalty_on > 0:
        run_penalty(t, c, d, day, out)
    if d.phase == LAPSED:
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
def pay_line(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> int:
    """Interest run is asked, cycles are paid oldest first; gives what is left."""
    owed = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
    if owed > 0 and c.status != CHARGED_OFF:
        ask_line_interest(t, c, dues, out)
    return pay_dues(t, c, dues, c.running, amount, source, out)


@kernel
@rule("R-CREDIT-02")
def use_line_credit(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """The credit balance pays what is asked."""
    if c.credit > 0:
        note_late(c, dues)
        c.credit = pay_line(t, c, dues, c.credit, FROM_CREDIT, out)


@kernel
@rule("R-LINE-01")
def purchase(
    t: Terms, c: Contract, dues: list[Due], amount: int, nights: int, source: int, out: Out
) -> None:
    """Principal in the open cycle; ``nights`` ago it was posted and may come to bear from."""
    d = dues[at(dues, c.running)]
    ask(c, d, PRINCIPAL, amount)
    if t.posting == 1:
        d.contingent += amount * (nights + t.first - 1)
    emit(out, source, PRINCIPAL, d.n, amount)
    finish_line(t, c, dues, out)


@kernel
@rule("R-LINE-07", "R-LINE-08")
def receive_line(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> None:
    """A repayment: what is more than everything owed is credit."""
    to_credit(c, pay_line(t, c, dues, amount, source, out), source, out)
    finish_line(t, c, dues, out)


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
    finish_line(t, c, dues, out)


@kernel
@rule("R-CREDIT-02")
def finish_line(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """After any event: credit used, nothing contingent on a paid cycle, late or not."""
    use_line_credit(t, c, dues, out)
    for i in range(at_index(dues, c.first_open), at_index(dues, c.running)):
        if outstanding(dues[i]) == 0:
            forget_cycle(dues[i])
    move_first_open(c, dues)
    note_late(c, dues)


@kernel
@rule("R-LINE-02")
def roll(c: Contract, d: Due, to: Due) -> None:
    """A met cycle hands everything it still has unpaid to the cycle being issued."""
    hand_over(d, to, unpaid(d, PRINCIPAL), unpaid(d, INTEREST), unpaid(d, FEE), unpaid(d, PENALTY))
    if d.phase == LAPSED:  # met, so what was in arrears bears contract interest again
        d.bearing += d.arrears
        c.balance += d.arrears
    to.bearing += d.bearing
    to.bearing_interest += d.bearing_interest
    to.contingent += d.contingent
    d.bearing = 0
    d.bearing_interest = 0
    d.arrears = 0
    d.contingent = 0


@kernel
def hand_over(d: Due, to: Due, principal: int, interest: int, fee: int, penalty: int) -> None:
    """Move what is asked from one cycle to another."""
    d.principal -= principal
    d.interest -= interest
    d.fee -= fee
    d.penalty -= penalty
    to.principal += principal
    to.interest += interest
    to.fee += fee
    to.penalty += penalty


@kernel
@rule("R-MIN-01")
def required_amount(t: Terms, d: Due) -> int:
    """What must be paid of a cycle to stay current."""
    base = unpaid(d, PRINCIPAL)
    if t.minimum_of_bill == 1:
        base = outstanding(d)
    rest = base % RATE_ONE * t.minimum_rate  # in two steps, so that 64 bits hold it
    part = max(base // RATE_ONE * t.minimum_rate - (-rest // RATE_ONE), t.minimum_floor)
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
def hold_back(d: Due, fresh: Due, e: Event) -> None:
    """A statement is replayed: what is more than it said goes to the new cycle."""
    principal = max(unpaid(d, PRINCIPAL) - e.principal, 0)
    free = min(principal, free_principal(d))  # what bears goes last
    if free > 0:
        moved = share(d.contingent, free, free_principal(d))
        d.contingent -= moved
        fresh.contingent += moved
    d.bearing -= principal - free
    fresh.bearing += principal - free
    interest = max(unpaid(d, INTEREST) - e.interest, 0)
    fee = max(unpaid(d, FEE) - e.fee, 0)
    penalty = max(unpaid(d, PENALTY) - e.penalty, 0)
    hand_over(d, fresh, principal, interest, fee, penalty)


@kernel
@rule("R-LINE-01", "R-LINE-02", "R-MIN-01", "R-DAY-02")
def issue_statement(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """The end of a statement day: the open cycle is issued, a new one opens."""
    if t.statement_counts == 1:
        advance_line(t, c, dues, e.on + 1, out)
    ask_line_interest(t, c, dues, out)
    restart(t, c, dues, out)
    if t.statement_counts == 0:
        advance_line(t, c, dues, e.on + 1, out)
    use_line_credit(t, c, dues, out)
    n = c.running
    d = dues[at(dues, n)]
    for i in range(at_index(dues, c.first_open), at(dues, n)):
        if dues[i].due_on <= e.on and is_unmet(c, dues[i]) == 0:
            roll(c, dues[i], d)
    open_cycle(c, dues, e.on + 1)
    if e.pinned == 1:
        hold_back(d, dues[at(dues, c.running)], e)
    d.due_on = due_day_of(t, e.on)
    d.original_due_on = d.due_on
    d.phase = ASKED
    d.received = 0
    d.required = required_amount(t, d)
    c.statements += 1
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
        book(c, out, PENALTY, d.n, amount)
    finish_line(t, c, dues, out)


@kernel
@rule("R-BACK-01")
def charge_back_line(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """Ask again, in the open cycle, what the repayment had paid."""
    from_credit = min(e.credit, c.credit)
    c.credit -= from_credit
    emit(out, TAKE_BACK, CREDIT, 0, from_credit)
    principal = e.principal + e.credit - from_credit
    d = dues[at(dues, c.running)]
    ask_again(c, d, e, principal, out)
    if t.posting == 1:
        d.contingent += principal * (t.first - 1)
    finish_line(t, c, dues, out)


@kernel
@rule("R-OFF-01")
def stop_cycles(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """Charged off: nothing bears any more, and what was contingent is never asked."""
    restart(t, c, dues, out)
    for i in range(at_index(dues, c.first_open), at_index(dues, c.running) + 1):
        d = dues[i]
        forget_cycle(d)
        d.bearing = 0
        d.bearing_interest = 0
        d.arrears = 0
