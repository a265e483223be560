"""A contract changes its plan or leaves the balance sheet: extend, restructure, charge off."""

from typing import Any

from usance.contract.records import CHARGE_OFF, EXTENSION, RESTRUCTURE, Event
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.servicing import commands as asked
from usance.servicing.answers import event_answer
from usance.servicing.hand import BorrowerBook
from usance.servicing.replaying import enter


@rule("R-EXT-01", "R-EXT-02")
def extend(book: BorrowerBook, command: asked.Extend) -> dict[str, Any]:
    """Move the due days that are not yet paid; each extension is counted."""
    if not 1 <= command.days <= 180:
        raise Refused("R-EXT-02", "an extension is between 1 and 180 days", "days")
    hand = book.hand(command.contract_id)
    event = Event(kind=EXTENSION, days=command.days)
    return event_answer(hand, hand.apply(event, book.business_date))


@rule("R-RESTR-01")
def restructure(book: BorrowerBook, command: asked.Restructure) -> dict[str, Any]:
    """Plan all unpaid principal anew."""
    if not 1 <= command.instalments <= 60:
        raise Refused("R-RESTR-02", "between 1 and 60 instalments", "instalments")
    hand = book.hand(command.contract_id)
    assert hand.history is not None
    if hand.history.opening.plan is None:
        raise Refused("R-KIND-01", "a line is not restructured: turn it into a plan", "contract_id")
    event = Event(
        kind=RESTRUCTURE, on=book.business_date, amount=command.instalments, days=-1
    )
    return event_answer(hand, enter(hand, event, book.business_date))


@rule("R-OFF-01")
def charge_off(book: BorrowerBook, command: asked.ChargeOff) -> dict[str, Any]:
    """Write the contract off; it stays owed."""
    hand = book.hand(command.contract_id)
    return event_answer(hand, hand.apply(Event(kind=CHARGE_OFF, amount=1), book.business_date))
