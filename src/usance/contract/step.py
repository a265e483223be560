"""Advance a contract to a day; apply one event to it. All control flow over events is here.

``step`` gives 0 or the code of a refusal (``REFUSALS``), checked in order; a refused event
has only brought the contract up to its day.
"""

from usance.contract.accrual import restart, suspend
from usance.contract.early import ask_run
from usance.contract.line import (
    advance_line,
    ask_line_interest,
    charge_back_line,
    charge_line,
    finish_line,
    issue_statement,
    purchase,
    receive_line,
    refund_line,
    stop_cycles,
    use_line_credit,
)
from usance.contract.records import (
    ACTIVE,
    AHEAD,
    ASK,
    BY_GOODWILL,
    BY_REFUND,
    CASH,
    CHARGE_OFF,
    CHARGEBACK,
    CHARGED_OFF,
    CLOSE,
    CLOSED,
    CREDIT,
    DAY,
    EXTENSION,
    FEE,
    FEE_EVENT,
    GOODWILL,
    INTEREST,
    LAPSED,
    LINE,
    MOVE,
    MOVE_OUT,
    NOTICE,
    OVERDUE_STEP,
    PAY_OUT,
    PAYOUT,
    PENALTY,
    PENALTY_EVENT,
    PRINCIPAL,
    PURCHASE,
    RECOVER,
    RECOVERY,
    REFUND,
    REMINDER,
    REPAYMENT,
    RESTRUCTURE,
    STATEMENT,
    STATEMENT_DAY,
    TERM,
    WAIVE,
    WAIVER,
    WRITE_OFF,
    Contract,
    Due,
    Event,
    Out,
    Terms,
    ask,
    at,
    emit,
    outstanding,
    unpaid,
)
from usance.contract.standing import days_past_due, next_alarm
from usance.contract.term import (
    advance_term,
    charge_back_term,
    charge_term,
    extend,
    finish_term,
    receive_term,
    refund_term,
    use_credit,
)
from usance.contract.waterfall import (
    at_index,
    free_interest,
    is_asked,
    last_asked,
    note_late,
    past,
)
from usance.core.days import NEVER, next_month_day
from usance.core.kernel import kernel
from usance.core.money import AMOUNT_MAX, PRODUCT_ROOM
from usance.core.rules import rule

OK, AMOUNT, KIND, DATE, ENDED, WAIVED_TOO_MUCH, NO_CREDIT, OFF_TWICE, NOT_OFF = range(9)
STILL_OWED, BEYOND = 9, 10

REFUSALS = {
    AMOUNT: ("R-AMT-01", "the amount must be positive"),
    KIND: ("R-KIND-01", "this kind of contract has no such event"),
    DATE: ("R-DATE-01", "the event is before the contract's state"),
    ENDED: ("R-CLOSE-01", "a closed contract does not accept this"),
    OFF_TWICE: ("R-OFF-02", "the contract is charged off: use a recovery"),
    NOT_OFF: ("R-OFF-02", "the contract is not charged off"),
    WAIVED_TOO_MUCH: ("R-WAIVE-02", "the waiver exceeds what is asked and unpaid"),
    NO_CREDIT: ("R-PAYOUT-01", "the pay-out exceeds the credit balance"),
    BEYOND: ("R-RANGE-01", "the principal would be beyond what the kernel holds"),
    STILL_OWED: ("R-CLOSE-02", "something is still owed or the credit balance is not paid out"),
}


@kernel
def last_noted(c: Contract) -> int:
    """Number of the last due that reminders and lateness may concern: the running row is one."""
    if c.kind == LINE:
        return c.running - 1
    return max(last_asked(c), min(c.running, c.rows))


@kernel
@rule("R-NONACC-01")
def non_accrual_day(t: Terms, c: Contract, dues: list[Due]) -> int:
    """The day on which the oldest unpaid due makes the contract non-accrual; NEVER if none."""
    best = NEVER
    for i in range(at_index(dues, c.first_open), past(dues, last_noted(c))):
        d = dues[i]
        if outstanding(d) > 0 and (c.kind != LINE or d.received < d.required):
            best = min(best, d.due_on + t.non_accrual)
    return best


@kernel
@rule("R-NONACC-01")
def note_accrual(t: Terms, c: Contract, out: Out) -> None:
    """Switch to non-accrual at the threshold, and back when nothing is late."""
    if c.status == CHARGED_OFF:
        return
    if c.non_accrual == 0:
        if days_past_due(c, c.on) >= t.non_accrual:
            c.non_accrual = 1
            suspend(c, INTEREST, c.unpaid_interest, out)
            suspend(c, PENALTY, c.unpaid_penalty, out)
    elif days_past_due(c, c.on) == 0:
        end_non_accrual(c, out)


