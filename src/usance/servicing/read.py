"""Read models: what pages and the API show, as dataclasses and rows with their tables' names.

Nothing is changed here. A contract is brought up to the business date in the hand, so what is owed
today is the kernel's answer and not a stored figure. Lists come in pages: ``before`` or ``after``
is where the page before ended.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from asyncpg import Record

from usance.contract.records import CYCLE, LINE, Contract, Due, Out, outstanding
from usance.contract.standing import days_past_due, days_past_due_unextended, pay_off
from usance.contract.step import advance, recovered_in_full
from usance.core.identifiers import (
    CONTRACTS_MAX,
    borrower_of_contract,
    cell_of_borrower,
    cell_of_contract,
    contract_of,
)
from usance.ledger import chart
from usance.platform.database import Connection, Pool
from usance.servicing import columns, store
from usance.servicing import read_sql as sql
from usance.servicing.hand import Hand

PAGE = 50
LAST = 2**62


@dataclass(frozen=True, slots=True)
class Book:
    """The book's row."""

    name: str
    currency: str
    opened_on: date
    business_date: date
    demo: bool

    @property
    def today(self) -> int:
        """The business date as an ordinal."""
        return self.business_date.toordinal()


@dataclass(frozen=True, slots=True)
class Product:
    """A product with the terms that its offers start from."""

    product_id: int
    code: str
    name_zh: str
    name_en: str
    settings: dict[str, Any]

    def name(self, language: str) -> str:
        """In the reader's language."""
        return self.name_zh if language == "zh" else self.name_en


async def book(connection: Connection | Pool) -> Book | None:
    """The book; None before it is created."""
    row = await connection.fetchrow(sql.BOOK)
    return Book(**row) if row else None


