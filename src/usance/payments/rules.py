"""What becomes of a payment: pure rules on numbers."""

from __future__ import annotations

from dataclasses import dataclass

from usance.core.refusals import Refused
from usance.core.rules import rule

CREATED, SUBMITTED, SUCCEEDED, FAILED, EXPIRED = 1, 2, 3, 4, 5
PAID, DECLINED = "paid", "declined"
"""What a bank may say."""
RECEIVED, BOOKED, UNALLOCATED = "received", "booked", "unallocated"
"""What became of money that came: known and not yet booked, booked, kept beside the contracts."""
OPEN_MOST = 10
"""Payments of one borrower that may be on their way at once."""


@dataclass(frozen=True, slots=True)
class Standing:
    """As much of an intent as the rules need."""

    status: int
    outcome: str
    amount: int


@rule("R-PAY-01")
def check_amount(amount: int, owed: int) -> None:
    """A payment is above zero and no more than is owed today; raises ``Refused``."""
    if amount <= 0:
        raise Refused("R-PAY-01", "the amount must be positive", "amount")
    if amount > owed:
        raise Refused("R-PAY-01", "this is more than is owed", "amount")


@rule("R-PAY-02")
def check_open(waiting: int) -> None:
    """Not too many at once; raises ``Refused``."""
    if waiting >= OPEN_MOST:
        raise Refused("R-PAY-02", "ten payments are on their way; wait for one of them")


@rule("R-PAY-06", "R-PAY-07")
def next_status(found: Standing, said: str) -> tuple[int, str]:
    """Status and outcome after a bank's word; money that comes late comes all the same.

    Raises ``Refused`` where the bank contradicts itself.
    """
    if said == PAID:
        if found.outcome or found.status == FAILED:
            raise Refused("R-PAY-06", "the bank has said otherwise before", "result")
        return found.status, RECEIVED
    if found.outcome:
        raise Refused("R-PAY-06", "the bank has said otherwise before", "result")
    return FAILED, ""


@rule("R-PAY-05")
def fits(paid: int, wanted: int) -> bool:
    """Whether what came is what the borrower meant to pay, so that it may be booked as that."""
    return paid == wanted
