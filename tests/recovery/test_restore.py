"""A backup and what was received after it become the same book in a new home, or nothing does."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.recovery import serving
from tests.recovery.house import (
    ACTOR,
    House,
    lived,
    new_home,
    operations,
    quiet,
    refused,
    restored,
    until_received,
)
from tests.servicing.books import fresh
from usance.core.refusals import Refused
from usance.day import verify
from usance.platform import postgres
from usance.platform.database import Pool, open_pool
from usance.recovery import store
from usance.recovery.take import Source, take


@asynccontextmanager
async def book_of(home: Path) -> AsyncIterator[Pool]:
    with postgres.using(home) as cluster:
        pool = await open_pool(cluster.url(), 4)
        yield pool
        await pool.close()


# -- what comes back ------------------------------------------------------------------------------


async def test_everything_that_was_received_is_there_again(house: House) -> None:
    async with lived(house) as live:
        await live.repay()
        backup = await live.back_up()
        last = await live.repay()
        await live.received()
        before, today = await operations(live.pool), await live.book.today()
    recovered, newest = await restored(house)
    assert (recovered.backup, recovered.reached, recovered.unread) == (backup, True, 0)
    assert recovered.replayed > 0
    assert (newest.operation_id, newest.action, newest.business_date) == (last, "Repay", today)
    async with book_of(new_home(house)) as pool:
        after = await operations(pool)
        assert before < after
        rows = await pool.fetch("SELECT actor FROM operation WHERE action = 'RestoreBook'")
        assert [row[0] for row in rows] == [ACTOR]
        assert await verify.run(pool) == []


async def test_a_restored_book_goes_on_and_is_backed_up_elsewhere(stored: House) -> None:
    """R-BACKUP-03: two lives of one book never write into one directory."""
    house = stored
    await restored(house)
    same = House(new_home(house), house.backups)
    with pytest.raises(Refused, match="R-BACKUP-03"):
        async with lived(same):
            pass
    assert postgres.status(same.cluster) is None
    other = House(new_home(house), house.home.with_name("others"))
    async with lived(other) as live:
        await live.repay()
        await live.back_up()
        await live.repay()
        await live.received()
        assert await live.book.findings() == []
    shutil.rmtree(other.home)
    _, newest = await restored(other)
    assert newest.action == "Repay"


async def test_everything_before_a_moment_and_nothing_after(house: House) -> None:
    async with lived(house) as live:
        await live.back_up()
        early = await live.repay()
        await asyncio.sleep(0.05)
        moment: datetime = await live.pool.fetchval("SELECT clock_timestamp()")
        await asyncio.sleep(0.05)
        late = [await live.repay() for _ in range(3)]
        await live.received()
    recovered, newest = await restored(house, until=moment)
    assert recovered.reached
    assert newest.operation_id == early
    async with book_of(new_home(house)) as pool:
        assert not set(late) & await operations(pool)
        assert await verify.run(pool) == []


async def test_a_moment_after_the_last_commit_is_everything(house: House) -> None:
    async with lived(house) as live:
        await live.back_up()
        last = await live.repay()
        await live.received()
        moment = await store.now(live.pool)
    recovered, newest = await restored(house, until=moment + timedelta(hours=1))
    assert not recovered.reached
    assert newest.operation_id == last


async def test_a_moment_before_the_backup_has_ended_is_refused(house: House) -> None:
    """R-BACKUP-07"""
    async with lived(house) as live:
        early = await store.now(live.pool)
        backup = await live.back_up()
    await refused(house, "R-BACKUP-07", backup.name, until=early)


async def test_an_older_backup_is_taken_for_an_older_moment(house: House) -> None:
    async with lived(house) as live:
        first = await live.back_up()
        early = await live.repay()
        moment = await store.now(live.pool)
        await live.back_up()
        await live.repay()
        await live.received()
    recovered, newest = await restored(house, until=moment)
    assert recovered.backup == first
    assert newest.operation_id == early


async def test_incremental_backups_are_put_together(house: House) -> None:
    async with lived(house) as live:
        full = await live.back_up(incremental=True)
        assert full.parent == "", "nobody had noted yet what changes"
        second = await live.back_up(incremental=True)
        await live.repay()
        third = await live.back_up(incremental=True)
        last = await live.repay()
        await live.received()
    assert third.parent == second.name
    assert third.bytes < full.bytes
    recovered, newest = await restored(house)
    assert (recovered.backup, newest.operation_id) == (third, last)
    async with book_of(new_home(house)) as pool:
        assert await verify.run(pool) == []


async def test_what_a_backup_forgets_is_done_again_before_anybody_sees_it(
    stored: House
) -> None:
    house = stored
    seen = []

    async def again(pool: Pool) -> str:
        assert not new_home(house).exists()
        seen.append(await pool.fetchval("SELECT count(*) FROM borrower"))
        return "done again"

    await restored(house, again=[again])
    assert seen == [4]
    shutil.rmtree(new_home(house))

    async def fails(pool: Pool) -> str:
        raise Refused("R-BOOK-01", "for this test")

    await refused(house, "R-BOOK-01", again=[fails])


async def test_no_operation_that_was_acknowledged_and_received_is_lost(house: House) -> None:
    """Server, receiver and server's directory are lost in the middle of posting."""
    async with lived(house) as live:
        await live.back_up()
    process = serving.begin(house)
    await serving.until_acknowledged(house, 40)
    pool = await open_pool(house.cluster.url(), 2)
    acknowledged = {*serving.acknowledged(house)} | await operations(pool)
    await until_received(pool)
    pool.terminate()
    later = serving.machine_is_lost(house, process)
    shutil.rmtree(house.cluster.data)
    recovered, _ = await restored(house)
    async with book_of(new_home(house)) as pool:
        there = await operations(pool)
        assert await verify.run(pool) == []
    print(f"{len(later)} acknowledged in all, {len(set(later) - there)} of them lost")
    assert acknowledged <= there
    assert recovered.unread == 0


# -- somebody else's server -----------------------------------------------------------------------


async def test_a_book_on_a_server_of_ones_own_comes_to_a_home(
    house: House, database: str
) -> None:
    """Its database has another name there; the embedded server knows one only."""
    pool = await open_pool(database, 4)
    async with fresh(pool) as book:
        person = await book.borrower()
        await book.line(person, "cash_loan")
        await book.loan(person)
        source = Source(database, None, [])
        backup = await take(pool, source, house.directory, keep=1, incremental=False,
                            streamed=False, tell=quiet)  # fmt: skip
        before = await operations(pool)
    await pool.close()
    assert backup.database != "usance"
    await restored(house)
    async with book_of(new_home(house)) as pool:
        assert before < await operations(pool)
        assert await verify.run(pool) == []
