"""What was committed is planned: once, in order, and nothing that would come too late."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.notices.house import NIGHT, NOON, House, house
from tests.servicing.books import OPENED_ON
from usance.notices import planner as planning
from usance.notices.starting import starting_set
from usance.notices.tellings import tellings
from usance.platform.database import Pool
from usance.servicing import commands as asked


def said(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Template and facts of each."""
    return [(each["template_id"], json.loads(each["facts"])) for each in rows]


def test_what_is_told_has_a_template() -> None:
    known = {each.id: each for each in starting_set()}
    policy = tellings()
    for told in (*policy.wanted().values(), *policy.of_events().values()):
        assert known[told.template].audience == "borrower"
        assert told.hours > 0


async def test_a_loan_is_told_of_and_its_repayment(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_000_000, 12)
        await home.book.do(asked.Repay(contract_id=loan, amount=5_000))
        rows = await home.planned()
        assert said(rows)[1:] == [
            ("drawn", {"amount": 1_000_000, "day": "2025-01-01", "instalments": 12,
                       "due_on": "2025-02-01"}),
            ("paid", {"amount": 5_000, "day": "2025-01-01"}),
        ]  # fmt: skip
        first = rows[1]
        assert (first["borrower_id"], first["contract_id"], first["purpose"]) == (
            who, loan, "servicing",
        )  # fmt: skip
        assert (first["state"], first["not_before"], first["until"]) == (
            1, NOON, NOON + timedelta(hours=48),
        )  # fmt: skip
        assert await home.planned() == rows, "planned again"


async def test_a_planner_begins_where_it_is_told_to(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_000_000, 12)
        await home.planner.begin_here()
        await home.planner.begin_here()
        assert await home.planned() == []
        await home.book.do(asked.Repay(contract_id=loan, amount=5_000))
        assert [each["template_id"] for each in await home.planned()] == ["paid"]


async def test_at_night_everything_waits_for_the_morning(pool: Pool) -> None:
    """R-PLAN-03."""
    async with house(pool, NIGHT) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        await home.book.loan(who)
        rows = await home.planned()
        assert [each["template_id"] for each in rows] == ["opened", "drawn"]
        for row in rows:
            assert row["not_before"] == NIGHT.replace(day=3, hour=0, minute=0), "08:00 in Shanghai"


async def days_told(home: House, through: date) -> list[tuple[date, str, dict[str, Any]]]:
    """Close day by day, as it is done, and note what each close has told."""
    found = []
    seen = len(await home.planned())
    while (day := await home.book.today()) <= through:
        await home.book.close_through(day)
        rows = await home.planned()
        found += [(day, *each) for each in said(rows[seen:])]
        seen = len(rows)
    return found


async def test_due_days_are_told_before_and_late_ones_after(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        await home.book.loan(who, 1_200_000, 3)
        told = await days_told(home, date(2025, 2, 10))
        when = {(template, day): facts for day, template, facts in told}
        assert sorted(day for _, day in when) == [
            date(2025, 1, 28), date(2025, 1, 31), date(2025, 2, 1), date(2025, 2, 7),
        ]  # fmt: skip
        assert [template for _, template, _ in told] == [
            "due-in-3-days", "due-today", "overdue-1", "overdue-7",
        ]  # fmt: skip
        first = when["due-in-3-days", date(2025, 1, 28)]
        last = when["overdue-7", date(2025, 2, 7)]
        assert (first["due_on"], first["days"], first["n"]) == ("2025-02-01", -3, 1)
        assert (last["days"], last["due_on"]) == (7, "2025-02-01")
        assert last["amount"] > first["amount"] > 400_000, "a penalty has come"


async def test_who_has_paid_is_not_told(pool: Pool) -> None:
    """R-PLAN-02."""
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_200_000, 3)
        await home.book.close_through(date(2025, 1, 30))
        owed = await home.pool.fetchval(
            "SELECT principal + interest FROM due WHERE contract_id = $1 AND n = 1", loan
        )
        await home.book.do(asked.Repay(contract_id=loan, amount=owed + 10_000))
        told = await days_told(home, date(2025, 2, 10))
        assert {template for _, template, _ in told} <= {"paid"}, told


async def test_a_statement_is_told_with_its_bill(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        account = await home.book.line(who, "pay_later")
        await home.book.do(asked.Purchase(contract_id=account, amount=30_000))
        told = await days_told(home, date(2025, 1, 6))
        assert [(day, t, f["amount"], f["due_on"]) for day, t, f in told] == [
            (date(2025, 1, 1), "statement", 30_000, "2025-01-10"),
            (date(2025, 1, 6), "due-in-3-days", 30_000, "2025-01-10"),
        ]


async def test_days_that_were_missed_are_not_told_afterwards(pool: Pool) -> None:
    """R-PLAN-02."""
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        await home.book.loan(who, 1_200_000, 3)
        await home.planned()
        await home.book.close_through(date(2025, 2, 7))
        rows = await home.planned()
        assert [each["template_id"] for each in rows] == ["opened", "drawn", "overdue-7"]


async def test_planners_in_turn_plan_each_once(pool: Pool) -> None:
    """R-PLAN-01."""
    async with house(pool) as home:
        people = await home.book.borrowers(20)
        loans = []
        for who in people:
            await home.book.line(who, "cash_loan")
            loans.append(await home.book.loan(who))
        other = planning.Planner(
            home.pool, home.clock, home.planner._gate, "CN"
        )
        rng = Random(7)

        async def pay() -> None:
            for loan in loans * 3:
                await home.book.do(asked.Repay(contract_id=loan, amount=rng.randint(100, 900)))

        paying = asyncio.create_task(pay())
        while not paying.done():
            await asyncio.gather(home.planner.step(), other.step())
        await paying
        rows = await home.planned()
        assert len(rows) == 20 + 20 + 60
        for loan in loans:
            mine = [each["key"] for each in rows if each["contract_id"] == loan]
            assert mine == sorted(mine, key=lambda key: int(key.split(":")[2])), "in order"
        assert {each["business_date"] for each in rows} == {OPENED_ON}


async def test_another_cluster_begins_anew(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        await home.pool.execute("UPDATE notice_feed SET through = '99999999'")
        await home.planned()
        await home.book.loan(who)
        assert [each["template_id"] for each in await home.planned()] == ["drawn"]
