"""Interest and penalty interest as closed forms of time, and what of them has been asked.

Interest of the running period is exact: ``accrued + accrued_rest / denominator``. With
q, r = divmod(base x rate, denominator) the weight of the nights comes last: 64 bits hold it.
"""

from usance.contract.records import (
    ASK,
    ASK_SUSPENDED,
    CHARGED_OFF,
    FEE,
    INTEREST,
    LINE,
    PENALTY,
    PRINCIPAL,
    ROUNDING,
    SUSPEND,
    Contract,
    Due,
    Out,
    Terms,
    ask,
    at,
    emit,
    unpaid,
    why,
)
from usance.core.days import WHOLE_PERIOD, count_weight
from usance.core.kernel import kernel
from usance.core.money import RATE_ONE, rounded
from usance.core.rules import rule

WHY_INTEREST, WHY_PENALTY, WHY_PERIOD, WHY_CONTINGENT, WHY_FEE, WHY_ASKED = range(1, 7)


@kernel
def denominator(t: Terms, c: Contract, dues: list[Due]) -> int:
    """Of the running period's interest; a whole-period count divides by the agreed nights."""
    if t.count == WHOLE_PERIOD and c.kind != LINE and c.running <= c.rows:
        return t.basis * dues[at(dues, c.running)].nights * RATE_ONE
    return t.basis * RATE_ONE


@kernel
@rule("R-SCHED-06")
def interest_base(t: Terms, c: Contract) -> int:
    """What bears contract interest now."""
    if t.flat == 1 and c.balance > 0:
        return c.principal
    return c.balance


@kernel
@rule("R-DAY-01", "R-TERM-01")
def accrue(t: Terms, c: Contract, dues: list[Due], day: int, out: Out) -> None:
    """Let contract interest run to the start of ``day``."""
    if day <= c.accrued_on:
        return
    base = interest_base(t, c)
    if base > 0 and t.rate > 0 and c.status != CHARGED_OFF:
        below = denominator(t, c, dues)
        product = base * t.rate
        weight = count_weight(t.count, c.accrued_on, day)
        rest = c.accrued_rest + product % below * weight
        c.accrued += product // below * weight + rest // below
        c.accrued_rest = rest % below
        basis = below // RATE_ONE
        why(out, WHY_INTEREST, c.accrued_on, c.running, INTEREST, base, t.rate, weight, 0, basis)
    c.accrued_on = day


@kernel
def accrue_amount_days(t: Terms, c: Contract, amount_days: int) -> None:
    """Add interest of so many amount-nights at once (lines; may be negative)."""
    below = t.basis * RATE_ONE
    product = amount_days % below * t.rate
    rest = c.accrued_rest + product % below
    c.accrued += amount_days // below * t.rate + product // below + rest // below
    c.accrued_rest = rest % below


@kernel
def run_now(t: Terms, c: Contract, dues: list[Due]) -> int:
    """Interest of the running period, rounded, that has run and is not yet asked."""
    total = rounded(c.accrued, c.accrued_rest, denominator(t, c, dues), t.rounding)
    return max(total - c.billed, 0)


@kernel
def bill(t: Terms, c: Contract, dues: list[Due], n: int, out: Out) -> int:
    """Ask the interest that has run, as an effect; the caller puts it into due ``n``."""
    amount = run_now(t, c, dues)
    c.billed += amount
    c.unpaid_interest += amount
    book(c, out, INTEREST, n, amount)
    why(out, WHY_ASKED, c.accrued_on, n, INTEREST, 0, 0, 0, amount, 1)
    return amount


@kernel
@rule("R-NONACC-01")
def book(c: Contract, out: Out, component: int, n: int, amount: int) -> None:
    """The effect of asking interest or penalty: income, or suspended on non-accrual."""
    if c.non_accrual == 1:
        c.suspense += amount
        emit(out, ASK_SUSPENDED, component, n, amount)
    else:
        emit(out, ASK, component, n, amount)


