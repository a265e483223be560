"""What happened on which day, so that each statement of the book can equal a bill of the file.

Conventions, because the file has months and no days:

- A bill is the statement at the end of the last day of its month, April to September 2005.
- The due day is the 20th of the month after it. A month's payment is made on the 20th, the due day
  of the bill before: as late as it can be and still be in time.
- What the borrower bought is not in the file. One entry a month stands for it, derived:
  bill - bill before + payment. It is a purchase where it is positive and a merchant's refund where
  it is negative, entered on the 20th before the payment; nothing where it is zero.
- The account opens on 1 April with nothing owed; what came over from March is in April's entry.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from usance.core.identifiers import contract_of
from usance.importer.uci import MONTHS, Account
from usance.servicing import commands as asked

PRODUCT = "imported_card"
OPENED_ON = date(2005, 4, 1)
DUE_DAY = 20
MONTH = 30


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the file: when its entry and payment are made, and when its bill is issued."""

    place: int
    posted_on: date
    statement_on: date


@cache
def months() -> list[Month]:
    """April to September 2005."""
    found = []
    for place in range(MONTHS):
        first = OPENED_ON.replace(month=OPENED_ON.month + place)
        after = first.replace(month=first.month + 1)
        found.append(Month(place, first.replace(day=DUE_DAY), after - timedelta(days=1)))
    return found


def late_from(account: Account, place: int) -> int:
    """Since when, by the old issuer's status of a month's end, something was late; 0: nothing was.

    The status counts months, so the day is as many times thirty days before the statement.
    """
    if place < 0 or account.status[place] < 1:
        return 0
    return months()[place].statement_on.toordinal() - MONTH * account.status[place]


def entry(account: Account, place: int) -> int:
    """What must have been bought (or, negative, given back) in a month, in minor units."""
    before = account.bills[place - 1] if place else 0
    return account.bills[place] - before + account.payments[place]


def opening(account: Account, borrower_id: int) -> asked.Command:
    """The account's line with its real limit."""
    return asked.OpenLine(borrower_id=borrower_id, product=PRODUCT, limit=account.limit)


def happened(account: Account, borrower_id: int, place: int) -> list[tuple[str, asked.Command]]:
    """The commands of one month, each with the name that makes its key: entry, then payment."""
    contract_id = contract_of(borrower_id, 1)
    found: list[tuple[str, asked.Command]] = []
    amount = entry(account, place)
    if amount > 0:
        found.append(("entry", asked.Purchase(contract_id=contract_id, amount=amount)))
    elif amount < 0:
        found.append(("entry", asked.Refund(contract_id=contract_id, amount=-amount)))
    if account.payments[place]:
        payment = asked.Repay(contract_id=contract_id, amount=account.payments[place])
        found.append(("payment", payment))
    return found
