"""Features are what the book knew on a day: held against a slow replay, and against themselves."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import pytest

from tests.day.lives import Life
from tests.day.test_by_set import Record, way
from tests.servicing.books import TestBook
from usance.contract.records import Event
from usance.contract.replay import History
from usance.contract.standing import days_past_due
from usance.policy import shipped
from usance.policy.cells import MISSING
from usance.risk import features_sql
from usance.risk.features import Features, features_of, features_of_all
from usance.servicing import commands as asked
from usance.servicing.store import load_terms, opening_of

PEOPLE, THROUGH = 25, date(2025, 5, 10)
SEED = os.environ.get("USANCE_SEED", "house")

EVENTS = """
SELECT seq, kind, effective_on, booked_on, amount, of_seq, component, days, pinned, principal,
    interest, fee, penalty, credit FROM event
WHERE contract_id = $1 AND booked_on <= $2 ORDER BY seq
"""

LEDGER = """
SELECT contract_id >> 12,
    sum(CASE WHEN 5003 IN (debit, credit) THEN 0 ELSE amount *
        ((debit IN (1101, 1201, 1203, 1205))::int - (credit IN (1101, 1201, 1203, 1205, 4010))::int)
        END)::bigint,
    sum(amount * ((debit IN (1101, 2101))::int - (credit IN (1101, 2101))::int))::bigint
FROM transfer WHERE booked_on <= $1 AND contract_id <> 0 GROUP BY 1
"""
"""What is owed, and what is lent less credit: accounts by their numbers."""


def test_features_of_a_day_stay_what_they_were(new_database: Callable[[], str]) -> None:
    """R-FEATURE-01, R-FEATURE-02, R-LATE-02: nothing peeks into what was booked later."""
    asyncio.run(lived(new_database()))


async def lived(url: str) -> None:
    """Note everybody's features at the end of each day; long after, they read the same."""
    print("seed", SEED)
    chance = Random(f"features {SEED}")
    seen: dict[date, Features] = {}
    async with way(url, Record(), in_sets=False) as here:
        life = Life(here, chance)
        await life.begin(PEOPLE)
        while (day := await here.book.today()) <= THROUGH:
            if chance.random() < 0.3:
                await here.book.submit(asked.ChangeLimit(
                    borrower_id=chance.choice(life.people), product="pay_later",
                    limit=chance.randrange(1, 20) * 100_000,
                ))  # fmt: skip
            await life.live_day(day)
            seen[day] = await everybody(here.book, day)
        late = sum(int((each.columns["days_late"] > 0).sum()) for each in seen.values())
        assert late > 100, "this life tells nothing about lateness"
        for day, before in seen.items():
            after = await everybody(here.book, day)
            assert before.borrowers.tolist() == after.borrowers.tolist()
            for name, column in before.columns.items():
                assert column.tolist() == after.columns[name].tolist(), (day, name)
        for day in chance.sample(sorted(seen), 6):
            await held_against_replays(here.book, day, seen[day])
            await paid_as_by_hand(here.book, day, seen[day])
        await one_is_as_all(here.book, life.people, seen[THROUGH])
        await pages_are_the_whole(here.book, seen[THROUGH])


async def everybody(book: TestBook, day: date) -> Features:
    """As of the end of a day."""
    return await features_of_all(book.pool, day)


async def pages_are_the_whole(book: TestBook, every: Features) -> None:
    """Read by ranges of pages, page by page, nobody is missed or counted twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features_sql, "PAGES", 1)
        patch.setattr(features_sql, "READERS", 3)
        again = await everybody(book, THROUGH)
    assert again.borrowers.tolist() == every.borrowers.tolist()
    for name, column in every.columns.items():
        assert column.tolist() == again.columns[name].tolist(), name


async def one_is_as_all(book: TestBook, people: list[int], every: Features) -> None:
    """One definition, whether it is asked of one or of all."""
    async with book.pool.acquire() as connection:
        for who in people:
            alone = await features_of(connection, who, THROUGH)
            assert alone == every.of(who)
            assert set(alone) <= shipped.dictionary().keys()
        stranger = await features_of(connection, 1, THROUGH)
        assert stranger.keys() == every.columns.keys()
        assert {stranger["days_late"], stranger["owed_in_all"]} == {0}
        assert stranger["utilisation"] is None


async def held_against_replays(book: TestBook, day: date, found: Features) -> None:
    """Lateness by the kernel, from the events booked by the day; money by the ledger from its first
    transfer on; limits by what was said of them."""
    late = {int(each): 0 for each in found.borrowers}
    contracts = await book.pool.fetch(
        "SELECT contract_id, borrower_id FROM contract WHERE opened_on <= $1", day.toordinal()
    )
    for contract_id, borrower_id in contracts:
        state = (await replayed(book, contract_id, day)).state.contract
        late[borrower_id] = max(late[borrower_id], days_past_due(state, day.toordinal()))
    sums = {row[0]: row[1:] for row in await book.pool.fetch(LEDGER, day)}
    for place, who in enumerate(found.borrowers.tolist()):
        mine = {name: int(column[place]) for name, column in found.columns.items()}
        owed, used = sums.get(who, (0, 0))
        assert mine["days_late"] == late[who], (day, who)
        assert mine["days_late"] <= mine["days_late_90d"] <= mine["days_late_12m"]
        assert mine["owed_in_all"] == owed, (day, who)
        assert mine["free_limit"] + max(used, 0) == await limits(book, who, day), (day, who)


STATEMENTS = """
SELECT contract_id, issued_on, due_on, required - plans_due AS required, balance FROM statement
WHERE issued_on <= $1 AND due_on <= $1 ORDER BY contract_id, issued_on
"""
MONEY = """
SELECT e.contract_id, e.kind, e.effective_on, e.amount, r.booked_on AS undone_on
FROM event e LEFT JOIN event r ON r.contract_id = e.contract_id AND r.seq = e.reversed_by
    AND e.reversed_by <> 0