async def products(connection: Connection | Pool) -> dict[int, Product]:
    """All products by id."""
    rows = await connection.fetch(sql.PRODUCTS)
    return {
        row["product_id"]: Product(**dict(row) | {"settings": json.loads(row["settings"])})
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole book in sums."""

    balances: list[Record]
    ages: list[Record]
    counts: Record
    cash: list[Record]
    late_shares: list[Record]


async def overview(pool: Pool, today: int, days: int = 366) -> Overview:
    """Sums over the book on the business date ``today`` (ordinal); cash of the last ``days``."""
    start = date.fromordinal(today - days)
    cash_accounts = [chart.COLLECTIONS, chart.LOANS_OUT, chart.MERCHANTS, chart.PAYOUTS]
    async with pool.acquire() as connection:
        return Overview(
            balances=await connection.fetch(sql.BALANCES),
            ages=await connection.fetch(sql.AGES, today),
            counts=await connection.fetchrow(sql.COUNTS),
            cash=await connection.fetch(sql.CASH, start, cash_accounts),
            late_shares=await connection.fetch(sql.LATE_SHARES, today - days, today),
        )


async def closes(pool: Pool, before: date = date.max, limit: int = PAGE) -> list[Record]:
    """Day closes, newest first."""
    return list(await pool.fetch(sql.CLOSES, before, limit))


async def waiting(pool: Pool, today: int) -> int:
    """Contracts that the close of ``today`` will wake."""
    found: int = await pool.fetchval(sql.WAITING, today)
    return found


# -- borrowers -------------------------------------------------------------------------------------


async def borrowers(pool: Pool, after: int = 0, limit: int = PAGE) -> list[Record]:
    """Borrowers by id, with principal, open contracts and the oldest unmet due day."""
    return list(await pool.fetch(sql.BORROWERS, after, limit))


async def late_borrowers(
    pool: Pool, today: int, after: tuple[int, int] = (0, 0), limit: int = PAGE
) -> list[Record]:
    """Borrowers past due, the oldest first."""
    return list(await pool.fetch(sql.LATE_BORROWERS, today, *after, limit))


@dataclass(frozen=True, slots=True)
class BorrowerPage:
    """What a borrower has and owes; contracts stand at the business date."""

    lines: list[Record]
    contracts: list["Standing"]
    offers: list[Record]
    authorisations: list[Record]
    operations: list[Record]


async def borrower_page(pool: Pool, borrower_id: int, today: int) -> BorrowerPage:
    """All of one borrower that a page shows; contracts newest first, at most 200."""
    cell = cell_of_borrower(borrower_id)
    async with pool.acquire() as connection:
        return BorrowerPage(
            lines=await connection.fetch(sql.LINES, cell, borrower_id),
            contracts=await contracts_of(connection, borrower_id, today),
            offers=await connection.fetch(sql.OFFERS, cell, borrower_id, PAGE),
            authorisations=await connection.fetch(sql.AUTHORISATIONS, cell, borrower_id, PAGE),
            operations=await operations(connection, borrower_id=borrower_id, limit=20),
        )


# -- contracts -------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Standing:
    """Where a contract stands on the business date; amounts in minor units."""

    contract_id: int
    product_id: int
    parent_id: int
    state: Contract
    dues: list[Due]
    today: int
    pay_off: int
    due_now: int
    next_due_on: int
    next_due: int
    dpd: int
    dpd_unextended: int

    @property
    def borrower_id(self) -> int:
        """Whose it is."""
        return borrower_of_contract(self.contract_id)

    @property
    def is_line(self) -> bool:
        """A pay-later account, not a loan or a plan."""
        return self.state.kind == LINE

    @property
    def undrawn(self) -> bool:
        """A loan whose pay-out failed or came back, so that it was never owed (R-DRAW-01)."""
        return not self.is_line and self.state.principal == 0

    @property
    def recovered_in_full(self) -> bool:
        """Charged off, and nothing is owed any more (R-OFF-03)."""
        return recovered_in_full(self.state) == 1

    @property
    def running(self) -> int:
        """Interest (and the running row's fee) that a pay-off asks beyond what is asked."""
        return self.pay_off - self.asked

    @property
    def asked(self) -> int:
        """Everything unpaid, asked or (principal) still ahead."""
        c = self.state
        return c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty


def required_of(state: Contract, d: Due) -> int:
    """What is still to be paid of a due by its due day: the required amount on a line."""
    if state.kind == LINE and d.kind == CYCLE:
        return min(max(d.required - d.received, 0), outstanding(d))
    return outstanding(d)


def stand(hand: Hand, today: int) -> Standing:
    """Bring a contract in the hand to the start of ``today`` and look at it."""
    hand.bring_up(today)
    c, dues = hand.state, hand.dues
    if c.on < today:
        advance(hand.terms, c, dues, today, Out())
    ahead = [d for d in dues if d.due_on > today and required_of(c, d) > 0]
    following = min(ahead, key=lambda d: d.due_on, default=None)
    return Standing(
        hand.contract_id, hand.product_id, hand.parent_id, c, dues, today,
        pay_off=pay_off(hand.terms, c, dues),
        due_now=sum(required_of(c, d) for d in dues if 0 < d.due_on <= today),
        next_due_on=following.due_on if following else 0,
        next_due=required_of(c, following) if following else 0,
        dpd=days_past_due(c, today), dpd_unextended=days_past_due_unextended(c, today),
    )  # fmt: skip


async def load(connection: Connection, rows: Sequence[Sequence[Any]]) -> list[Hand]:
    """Rows of contracts as hands with their open dues; nothing is locked."""
    await store.load_terms(connection, {row[4] for row in rows})
    hands = [store.hand_of(row) for row in rows]
    await store.load_dues(connection, hands)
    return hands


CONTRACT = ", ".join(columns.CONTRACT)
DUE = ", ".join(columns.DUE[2:])


async def contracts_of(
    connection: Connection, borrower_id: int, today: int, *, closed: bool = True,
    before: int = LAST, limit: int = 200,
) -> list[Standing]:  # fmt: skip
    """A borrower's contracts as they stand on ``today``, newest first."""
    rows = await connection.fetch(
        sql.CONTRACTS.format(contract=CONTRACT),
        cell_of_borrower(borrower_id), borrower_id, closed, before, limit,
    )  # fmt: skip
    return [stand(hand, today) for hand in await load(connection, rows)]


async def contract(connection: Connection, contract_id: int, today: int) -> Standing | None:
    """One contract as it stands on ``today``; None if there is none."""
    row = await connection.fetchrow(
        sql.CONTRACT.format(contract=CONTRACT), cell_of_contract(contract_id), contract_id
    )
    return stand((await load(connection, [row]))[0], today) if row else None


async def dues(
    connection: Connection | Pool, found: Standing, before: int = LAST, limit: int = PAGE
) -> list[Due]:
    """Dues below number ``before``, oldest first; open ones as they stand today."""
    before = min(before, 2**15 - 1)
    rows = await connection.fetch(
        sql.DUES.format(due=DUE), cell_of_contract(found.contract_id), found.contract_id, before,
        limit,
    )  # fmt: skip
    numbered = {row[0]: Due(*row) for row in rows}
    numbered |= {d.n: d for d in found.dues if min(numbered, default=0) <= d.n < before}
    return [numbered[n] for n in sorted(numbered)][-limit:]


async def statements(
    connection: Connection | Pool, contract_id: int, before: int = 2**31 - 1, limit: int = PAGE
) -> list[Record]:
    """Statements as issued, newest first."""
    cell = cell_of_contract(contract_id)
    return list(await connection.fetch(sql.STATEMENTS, cell, contract_id, before, limit))


async def events(
    connection: Connection | Pool, contract_id: int, before: int = 2**31 - 1, limit: int = PAGE,
    *, day_ends: bool = True,
) -> list[Record]:  # fmt: skip
    """Events, newest first; ``day_ends`` says whether with those that only time made."""
    cell = cell_of_contract(contract_id)
    return list(await connection.fetch(sql.EVENTS, cell, contract_id, before, limit, day_ends))


async def event_booked(pool: Pool, contract_id: int, seq: int) -> Record | None:
    """The amount of an event, the day on which it was booked, and the business date."""
    cell = cell_of_contract(contract_id)
    row: Record | None = await pool.fetchrow(sql.EVENT_BOOKED, cell, contract_id, seq)
    return row


async def given(pool: Pool, borrower_id: int, days: int) -> int:
    """What a borrower was given in so many days up to today: waivers and goodwill that stand."""
    first = contract_of(borrower_id, 1)
    place = cell_of_borrower(borrower_id), first, first + CONTRACTS_MAX - 1
    found: int = await pool.fetchval(sql.GIVEN, *place, days)
    return found


async def transfers(
    connection: Connection | Pool, contract_id: int, before: int = 2**31 - 1, limit: int = PAGE
) -> list[Record]:
    """Ledger transfers of a contract, newest event first."""
    cell = cell_of_contract(contract_id)
    return list(await connection.fetch(sql.TRANSFERS, cell, contract_id, before, limit))


async def events_of_cycle(connection: Connection | Pool, contract_id: int, n: int) -> list[Record]:
    """Purchases that landed in a cycle, at most 500, oldest first."""
    cell = cell_of_contract(contract_id)
    return list(await connection.fetch(sql.EVENTS_OF_CYCLE, cell, contract_id, n))


async def offer(
    connection: Connection | Pool, cell: int, borrower_id: int, offer_id: int
) -> dict[str, Any] | None:
    """An offer with its terms and cost sheet as documents."""
    row = await connection.fetchrow(sql.OFFER, cell, borrower_id, offer_id)
    if row is None:
        return None
    parsed = {name: json.loads(row[name]) for name in ("document", "cost")}
    return dict(row) | parsed


# -- operations and bank files ---------------------------------------------------------------------


async def operations(
    connection: Connection | Pool, *, borrower_id: int = 0, before: int = LAST, limit: int = PAGE
) -> list[Record]:
    """The audit events of mutations, newest first; of one borrower, or of all."""
    if borrower_id:
        return list(
            await connection.fetch(sql.OPERATIONS_OF_BORROWER, borrower_id, before, limit)
        )
    return list(await connection.fetch(sql.OPERATIONS, before, limit))


async def operation(pool: Pool, operation_id: int) -> Record | None:
    """One operation."""
    return await pool.fetchrow(sql.OPERATION, operation_id)


async def bank_files(pool: Pool, before: int = LAST, limit: int = PAGE) -> list[Record]:
    """Bank files, newest first."""
    return list(await pool.fetch(sql.FILES, before, limit))


@dataclass(frozen=True, slots=True)
class BankFile:
    """A bank file: its outcomes in sums, and a page of its rows."""

    file: Record
    outcomes: list[Record]
    rows: list[Record]


async def bank_file(
    pool: Pool, file_id: int, after: int = -1, limit: int = 200
) -> BankFile | None:
    """One bank file with rows after number ``after``; None if there is none."""
    async with pool.acquire() as connection:
        file = await connection.fetchrow(sql.FILE, file_id)
        if file is None:
            return None
        return BankFile(
            file,
            await connection.fetch(sql.FILE_OUTCOMES, file_id),
            await connection.fetch(sql.FILE_ROWS, file_id, after, limit),
        )
