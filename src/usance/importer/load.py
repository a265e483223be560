"""The run: borrowers, lines, then month by month entries, payments and day closes, all of it real.

It can be stopped anywhere and begun again. The book's business date says which months are behind
it; in the month under way every command has a key of its own, so nothing is done twice.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from usance.core.identifiers import (
    borrower_of,
    cell_of_borrower,
    cell_of_contract,
    contract_of,
)
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.day import close
from usance.identity import store as identity
from usance.importer import store
from usance.importer.plan import (
    OPENED_ON,
    PRODUCT,
    Month,
    happened,
    late_from,
    months,
    opening,
)
from usance.importer.uci import Account
from usance.ledger.digest import digest
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.servicing.commands import Command
from usance.servicing.post import Request
from usance.servicing.products import product_of
from usance.servicing.service import Book
from usance.servicing.setup import create_book

ACTOR = "system:import"
BATCH = 2000
"""Accounts a transaction."""
LANES = 2
"""Batches under way at once: while one is decided, another is being written."""

Tell = Callable[[str], None]


def silent(_: str) -> None:
    """Tell nobody."""


async def load(
    pool: Pool, accounts: list[Account], content: bytes, *, workers: int, tell: Tell
) -> None:
    """Bring the book through all six months, from wherever an earlier run stopped."""
    file_digest = hashlib.sha256(content).digest()
    await begin(pool, accounts, file_digest)
    borrowers = await store.borrowers(pool)
    book = Book(pool)
    await book.start()
    try:
        await run(book, Asking(accounts, borrowers, file_digest), workers, tell)
    finally:
        await book.stop()


@rule("R-IMPORT-02")
async def begin(pool: Pool, accounts: list[Account], file_digest: bytes) -> None:
    """A book of its own for this file, with a borrower for each account; once."""
    found = await store.book(pool)
    if found is None:
        country = product_of(PRODUCT).country
        await create_book(pool, name="Imported cards", opened_on=OPENED_ON, country=country)
    known = await store.started(pool, ACTOR, store.PURPOSE)
    if known == file_digest:
        return
    if known is not None:
        raise Refused("R-IMPORT-02", "this book was made of another file", "file")
    if await store.book(pool) != (product_of(PRODUCT).currency, OPENED_ON):
        raise Refused("R-IMPORT-02", "the database holds another book: give the import its own", "")
    async with transaction(pool) as connection:
        operation_id = await register(connection, accounts)
        await store.start(connection, ACTOR, store.PURPOSE, file_digest, operation_id)


async def register(connection: Connection, accounts: list[Account]) -> int:
    """A borrower for each account, without personal data: the file has none that is kept."""
    first = await identity.take_numbers(connection, len(accounts))
    borrowers = [borrower_of(first + n) for n in range(len(accounts))]
    await identity.insert_directory(
        connection,
        [
            (store.PURPOSE, str(account.number).encode(), borrower_id)
            for account, borrower_id in zip(accounts, borrowers, strict=True)
        ],
    )
    await identity.insert_borrowers(
        connection,
        [(cell_of_borrower(b), b, 1, b"", b"", b"", b"", b"", "zh", OPENED_ON) for b in borrowers],
    )
    operation_id = new_operation_id()
    rows = [(cell_of_borrower(b), b, 1, OPENED_ON.toordinal()) for b in borrowers]
    await identity.insert_operation(
        connection, operation_id, actor=ACTOR, action="RegisterBorrower", on=OPENED_ON,
        digest=digest([("borrower", rows)]), borrower_id=0, detail={"borrowers": len(borrowers)},
    )  # fmt: skip
    return operation_id


async def run(book: Book, asking: "Asking", workers: int, tell: Tell) -> None:
    """Open the lines, then each month: entries and payments, and the closes up to its statement."""
    if await store.business_date(book.pool) == OPENED_ON:
        await post(book, asking.lines())
        tell(f"{len(asking.accounts)} lines opened")
    for month in months():
        await close_until(book.pool, month.posted_on, workers)
        if await store.business_date(book.pool) == month.posted_on:
            await post(book, asking.month(month.place))
            tell(f"{month.posted_on}: entries and payments posted")
        await close_until(book.pool, month.statement_on + timedelta(days=1), workers)
        await tell_lateness(book.pool, asking, month)
        tell(f"{month.statement_on}: statements issued")


@dataclass(frozen=True, slots=True)
class Asking:
    """What the accounts ask for, account by account, each command under its own key."""

    accounts: list[Account]
    borrowers: dict[int, int]
    file_digest: bytes

    def lines(self) -> Iterator[list[Request]]:
        """A line for each."""
        for account in self.accounts:
            command = opening(account, self.borrowers[account.number])
            yield [self.request(account, "line", command)]

    def month(self, place: int) -> Iterator[list[Request]]:
        """What each did in a month."""
        for account in self.accounts:
            done = happened(account, self.borrowers[account.number], place)
            yield [self.request(account, f"{place}:{name}", command) for name, command in done]

    def request(self, account: Account, name: str, command: Command) -> Request:
        """A command under the key of its account and name."""
        return Request(command, ACTOR, f"{account.number}:{name}", self.file_digest)


@rule("R-IMPORT-03")
async def tell_lateness(pool: Pool, asking: Asking, month: Month) -> None:
    """What the lender before said of a month's end: how many months each account was late."""
    rows: list[tuple[int, ...]] = []
    for account in asking.accounts:
        was, now = late_from(account, month.place - 1), late_from(account, month.place)
        if was != now or month.place == 0:
            contract_id = contract_of(asking.borrowers[account.number], 1)
            on = month.statement_on.toordinal()
            rows.append(
                (cell_of_contract(contract_id), contract_id, -1 - month.place, on, was, now)
            )
    async with transaction(pool) as connection:
        if await store.tell_lateness(connection, rows):
            operation_id = new_operation_id()
            await identity.insert_operation(
                connection, operation_id, actor=ACTOR, action="TellLateness",
                on=month.statement_on, digest=digest([("lateness", rows)]), borrower_id=0,
                detail={"accounts": len(rows)},
            )  # fmt: skip


async def close_until(pool: Pool, day: date, workers: int) -> None:
    """Close days until ``day`` is the open one; a close that was broken off is finished too."""
    if await store.business_date(pool) <= day:
        await close.run(pool, through=day - timedelta(days=1), workers=workers)


async def post(book: Book, accounts: Iterator[list[Request]]) -> None:
    """Post what each account asks for, a few thousand accounts a transaction."""

    async def lane() -> None:
        while batch := [each for account in islice(accounts, BATCH) for each in account]:
            for request, answer in zip(batch, await book.post(batch), strict=True):
                if answer.status >= 400:
                    raise Refused(answer.document["rule"], answer.document["detail"], request.key)

    lanes = [asyncio.create_task(lane()) for _ in range(LANES)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for task in lanes:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
