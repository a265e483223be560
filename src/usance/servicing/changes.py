"""A contract changes its plan or leaves the balance sheet: extend, restructure, charge off."""

from typing import Any

from usance.contract.rates import irr
from usance.contract.records import CHARGE_OFF, EXTENSION, RESTRUCTURE, Event
from usance.contract.replay import Opening
from usance.contract.terms import rate
from usance.core.days import WHOLE_PERIOD
from usance.core.money import format_decimal, parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.servicing import commands as asked
from usance.servicing.answers import event_answer
from usance.servicing.hand import BorrowerBook, Hand
from usance.servicing.products import by_id
from usance.servicing.replaying import enter
from usance.servicing.whole_cost import check_whole


@rule("R-EXT-01", "R-EXT-02")
def extend(book: BorrowerBook, command: asked.Extend) -> dict[str, Any]:
    """Move the due days that are not yet paid; each extension is counted."""
    if not 1 <= command.days <= 180:
        raise Refused("R-EXT-02", "an extension is between 1 and 180 days", "days")
    hand = book.hand(command.contract_id)
    booked = hand.apply(Event(kind=EXTENSION, days=command.days), book.business_date)
    check_whole(hand, book.business_date, "days")
    return event_answer(hand, booked)


@rule("R-RESTR-01")
def restructure(book: BorrowerBook, command: asked.Restructure) -> dict[str, Any]:
    """Plan all unpaid principal anew; its rate, number of instalments and due days may change."""
    hand = book.hand(command.contract_id)
    assert hand.history is not None
    if hand.history.opening.plan is None:
        raise Refused("R-KIND-01", "a line is not restructured: turn it into a plan", "contract_id")
    event = Event(
        kind=RESTRUCTURE, on=book.business_date, amount=command.instalments,
        days=new_rate(hand.history.opening, command.annual_rate),
        component=days_to_first(command, book.business_date),
    )  # fmt: skip
    entry = enter(hand, event, book.business_date)
    check_cost(hand)
    check_whole(hand, book.business_date, "annual_rate")
    return event_answer(hand, entry)


@rule("R-RESTR-02")
def days_to_first(command: asked.Restructure, business_date: int) -> int:
    """Days to the first due day, 0 for one step; the new plan stays within what is offered."""
    if not 1 <= command.instalments <= 60:
        raise Refused("R-RESTR-02", "between 1 and 60 instalments", "instalments")
    if not command.first_due_on:
        return 0
    days = command.first_due_on - business_date
    if not 1 <= days <= 180:
        raise Refused("R-RESTR-02", "the first due day is 1 to 180 days ahead", "first_due_on")
    return days


@rule("R-RESTR-03")
def new_rate(opening: Opening, annual: str) -> int:
    """A yearly rate in the form that was agreed, per 10^8, rounded down; -1 for the rate agreed."""
    terms, plan = opening.terms, opening.plan
    if not annual:
        return -1
    assert plan is not None
    yearly = rate(annual, "annual_rate")
    if terms.basis != 1:
        return yearly
    if terms.count != WHOLE_PERIOD:
        return yearly // 365  # agreed for each night
    return yearly * plan.days // 365 if plan.days else yearly * plan.months // 12


@rule("R-CAP-01")
def check_cost(hand: Hand) -> None:
    """The new plan's effective annual rate stays below the product's cap."""
    cap = by_id()[hand.product_id].settings["irr_cap"]
    planned = [
        (d.due_on - hand.state.on, d.principal + d.interest - d.asked_interest)
        for d in hand.dues if d.n >= hand.state.running
    ]  # fmt: skip
    found = irr(hand.state.principal, planned)
    if found is not None and found > parse_decimal(cap, 6):
        detail = f"the annual cost {format_decimal(found, 6)} exceeds {cap}"
        raise Refused("R-CAP-01", detail, "annual_rate")


@rule("R-OFF-01")
def charge_off(book: BorrowerBook, command: asked.ChargeOff) -> dict[str, Any]:
    """Write the contract off; it stays owed."""
    hand = book.hand(command.contract_id)
    return event_answer(hand, hand.apply(Event(kind=CHARGE_OFF, amount=1), book.business_date))
