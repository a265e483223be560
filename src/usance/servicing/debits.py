"""Money that the bank drew by order, as its result file tells it (``debit_file``)."""

from collections.abc import Iterable
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.servicing import commands as asked
from usance.servicing.hand import BorrowerBook, Hand
from usance.servicing.repayments import asked_today, repay, repay_borrower, today


@rule("R-DEBIT-01")
def check_asked(hands: Iterable[Hand], business_date: int) -> None:
    """A debit pays what is asked.

    Where the borrower has paid by hand meanwhile, it must not become an early repayment that
    nobody wanted: it is not booked and goes back.
    """
    if not any(asked_today(today(hand, business_date)) for hand in hands):
        raise Refused("R-DEBIT-01", "nothing is asked any more: it was paid by hand", "amount")


def debit(book: BorrowerBook, command: asked.Debit) -> dict[str, Any]:
    """A debit for one contract."""
    check_asked([book.hand(command.contract_id)], book.business_date)
    return repay(book, command)


def debit_borrower(book: BorrowerBook, command: asked.DebitBorrower) -> dict[str, Any]:
    """One debit for several contracts, in the order of policy."""
    if hands := list(book.open_hands()):
        check_asked(hands, book.business_date)
    return repay_borrower(book, command)
