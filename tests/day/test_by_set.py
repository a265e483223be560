"""Contracts served as a set leave the same rows as contracts served one by one, in every table."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from random import Random

import numpy as np

from tests.day.lives import Life, Payments, Way
from tests.servicing.books import ACTOR, TestBook, fresh
from usance.core.identifiers import CELLS
from usance.day import bulk as by_set
from usance.day import close
from usance.day.finish import finish
from usance.day.wake import wake_range, wake_rest
from usance.platform.database import Pool, open_pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.schema import metadata
from usance.servicing import bulk_post
from usance.servicing import commands as asked
from usance.servicing.write import write_operation

PEOPLE = 45
THROUGH = date(2025, 4, 25)  # long enough for loans to stop accruing at 91 days past due

OF_THE_CLOCK = {"shown_at", "confirmed_at", "recorded_at",
                "started_at", "finished_at", "created_at", "adopted_at"}
OWN = {
    "borrower": {"data_key", "name", "phone", "identity_number", "email"},  # encrypted at random
    "offer": {"offer_id", "operation_id"}, "authorisation": {"authorisation_id", "operation_id"},
    "cost_sheet": {"sheet_id", "nonce", "operation_id"},
    "contract_opening": {"offer_id", "operation_id"}, "event": {"operation_id"},
    "notice_template": {"operation_id"}, "consent_document": {"operation_id"},
    "policy_version": {"operation_id"},
}  # fmt: skip
"""Columns in which two books that live the same life differ."""
NOT_OF_THE_BOOK = {"job", "operation", "accrual_change", "webhook_feed", "notice_feed",
                   "warning_feed"}
"""Compared in other ways, or no part of the book."""

OPERATIONS = """
SELECT actor, action, borrower_id, contract_id, business_date FROM operation
WHERE action NOT IN ('Repay', 'CloseDay')
"""
WRITTEN_BY = """
SELECT e.cell, e.contract_id, e.seq, o.actor, o.action, o.business_date
FROM event e JOIN operation o USING (operation_id)
"""
CHANGES = """
SELECT cell, contract_id, version / 64, stream, denominator, product_id, day_count, booked_on,
    from_weight, whole, rest, slope, slope_rest, rounding FROM accrual_change
"""
"""The last digits of the version only tell rows of one write apart."""


class Record:
    """What went by sets, and the accrual changes of every day before they are folded."""

    def __init__(self) -> None:
        self.changes: list[Counter[tuple[object, ...]]] = []
        self.served: Counter[str] = Counter()


async def close_as_one(book: TestBook, day: date, record: Record, *, in_sets: bool) -> None:
    """Move the date, wake, note the accrual changes, finish."""
    on = day.toordinal()
    await close.move_date(book.pool, day)
    if in_sets:
        async with transaction(book.pool) as connection:
            found = await by_set.wake_range(connection, on, 0, CELLS - 1)
            rest = await wake_rest(connection, on, 0, CELLS - 1)
        record.served.update(woken=found, woken_singly=rest)
    else:
        found, rest = await wake_range(book.pool, on, 0, CELLS - 1), 0
    record.changes.append(await rows_of(book.pool, CHANGES))
    async with transaction(book.pool) as connection:
        await finish(connection, on, found + rest)


async def pay_singly(book: TestBook, payments: Payments) -> None:
    """Each repayment as a command."""
    commands = [asked.Repay(contract_id=c, amount=amount) for c, amount in payments.items()]
    await book.book.submit_many(list(commands), actor=ACTOR)


async def pay_in_sets(book: TestBook, payments: Payments, record: Record) -> None:
    """All repayments as a set; what could not be done so, as commands."""
    today = (await book.today()).toordinal()
    contracts = np.array(list(payments), np.int64)
    amounts = np.array(list(payments.values()), np.int64)
    operation_id = new_operation_id()
    async with transaction(book.pool) as connection:
        posted = await bulk_post.repay_each(connection, today, contracts, amounts, operation_id)
        await write_operation(connection, operation_id, ACTOR, "Repay", today, posted.digest)
    served = set(posted.contract_ids.tolist())
    record.served.update(paid=len(served), paid_singly=len(payments) - len(served))
    await pay_singly(book, {c: a for c, a in payments.items() if c not in served})


async def rows_of(pool: Pool, query: str) -> Counter[tuple[object, ...]]:
    """All rows, in no order."""
    return Counter(tuple(row) for row in await pool.fetch(query))


def queries() -> dict[str, str]:
    """For every table of the book, what must be the same."""
    found = {"operation": OPERATIONS, "operation of events": WRITTEN_BY, "accrual_change": CHANGES}
    for table in metadata.tables.values():
        if table.name not in NOT_OF_THE_BOOK:
            own = OF_THE_CLOCK | OWN.get(table.name, set())
            columns = [f"t.{c.name}::text" for c in table.columns if c.name not in own]
            found[table.name] = f"SELECT {', '.join(columns)} FROM {table.name} t"
    return found


@asynccontextmanager
async def way(url: str, record: Record, *, in_sets: bool) -> AsyncIterator[Way]:
    """A book of its own, served singly or as sets."""
    pool = await open_pool(url, 4)

    async def pay(book: TestBook, payments: Payments) -> None:
        if in_sets:
            await pay_in_sets(book, payments, record)
        else:
            await pay_singly(book, payments)

    async def close_day(book: TestBook, day: date) -> None:
        await close_as_one(book, day, record, in_sets=in_sets)

    async with fresh(pool) as book:
        yield Way(book, pay, close_day)
    await pool.close()


async def everything(book: TestBook) -> dict[str, Counter[tuple[object, ...]]]:
    """All rows of all tables."""
    return {name: await rows_of(book.pool, query) for name, query in queries().items()}


def test_sets_write_the_same_rows(new_database: Callable[[], str]) -> None:
    asyncio.run(compare(new_database(), new_database()))


async def compare(one: str, other: str) -> None:
    """Lead a life singly, repeat it in sets, hold every table of one book against the other's."""
    singly, sets = Record(), Record()
    async with way(one, singly, in_sets=False) as first:
        life = Life(first, Random("twins"))
        await life.begin(PEOPLE)
        while (day := await first.book.today()) <= THROUGH:
            await life.live_day(day)
        wanted = await everything(first.book)
        await first.book.holds()
    async with way(other, sets, in_sets=True) as second:
        await life.repeat(second)
        found = await everything(second.book)
        await second.book.holds()
    for place, (left, right) in enumerate(zip(singly.changes, sets.changes, strict=True)):
        assert left - right == right - left, f"accrual changes of day {place}"
    for name, rows in wanted.items():
        assert rows - found[name] == found[name] - rows, name
    print({name: rows.total() for name, rows in wanted.items()}, life.done, sets.served)
    assert set(life.done) > {"Repay", "Purchase", "ChargeOff", "Recover", "Extend", "Restructure"}
    assert wanted["contract"].total() > 200
    assert sets.served["woken"] > 9 * sets.served["woken_singly"]
    assert sets.served["paid"] > 300
