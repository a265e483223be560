"""Book against file: every statement balance, credit balances, days past due against the status.

Balances are read from the statements as issued. Days past due are not kept for past days, so they
come from a replay of each contract's stored events, which is the definition of its state.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from usance.contract.records import STATEMENT
from usance.contract.replay import History, key
from usance.contract.standing import days_past_due
from usance.core.identifiers import cell_of_contract, contract_of
from usance.importer import store
from usance.importer.plan import PRODUCT, entry, months
from usance.importer.uci import MONTHS, Account
from usance.platform.database import Pool
from usance.servicing.products import product_of
from usance.servicing.store import history_of, load_terms

BUCKET = 30
"""Days past due in steps of a month: 0, 1-30, 31-60 ..."""
BUCKETS_MOST = 6
CHUNK = 2000
DIFFERENCES_KEPT = 20

Table = Counter[tuple[int, int]]
"""(status in the file, months past due in the book) -> how many account-months."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the book that is not the file's; ``line`` 0: the account is not in the book."""

    line: int
    place: int
    what: str
    file: int
    book: int


@dataclass(slots=True)
class Month:
    """One month's statements: how many there are in the file, and how many are equal."""

    bills: int = 0
    equal: int = 0
    negative: int = 0
    credit_equal: int = 0
    total: int = 0
    over_limit: int = 0


@dataclass(slots=True)
class Comparison:
    """Book and file side by side."""

    accounts: int = 0
    months: list[Month] = field(default_factory=lambda: [Month() for _ in range(MONTHS)])
    purchases: int = 0
    refunds: int = 0
    payments: int = 0
    paid: int = 0
    differences: list[Difference] = field(default_factory=list)
    same_month: Table = field(default_factory=Counter)
    next_month: Table = field(default_factory=Counter)

    @property
    def bills(self) -> int:
        """Statement balances in the file."""
        return sum(month.bills for month in self.months)

    @property
    def equal(self) -> int:
        """Those that the book's statements equal."""
        return sum(month.equal for month in self.months)

    @property
    def ok(self) -> bool:
        """Every balance equals the file's, and every negative one is a credit balance."""
        return self.equal == self.bills and all(m.credit_equal == m.bills for m in self.months)


async def compare(pool: Pool, accounts: list[Account], tell: Any) -> Comparison:
    """Compare every account of the file."""
    found = Comparison(accounts=len(accounts))
    borrowers = await store.borrowers(pool)
    contracts = [contract_of(borrowers[a.number], 1) for a in accounts]
    issued = await statements(pool)
    for account, contract_id in zip(accounts, contracts, strict=True):
        compare_bills(found, account, issued.get(contract_id, {}))
        count_entries(found, account)
    tell(f"{found.equal} of {found.bills} statement balances are equal")
    for start in range(0, len(accounts), CHUNK):
        chunk = contracts[start : start + CHUNK]
        late = await days_late(pool, chunk)
        for account, contract_id in zip(accounts[start:], chunk, strict=False):
            compare_late(found, account, late.get(contract_id, []))
    return found


async def statements(pool: Pool) -> dict[int, dict[int, tuple[int, int]]]:
    """Balance and credit balance of each contract's statements, by place of the month."""
    places = {month.statement_on: month.place for month in months()}
    found: dict[int, dict[int, tuple[int, int]]] = {}
    for contract_id, _, issued_on, balance, credit in await store.statements(
        pool, product_of(PRODUCT).product_id
    ):
        if issued_on in places:
            found.setdefault(contract_id, {})[places[issued_on]] = balance, credit
    return found


def compare_bills(found: Comparison, account: Account, issued: dict[int, tuple[int, int]]) -> None:
    """Six bills: the balance equals, and a negative one is exactly the credit balance."""
    for place, bill in enumerate(account.bills):
        month = found.months[place]
        month.bills += 1
        month.total += bill
        month.negative += bill < 0
        month.over_limit += bill > account.limit
        balance, credit = issued.get(place, (0, 0))
        month.equal += place in issued and balance == bill
        month.credit_equal += place in issued and credit == max(-bill, 0)
        if len(found.differences) < DIFFERENCES_KEPT:
            if place not in issued or balance != bill:
                difference = Difference(account.line, place, "balance", bill, balance)
                found.differences.append(difference)
            elif credit != max(-bill, 0):
                difference = Difference(account.line, place, "credit", max(-bill, 0), credit)
                found.differences.append(difference)


def count_entries(found: Comparison, account: Account) -> None:
    """What was derived and what was paid."""
    entries = [entry(account, place) for place in range(MONTHS)]
    found.purchases += sum(amount > 0 for amount in entries)
    found.refunds += sum(amount < 0 for amount in entries)
    found.payments += sum(amount > 0 for amount in account.payments)
    found.paid += sum(account.payments)


def compare_late(found: Comparison, account: Account, late: list[int]) -> None:
    """Months past due in the book at a statement: against this month's status, and the last's."""
    for place, days in enumerate(late):
        bucket = min(-(-days // BUCKET), BUCKETS_MOST)
        found.same_month[account.status[place], bucket] += 1
        if place:
            found.next_month[account.status[place - 1], bucket] += 1


async def days_late(pool: Pool, contracts: list[int]) -> dict[int, list[int]]:
    """Days past due of each contract on each statement day, by replay."""
    cells = [cell_of_contract(each) for each in contracts]
    openings = {k: json.loads(v) for k, v in (await store.openings(pool, cells, contracts)).items()}
    async with pool.acquire() as connection:
        await load_terms(connection, {each["terms_id"] for each in openings.values()})
    rows = await store.events(pool, cells, contracts)
    return {
        contract_id: list(late_of(history_of(openings[contract_id], stored_events(rows_of_one))))
        for contract_id, rows_of_one in groupby(rows, key=lambda row: row[0])
    }


def stored_events(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Event rows as ``history_of`` takes them, without the contract."""
    return (tuple(row)[1:] for row in rows)


def late_of(history: History) -> Iterator[int]:
    """Days past due as each statement was issued."""
    live = [event for event in history.known.values() if history.counts(event)]
    for event in sorted([*live, *history.pins.values()], key=key):
        history.apply(event)
        if event.kind == STATEMENT:
            yield days_past_due(history.state.contract, event.on)
