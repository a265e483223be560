"""Settle and close: one request that pays what is owed, pays out what is not, and ends it."""

from typing import Any

from usance.contract.records import LINE, PAYOUT, REPAYMENT, Event
from usance.contract.standing import pay_off
from usance.core.rules import rule
from usance.servicing import commands as asked
from usance.servicing.answers import contract_answer, event_answer
from usance.servicing.hand import BorrowerBook, Hand
from usance.servicing.lines import close_line
from usance.servicing.products import by_id
from usance.servicing.repayments import settle, today


@rule("R-CLOSE-03")
def settle_and_close(book: BorrowerBook, command: asked.SettleAndClose) -> dict[str, Any]:
    """Settle a contract; of a pay-later account also its plans, and then its line ends with it.

    All of it or nothing: an open hold, or anything that a part refuses, refuses the whole.
    """
    hand = book.hand(command.contract_id)
    if hand.state.kind != LINE:
        answer = settle(book, asked.Settle(contract_id=hand.contract_id))
        return {"parts": [answer], "contract": answer["contract"], "line": None}
    plans = [each for each in book.open_hands() if each.parent_id == hand.contract_id]
    parts = [part for each in [*plans, hand] for part in squared(book, each)]
    close = asked.CloseLine(borrower_id=book.borrower_id, product=by_id()[hand.product_id].code)
    line = close_line(book, close)
    return {"parts": parts, "contract": contract_answer(hand), "line": line}


def squared(book: BorrowerBook, hand: Hand) -> list[dict[str, Any]]:
    """Bring what is owed and the credit balance to nothing; an answer for each event it took."""
    day, answers = book.business_date, []
    now = today(hand, day)
    if owed := pay_off(now.terms, now.state, now.dues):
        paid = Event(kind=REPAYMENT, amount=owed)
        answers.append(event_answer(hand, hand.apply(paid, day)))
    if credit := hand.state.credit:
        given = Event(kind=PAYOUT, amount=credit)
        answers.append(event_answer(hand, hand.apply(given, day)))
    return answers
