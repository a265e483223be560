"""Purchases as merchants make them: authorise, capture, void, or at once; and their refunds."""

from typing import Any

from usance.contract.records import PURCHASE, REFUND, Event
from usance.core.days import iso
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.identifiers import new_operation_id
from usance.servicing import commands as asked
from usance.servicing.answers import event_answer, money
from usance.servicing.hand import Authorisation, BorrowerBook, Hand, Line
from usance.servicing.lines import OPEN_LINE, open_one
from usance.servicing.products import by_id, product_of
from usance.servicing.replaying import enter

OPEN, CAPTURED, VOIDED = 1, 2, 3


def line_of(book: BorrowerBook, hand: Hand) -> Line:
    """The open line of a pay-later account."""
    line = book.lines.get(hand.product_id)
    if line is None or line.contract_id != hand.contract_id:
        raise Refused("R-KIND-01", "purchases are made on a pay-later account", "contract_id")
    if line.status != OPEN_LINE:
        raise Refused("R-LINE-14", "the line is closed", "contract_id")
    return line


@rule("R-HOLD-01")
def authorise(book: BorrowerBook, command: asked.Authorise) -> dict[str, Any]:
    """Hold part of a line for a merchant."""
    product = product_of(command.product)
    line = open_one(book, product)
    if not line.contract_id:
        raise Refused("R-KIND-01", "purchases are made on a pay-later line", "product")
    if command.amount <= 0:
        raise Refused("R-AMT-01", "the amount must be positive", "amount")
    if not 1 <= command.valid_days <= 30:
        raise Refused("R-HOLD-01", "a hold is valid for 1 to 30 days", "valid_days")
    check_available(book, line, command.amount)
    hold = Authorisation(
        new_operation_id(), book.borrower_id, line.contract_id, command.amount, 0, OPEN,
        command.merchant, book.business_date, book.business_date + command.valid_days, new=True,
    )  # fmt: skip
    book.authorisations[hold.authorisation_id] = hold
    line.held += hold.amount
    line.dirty = True
    return hold_answer(hold, product.decimals)


@rule("R-LIMIT-01")
def check_available(book: BorrowerBook, line: Line, amount: int) -> None:
    """Nothing is bought beyond what is available, nor on an account in arrears."""
    if authorised_elsewhere(line):
        return
    if amount > book.available(line):
        raise Refused("R-LIMIT-01", "the purchase exceeds what is available", "amount")
    state = book.hand(line.contract_id).state
    if 0 < state.late_from < book.business_date:
        raise Refused("R-LIMIT-02", "nothing can be bought while a required amount is late")


@rule("R-LIMIT-03")
def authorised_elsewhere(line: Line) -> bool:
    """Whether the product only records purchases to which another system has said yes."""
    return by_id()[line.product_id].authorised_elsewhere


def open_hold(book: BorrowerBook, authorisation_id: int) -> Authorisation:
    """A hold that can still be captured or voided."""
    hold = book.authorisations.get(authorisation_id)
    if hold is None:
        raise Refused("R-FOUND-01", "there is no such authorisation", "authorisation_id")
    if hold.status != OPEN:
        raise Refused("R-HOLD-02", "the hold is no longer open", "authorisation_id")
    return hold


@rule("R-HOLD-02")
def capture(book: BorrowerBook, command: asked.Capture) -> dict[str, Any]:
    """Turn (part of) a hold into a purchase."""
    hold = open_hold(book, command.authorisation_id)
    left = hold.amount - hold.captured
    if not 0 < command.amount <= left:
        raise Refused("R-HOLD-02", "more than is still held", "amount")
    if book.business_date > hold.expires_on:
        raise Refused("R-HOLD-02", "the hold has expired", "authorisation_id")
    hand = book.hand(hold.contract_id)
    line = line_of(book, hand)
    booked = hand.apply(Event(kind=PURCHASE, amount=command.amount), book.business_date)
    hold.captured += command.amount
    release = left if command.final or command.amount == left else command.amount
    line.held -= release
    hold.status = CAPTURED if release == left else OPEN
    hold.dirty = line.dirty = True
    decimals = by_id()[hand.product_id].decimals
    return event_answer(hand, booked) | {"authorisation": hold_answer(hold, decimals)}


@rule("R-HOLD-02")
def void(book: BorrowerBook, command: asked.Void) -> dict[str, Any]:
    """Release what is left of a hold."""
    hold = open_hold(book, command.authorisation_id)
    line = next(x for x in book.lines.values() if x.contract_id == hold.contract_id)
    line.held -= hold.amount - hold.captured
    hold.status = VOIDED
    hold.dirty = line.dirty = True
    return hold_answer(hold, by_id()[line.product_id].decimals)


def purchase(book: BorrowerBook, command: asked.Purchase) -> dict[str, Any]:
    """A purchase without a hold before it; an earlier effective day only counts for interest."""
    hand = book.hand(command.contract_id)
    line = line_of(book, hand)
    if command.amount <= 0:
        raise Refused("R-AMT-01", "the amount must be positive", "amount")
    check_available(book, line, command.amount)
    nights = book.business_date - (command.effective_on or book.business_date)
    if nights < 0 or (command.effective_on and command.effective_on < hand.state.opened_on):
        between = "a purchase is made today or earlier, after opening"
        raise Refused("R-DATE-01", between, "effective_on")
    event = Event(kind=PURCHASE, amount=command.amount, days=nights)
    return event_answer(hand, hand.apply(event, book.business_date))


@rule("R-REFUND-01", "R-REFUND-02", "R-REFUND-03")
def refund(book: BorrowerBook, command: asked.Refund) -> dict[str, Any]:
    """A merchant gives money back, for one purchase or in general."""
    hand = book.hand(command.contract_id)
    day = command.effective_on or book.business_date
    event = Event(kind=REFUND, amount=command.amount, of=command.of, on=day)
    check_past(hand, event, book.business_date)
    if hand.history is None:
        return event_answer(hand, hand.apply(event, book.business_date))
    if command.of:
        target = hand.history.known.get(command.of)
        if target is None or target.kind != PURCHASE or command.of in hand.history.reversed:
            raise Refused("R-SEQ-01", "there is no such purchase", "of")
    return event_answer(hand, enter(hand, event, book.business_date))


def check_past(hand: Hand, event: Event, business_date: int) -> None:
    """An effective day lies between the opening and today."""
    if event.amount <= 0:
        raise Refused("R-AMT-01", "the amount must be positive", "amount")
    if not hand.state.opened_on <= event.on <= business_date:
        raise Refused("R-DATE-01", "the day must lie between the opening and today", "effective_on")


def hold_answer(hold: Authorisation, decimals: int) -> dict[str, Any]:
    """A hold as the API shows it."""
    return {
        "authorisation_id": written("authorisation", hold.authorisation_id),
        "contract_id": written("contract", hold.contract_id),
        "amount": money(hold.amount, decimals),
        "captured": money(hold.captured, decimals),
        "status": ("", "open", "captured", "voided", "expired")[hold.status],
        "merchant": hold.merchant,
        "expires_on": iso(hold.expires_on),
    }
