"""A term contract as time passes, and what events do to it."""

from usance.contract.accrual import accrue, bill, bill_penalty, charge_fee, restart, run_penalty
from usance.contract.early import (
    charge_running_fee,
    pay_run,
    plan_rows,
    repay_principal,
    repay_row,
    run_unasked,
)
from usance.contract.records import (
    ASKED,
    CHARGE,
    CHARGED_OFF,
    CLOSED,
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
)
from usance.contract.waterfall import (
    at_index,
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
    asked_before = c.billed_net
    d.interest = asked_before + bill(t, c, dues, d.n, out)
    c.balance -= unpaid(d, PRINCIPAL)
    d.phase = ASKED
    d.penalty_on = d.due_on
    restart(t, c, dues, out)
    c.running += 1


@kernel
@rule("R-PEN-02")
def forget_grace(d: Due) -> None:
    """Paid (or moved) within its grace: the penalty that ran is not asked."""
    if d.phase == ASKED:
        d.penalty_run = d.penalty_billed
        d.penalty_rest = 0


@kernel
@rule("R-PEN-02")
def pass_late_row(t: Terms, c: Contract, d: Due, day: int, out: Out) -> None:
    """An asked row on a later day: penalty runs; after its grace it is asked."""
    if outstanding(d) == 0:
        forget_grace(d)
        return
    run_penalty(t, c, d, day, out)
    if day > d.due_on + t.grace:
        d.phase = LAPSED
        if c.status != CHARGED_OFF:
            bill_penalty(t, c, d, out)


@kernel
def advance_term(t: Terms, c: Contract, dues: list[Due], day: int, out: Out) -> None:
    """Bring the contract to the start of ``day``; rows due on ``day`` are asked."""
    while c.running <= c.rows and c.status != CHARGED_OFF:
        d = dues[at(dues, c.running)]
        if d.due_on > day:
            break
        fix_row(t, c, dues, out)
        use_credit(t, c, dues, d.due_on, out)
    accrue(t, c, dues, day, out)
    for i in range(at_index(dues, c.first_open), at_index(dues, c.running)):
        pass_late_row(t, c, dues[i], day, out)
    c.on = day
    finish_term(t, c, dues, out)


@kernel
@rule("R-CREDIT-02")
def use_credit(t: Terms, c: Contract, dues: list[Due], day: int, out: Out) -> None:
    """A credit balance pays what has just been asked."""
    if c.credit == 0:
        return
    c.on = day
    left = pay_dues(t, c, dues, c.running - 1, c.credit, FROM_CREDIT, out)
    c.credit = left
    move_first_open(c, dues)


@kernel
def run_owed(t: Terms, c: Contract, dues: list[Due]) -> int:
    """Fee and interest of the running row that early money must pay before principal."""
    from_running = 0
    if c.running <= c.rows:
        d = dues[at(dues, c.running)]
        from_running = unpaid(d, FEE) + c.billed_net - d.paid_interest
        from_running += run_unasked(t, c, dues)
    return from_running


@kernel
@rule("R-PAYOFF-01")
def settle(t: Terms, c: Contract, dues: list[Due], source: int, out: Out) -> None:
    """All that is left is paid now: rows ahead ask only what is paid there."""
    for n in range(c.running, c.rows + 1):
        d = dues[at(dues, n)]
        repay_row(c, d, unpaid(d, PRINCIPAL), source, out)
        if n == c.running:
            d.interest = c.billed_net
        else:
            d.interest = d.paid_interest
            d.fee = d.paid_fee
        d.principal = d.paid_principal
        d.phase = LAPSED
    restart(t, c, dues, out)
    c.running = c.rows + 1


@kernel
@rule("R-PAYOFF-01", "R-EARLY-01")
def repay_early(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> int:
    """Early money: fee and interest run so far, then principal; gives what is left."""
    whole = run_owed(t, c, dues) + c.balance
    planned = dues[at(dues, c.running)].paid_interest
    left = pay_run(t, c, dues, amount, source, out)
    if amount >= whole:
        left -= c.balance
        settle(t, c, dues, source, out)
        return left
    paid_run = dues[at(dues, c.running)].paid_interest - planned
    return repay_principal(t, c, dues, left, paid_run, source, out)


@kernel
def receive_term(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> None:
    """A repayment (or goodwill, recovery) on the day the contract stands at."""
    left = pay_dues(t, c, dues, c.running - 1, amount, source, out)
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
    for i in range(at_index(dues, c.first_open), at_index(dues, c.running)):
        left -= pay(t, c, dues[i], PRINCIPAL, left, source, out)
    if left > 0 and c.running <= c.rows:
        left = repay_principal(t, c, dues, left, 0, source, out)
    to_credit(c, left, source, out)
    finish_term(t, c, dues, out)


@kernel
@rule("R-CLOSE-01")
def finish_term(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """After any event: late or not, closed or not."""
    for i in range(at_index(dues, c.first_open), at_index(dues, c.running)):
        if outstanding(dues[i]) == 0:
            forget_grace(dues[i])
    if c.balance == 0 and c.running <= c.rows and run_owed(t, c, dues) == 0:
        settle(t, c, dues, FROM_CREDIT, out)
    move_first_open(c, dues)
    note_late(c, dues)
    owed = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
    if c.status != CHARGED_OFF:
        if c.running > c.rows and owed == 0:
            c.status = CLOSED
            c.closed_on = c.on
        elif c.status == CLOSED:
            c.status = 1
            c.closed_on = 0


@kernel
@rule("R-FEE-02", "R-BACK-01")
def row_for_charge(t: Terms, c: Contract, dues: list[Due], day: int) -> int:
    """Index of the row in which something charged on ``day`` is asked; a new one after maturity."""
    for i in range(at_index(dues, c.first_open), len(dues)):
        if i < c.count - dues[0].n + 1 and dues[i].due_on >= day and dues[i].phase != LAPSED:
            return i
    d = append_due(dues, c)
    d.kind = CHARGE
    d.phase = ASKED
    d.from_on = day
    d.due_on = day
    d.original_due_on = day
    d.penalty_on = day
    c.running = max(c.running, c.count + 1)
    return at(dues, d.n)


@kernel
@rule("R-FEE-02")
def charge_term(
    t: Terms, c: Contract, dues: list[Due], component: int, amount: int, out: Out
) -> None:
    """A fee or an agreed lump-sum penalty."""
    d = dues[row_for_charge(t, c, dues, c.on)]
    if component == FEE:
        if d.n == c.running:
            c.fee_billed += amount
        charge_fee(c, d, amount, out)
    else:
        ask(c, d, PENALTY, amount)
        emit(out, 0, PENALTY, d.n, amount)
    use_credit(t, c, dues, c.on, out)
    finish_term(t, c, dues, out)


@kernel
@rule("R-BACK-01")
def charge_back_term(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """Ask again what the repayment had paid; principal not yet due bears interest from today."""
    principal = e.principal
    from_credit = min(e.credit, c.credit)
    c.credit -= from_credit
    principal += e.credit - from_credit
    emit(out, TAKE_BACK, 4, 0, from_credit)
    d = dues[row_for_charge(t, c, dues, c.on)]
    ahead = d.n >= c.running
    ask(c, d, PRINCIPAL, principal)
    if ahead:
        d.extra += principal
        c.balance += principal
    ask(c, d, INTEREST, e.interest)
    ask(c, d, FEE, e.fee)
    ask(c, d, PENALTY, e.penalty)
    if d.n == c.running:
        c.billed_net += e.interest
        c.fee_billed += e.fee
    emit(out, TAKE_BACK, PRINCIPAL, d.n, principal)
    emit(out, TAKE_BACK, INTEREST, d.n, e.interest)
    emit(out, TAKE_BACK, FEE, d.n, e.fee)
    emit(out, TAKE_BACK, PENALTY, d.n, e.penalty)
    if ahead:
        plan_rows(t, c, dues)
    finish_term(t, c, dues, out)


@kernel
@rule("R-EXT-01")
def extend(t: Terms, c: Contract, dues: list[Due], days: int, out: Out) -> None:
    """Move the due days of all rows not fully paid; interest runs over the longer period."""
    c.extensions += 1
    for i in range(at_index(dues, c.first_open), past(dues, c.count)):
        d = dues[i]
        if outstanding(d) > 0:
            d.due_on += days
            if d.n > c.first_open and d.n > c.running:
                d.from_on += days
            if d.n < c.running:
                forget_grace(d)
                d.phase = ASKED
                d.penalty_on = d.due_on
    if c.running <= c.rows:
        plan_rows(t, c, dues)
    note_late(c, dues)


__all__ = ["advance_term", "charge_back_term", "charge_term", "extend", "receive_term"]
