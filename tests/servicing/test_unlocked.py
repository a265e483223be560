"""What is decided without a lock holds only if nothing has moved since it was read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.servicing.books import TestBook
from tests.servicing.test_once import loan_of, repayments
from usance.platform.database import open_pool
from usance.servicing import commands as asked
from usance.servicing import post, store
from usance.servicing.service import Book

Meanwhile = Callable[[], Awaitable[object]]


def between(monkeypatch: pytest.MonkeyPatch, meanwhile: Meanwhile) -> list[int]:
    """Once, after something was read and before it is written; how often anything was read."""
    read = store.read_at_once
    times: list[int] = []

    async def slow(*given: Any) -> Any:
        found = await read(*given)
        times.append(1)
        if len(times) == 1:
            await meanwhile()
        return found

    monkeypatch.setattr(store, "read_at_once", slow)
    return times


async def test_another_machine_writes_the_contract_meanwhile(
    book: TestBook, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await loan_of(book)
    pool = await open_pool(database, 2)
    other = Book(pool)
    mine, theirs = (asked.Repay(contract_id=loan, amount=each) for each in (10_000, 20_000))

    async def meanwhile() -> None:
        (answer,) = await other.post([post.Request(theirs, "machine:2", "theirs", b"x")])
        assert answer.status == 201

    read = between(monkeypatch, meanwhile)
    answer = await book.submit(mine, key="mine", request_hash=b"y")
    assert (answer.status, answer.document["contract"]["principal"]) == (201, "4700.00")
    assert (len(read), await repayments(book)) == (2, 2)
    await book.holds()
    await pool.close()


async def test_the_business_date_moves_meanwhile(
    book: TestBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await loan_of(book)
    today = await book.today()

    async def meanwhile() -> None:
        await book.close_days(1)

    between(monkeypatch, meanwhile)
    answer = await book.do(asked.Repay(contract_id=loan, amount=10_000))
    assert answer["event"]["booked_on"] == str(today + timedelta(days=1))
    await book.holds()


async def test_the_same_key_is_answered_meanwhile(
    book: TestBook, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await loan_of(book)
    pool = await open_pool(database, 2)
    other = Book(pool)
    command = asked.Repay(contract_id=loan, amount=10_000)

    async def meanwhile() -> None:
        await other.post([post.Request(command, "machine:1", "k", b"x")])

    between(monkeypatch, meanwhile)
    answer = await book.submit(command, actor="machine:1", key="k", request_hash=b"x")
    assert (answer.status, answer.replayed, await repayments(book)) == (201, True, 1)
    await book.holds()
    await pool.close()


async def test_nothing_of_a_lost_attempt_stays(
    book: TestBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statement itself refuses: no row of any table."""
    loan = await loan_of(book)
    request = post.Request(asked.Repay(contract_id=loan, amount=10_000), "machine:1", "k", b"x")

    async def meanwhile() -> None:
        await book.pool.execute("UPDATE contract SET version = version + 1")

    between(monkeypatch, meanwhile)
    async with book.pool.acquire() as connection:
        with pytest.raises(asyncpg.SerializationError):
            await post.post_unlocked(connection, [request])
    assert await repayments(book) == 0
    assert await book.pool.fetchval("SELECT count(*) FROM idempotency") == 0