@kernel
@rule("R-NONACC-01")
def end_non_accrual(c: Contract, out: Out) -> None:
    """What is asked and unpaid is income again (or a loss: the contract is charged off)."""
    if c.non_accrual == 1:
        c.non_accrual = 0
        suspend(c, INTEREST, -c.unpaid_interest, out)
        suspend(c, PENALTY, -c.unpaid_penalty, out)


@kernel
def advance_to(t: Terms, c: Contract, dues: list[Due], day: int, out: Out) -> None:
    """One stretch of time with nothing but dues in it."""
    if c.kind == LINE:
        advance_line(t, c, dues, day, out)
    else:
        advance_term(t, c, dues, day, out)
    note_accrual(t, c, out)


@kernel
@rule("R-DAY-01")
def advance(t: Terms, c: Contract, dues: list[Due], day: int, out: Out) -> None:
    """Bring the contract to the start of ``day``; the same state by whatever days one stops at."""
    if c.status == ACTIVE and c.non_accrual == 0 and day > c.on:
        turn = non_accrual_day(t, c, dues)
        if c.on < turn and turn < day:
            advance_to(t, c, dues, turn, out)
    advance_to(t, c, dues, day, out)


@kernel
@rule("R-CLOSE-01")
def accepted_when_closed(kind: int) -> int:
    """What a closed contract still accepts (a reversal is a replay and not seen here)."""
    if kind == REFUND or kind == CHARGEBACK or kind == RECOVERY or kind == GOODWILL:
        return 1
    if kind == WAIVER or kind == PAYOUT or kind == STATEMENT or kind == DAY:
        return 1
    return 0


@kernel
def refusal(t: Terms, c: Contract, dues: list[Due], e: Event) -> int:
    """The first reason, in the order of precedence, why the event is not accepted."""
    without = e.kind == STATEMENT or e.kind == DAY or e.kind == CHARGE_OFF or e.kind == CLOSE
    if not without and e.kind != EXTENSION and e.amount <= 0:
        return AMOUNT
    if e.kind == EXTENSION and e.days <= 0:
        return AMOUNT
    line_only = e.kind == PURCHASE or e.kind == STATEMENT or e.kind == STATEMENT_DAY
    if line_only or e.kind == MOVE_OUT or e.kind == CLOSE:
        if c.kind != LINE:
            return KIND
    if (e.kind == EXTENSION or e.kind == RESTRUCTURE) and c.kind != TERM:
        return KIND
    if e.on < c.opened_on or e.on < c.on:
        return DATE
    return refusal_by_state(t, c, dues, e)


