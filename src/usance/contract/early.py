"""Early money on a term contract: what it repays, and how the rows ahead are planned anew."""

from usance.contract.accrual import bill, charge_fee, restart, run_now
from usance.contract.records import (
    AHEAD,
    EQUAL_INSTALMENT,
    EQUAL_PRINCIPAL,
    FEE,
    INTEREST,
    KEEP_INSTALMENT,
    LAPSED,
    LAST,
    LOWER_INSTALMENT,
    NEXT,
    PENALTY,
    PRINCIPAL,
    Contract,
    Due,
    Out,
    Terms,
    at,
    emit,
    mark_paid,
    unpaid,
)
from usance.contract.waterfall import pay
from usance.core.days import WHOLE_PERIOD, count_weight
from usance.core.kernel import kernel
from usance.core.money import RATE_ONE, divide_half_even, rounded
from usance.core.rules import rule


@kernel
def next_ahead(c: Contract, dues: list[Due], n: int) -> int:
    """Number of the first row from ``n`` on that is ahead, not covered; past all rows if none."""
    found = n
    while found <= c.rows and dues[at(dues, found)].phase != AHEAD:
        found += 1
    return found


@kernel
def ask_run(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """Ask now the interest that has run in the running row."""
    row = dues[at(dues, c.running)]
    row.asked_interest += bill(t, c, dues, c.running, out)
    row.interest = max(row.interest, row.asked_interest)


@kernel
def charge_running_fee(c: Contract, dues: list[Due], out: Out) -> None:
    """Ask the planned fee of the running row, once."""
    row = dues[at(dues, c.running)]
    planned = row.fee - row.asked_fee
    if planned > 0:
        row.fee = row.asked_fee
        charge_fee(c, row, planned, out)
        row.asked_fee = row.fee


@kernel
@rule("R-EARLY-01")
def pay_run(t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out) -> int:
    """Early money first pays the running row's penalty, its fee and the interest run to today."""
    row = dues[at(dues, c.running)]
    charge_running_fee(c, dues, out)
    left = amount - pay(t, c, row, PENALTY, amount, source, out)
    left -= pay(t, c, row, FEE, left, source, out)
    if left == 0:
        return 0
    ask_run(t, c, dues, out)
    owed = row.asked_interest - row.paid_interest
    return left - pay(t, c, row, INTEREST, min(left, owed), source, out)


@kernel
def repay_row(c: Contract, d: Due, amount: int, source: int, out: Out) -> None:
    """Principal repaid ahead of its day leaves the balance at once."""
    if amount == 0:
        return
    mark_paid(c, d, PRINCIPAL, amount)
    d.principal = max(d.principal, d.paid_principal)
    c.balance -= amount
    emit(out, source, PRINCIPAL, d.n, amount)


@kernel
@rule("R-EARLY-02")
def room_in(t: Terms, c: Contract, dues: list[Due], d: Due) -> int:
    """What is missing of a row's planned total once the interest run in it is paid."""
    room = unpaid(d, PRINCIPAL) + d.interest - d.asked_interest
    if d.n == c.running:
        room -= run_now(t, c, dues)
    return room


@kernel
@rule("R-EARLY-02")
def owes_nothing_else(t: Terms, c: Contract, dues: list[Due], d: Due) -> int:
    """1 if the row's fee, penalty and interest run so far are paid, so that it may be covered."""
    if d.n == c.running and run_now(t, c, dues) > 0:
        return 0
    if d.fee > d.paid_fee or d.penalty > d.paid_penalty or d.asked_interest > d.paid_interest:
        return 0
    return 1


@kernel
@rule("R-EARLY-02")
def cover(t: Terms, c: Contract, dues: list[Due], d: Due, out: Out) -> None:
    """The row closes today: it asks what was paid; its nights from today on go to the next one."""
    d.principal = d.paid_principal
    d.interest = d.asked_interest
    d.phase = LAPSED
    if d.n == c.running:
        restart(t, c, dues, out)
        c.running = next_ahead(c, dues, d.n + 1)


@kernel
@rule("R-EARLY-02")
def repay_next(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> int:
    """Row after row, each up to its planned total; gives what is left."""
    left = amount
    for n in range(c.running, c.rows + 1):
        d = dues[at(dues, n)]
        if left > 0 and c.balance > 0 and d.phase == AHEAD and d.principal > 0:
            room = room_in(t, c, dues, d)
            used = min(left, room, c.balance)
            repay_row(c, d, used, source, out)
            left -= used
            if used == room and owes_nothing_else(t, c, dues, d) == 1:
                cover(t, c, dues, d, out)
    return left


@kernel
@rule("R-EARLY-06")
def pay_next_due(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> int:
    """Once its period has begun the running row is paid before any early effect; gives the rest.

    What keeps the instalment and pays the next rows does so by itself (``repay_next``), except
    where the row asks no principal: interest alone is paid whole, or not here.
    """
    d = dues[at(dues, c.running)]
    by_itself = t.early == KEEP_INSTALMENT and t.future == NEXT and d.principal > 0
    room = room_in(t, c, dues, d)
    if amount == 0 or d.from_on >= c.on or by_itself or (d.principal == 0 and amount < room):
        return amount
    used = min(amount, room, c.balance)
    repay_row(c, d, used, source, out)
    if used == room and owes_nothing_else(t, c, dues, d) == 1:
        cover(t, c, dues, d, out)
    plan_rows(t, c, dues, 0)
    return amount - used


@kernel
def repay_last(c: Contract, dues: list[Due], amount: int, source: int, out: Out) -> int:
    """From the last row backwards."""
    left = amount
    for n in range(c.rows, c.running - 1, -1):
        d = dues[at(dues, n)]
        used = min(left, unpaid(d, PRINCIPAL))
        repay_row(c, d, used, source, out)
        left -= used
    return left


@kernel
def repay_spread(c: Contract, dues: list[Due], amount: int, source: int, out: Out) -> int:
    """Equal parts over the rows with unpaid principal, the odd minor units to the last ones."""
    left = amount
    while left > 0:
        open_rows = 0
        for n in range(c.running, c.rows + 1):
            if unpaid(dues[at(dues, n)], PRINCIPAL) > 0:
                open_rows += 1
        if open_rows == 0:
            return left
        part, odd = left // open_rows, left % open_rows
        place = 0
        for n in range(c.running, c.rows + 1):
            d = dues[at(dues, n)]
            if unpaid(d, PRINCIPAL) > 0:
                share = part
                if place >= open_rows - odd:
                    share += 1
                used = min(share, unpaid(d, PRINCIPAL))
                repay_row(c, d, used, source, out)
                left -= used
                place += 1
    return left


@kernel
@rule("R-EARLY-03")
def repay_here(c: Contract, dues: list[Due], amount: int, source: int, out: Out) -> int:
    """Shorten, lower: the running row takes the money on top of its instalment."""
    d = dues[at(dues, c.running)]
    used = min(amount, c.balance)
    d.extra += used
    d.principal += used
    repay_row(c, d, used, source, out)
    return amount - used


@kernel
@rule("R-EARLY-04")
def lower_instalment(t: Terms, c: Contract, dues: list[Due]) -> None:
    """A new instalment over the rows left; what was paid there early is on top of it."""
    for n in range(c.running, c.rows + 1):
        d = dues[at(dues, n)]
        d.extra = d.paid_principal
    c.instalment = lowered_instalment(t, c, dues)


@kernel
def repay_principal(
    t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out
) -> int:
    """Early principal by the terms' early effect; gives what is left."""
    if amount == 0 or c.balance == 0:
        return amount
    if t.early == KEEP_INSTALMENT and t.future == NEXT:
        left = repay_next(t, c, dues, amount, source, out)
    elif t.early == KEEP_INSTALMENT and t.future == LAST:
        left = repay_last(c, dues, amount, source, out)
    elif t.early == KEEP_INSTALMENT:
        left = repay_spread(c, dues, amount, source, out)
    else:
        left = repay_here(c, dues, amount, source, out)
        if t.early == LOWER_INSTALMENT and c.balance > 0:
            lower_instalment(t, c, dues)
    plan_rows(t, c, dues, 0)
    return left


@kernel
def row_interest(t: Terms, c: Contract, d: Due, start: int, base: int) -> int:
    """Interest of a row, rounded, with what has run of it if it is the running one."""
    below = t.basis * RATE_ONE
    if t.count == WHOLE_PERIOD:
        below *= d.nights
    product = base * t.rate
    weight = count_weight(t.count, start, d.due_on)
    rest = product % below * weight
    whole = product // below * weight
    if d.n == c.running:
        rest += c.accrued_rest
        whole += c.accrued
    return rounded(whole + rest // below, rest % below, below, t.rounding)


@kernel
def planned_principal(t: Terms, c: Contract, d: Due, interest: int, balance: int) -> int:
    """Principal that a row asks: by amortisation, at least what is paid, at most all there is."""
    wanted = d.extra + c.instalment  # none for interest first and bullet
    if t.amortisation == EQUAL_INSTALMENT:
        wanted -= interest
    return min(max(wanted, d.paid_principal), d.paid_principal + balance)


@kernel
@rule("R-EARLY-05", "R-SCHED-02", "R-SCHED-03", "R-SCHED-04", "R-SCHED-05")
def plan_rows(t: Terms, c: Contract, dues: list[Due], keep_principal: int) -> None:
    """Plan the rows from the running one on, on the balance of today; the last asks the rest.

    With ``keep_principal`` 1 only the interest is counted anew.
    """
    balance = c.balance
    start = c.accrued_on
    last = c.running
    for n in range(c.running, c.rows + 1):
        d = dues[at(dues, n)]
        if d.phase == AHEAD:
            base = balance
            if t.flat == 1 and balance > 0:
                base = c.principal
            interest = row_interest(t, c, d, start, base)
            d.interest = d.asked_interest + interest
            if n == c.running:
                d.interest = d.asked_interest + max(interest - c.billed, 0)
            if keep_principal == 0:
                d.principal = planned_principal(t, c, d, interest, balance)
            balance -= d.principal - d.paid_principal
            start = d.due_on
            last = n
    if last <= c.rows:
        dues[at(dues, last)].principal += balance


def lowered_instalment(t: Terms, c: Contract, dues: list[Due]) -> int:
    """The equal instalment (or equal principal) over the rows left, on today's balance."""
    from usance.contract.schedule import equal_instalment

    rows = [d for d in dues if c.running <= d.n <= c.rows and d.phase == AHEAD]
    if t.amortisation == EQUAL_PRINCIPAL:
        return divide_half_even(c.balance, len(rows) * t.unit) * t.unit
    if t.amortisation != EQUAL_INSTALMENT:
        return 0
    starts = [c.accrued_on, *(row.due_on for row in rows[:-1])]
    periods = [(start, row) for start, row in zip(starts, rows, strict=True)]
    return equal_instalment(t, c.balance, c.principal, periods)
