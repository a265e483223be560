"""R-PROOF-10: whatever one byte or row a superuser changes in audit, event or ledger, it is found,
and the row is named. ``USANCE_SEED`` repeats a run; ``make soak`` plants ten thousand.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random

import asyncpg
import pytest

from tests.audit.tampering import TABLES, Tamper, Vandal, is_named, is_placed
from tests.day.lives import Life, Way
from tests.day.test_by_set import Record, close_as_one, pay_in_sets
from tests.day.test_verify import live
from tests.servicing.books import TestBook, fresh
from usance.audit.check import Trust
from usance.audit.note import PrivateKey
from usance.audit.sequencer import Sequencer
from usance.contract.records import DAY
from usance.day import verify, verify_rows
from usance.platform.database import Pool, open_pool
from usance.servicing import terms

KEY = PrivateKey("usance/test", b"k" * 32)
TAMPERS = 200
MANY = 10_000
DAYS, PEOPLE = 45, 12
NewDatabase = Callable[[], str]


@dataclass(frozen=True)
class Proven:
    """A book whose audit events all have their leaves; checkpoints are kept in a directory."""

    url: str
    trust: Trust


async def lived(pool: Pool, directory: Path, days: int) -> None:
    """A bit of everything; then people for so many days, closed and paid by sets."""
    sequencer = Sequencer(pool, KEY, directory)
    async with fresh(pool) as book:
        await book.close_days(1)
        await sequencer.catch_up()
        await live(book)
        await sequencer.catch_up()
        await book.close_days(1)
        if days:
            await live_on(book, days)
    await sequencer.catch_up()


async def live_on(book: TestBook, days: int) -> None:
    """As people do, each day."""
    record = Record()
    way = Way(book, partial(pay_in_sets, record=record),
              partial(close_as_one, record=record, in_sets=True))  # fmt: skip
    life = Life(way, Random(7))
    await life.begin(PEOPLE)
    first: date = await book.today()
    for day in range(days):
        await life.live_day(first + timedelta(day))
    assert record.served["woken"] > days


def prepared(url: str, directory: Path, days: int = 0) -> Proven:
    """Such a book."""

    async def fill() -> None:
        pool = await open_pool(url, 4)
        await lived(pool, directory, days)
        await pool.close()

    asyncio.run(fill())
    return Proven(url, Trust([KEY.public], directory, 0))


@pytest.fixture(scope="module")
def book(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Proven:
    return prepared(new_database(), tmp_path_factory.mktemp("checkpoints"))


async def findings(connection: asyncpg.Connection, trust: Trust) -> list[verify.Finding]:
    """What the proof finds."""
    terms.forget()
    return await verify.check(connection, lambda _: None, None, trust)


async def tampered(proven: Proven, count: int, seed: str) -> Counter[str]:
    """Plant tampers, each in a transaction that is undone; how well they were found."""
    connection = await asyncpg.connect(proven.url)
    vandal = Vandal(connection, Random(seed))
    await vandal.look_around()
    assert await findings(connection, proven.trust) == []
    found: Counter[str] = Counter()
    for number in range(count):
        undone = connection.transaction()
        await undone.start()
        tamper = await vandal.plant()
        keys = {each.key for each in await findings(connection, proven.trust)}
        await undone.rollback()
        assert keys, f"seed {seed}, tamper {number} was not found: {tamper}"
        named = is_named(tamper, keys)
        assert named or is_placed(tamper, keys), f"seed {seed}, {number}: {tamper} is not in {keys}"
        found.update([tamper.table, how(tamper), "named" if named else f"only placed: {tamper}"])
    assert await findings(connection, proven.trust) == []
    await connection.close()
    return found


def how(tamper: Tamper) -> str:
    """Without the column."""
    return tamper.how.partition(" of ")[0]


async def test_every_tamper_is_found_and_its_row_named(book: Proven) -> None:
    seed = os.environ.get("USANCE_SEED") or secrets.token_hex(8)
    print(f"USANCE_SEED={seed}")
    found = await tampered(book, TAMPERS, seed)
    assert all(found[table] for table in TABLES)
    assert found["named"] == TAMPERS, found


async def test_a_cycle_written_to_a_day_that_is_no_statement_is_named(book: Proven) -> None:
    connection = await asyncpg.connect(book.url)
    undone = connection.transaction()
    await undone.start()
    operation, contract, seq = await connection.fetchrow(
        "UPDATE event SET cycle = 7 WHERE (contract_id, seq) IN (SELECT contract_id, seq "
        "FROM event WHERE kind = $1 LIMIT 1) RETURNING operation_id, contract_id, seq", DAY,
    )  # fmt: skip
    found = await verify_rows.suspects_of(connection, operation)
    wrong = [verify_rows.first_wrong(each, found.transfers.get(each.contract[1], {}))
             for each in found.facts]  # fmt: skip
    await undone.rollback()
    await connection.close()
    assert f"{contract} event {seq}" in wrong


@pytest.mark.soak
def test_ten_thousand_tampers(new_database: NewDatabase, tmp_path: Path) -> None:
    seed = os.environ.get("USANCE_SEED") or secrets.token_hex(8)
    proven = prepared(new_database(), tmp_path, DAYS)
    started = time.perf_counter()
    found = asyncio.run(tampered(proven, MANY, seed))
    print(f"USANCE_SEED={seed}: {time.perf_counter() - started:.0f} s; "
          f"{[each for each in found.items() if 'placed' not in each[0]]}")  # fmt: skip
    for name in found:
        if "placed" in name:
            print(name)
    assert found["named"] == MANY
