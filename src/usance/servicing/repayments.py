"""Money from the borrower: for one contract, for all of them, exactly what closes one."""

from copy import deepcopy
from typing import Any

from usance.contract.records import ACTIVE, GOODWILL, LINE, RECOVERY, REPAYMENT, Event, Out, at
from usance.contract.replay import owed
from usance.contract.standing import days_past_due, pay_off
from usance.contract.step import advance
from usance.contract.waterfall import is_asked, last_asked
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.servicing import commands as asked
from usance.servicing.answers import event_answer, money
from usance.servicing.hand import Booked, BorrowerBook, Hand
from usance.servicing.purchases import check_past
from usance.servicing.replaying import enter


def receive(book: BorrowerBook, command: Any, kind: int) -> dict[str, Any]:
    """Money on one contract, today or (by replay) on an earlier day."""
    hand = book.hand(command.contract_id)
    event = Event(kind=kind, amount=command.amount, on=command.effective_on)
    return event_answer(hand, post(hand, event, book.business_date))


def post(hand: Hand, event: Event, business_date: int) -> Booked:
    """Money of today, or (by replay) of an earlier day."""
    if not event.on or event.on == business_date:
        event.on = business_date
        return hand.apply(event, business_date)
    check_past(hand, event, business_date)
    return enter(hand, event, business_date)


def repay(book: BorrowerBook, command: asked.Repay) -> dict[str, Any]:
    """A repayment of any amount on any day."""
    return receive(book, command, REPAYMENT)


def goodwill(book: BorrowerBook, command: asked.Goodwill) -> dict[str, Any]:
    """The lender pays for the borrower."""
    return receive(book, command, GOODWILL)


def recover(book: BorrowerBook, command: asked.Recover) -> dict[str, Any]:
    """Money on a contract that was charged off."""
    return receive(book, command, RECOVERY)


def today(hand: Hand, business_date: int) -> Hand:
    """A copy of the contract as it stands today; the hand itself stays as it is."""
    copy = Hand(
        hand.contract_id, hand.product_id, hand.terms_id, hand.terms, deepcopy(hand.state),
        deepcopy(hand.dues),
    )  # fmt: skip
    advance(copy.terms, copy.state, copy.dues, business_date, Out())
    return copy


def stood(hand: Hand, day: int) -> Hand:
    """A copy of the contract as it stood on an earlier day, by what is known now."""
    assert hand.history is not None, "the poster loads the history of what changes the past"
    then = hand.history.stood_on(day)
    ids = hand.contract_id, hand.product_id, hand.terms_id
    return Hand(*ids, then.terms, then.contract, then.dues)


@rule("R-PAYOFF-01")
def settle(book: BorrowerBook, command: asked.Settle) -> dict[str, Any]:
    """Pay exactly what closes the contract today."""
    hand = book.hand(command.contract_id)
    now = today(hand, book.business_date)
    amount = pay_off(now.terms, now.state, now.dues)
    if amount <= 0:
        raise Refused("R-PAYOFF-02", "nothing is owed", "contract_id")
    return event_answer(hand, hand.apply(Event(kind=REPAYMENT, amount=amount), book.business_date))


def asked_today(hand: Hand) -> int:
    """Unpaid of what is due by the day the contract stands at (statements issued count)."""
    last = last_asked(hand.state)
    return sum(owed(d) for d in hand.dues if d.n <= last and is_asked(hand.state, d))


@rule("R-ORDER-02", "R-EARLY-06")
def asked_next(hand: Hand) -> int:
    """The same with the row whose period has begun: money may come some days early."""
    c, found = hand.state, asked_today(hand)
    if c.kind != LINE and c.running <= c.rows:
        row = hand.dues[at(hand.dues, c.running)]
        found += owed(row) if row.from_on < c.on else 0
    return min(found, owed_in_all(hand))


def owed_in_all(hand: Hand) -> int:
    """What closes the contract."""
    return pay_off(hand.terms, hand.state, hand.dues)


@rule("R-ORDER-02")
def in_order(hands: list[Hand], day: int) -> list[Hand]:
    """Contracts in the order in which money reaches them.

    Latest first, then instalments due, then the account, then what comes due soonest.
    """

    def place(hand: Hand) -> tuple[int, int, int, int]:
        late = days_past_due(hand.state, day)
        return -late, -int(asked_today(hand) > 0), int(hand.state.kind == LINE), hand.contract_id

    return sorted(hands, key=place)


@rule("R-ORDER-02")
def shares(hands: list[Hand], amount: int) -> dict[int, int]:
    """How much each gets: what is asked, what is next, what is owed; the rest is credit."""
    given = dict.fromkeys((h.contract_id for h in hands), 0)
    left = amount
    for wanted in (asked_today, asked_next, owed_in_all):
        for hand in hands:
            part = min(left, max(wanted(hand) - given[hand.contract_id], 0))
            given[hand.contract_id] += part
            left -= part
    if left:
        accounts = [h for h in hands if h.state.kind == LINE] or hands
        given[accounts[0].contract_id] += left
    return given


def payable(book: BorrowerBook, day: int) -> list[Hand]:
    """The borrower's active contracts as they stood on ``day``; refused if there is none."""
    active = [h for h in book.open_hands() if h.state.status == ACTIVE and h.state.opened_on <= day]
    if not active:
        raise Refused("R-FOUND-02", "the borrower has no open contract", "borrower_id")
    if day > book.business_date:
        raise Refused("R-DATE-01", "the day lies ahead of the business date", "effective_on")
    return [stood(h, day) if day < book.business_date else today(h, day) for h in active]


def repay_borrower(book: BorrowerBook, command: asked.RepayBorrower) -> dict[str, Any]:
    """One payment for all contracts of the borrower, shared as they stood on its day."""
    if command.amount <= 0:
        raise Refused("R-AMT-01", "the amount must be positive", "amount")
    day = command.effective_on or book.business_date
    ordered = in_order(payable(book, day), day)
    parts = shares(ordered, command.amount)
    answers = []
    for each in ordered:
        share = parts[each.contract_id]
        if share:
            hand = book.hands[each.contract_id]
            booked = post(hand, Event(kind=REPAYMENT, amount=share, on=day), book.business_date)
            answers.append(event_answer(hand, booked) | {"amount": money(share)})
    return {"borrower_id": written("borrower", book.borrower_id), "parts": answers}
