"""The waterfall: which money pays which component of which due, by delinquency state."""

from usance.contract.accrual import accrue, accrue_amount_days
from usance.contract.records import (
    BY_GOODWILL,
    BY_REFUND,
    CASH,
    CHARGED_OFF,
    CREDIT,
    FROM_CREDIT,
    INTEREST,
    LAPSED,
    LINE,
    PENALTY,
    PRINCIPAL,
    RECOVER,
    SUSPEND,
    Contract,
    Due,
    Out,
    Terms,
    emit,
    mark_paid,
    outstanding,
    unpaid,
)
from usance.core.kernel import kernel
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
@rule("R-LINE-06", "R-LINE-08")
def lower_bearing(t: Terms, c: Contract, d: Due, amount: int) -> None:
    """Principal of a cycle was paid: arrears first, then what bears, then the rest."""
    from_arrears = min(amount, d.arrears)
    d.arrears -= from_arrears
    from_bearing = min(amount - from_arrears, d.bearing)
    d.bearing -= from_bearing
    c.balance -= from_bearing
    if t.last == 1 and from_bearing > 0:
        accrue_amount_days(t, c, from_bearing)
    if d.phase != LAPSED:
        lower_contingent(t, d, amount - from_arrears - from_bearing, amount)


@kernel
@rule("R-LINE-04", "R-DAY-02")
def lower_contingent(t: Terms, d: Due, free: int, amount: int) -> None:
    """Principal that does not bear yet was paid: what of its amount-days may still count."""
    if t.posting == 0 or free == 0:
        return
    if t.full_bill == 1:
        d.contingent += free * t.last
        return
    before = unpaid(d, PRINCIPAL) + amount - d.bearing - (amount - free)
    d.contingent -= d.contingent // before * free + d.contingent % before * free // before


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
            lower_bearing(t, c, d, used)
        elif component == INTEREST and t.compound == 1 and d.phase == LAPSED:
            freed = min(used, max(d.bearing - max(unpaid(d, PRINCIPAL) - d.arrears, 0), 0))
            d.bearing -= freed
            c.balance -= freed
    emit(out, source, component, d.n, used)
    if c.suspense > 0 and (component == INTEREST or component == PENALTY):
        released = min(used, c.suspense)
        if source == CASH or source == FROM_CREDIT or source == BY_GOODWILL or source == BY_REFUND:
            c.suspense -= released
            emit(out, SUSPEND, component, d.n, -released)
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
            for slot in range(4):
                if left == 0:
                    break
                left -= pay(t, c, dues[i], order >> (2 * slot) & 3, left, source, out)
    else:
        for slot in range(4):
            for i in range(at_index(dues, first), past(dues, last)):
                if left == 0:
                    break
                left -= pay(t, c, dues[i], order >> (2 * slot) & 3, left, source, out)
    return left


@kernel
def at_index(dues: list[Due], n: int) -> int:
    """Index of due ``n``, at least that of the first one held."""
    return max(n - dues[0].n, 0)


@kernel
def past(dues: list[Due], n: int) -> int:
    """Index just past due ``n``: the end of a range that includes it; 0 if it is not held."""
    return max(n + 1 - dues[0].n, 0)


@kernel
@rule("R-CREDIT-01")
def to_credit(c: Contract, amount: int, source: int, out: Out) -> None:
    """What exceeds everything owed is the borrower's."""
    c.credit += amount
    emit(out, source, CREDIT, 0, amount)


@kernel
def move_first_open(c: Contract, dues: list[Due]) -> None:
    """Skip dues that are behind us and fully paid."""
    while c.first_open < c.running and outstanding(dues[at_index(dues, c.first_open)]) == 0:
        c.first_open += 1


@kernel
@rule("R-LATE-01", "R-EXT-01")
def note_late(c: Contract, dues: list[Due]) -> None:
    """Remember the due day of the oldest asked due whose required amount is unmet."""
    c.late_from = 0
    c.late_from_unextended = 0
    for i in range(at_index(dues, c.first_open), at_index(dues, c.running)):
        d = dues[i]
        if outstanding(d) > 0 and (c.kind != LINE or d.received < d.required):
            if c.late_from == 0 or d.due_on < c.late_from:
                c.late_from = d.due_on
            if c.late_from_unextended == 0 or d.original_due_on < c.late_from_unextended:
                c.late_from_unextended = d.original_due_on


__all__ = ["RECOVER", "accrue", "note_late", "pay", "pay_dues", "to_credit"]
