"""The waterfall: which money pays which component of which due, by delinquency state."""

from usance.contract.accrual import WHY_INTEREST, accrue_amount_days, suspend
from usance.contract.records import (
    AHEAD,
    CHARGED_OFF,
    CREDIT,
    FEE,
    INTEREST,
    LAPSED,
    LINE,
    PENALTY,
    PRINCIPAL,
    TAKE_BACK,
    Contract,
    Due,
    Event,
    Out,
    Terms,
    ask,
    emit,
    mark_paid,
    outstanding,
    unpaid,
    why,
)
from usance.core.kernel import kernel
from usance.core.money import share
from usance.core.rules import rule


@kernel
@rule("R-ALLOC-02")
def waterfall(t: Terms, c: Contract, day: int) -> int:
    """Index of the waterfall in force on ``day``: normal, by days past due, or charged off."""
    late = 0
    if c.late_from > 0 and c.late_from < day:
        late = day - c.late_from
    chosen = 0
    for i in range(1, t.waterfalls):
        start = t.waterfall_from[i]
        if start < 0:
            if c.status == CHARGED_OFF:
                return i
        elif start <= late:
            chosen = i
    return chosen


@kernel
@rule("R-LINE-06", "R-LINE-08", "R-DAY-02")
def lower_bearing(t: Terms, c: Contract, d: Due, amount: int, out: Out) -> None:
    """Principal of a cycle is paid: arrears are lowered, and what bears goes before the rest.

    Once lapsed, principal is either in arrears or bears; before, arrears may bear as well.
    """
    from_arrears = min(amount, d.arrears)
    if d.phase == LAPSED:
        from_bearing = amount - from_arrears
    else:
        from_bearing = min(amount, d.bearing)
        lower_contingent(t, d, amount, from_arrears, from_bearing)
    d.arrears -= from_arrears
    d.bearing -= from_bearing
    c.balance -= from_bearing
    if t.last == 1 and c.status != CHARGED_OFF and from_bearing > 0:
        accrue_amount_days(t, c, from_bearing)
        why(out, WHY_INTEREST, c.on, d.n, INTEREST, from_bearing, t.rate, 1, 0, t.basis)


@kernel
@rule("R-LINE-04", "R-DAY-02")
def lower_contingent(
    t: Terms, d: Due, amount: int, from_arrears: int, from_bearing: int
) -> None:
    """Principal of a cycle that has not lapsed is paid: what of its amount-days may still count."""
    late = d.penalty_on > 0
    if t.posting == 1 and t.full_bill == 0 and not late and amount > from_bearing:
        before = unpaid(d, PRINCIPAL) + amount - d.bearing
        d.contingent -= share(d.contingent, amount - from_bearing, before)
    if late or (t.posting == 1 and t.full_bill == 1):
        d.contingent += (amount - from_bearing - from_arrears) * t.last


@kernel
def free_interest(c: Contract, d: Due, amount: int) -> None:
    """Interest of a cycle that bears interest itself (compound) is paid or waived."""
    freed = min(amount, d.bearing_interest)
    d.bearing_interest -= freed
    c.balance -= freed


@kernel
def pay(
    t: Terms, c: Contract, d: Due, component: int, amount: int, source: int, out: Out
) -> int:
    """Pay up to ``amount`` of a component; gives what was used."""
    used = min(amount, unpaid(d, component))
    if used <= 0:
        return 0
    mark_paid(c, d, component, used)
    if c.kind == LINE:
        if component == PRINCIPAL:
            lower_bearing(t, c, d, used, out)
        elif component == INTEREST:
            free_interest(c, d, used)
    emit(out, source, component, d.n, used)
    if c.non_accrual == 1 and (component == INTEREST or component == PENALTY):
        suspend(c, component, -used, out)
    return used


@kernel
@rule("R-ALLOC-01")
def pay_dues(
    t: Terms, c: Contract, dues: list[Due], last: int, amount: int, source: int, out: Out
) -> int:
    """Pay dues up to number ``last`` by the waterfall of the day; gives what is left."""
    chosen = waterfall(t, c, c.on)
    order = t.waterfall_order[chosen]
    left = amount
    first = c.first_open
    if t.waterfall_by[chosen] == 0:
        for i in range(at_index(dues, first), past(dues, last)):
            if is_asked(c, dues[i]) == 1:
                for slot in range(4):
                    left -= pay(t, c, dues[i], order >> (2 * slot) & 3, left, source, out)
    else:
        for slot in range(4):
            for i in range(at_index(dues, first), past(dues, last)):
                if is_asked(c, dues[i]) == 1:
                    left -= pay(t, c, dues[i], order >> (2 * slot) & 3, left, source, out)
    return left


