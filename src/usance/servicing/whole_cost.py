"""What a contract costs over its whole life: everything charged so far, and still to come.

The flows are those of the borrower's purse: what was lent is below 0, what was paid and what is
still asked above. Nothing is charged on a contract that would make it dearer than the cap.
"""

from __future__ import annotations

from usance.contract.line import due_day_of
from usance.contract.rates import effective, exceeds
from usance.contract.records import (
    ACTIVE,
    CHARGEBACK,
    LINE,
    MOVE_OUT,
    PAYOUT,
    PURCHASE,
    RECOVERY,
    REFUND,
    REPAYMENT,
    Event,
)
from usance.contract.replay import History, owed
from usance.core.days import next_month_day
from usance.core.money import format_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.servicing.cost_policy import cost_policy
from usance.servicing.hand import Hand
from usance.servicing.products import by_id

PAID = {REPAYMENT: 1, RECOVERY: 1, REFUND: 1, MOVE_OUT: 1, CHARGEBACK: -1, PAYOUT: -1}
"""By kind of event: whose money moved. What the lender gives (goodwill, waivers) costs nobody."""

Flows = list[tuple[int, int]]


@rule("R-COST-05")
def check_whole(hand: Hand, business_date: int, path: str) -> None:
    """Whether a contract is within the cap with what was just entered; raises ``Refused``."""
    cap = cost_policy().cap_of(by_id()[hand.product_id])
    history = hand.history
    assert history is not None, "the poster loads the history of what is held against a life"
    if cap is None or history.undrawn():
        return
    history.rebuild(business_date)
    flows = flows_of(history, business_date)
    if exceeds(flows, cap.rate):
        found = effective(flows)
        figure = "beyond any rate" if found is None else format_decimal(found, 6)
        detail = f"over its whole life it would cost {figure} a year, more than {cap.annual}"
        raise Refused("R-COST-05", detail, path)


@rule("R-COST-05")
def flows_of(history: History, today: int) -> Flows:
    """(days since the start, amount) of a rebuilt contract, as it stands on ``today``."""
    start, found = history.opening.opened_on, dict[int, int]()

    def add(day: int, amount: int) -> None:
        found[day - start] = found.get(day - start, 0) + amount

    if history.opening.plan is not None:
        start = history.opening.plan.disbursed_on
        add(start, -history.opening.plan.principal)
    for event in history.known.values():
        if history.counts(event):
            add(event.on, moved(history, event))
    state = history.state
    for due in state.dues:
        add(max(asked_on(history, due.due_on), today), owed(due))
    add(today, -state.contract.credit)
    return sorted((day, amount) for day, amount in found.items() if amount)


def moved(history: History, event: Event) -> int:
    """What an event brought (above 0) or took (below) by the borrower's purse; 0 for neither."""
    if event.kind == PURCHASE:
        return -event.amount
    sign = PAID.get(event.kind, 0)
    parts = history.state.parts.get(event.seq)
    return sign * sum(parts.amounts) if sign and parts else 0


def asked_on(history: History, due_on: int) -> int:
    """The due day; of a line's open cycle that of the statement to come."""
    state = history.state
    if due_on or state.contract.kind != LINE or state.contract.status != ACTIVE:
        return due_on
    statement = next_month_day(state.contract.on - 1, state.contract.statement_day)
    return due_day_of(state.terms, statement)
