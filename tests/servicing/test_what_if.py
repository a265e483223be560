"""What-if is what the book will do: courses are led on by the kernel, and then lived in a book."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest_asyncio

from tests.servicing.books import OPENED_ON, TestBook, fresh
from usance.contract.quote import quote
from usance.platform.database import Pool
from usance.servicing import commands as asked
from usance.servicing import read
from usance.servicing.what_if import AGREED, EARLY, MINIMUM, MISS, Course, WhatIf, what_if


@pytest_asyncio.fixture
async def book(pool: Pool) -> AsyncIterator[TestBook]:
    async with fresh(pool) as found:
        yield found


async def look(book: TestBook, contract_id: int, early: int = 0) -> WhatIf:
    found = await what_if(book.pool, contract_id, early)
    assert found is not None
    return found


async def live(book: TestBook, contract_id: int, course: Course) -> None:
    """Pay as a course says, day by day, in the real book."""
    for payment in course.payments:
        day = date.fromordinal(payment.on)
        if day > await book.today():
            await book.close_through(date.fromordinal(payment.on - 1))
        assert await book.today() == day
        await book.do(asked.Repay(contract_id=contract_id, amount=payment.amount))


async def owed(book: TestBook, contract_id: int) -> int:
    today = (await book.today()).toordinal()
    async with book.pool.acquire() as connection:
        found = await read.contract(connection, contract_id, today)
    assert found is not None
    return found.pay_off


async def loan(book: TestBook) -> int:
    borrower = await book.borrower()
    await book.line(borrower, "cash_loan")
    contract_id = await book.loan(borrower, 1_000_000, 6)
    await book.close_through(date(2025, 2, 20))
    return contract_id


async def account(book: TestBook) -> int:
    borrower = await book.borrower()
    contract_id = await book.line(borrower, "pay_later")
    await book.close_through(date(2025, 1, 10))
    await book.do(asked.Purchase(contract_id=contract_id, amount=600_000))
    await book.close_through(date(2025, 2, 3))
    return contract_id


async def test_a_loan_costs_less_early_and_more_when_one_is_missed(book: TestBook) -> None:
    """R-PORTAL-03."""
    found = (await look(book, await loan(book))).courses
    assert found.keys() == {AGREED, EARLY, MISS}
    assert found[EARLY].cost < found[AGREED].cost < found[MISS].cost
    assert found[EARLY].ends_on == date(2025, 2, 21).toordinal()
    assert found[AGREED].ends_on == found[MISS].ends_on == date(2025, 7, 1).toordinal()
    assert found[AGREED].days_late <= found[MISS].days_late
    for each in found.values():
        assert each.left == 0
        assert each.total == each.cost + found[AGREED].total - found[AGREED].cost


async def test_what_is_paid_early_lowers_what_is_to_come(book: TestBook) -> None:
    contract_id = await loan(book)
    part, whole = await look(book, contract_id, 300_000), await look(book, contract_id)
    assert part.courses[EARLY].payments[0].amount == 300_000
    assert whole.courses[EARLY].cost < part.courses[EARLY].cost < part.courses[AGREED].cost
    assert (await look(book, contract_id, 10**10)).courses[EARLY] == whole.courses[EARLY]


async def test_every_course_of_a_loan_is_what_the_book_then_does(book: TestBook) -> None:
    """R-PORTAL-03: lived in the book, each course ends with nothing owed, to the cent."""
    for name in (AGREED, MISS, EARLY):
        contract_id = await loan(book) if name == AGREED else await later_loan(book)
        found = (await look(book, contract_id, 250_000)).courses[name]
        await live(book, contract_id, found)
        assert await owed(book, contract_id) == 0, name
        paid = await book.pool.fetchrow(
            "SELECT sum(amount)::bigint, sum(interest + fee + penalty)::bigint FROM event"
            " WHERE contract_id = $1 AND kind = 3", contract_id,
        )  # fmt: skip
        assert tuple(paid) == (found.total, found.cost), name


async def later_loan(book: TestBook) -> int:
    borrower = await book.borrower()
    await book.line(borrower, "cash_loan")
    contract_id = await book.loan(borrower, 900_000, 3)
    await book.close_days(40)  # one payment is late by now
    return contract_id


async def test_the_minimum_costs_more_and_lasts_longer(book: TestBook) -> None:
    found = (await look(book, await account(book))).courses
    assert found.keys() == {AGREED, EARLY, MINIMUM, MISS}
    assert found[AGREED].cost == found[EARLY].cost == 0
    assert found[MINIMUM].cost > 0
    assert found[MISS].cost > 0
    assert found[MINIMUM].payments[-1].on > found[AGREED].ends_on
    first = found[MINIMUM].payments[0]
    assert (date.fromordinal(first.on), first.amount) == (date(2025, 2, 10), 60_000)


async def test_the_minimum_is_what_statements_will_ask(book: TestBook) -> None:
    """R-PORTAL-03: half a year of it, lived in the book."""
    contract_id = await account(book)
    found = (await look(book, contract_id)).courses[MINIMUM]
    half_a_year = Course(MINIMUM, found.payments[:6], 0, 0)
    await live(book, contract_id, half_a_year)
    assert await owed(book, contract_id) == half_a_year.payments[-1].left
    rows = await book.pool.fetch(
        "SELECT required FROM statement WHERE contract_id = $1 ORDER BY number", contract_id
    )
    asked_for = [row["required"] for row in rows if row["required"]]
    assert asked_for[:6] == [each.amount for each in half_a_year.payments]


async def test_the_calculator_says_the_same(book: TestBook) -> None:
    """The quote document, which is held to the oracle, ends a course with nothing owed too."""
    contract_id = await loan(book)
    opening = await book.pool.fetchval(
        "SELECT document->'terms' FROM contract_opening WHERE contract_id = $1", contract_id
    )
    import json

    for name, course in (await look(book, contract_id)).courses.items():
        events = [
            {"seq": n, "on": date.fromordinal(each.on).isoformat(), "type": "repayment",
             "amount": f"{each.amount // 100}.{each.amount % 100:02}"}
            for n, each in enumerate(course.payments, 2)
        ]  # fmt: skip
        answer = quote({"terms": json.loads(opening), "events": events})
        assert answer["totals"]["payoff"] == "0.00", name
        cost = sum(round(float(each[k]) * 100) for each in answer["events"]
                   for k in ("interest", "fee", "penalty"))  # fmt: skip
        assert cost == course.cost, name


async def test_nothing_is_said_where_nothing_is_to_come(book: TestBook) -> None:
    borrower = await book.borrower()
    contract_id = await book.line(borrower, "pay_later")
    assert await what_if(book.pool, contract_id) is None
    assert await what_if(book.pool, contract_id + 1) is None
    assert await book.today() == OPENED_ON
