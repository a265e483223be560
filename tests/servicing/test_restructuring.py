"""A restructuring changes rate, number of instalments and due days; the past keeps its terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.servicing.books import TestBook
from usance.servicing import commands as asked

AGREED, CHEAPER = 40_000, 20_000  # per night and 10^8: 0.04 %; 7.3 % a year is 0.02 %


async def late_loan(book: TestBook) -> int:
    """6,000.00 in six instalments of which none is paid, on 11 March."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 600_000, 6)
    await book.close_through(date(2025, 3, 10))
    return loan


def cheaper(loan: int) -> asked.Restructure:
    """Ten instalments from 20 April on, at half the rate."""
    day = date(2025, 4, 20).toordinal()
    return asked.Restructure(
        contract_id=loan, instalments=10, annual_rate="0.073", first_due_on=day
    )


async def rate_of(book: TestBook, loan: int) -> int:
    """The rate by which the stored contract runs."""
    numbers: int = await book.pool.fetchval(
        "SELECT (t.numbers ->> 'rate')::int FROM contract c JOIN terms t USING (terms_id) "
        "WHERE contract_id = $1", loan,
    )  # fmt: skip
    return numbers


async def test_another_rate_and_other_due_days(book: TestBook) -> None:
    """R-RESTR-01, R-RESTR-03: 40 nights of 1.20 on 6,000.00 to 20 April; accrued day by day."""
    loan = await late_loan(book)
    before = await book.contract(loan)
    await book.do(cheaper(loan))
    assert await rate_of(book, loan) == CHEAPER
    rows = await book.pool.fetch(
        "SELECT due_on, interest, asked_interest, principal FROM due WHERE contract_id = $1 "
        "AND n > 6 ORDER BY n", loan,
    )  # fmt: skip
    assert len(rows) == 10
    assert [date.fromordinal(row[0]) for row in rows[:2]] == [date(2025, 4, 20), date(2025, 5, 20)]
    run = round(before["balance"] * AGREED * 10 / 10**8)  # 1 to 10 March, by the old terms
    assert rows[0][2] == before["unpaid_interest"] + run
    assert rows[0][1] - rows[0][2] == 600_000 * CHEAPER * 40 // 10**8
    assert sum(row[3] for row in rows) == 600_000
    await book.holds()
    await book.close_through(date(2025, 4, 25))
    assert (await book.contract(loan))["late_from"] == date(2025, 4, 20).toordinal()
    await book.holds()


async def test_a_replay_uses_the_terms_of_each_day(book: TestBook) -> None:
    """R-RESTR-01: a payment of the past, entered afterwards, and one of the new days."""
    loan = await late_loan(book)
    await book.do(cheaper(loan))
    await book.close_days(5)
    for day in (date(2025, 2, 1), date(2025, 3, 12)):
        await book.do(
            asked.Repay(contract_id=loan, amount=20_000, effective_on=day.toordinal())
        )
        await book.holds()
    assert await rate_of(book, loan) == CHEAPER
    old = await book.pool.fetchrow(
        "SELECT sum(paid_interest), sum(interest) FROM due WHERE contract_id = $1 AND n <= 6", loan
    )
    assert old[0] == old[1] > 0  # old rows ask what was paid there
    await book.close_days(40)
    await book.holds()
    await book.do(asked.Settle(contract_id=loan))
    await book.holds()


async def test_reversed(book: TestBook) -> None:
    """R-REV-01: the loan runs by its first terms again, as its twin does."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    twin = await book.loan(who, 600_000, 6)
    loan = await late_loan(book)
    done = await book.do(cheaper(loan))
    await book.close_days(3)
    await book.holds()
    await book.do(asked.Reverse(contract_id=loan, of=done["event"]["seq"]))
    assert await rate_of(book, loan) == AGREED
    await book.close_days(3)
    await book.holds()
    one, other = [await book.contract(each) for each in (loan, twin)]
    for name in ("terms_id", "unpaid_principal", "unpaid_interest", "unpaid_penalty", "late_from"):
        assert one[name] == other[name], name


@pytest.mark.parametrize(
    ("how", "rule"),
    [({"instalments": 0}, "R-RESTR-02"), ({"first_due_on": 0}, ""),
     ({"first_due_on": date(2025, 3, 11).toordinal()}, "R-RESTR-02"),
     ({"first_due_on": date(2025, 9, 8).toordinal()}, "R-RESTR-02"),
     ({"annual_rate": "0.2399"}, "R-CAP-01"), ({"annual_rate": "x"}, "R-DOC-01"),
     ({"annual_rate": "11"}, "R-RANGE-01"), ({"annual_rate": "0"}, "")],
)  # fmt: skip
async def test_refused_by_name(book: TestBook, how: dict[str, Any], rule: str) -> None:
    """Instalments, first due day, form of the rate, the cap on the annual cost."""
    loan = await late_loan(book)
    command = replace(asked.Restructure(contract_id=loan, instalments=6), **how)
    if rule:
        await book.refused(command, rule)
    else:
        await book.do(command)
        await book.holds()