WHERE e.kind IN (3, 9, 16) AND e.booked_on <= $1
"""


async def paid_as_by_hand(book: TestBook, day: date, found: Features) -> None:
    """R-FEATURE-03: of the last six statements of each account, one after the other."""
    money = [
        (row["contract_id"], row["effective_on"], row["amount"] * (-1 if row["kind"] == 9 else 1))
        for row in await book.pool.fetch(MONEY, day)
        if row["undone_on"] is None or row["undone_on"] > day
    ]
    statements: dict[int, list[Any]] = {}
    for row in await book.pool.fetch(STATEMENTS, day):
        statements.setdefault(row["contract_id"], []).append(row)
    for place, who in enumerate(found.borrowers.tolist()):
        billed = met = unpaid = 0
        full = 0
        for contract_id, rows in statements.items():
            if contract_id >> 12 != who:
                continue
            streak = 0
            for row in rows[-6:]:
                asked = max(row["balance"], 0)
                got = max(sum(
                    amount for of, on, amount in money
                    if of == contract_id and row["issued_on"] < on <= row["due_on"]
                ), 0)  # fmt: skip
                billed, met = billed + asked, met + min(got, asked)
                unpaid += asked > 0 and got == 0
                streak = streak + 1 if got >= asked else 0
            full = max(full, streak)
        mine = {name: int(column[place]) for name, column in found.columns.items()}
        assert mine["paid_share_6m"] == (met * 10_000 // billed if billed else MISSING), (day, who)
        assert (mine["unpaid_6m"], mine["full_streak"]) == (unpaid, full), (day, who)
        lately = sum(a for of, on, a in money if of >> 12 == who and (day - on).days < 90)
        assert mine["paid_90d"] == max(lately, 0), (day, who)


async def limits(book: TestBook, who: int, day: date) -> int:
    """What was said of the borrower's lines by the day, the last word of each."""
    rows = await book.pool.fetch(
        "SELECT detail -> 'line' FROM operation WHERE borrower_id = $1 AND business_date <= $2 "
        "AND detail ? 'line' ORDER BY operation_id",
        who, day,
    )  # fmt: skip
    said: dict[int, int] = {}
    for (line,) in rows:
        told = json.loads(line)
        said[told["product"]] = told["limit"] if told["status"] == "open" else 0
    return sum(said.values())


async def replayed(book: TestBook, contract_id: int, day: date) -> History:
    """The contract as its events booked by the end of a day make it."""
    opening = json.loads(await book.pool.fetchval(
        "SELECT document FROM contract_opening WHERE contract_id = $1", contract_id
    ))  # fmt: skip
    async with book.pool.acquire() as connection:
        await load_terms(connection, {opening["terms_id"]})
    history = History(opening_of(opening))
    for row in await book.pool.fetch(EVENTS, contract_id, day):
        event = Event(row[0], row[1], row[2].toordinal(), row[3].toordinal(), *row[4:14])
        history.take(event)
    history.rebuild(day.toordinal() + 1)
    return history


def test_the_dictionary_knows_every_feature_of_the_book(new_database: Callable[[], str]) -> None:
    """R-FEATURE-01: what the dictionary says is of the book is found, and nothing else."""

    url = new_database()

    async def names() -> set[str]:
        async with way(url, Record(), in_sets=False) as here:
            who = (await here.book.borrowers(1))[0]
            await here.book.line(who, "pay_later")
            async with here.book.pool.acquire() as connection:
                return set(await features_of(connection, who, await here.book.today()))

    wanted = {each.name for each in shipped.dictionary().values() if each.source == "book"}
    assert asyncio.run(names()) == wanted - {"room"}