@kernel
@rule("R-NONACC-01")
def suspend(c: Contract, component: int, amount: int, out: Out) -> None:
    """Asked interest or penalty leaves income (or, negative, returns to it)."""
    c.suspense += amount
    emit(out, SUSPEND, component, 0, amount)


@kernel
@rule("R-ROUND-01", "R-ACCR-02")
def restart(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """A new period starts with nothing run and nothing asked; the rounding is told, per 10^8."""
    basis = denominator(t, c, dues) // RATE_ONE
    difference = (c.billed - c.accrued) * RATE_ONE - c.accrued_rest // basis
    emit(out, ROUNDING, INTEREST, c.running, difference)
    why(out, WHY_PERIOD, c.accrued_on, c.running, INTEREST, 0, 0, 0, 0, 1)
    c.accrued = 0
    c.accrued_rest = 0
    c.billed = 0


@kernel
@rule("R-PEN-01")
def penalty_base(t: Terms, c: Contract, d: Due) -> int:
    """What of a due bears the penalty rate."""
    if c.kind == LINE:
        return d.arrears
    base = unpaid(d, PRINCIPAL)
    if t.penalty_with_interest == 1:
        base += unpaid(d, INTEREST)
    return base


@kernel
def penalty_step(t: Terms, d: Due, day: int) -> int:
    """Index of the penalty rate of the night that begins on ``day``."""
    late = day - d.due_on + 1
    step = 0
    for i in range(1, t.penalty_count):
        if t.penalty_from[i] <= late:
            step = i
    return step


@kernel
def add_penalty(t: Terms, d: Due, base: int, start: int, end: int, out: Out) -> None:
    """Penalty of the nights from ``start`` to ``end`` on a constant base, step by step."""
    below = t.penalty_basis * RATE_ONE
    at_day = start
    while at_day < end:
        step = penalty_step(t, d, at_day)
        stop = end
        if step + 1 < t.penalty_count:
            stop = min(end, max(d.due_on + t.penalty_from[step + 1] - 1, at_day + 1))
        product = base * t.penalty_rate[step]
        rest = d.penalty_rest + product % below * (stop - at_day)
        d.penalty_run += product // below * (stop - at_day) + rest // below
        d.penalty_rest = rest % below
        why(out, WHY_PENALTY, at_day, d.n, PENALTY, base, t.penalty_rate[step], stop - at_day, 0,
            t.penalty_basis)
        at_day = stop


@kernel
def run_penalty(t: Terms, c: Contract, d: Due, day: int, out: Out) -> None:
    """Let penalty of one overdue due run to the start of ``day``; asked once grace ends."""
    if day <= d.penalty_on:
        return
    base = penalty_base(t, c, d)
    if base > 0 and t.penalty_count > 0 and c.status != CHARGED_OFF:
        add_penalty(t, d, base, d.penalty_on, day, out)
    d.penalty_on = day


@kernel
@rule("R-PEN-03")
def bill_penalty(t: Terms, c: Contract, d: Due, out: Out) -> None:
    """Ask the penalty that has run on a lapsed due."""
    total = rounded(d.penalty_run, d.penalty_rest, t.penalty_basis * RATE_ONE, t.rounding)
    amount = total - d.penalty_billed
    if amount > 0:
        d.penalty_billed = total
        ask(c, d, PENALTY, amount)
        book(c, out, PENALTY, d.n, amount)
        why(out, WHY_ASKED, d.penalty_on, d.n, PENALTY, 0, 0, 0, amount, 1)


@kernel
def charge_fee(c: Contract, d: Due, amount: int, out: Out) -> None:
    """Ask a fee in a due."""
    ask(c, d, FEE, amount)
    emit(out, ASK, FEE, d.n, amount)
    why(out, WHY_FEE, c.on, d.n, FEE, amount, 0, 0, amount, 1)
