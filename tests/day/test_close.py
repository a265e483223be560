"""Day close: the same for any number of workers, resumed anywhere, open for business meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest

from tests.servicing.books import ACTOR, TestBook, fresh
from usance.day import close, finish, store, wake
from usance.platform import metrics
from usance.platform.database import Connection, Pool, open_pool
from usance.servicing import commands as asked

LAST = date(2025, 3, 12)
PEOPLE = 12


async def people_with_debts(book: TestBook) -> list[int]:
    """Accounts and loans, some paid, some late; their contracts."""
    await book.close_days(1)
    contracts = []
    for n, who in enumerate(await book.borrowers(PEOPLE)):
        account = await book.line(who, "pay_later")
        await book.line(who, "cash_loan")
        loan = await book.loan(who, 100_000 + n * 7_000, 3)
        await book.do(asked.Purchase(contract_id=account, amount=30_000 + n * 111))
        if n % 3 == 0:
            await book.do(asked.Repay(contract_id=loan, amount=20_000))
        contracts += [account, loan]
    return contracts


async def digests(pool: Pool) -> list[tuple[object, ...]]:
    """Of all closed days, with their counts."""
    rows = await pool.fetch(
        "SELECT business_date, digest, woken, events, statements, notices, transfers "
        "FROM day_close ORDER BY 1"
    )
    assert all(row[1] is not None for row in rows)
    return [tuple(row) for row in rows]


async def outcome(
    url: str, drive: Callable[[TestBook], Awaitable[None]]
) -> list[tuple[object, ...]]:
    """Digests of a book with the same life, whose days were closed by ``drive``."""
    pool = await open_pool(url, 6)
    async with fresh(pool) as book:
        await people_with_debts(book)
        await drive(book)
        await book.holds()
        found = await digests(pool)
    await pool.close()
    return found


async def in_thread(function: Callable[[], str]) -> str:
    return await asyncio.to_thread(function)


async def test_any_number_of_workers(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-CLOSE-DAY-01: 1, 2, 4 workers, ranges in any order, small portions, catch-up in one run."""
    found = []
    for workers in (1, 2, 4):
        if workers > 1:
            ranges = close.cell_ranges
            monkeypatch.setattr(wake, "CHUNK", 6 // workers)
            monkeypatch.setattr(close, "cell_ranges", lambda _, r=ranges, n=workers: r(n)[::-1])

        async def drive(book: TestBook, workers: int = workers) -> None:
            if workers == 1:
                while await book.today() <= LAST:  # daily runs; the others catch up in one
                    await book.close_days(1)
            else:
                await book.close_through(LAST, workers)

        found.append(await outcome(await in_thread(new_database), drive))
        monkeypatch.undo()
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == (LAST - date(2025, 1, 1)).days + 1
    assert sum(row[4] for row in found[0]) >= 2 * PEOPLE  # type: ignore[misc]


class StoppedError(Exception):
    """The machine went down here."""


async def test_restart_in_the_middle(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-CLOSE-DAY-03: stopped after each portion and before every finish; the same digests."""

    async def undisturbed(book: TestBook) -> None:
        await book.close_through(LAST)

    async def disturbed(book: TestBook) -> None:
        calls = 0
        some, finish = wake.wake_some, close.finish

        async def wake_some(*arguments: object) -> int:
            nonlocal calls
            calls += 1
            if calls % 3 == 0:
                raise StoppedError
            return await some(*arguments)  # type: ignore[arg-type]

        async def stopped_finish(*arguments: object) -> bool:
            nonlocal calls
            calls += 1
            done = await finish(*arguments)  # type: ignore[arg-type]
            if calls % 5 == 0:
                raise StoppedError
            return done

        monkeypatch.setattr(wake, "CHUNK", 2)
        monkeypatch.setattr(wake, "wake_some", wake_some)
        monkeypatch.setattr(close, "finish", stopped_finish)
        stops = 0
        while await book.today() <= LAST or await close.unfinished(book.pool):
            try:
                await book.close_through(LAST)
            except StoppedError:
                stops += 1
        assert stops > 50

    one = await outcome(await in_thread(new_database), undisturbed)
    two = await outcome(await in_thread(new_database), disturbed)
    # how many each run woke is told per run; what was booked is the same
    assert [row[:2] + row[3:] for row in one] == [row[:2] + row[3:] for row in two]


async def test_operations_while_days_close(book: TestBook, database: str) -> None:
    """Repayments and purchases go on while five days are caught up; none is refused."""
    contracts = await people_with_debts(book)
    await book.close_through(date(2025, 1, 31))
    other = await open_pool(database, 4)
    closing = asyncio.create_task(close.run(other, through=date(2025, 2, 5), workers=2))
    count = 0
    while not closing.done() or count < 60:
        commands = [asked.Repay(contract_id=each, amount=100) for each in contracts]
        answers = await asyncio.gather(
            *(book.book.submit(command, actor=ACTOR) for command in commands)
        )
        assert {answer.status for answer in answers} == {201}
        count += len(answers)
    await closing
    await other.close()
    assert await book.today() == date(2025, 2, 6)
    assert await book.pool.fetchval("SELECT count(*) FROM event WHERE amount = 100") == count
    await book.holds()


async def test_a_portion_that_an_operation_woke_is_not_the_end(
    book: TestBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation wakes one contract of a portion that waits for it: the rest is still woken."""
    contracts = await people_with_debts(book)
    await book.close_through(date(2025, 1, 31))
    day = date(2025, 2, 1)
    await close.move_date(book.pool, day)
    monkeypatch.setattr(wake, "CHUNK", 3)
    first = await book.pool.fetchval(
        "SELECT contract_id FROM contract WHERE alarm <= $1 ORDER BY contract_id LIMIT 1",
        day.toordinal(),
    )
    assert first in contracts
    async with book.pool.acquire() as connection, connection.transaction():
        await connection.fetch(
            "SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", first
        )
        closing = asyncio.create_task(close.run(book.pool, workers=1))
        await asyncio.sleep(0.2)
        later = "UPDATE contract SET alarm = alarm + 1 WHERE contract_id = $1"
        await connection.execute(later, first)
    with pytest.raises(AssertionError):  # what we did to the alarm is found out ...
        await closing
        await book.holds()
    late = await book.pool.fetchval(
        "SELECT count(*) FROM contract WHERE alarm <= $1", day.toordinal()
    )
    assert late == 0  # ... and nobody was forgotten


async def test_closing_twice_is_closing_once(book: TestBook, database: str) -> None:
    """Two machines close the same days at once."""
    await people_with_debts(book)
    other = await open_pool(database, 4)
    through = await book.today() + timedelta(days=25)
    await asyncio.gather(
        close.run(book.pool, through=through, workers=2),
        close.run(other, through=through, workers=2),
    )
    await close.run(book.pool, through=through)
    await other.close()
    assert await book.today() == through + timedelta(days=1)
    days = await book.pool.fetchval("SELECT count(*) FROM day_close")
    assert days == (through - date(2025, 1, 1)).days + 1
    assert await book.pool.fetchval(store.LAST_FINISHED) == through
    await book.holds()


async def test_the_time_that_a_close_took_holds_the_adding_up(
    book: TestBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    accrue = finish.accrue

    async def slowly(connection: Connection, day: int) -> None:
        await connection.execute("SELECT pg_sleep(0.3)")
        await accrue(connection, day)

    monkeypatch.setattr(finish, "accrue", slowly)
    await book.close_days(1)
    await close.observe_last_close(book.pool)
    assert 0.3 <= metrics.day_close_seconds._value.get() < 60