@kernel
@rule("R-RANGE-01")
def most_principal(t: Terms) -> int:
    """The most unpaid principal whose products with the rates stay within 64 bits."""
    greatest = max(t.rate, 1)
    for i in range(t.penalty_count):
        greatest = max(greatest, t.penalty_rate[i])
    room = PRODUCT_ROOM
    if t.compound == 1:  # interest joins the base
        room = PRODUCT_ROOM // 16
    return min(AMOUNT_MAX, room // greatest)


@kernel
@rule("R-CLOSE-01")
def is_closed(c: Contract) -> int:
    """1 if nothing is owed on a contract that has ended (a loan charged off and recovered too)."""
    if c.status == CHARGED_OFF and c.kind == TERM:
        return recovered_in_full(c)
    return 1 if c.status == CLOSED else 0


@kernel
@rule("R-OFF-03")
def recovered_in_full(c: Contract) -> int:
    """1 if the contract was charged off and nothing of it is owed any more."""
    owed = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
    return 1 if c.status == CHARGED_OFF and owed == 0 else 0


@kernel
@rule("R-DRAW-01")
def came_before_return(e: Event) -> int:
    """1 for money on a loan that was never paid out, taken while nobody knew that yet."""
    return 1 if e.kind == REPAYMENT and e.pinned == 1 else 0


@kernel
def refusal_by_state(t: Terms, c: Contract, dues: list[Due], e: Event) -> int:
    """Refusals that depend on where the contract stands (already on the event's day)."""
    if is_closed(c) == 1 and accepted_when_closed(e.kind) == 0 and came_before_return(e) == 0:
        return ENDED
    if e.kind == RECOVERY and c.status != CHARGED_OFF:
        return NOT_OFF
    if c.status == CHARGED_OFF:
        if e.kind == REPAYMENT or e.kind == CHARGE_OFF or e.kind == EXTENSION or e.kind == PURCHASE:
            return OFF_TWICE
        if e.kind == FEE_EVENT or e.kind == PENALTY_EVENT or e.kind == MOVE_OUT:
            return OFF_TWICE
        if e.kind == RESTRUCTURE:
            return OFF_TWICE
    asks_principal = e.kind == PURCHASE or e.kind == CHARGEBACK
    if asks_principal and c.unpaid_principal + e.amount > most_principal(t):
        return BEYOND
    if e.kind == WAIVER and e.amount > waivable(c, dues, e.component):
        return WAIVED_TOO_MUCH
    if e.kind == PAYOUT and e.amount > c.credit:
        return NO_CREDIT
    if e.kind == CLOSE:
        owed = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
        if owed + c.credit > 0:
            return STILL_OWED
    return OK


@kernel
def asked_unpaid(c: Contract, d: Due, component: int) -> int:
    """Of a due: asked and unpaid, leaving out what is only planned of a row ahead."""
    if is_asked(c, d) == 0:
        if component == INTEREST:
            return d.asked_interest - d.paid_interest
        if component == FEE:
            return d.asked_fee - d.paid_fee
    return unpaid(d, component)


@kernel
@rule("R-WAIVE-01")
def waivable(c: Contract, dues: list[Due], component: int) -> int:
    """What may be waived of a component; never principal."""
    if component == PRINCIPAL:
        return 0
    total = 0
    for i in range(at_index(dues, c.first_open), past(dues, c.count)):
        total += asked_unpaid(c, dues[i], component)
    return total


@kernel
@rule("R-WAIVE-01")
def waive(c: Contract, dues: list[Due], component: int, amount: int, out: Out) -> None:
    """Ask less, oldest due first."""
    left = amount
    for i in range(at_index(dues, c.first_open), past(dues, c.count)):
        d = dues[i]
        used = min(left, asked_unpaid(c, d, component))
        if used > 0:
            ask(c, d, component, -used)
            if component == INTEREST:
                free_interest(c, d, used)
            if is_asked(c, d) == 0 and component == INTEREST:
                d.asked_interest -= used
            elif is_asked(c, d) == 0 and component == FEE:
                d.asked_fee -= used
            emit(out, WAIVE, component, d.n, used)
            left -= used
    if c.non_accrual == 1 and component != FEE:
        suspend(c, component, -amount, out)


@kernel
@rule("R-OFF-01")
def charge_off(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """Interest and penalty stop; everything unpaid leaves the balance sheet and stays owed."""
    if c.kind == LINE:
        ask_line_interest(t, c, dues, out)
        use_line_credit(t, c, dues, out)
        stop_cycles(t, c, dues, out)
    else:
        if c.running <= c.rows:
            ask_run(t, c, dues, out)
            stop_rows(t, c, dues, out)
        use_credit(t, c, dues, out)
    end_non_accrual(c, out)
    emit(out, WRITE_OFF, PRINCIPAL, 0, c.unpaid_principal)
    emit(out, WRITE_OFF, INTEREST, 0, c.unpaid_interest)
    emit(out, WRITE_OFF, FEE, 0, c.unpaid_fee)
    emit(out, WRITE_OFF, PENALTY, 0, c.unpaid_penalty)
    c.balance = 0
    c.status = CHARGED_OFF
    c.closed_on = c.on
    note_late(c, dues)


@kernel
@rule("R-OFF-01")
def stop_rows(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """Rows ahead ask their principal and what was already asked, nothing more; all is due."""
    restart(t, c, dues, out)
    for n in range(c.running, c.rows + 1):
        d = dues[at(dues, n)]
        if d.phase == AHEAD:
            d.interest = d.asked_interest
            d.fee = d.asked_fee
            d.phase = LAPSED
    c.running = c.rows + 1


@kernel
@rule("R-GOOD-01")
def receive(t: Terms, c: Contract, dues: list[Due], amount: int, source: int, out: Out) -> None:
    """Money toward what is owed."""
    if c.kind == LINE:
        receive_line(t, c, dues, amount, source, out)
    else:
        receive_term(t, c, dues, amount, source, out)


@kernel
def apply_money(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """Events that bring money or take it back."""
    if e.kind == REPAYMENT:
        receive(t, c, dues, e.amount, CASH, out)
    elif e.kind == GOODWILL:
        receive(t, c, dues, e.amount, BY_GOODWILL, out)
    elif e.kind == RECOVERY:
        receive(t, c, dues, e.amount, RECOVER, out)
    elif e.kind == REFUND and c.kind == LINE:
        refund_line(t, c, dues, e.amount, e.component, BY_REFUND, out)
    elif e.kind == MOVE_OUT:
        refund_line(t, c, dues, e.amount, e.component, MOVE, out)
    elif e.kind == REFUND:
        refund_term(t, c, dues, e.amount, BY_REFUND, out)
    elif e.kind == CHARGEBACK and c.kind == LINE:
        charge_back_line(t, c, dues, e, out)
    elif e.kind == CHARGEBACK:
        charge_back_term(t, c, dues, e, out)
    elif e.kind == PAYOUT:
        c.credit -= e.amount
        emit(out, PAY_OUT, CREDIT, 0, e.amount)


@kernel
def apply_charge(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """Events that ask for something, or for less."""
    component = PENALTY
    if e.kind == FEE_EVENT:
        component = FEE
    if e.kind == PURCHASE:
        purchase(t, c, dues, e.amount, e.days, ASK, out)
    elif e.kind == WAIVER:
        waive(c, dues, e.component, e.amount, out)
        if c.kind == LINE:
            finish_line(t, c, dues, out)
        else:
            finish_term(t, c, dues, out)
    elif c.kind == LINE:
        charge_line(t, c, dues, component, e.amount, out)
    else:
        charge_term(t, c, dues, component, e.amount, out)


@kernel
def apply(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> None:
    """An accepted event, on the day the contract stands at."""
    if e.kind == STATEMENT:
        issue_statement(t, c, dues, e, out)
    elif e.kind == EXTENSION:
        extend(t, c, dues, e.days, out)
    elif e.kind == CHARGE_OFF:
        charge_off(t, c, dues, out)
    elif e.kind == STATEMENT_DAY:
        c.statement_day = e.amount
    elif e.kind == CLOSE:
        c.status = CLOSED
        c.closed_on = c.on
    elif e.kind == FEE_EVENT or e.kind == PENALTY_EVENT or e.kind == WAIVER or e.kind == PURCHASE:
        apply_charge(t, c, dues, e, out)
    elif e.kind != DAY:
        apply_money(t, c, dues, e, out)


@kernel
@rule("R-OFF-03")
def apply_written_off(
    t: Terms, c: Contract, dues: list[Due], e: Event, out: Out
) -> None:
    """An event after a charge-off: what it asks or takes off changes the loss, no receivable."""
    principal, interest = c.unpaid_principal, c.unpaid_interest
    fee, penalty = c.unpaid_fee, c.unpaid_penalty
    apply(t, c, dues, e, out)
    emit(out, WRITE_OFF, PRINCIPAL, 0, c.unpaid_principal - principal)
    emit(out, WRITE_OFF, INTEREST, 0, c.unpaid_interest - interest)
    emit(out, WRITE_OFF, FEE, 0, c.unpaid_fee - fee)
    emit(out, WRITE_OFF, PENALTY, 0, c.unpaid_penalty - penalty)


@kernel
def step(t: Terms, c: Contract, dues: list[Due], e: Event, out: Out) -> int:
    """One event: bring the contract to its day, refuse or apply it, set the alarm anew."""
    if e.on > c.on:
        advance(t, c, dues, e.on, out)
    code = refusal(t, c, dues, e)
    if code == OK:
        if c.status == CHARGED_OFF and e.kind != RECOVERY:
            apply_written_off(t, c, dues, e, out)
        else:
            apply(t, c, dues, e, out)
        note_accrual(t, c, out)
        c.seq = max(c.seq, e.seq)
    c.alarm = next_alarm(t, c, dues)
    return code


@kernel
def remind(t: Terms, c: Contract, dues: list[Due], out: Out) -> None:
    """Ask for the reminders and overdue notices that go out on the day the contract stands at."""
    for i in range(at_index(dues, c.first_open), past(dues, last_noted(c))):
        d = dues[i]
        if outstanding(d) > 0:
            for k in range(t.reminders):
                if d.due_on - t.reminder[k] == c.on:
                    emit(out, NOTICE, REMINDER, d.n, 1 + t.reminder[k])
            for k in range(t.overdue_steps):
                if d.due_on + t.overdue_step[k] == c.on:
                    emit(out, NOTICE, OVERDUE_STEP, d.n, t.overdue_step[k])


@kernel
@rule("R-DAY-02")
def wake(t: Terms, c: Contract, dues: list[Due], e: Event, day: int, out: Out) -> int:
    """Close business day ``day``: 1 if a statement was issued (``e`` then describes it), else 0."""
    issued = 0
    if c.kind == LINE and c.status == ACTIVE:
        if next_month_day(day - 1, c.statement_day) == day:
            e.kind = STATEMENT
            e.on = day
            e.seq = c.seq + 1
            step(t, c, dues, e, out)
            issued = 1
    if c.on <= day:
        advance(t, c, dues, day + 1, out)
    remind(t, c, dues, out)
    c.alarm = next_alarm(t, c, dues)
    return issued
