"""Corrections: reversal, charge-back, returned drawing, waiver, charges, pay-out of credit."""

from typing import Any

from usance.contract.records import (
    CHARGEBACK,
    DRAWING_RETURNED,
    FEE_EVENT,
    PAYOUT,
    PENALTY_EVENT,
    REPAYMENT,
    WAIVER,
    Event,
)
from usance.contract.terms import COMPONENTS
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.servicing import commands as asked
from usance.servicing.answers import event_answer
from usance.servicing.hand import BorrowerBook
from usance.servicing.replaying import enter
from usance.servicing.replaying import reverse as reverse_event
from usance.servicing.whole_cost import check_whole

RETURNS = ("failed", "returned")
"""What the bank says of a pay-out that came to nothing; the event's component is the place."""


def reverse(book: BorrowerBook, command: asked.Reverse) -> dict[str, Any]:
    """An event never happened; only the differences are booked, today."""
    hand = book.hand(command.contract_id)
    return event_answer(hand, reverse_event(hand, command.of, book.business_date))


@rule("R-BACK-01", "R-BACK-02")
def charge_back(book: BorrowerBook, command: asked.ChargeBack) -> dict[str, Any]:
    """Take a repayment back, wholly or in part, from today on."""
    hand = book.hand(command.contract_id)
    assert hand.history is not None
    target = hand.history.known.get(command.of)
    if target is None or command.of in hand.history.reversed:
        raise Refused("R-SEQ-01", "there is no such repayment", "of")
    if target.kind != REPAYMENT:
        raise Refused("R-KIND-01", "only a repayment is charged back", "of")
    taken = sum(
        e.amount for e in hand.history.known.values()
        if e.kind == CHARGEBACK and e.of == command.of and hand.history.counts(e)
    )  # fmt: skip
    amount = command.amount or target.amount - taken
    if not 0 < amount <= target.amount - taken:
        raise Refused("R-BACK-02", "more than is left of the repayment", "amount")
    event = Event(kind=CHARGEBACK, on=book.business_date, amount=amount, of=command.of)
    return event_answer(hand, enter(hand, event, book.business_date))


def component_of(name: str, allowed: tuple[str, ...]) -> int:
    """The kernel's number of a component."""
    if name not in allowed:
        raise Refused("R-DOC-01", f"component must be one of {', '.join(allowed)}", "component")
    return COMPONENTS[name]


def waive(book: BorrowerBook, command: asked.Waive) -> dict[str, Any]:
    """Ask less interest, fee or penalty."""
    component = component_of(command.component, ("interest", "fee", "penalty"))
    hand = book.hand(command.contract_id)
    event = Event(kind=WAIVER, amount=command.amount, component=component)
    return event_answer(hand, hand.apply(event, book.business_date))


@rule("R-COST-05")
def charge(book: BorrowerBook, command: asked.Charge) -> dict[str, Any]:
    """A fee or an agreed lump-sum penalty, within what a whole life may cost."""
    component = component_of(command.component, ("fee", "penalty"))
    hand = book.hand(command.contract_id)
    kind = FEE_EVENT if component == 1 else PENALTY_EVENT
    booked = hand.apply(Event(kind=kind, amount=command.amount), book.business_date)
    check_whole(hand, book.business_date, "amount")
    return event_answer(hand, booked)


@rule("R-DRAW-01", "R-DRAW-02")
def return_drawing(book: BorrowerBook, command: asked.ReturnDrawing) -> dict[str, Any]:
    """A pay-out failed or came back: the loan is reversed as of its drawing."""
    if command.reason not in RETURNS:
        raise Refused("R-DOC-01", f"reason must be one of {', '.join(RETURNS)}", "reason")
    hand = book.hand(command.contract_id)
    assert hand.history is not None
    plan = hand.history.opening.plan
    if plan is None or plan.moved:
        raise Refused("R-KIND-01", "nothing was paid out on this contract", "contract_id")
    if hand.history.undrawn():
        raise Refused("R-DRAW-02", "the drawing has come back already", "contract_id")
    event = Event(
        kind=DRAWING_RETURNED, on=book.business_date, amount=plan.principal,
        component=RETURNS.index(command.reason),
    )  # fmt: skip
    return event_answer(hand, enter(hand, event, book.business_date))


def pay_out(book: BorrowerBook, command: asked.PayOut) -> dict[str, Any]:
    """Give the borrower (part of) the credit balance."""
    hand = book.hand(command.contract_id)
    amount = command.amount or hand.state.credit
    event = Event(kind=PAYOUT, amount=amount)
    return event_answer(hand, hand.apply(event, book.business_date))
