"""A term contract as time passes, and what events do to it."""

from usance.contract.accrual import (
    WHY_PERIOD,
    accrue,
    bill_penalty,
    book,
    charge_fee,
    restart,
    run_penalty,
)
from usance.contract.early import (
    ask_run,
    charge_running_fee,
    next_ahead,
    pay_next_due,
    pay_run,
    plan_rows,
    repay_principal,
    repay_row,
)
from usance.contract.records import (
    ACTIVE,
    AHEAD,
    ASKED,
    CHARGE,
    CHARGED_OFF,
    CLOSED,
    CREDIT,
    FEE,
    FROM_CREDIT,
    INTEREST,
    LAPSED,
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
from usance.contract.standing import pay_off
from usance.contract.waterfall import (
    ask_again,
    asked_end,
    at_index,
    last_asked,
    move_first_open,
    note_late,
    past,
    pay,
    pay_dues,
    to_credit,
)
from usance.core.kernel import kernel
from usance.core.rules import rule


@kernel
@rule("R-TERM-01")
def fix_row(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """The running row's day has come: its interest is fixed, its principal leaves the balance."""
    d = dues[at(dues, c.running)]
    accrue(t, c, dues, d.due_on, out)
    charge_running_fee(c, dues, out)
    ask_run(t, c, dues, out)
    d.interest = d.asked_interest
    c.balance -= unpaid(d, PRINCIPAL)
    d.phase = ASKED
    d.penalty_on = d.due_on
    restart(t, c, dues, out)
    c.running = next_ahead(c, dues, c.running + 1)


@kernel
@rule("R-PEN-02")
def forget_grace(d: Due) -> None:
    """Paid (or charged off) within its grace: the penalty that ran is not asked."""
    if d.phase == ASKED:
        d.penalty_run = d.penalty_billed
        d.penalty_rest = 0


@kernel
@rule("R-PEN-02")
def pass_late_row(t: Terms, c: Contract, d: Due, day: int, out: Out) -> None:
    """An asked row on a later day: penalty runs; after its grace it is asked."""
    if outstanding(d) == 0 or c.status == CHARGED_OFF:
        forget_grace(d)
        return
    run_penalty(t, c, d, day, out)
    if d.phase == LAPSED or day > d.due_on + t.grace:
        d.phase = LAPSED
        bill_penalty(t, c, d, out)


@kernel
def advance_term(t: Terms, c: Contract, dues: list[Due], day: int, out: Out) -> None:
    """Bring the contract to the start of ``day``; rows due on ``day`` are asked."""
    while c.running <= c.rows and c.status != CHARGED_OFF:
        d = dues[at(dues, c.running)]
        if d.due_on > day:
            break
        fix_row(t, c, dues, out)
        c.on = d.due_on
        use_credit(t, c, dues, out)
        if c.balance == 0:
            finish_term(t, c, dues, out)
    accrue(t, c, dues, day, out)
    for i in range(at_index(dues, c.first_open), asked_end(c, dues)):
        if dues[i].phase != AHEAD:
            pass_late_row(t, c, dues[i], day, out)
    c.on = day
    finish_term(t, c, dues, out)


@kernel
@rule("R-CREDIT-02")
def use_credit(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """A credit balance pays what is asked and due, never early."""
    if c.credit == 0:
        return
    note_late(c, dues)
    c.credit = pay_dues(t, c, dues, last_asked(c), c.credit, FROM_CREDIT, out)
    move_first_open(c, dues)


@kernel
@rule("R-PAYOFF-01")
def settle_row(t: Terms, c: Contract, d: Due, source: int, out: Out) -> None:
    """A row ahead is paid in full: it asks only what is paid there."""
    d.interest = d.asked_interest
    d.fee = d.asked_fee
    for component in range(INTEREST + 1):
        pay(t, c, d, component, unpaid(d, component), source, out)
    repay_row(c, d, unpaid(d, PRINCIPAL), source, out)
    d.principal = d.paid_principal


@kernel
@rule("R-PAYOFF-01")
def settle(t: Terms, c: Contract, dues: list[Due], source: int, out: Out) -> None:
    """All that is left is paid now; the rows stay ahead, so that a charge-back can reopen one."""
    charge_running_fee(c, dues, out)
    ask_run(t, c, dues, out)
    for n in range(c.running, c.rows + 1):
        d = dues[at(dues, n)]
        if d.phase == AHEAD:
            settle_row(t, c, d, source, out)
    restart(t, c, dues, out)
    c.running = c.rows + 1


@kernel
@rule("R-PAYOFF-01", "R-EARLY-01", "R-EARLY-06")
def repay_early(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> int:
    """Early money: it pays off, or what has run, the next due, then principal; gives the rest."""
    whole = pay_off(t, c, dues)
    if amount >= whole:
        settle(t, c, dues, source, out)
        return amount - whole
    left = pay_run(t, c, dues, amount, source, out)
    left = pay_next_due(t, c, dues, left, source, out)
    return repay_principal(t, c, dues, left, source, out)


@kernel
def receive_term(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> None:
    """A repayment (or goodwill, recovery) on the day the contract stands at."""
    left = pay_dues(t, c, dues, last_asked(c), amount, source, out)
    if left > 0 and c.running <= c.rows:
        left = repay_early(t, c, dues, left, source, out)
    to_credit(c, left, source, out)
    finish_term(t, c, dues, out)


@kernel
@rule("R-REFUND-01")
def refund_term(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> None:
    """A merchant's refund repays principal: what is due, then what is ahead, then credit."""
    left = amount
    for i in range(at_index(dues, c.first_open), asked_end(c, dues)):
        if dues[i].phase != AHEAD:
            left -= pay(t, c, dues[i], PRINCIPAL, left, source, out)
    if left > 0 and c.running <= c.rows:
        left = repay_principal(t, c, dues, left, source, out)
    to_credit(c, left, source, out)
    finish_term(t, c, dues, out)


@kernel
@rule("R-CLOSE-01", "R-CREDIT-02")
def finish_term(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """After any event: credit used, late or not, closed or not."""
    use_credit(t, c, dues, out)
    for i in range(at_index(dues, c.first_open), asked_end(c, dues)):
        if outstanding(dues[i]) == 0:
            forget_grace(dues[i])
    if c.status == ACTIVE and c.balance == 0 and c.running <= c.rows:
        if pay_off(t, c, dues) == 0:
            settle(t, c, dues, FROM_CREDIT, out)
    move_first_open(c, dues)
    note_late(c, dues)
    owed = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
    if c.status != CHARGED_OFF:
        if c.running > c.rows and owed == 0:
            if c.status != CLOSED:
                c.status = CLOSED
                c.closed_on = c.on
        elif c.status == CLOSED:
            c.status = ACTIVE
            c.closed_on = 0


@kernel
@rule("R-FEE-02", "R-BACK-01")
def place_for_charge(c: Contract, dues: list[Due], day: int) -> int:
    """Index of the earliest row with due day >= ``day`` that is not covered; -1 if none.

    After a charge-off all rows of the plan are due, also one whose due day is today.
    """
    place = -1
    for i in range(at_index(dues, c.first_open), past(dues, c.count)):
        if c.status == CHARGED_OFF and dues[i].kind != CHARGE:
            continue
        if dues[i].due_on >= day and dues[i].phase != LAPSED:
            if place < 0 or dues[i].due_on < dues[place].due_on:
                place = i
    return place


@kernel
@rule("R-FEE-02", "R-BACK-01")
def row_for_charge(c: Contract, dues: list[Due], day: int) -> int:
    """Index of the row in which something charged on ``day`` is asked; a new one after maturity."""
    place = place_for_charge(c, dues, day)
    if place >= 0:
        if dues[place].phase == AHEAD and dues[place].n < c.running:
            reopen_settled(c, dues, dues[place])
        return place
    d = append_due(dues, c)
    d.kind = CHARGE
    d.phase = ASKED
    d.from_on = day
    d.due_on = day
    d.original_due_on = day
    d.penalty_on = day
    return at(dues, d.n)


@kernel
@rule("R-BACK-01")
def reopen_settled(c: Contract, dues: list[Due], d: Due) -> None:
    """A row settled by a pay-off asks again: it is the running one, or due today."""
    for n in range(max(c.first_open, dues[0].n), d.n):
        if dues[at(dues, n)].phase == AHEAD:
            dues[at(dues, n)].phase = LAPSED
    if d.due_on > c.on:
        c.running = d.n
    else:
        d.phase = ASKED
        d.penalty_on = d.due_on


@kernel
@rule("R-FEE-02")
def charge_term(
    t: Terms, c: Contract, dues: list[Due], component: int, amount: int, out: Out
) -> None:
    """A fee or an agreed lump-sum penalty."""
    d = dues[row_for_charge(c, dues, c.on)]
    if component == FEE:
        charge_fee(c, d, amount, out)
        d.asked_fee += amount
    else:
        ask(c, d, PENALTY, amount)
        book(c, out, PENALTY, d.n, amount)
    finish_term(t, c, dues, out)


@kernel
@rule("R-BACK-01")
def charge_back_term(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """Ask again what the repayment had paid; principal not yet due bears interest from today."""
    from_credit = min(e.credit, c.credit)
    c.credit -= from_credit
    emit(out, TAKE_BACK, CREDIT, 0, from_credit)
    principal = e.principal + e.credit - from_credit
    if principal + e.interest + e.fee + e.penalty > 0:
        d = dues[row_for_charge(c, dues, c.on)]
        ask_again(c, d, e, principal, out)
        d.extra += principal
        if d.phase == AHEAD:
            d.asked_interest += e.interest
            d.asked_fee += e.fee
            c.balance += principal
            plan_rows(t, c, dues, 1)
    finish_term(t, c, dues, out)


@kernel
@rule("R-EXT-01")
def extend(t: Terms, c: Contract, dues: list[Due], days: int, out: Out) -> None:
    """Move the due days of all rows not fully paid; interest runs over the longer period."""
    c.extensions += 1
    moved = 0
    for i in range(at_index(dues, c.first_open), past(dues, c.count)):
        d = dues[i]
        if outstanding(d) > 0 or (d.phase == AHEAD and d.due_on > c.on):
            d.due_on += days
            if moved == 1 and d.kind != CHARGE:
                d.from_on += days
            elif d.kind == CHARGE:
                d.from_on = d.due_on
            moved = 1
        else:
            moved = 0
    reopen_late(c, dues, out)
    if c.running <= c.rows:
        plan_rows(t, c, dues, 1)
    note_late(c, dues)


@kernel
@rule("R-EXT-01")
def reopen_late(c: Contract, dues: list[Due], out: Out) -> None:
    """Rows that are ahead again: the first of them takes over the period that is running.

    That is a row's of which nothing is left to pay, where early money had paid all rows ahead.
    """
    first = 0
    running = c.running
    for i in range(at_index(dues, c.first_open), past(dues, c.count)):
        d = dues[i]
        if running > c.rows and d.phase == AHEAD and d.due_on > c.on:
            running = d.n
        if outstanding(d) > 0 and d.due_on >= c.on and d.phase != AHEAD:
            d.penalty_run = 0
            d.penalty_rest = 0
            d.penalty_billed = 0
            d.penalty_on = d.due_on
            d.phase = ASKED
            why(out, WHY_PERIOD, c.on, d.n, PENALTY, 0, 0, 0, 0, 1)
            if d.kind != CHARGE and d.due_on > c.on:
                reopen_row(c, d)
                if first == 0:
                    first = d.n
    if first > 0:
        if running <= c.rows:
            dues[at(dues, first)].nights = dues[at(dues, running)].nights
        c.running = first


@kernel
@rule("R-EXT-01")
def reopen_row(c: Contract, d: Due) -> None:
    """A late row is ahead again: what it asks of interest and fee stays asked."""
    d.phase = AHEAD
    d.asked_interest = d.interest
    d.asked_fee = d.fee
    c.balance += unpaid(d, PRINCIPAL)