@kernel
def is_asked(c: Contract, d: Due) -> int:
    """1 unless the due is a row ahead; the open cycle of a line is asked."""
    if c.kind != LINE and d.phase == AHEAD:
        return 0
    return 1


@kernel
def last_asked(c: Contract) -> int:
    """Number of the last due that may be asked: charges after maturity stand behind all rows."""
    if c.kind != LINE and c.count > c.rows:
        return c.count
    return c.running - 1


@kernel
def asked_end(c: Contract, dues: list[Due]) -> int:
    """Index just past the last due that may be asked."""
    return past(dues, last_asked(c))


@kernel
def at_index(dues: list[Due], n: int) -> int:
    """Index of due ``n``, at least that of the first one held."""
    return max(n - dues[0].n, 0)


@kernel
def past(dues: list[Due], n: int) -> int:
    """Index just past due ``n``: the end of a range that includes it; 0 if it is not held."""
    return max(n + 1 - dues[0].n, 0)


@kernel
@rule("R-BACK-01")
def ask_again(c: Contract, d: Due, e: Event, principal: int, out: Out) -> None:
    """What a charge-back takes back is asked in ``d``."""
    ask(c, d, PRINCIPAL, principal)
    ask(c, d, INTEREST, e.interest)
    ask(c, d, FEE, e.fee)
    ask(c, d, PENALTY, e.penalty)
    emit(out, TAKE_BACK, PRINCIPAL, d.n, principal)
    emit(out, TAKE_BACK, INTEREST, d.n, e.interest)
    emit(out, TAKE_BACK, FEE, d.n, e.fee)
    emit(out, TAKE_BACK, PENALTY, d.n, e.penalty)
    if c.non_accrual == 1:
        suspend(c, INTEREST, e.interest, out)
        suspend(c, PENALTY, e.penalty, out)


@kernel
@rule("R-CREDIT-01")
def to_credit(c: Contract, amount: int, source: int, out: Out) -> None:
    """What exceeds everything owed is the borrower's."""
    c.credit += amount
    emit(out, source, CREDIT, 0, amount)


@kernel
def move_first_open(c: Contract, dues: list[Due]) -> None:
    """Skip dues that are behind us and fully paid."""
    while c.first_open < c.running:
        d = dues[at_index(dues, c.first_open)]
        if outstanding(d) > 0:
            return
        if c.kind != LINE and (d.phase == AHEAD or d.due_on >= c.on):  # may be asked again
            return
        c.first_open += 1


@kernel
@rule("R-LATE-01", "R-MIN-01")
def is_unmet(c: Contract, d: Due) -> int:
    """1 if something of the due's required amount is unpaid (a row's is all that it asks)."""
    if outstanding(d) == 0 or is_asked(c, d) == 0:
        return 0
    if c.kind == LINE and d.received >= d.required:
        return 0
    return 1


@kernel
@rule("R-LATE-01", "R-EXT-01")
def note_late(c: Contract, dues: list[Due]) -> None:
    """Remember the due day of the oldest asked due whose required amount is unmet."""
    c.late_from = 0
    c.late_from_unextended = 0
    for i in range(at_index(dues, c.first_open), asked_end(c, dues)):
        d = dues[i]
        if is_unmet(c, d) == 1:
            if c.late_from == 0 or d.due_on < c.late_from:
                c.late_from = d.due_on
            note_unextended(c, d)
    if c.extensions > 0:
        for i in range(at_index(dues, c.running), past(dues, c.rows)):
            if outstanding(dues[i]) > 0:
                note_unextended(c, dues[i])


@kernel
@rule("R-EXT-01")
def note_unextended(c: Contract, d: Due) -> None:
    """The oldest original due day, of rows moved ahead again too."""
    if c.late_from_unextended == 0 or d.original_due_on < c.late_from_unextended:
        c.late_from_unextended = d.original_due_on

