"""What relatives are told because of what a borrower is told, or is about to do."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.family.house import FATHER, House, house
from usance.core.identifiers import cell_of_borrower
from usance.family.follows import BEFORE, FOLLOWS
from usance.platform.database import Pool

PLANNED = """WITH planned (cell, borrower_id, notice_id, template_id, contract_id, facts,
    business_date, not_before, until) AS (VALUES ($1::smallint, $2::bigint, $3::bigint, $4::text,
    $5::bigint, $6::jsonb, date '2026-03-01', $7::timestamptz, $7::timestamptz + interval '3 d'))"""
OFFERED = """WITH offered (cell, borrower_id, offer_id, business_date, not_before, until) AS (
    VALUES ($1::smallint, $2::bigint, $3::bigint, date '2026-03-01', $4::timestamptz,
    $4::timestamptz + interval '3 d'))"""
DRAWN = {"amount": 100, "day": "2026-03-01", "due_on": "2026-04-01", "instalments": 12}
LATE = {"due_on": "2026-02-27", "amount": 100, "days": 1}


async def follows(home: House, template: str, facts: dict[str, Any], notice: int = 1) -> int:
    """As a planner does it; how many were planned."""
    tag = await home.pool.execute(
        PLANNED + FOLLOWS, cell_of_borrower(home.who), home.who, notice, template, 7,
        json.dumps(facts), home.clock.now(),
    )  # fmt: skip
    return int(tag.rpartition(" ")[2])


async def before(home: House, offer: int = 5) -> int:
    tag = await home.pool.execute(
        OFFERED + BEFORE, cell_of_borrower(home.who), home.who, offer, home.clock.now()
    )
    return int(tag.rpartition(" ")[2])


async def test_each_scope_hears_its_own(home: House) -> None:
    """R-FAMILY-13, R-FAMILY-16: facts of the scope, and of the amount nothing."""
    mother = await home.on()
    await home.pool.execute("DELETE FROM notice")
    assert await follows(home, "drawn", DRAWN) == 2
    assert await follows(home, "drawn", DRAWN) == 0
    assert await follows(home, "opened", {"day": "2026-03-01"}, 2) == 0  # nothing is borrowed yet
    assert await follows(home, "overdue-1", LATE, 3) == 1
    assert await follows(home, "overdue-7", LATE | {"days": 7}, 4) == 0  # the same due
    assert await follows(home, "overdue-1", LATE | {"due_on": "2026-03-27"}, 5) == 1
    assert await follows(home, "paid", {"day": "2026-03-01"}, 6) == 0
    rows = await home.pool.fetch(
        "SELECT template_id, scope, member_id, facts FROM notice ORDER BY notice_id, template_id"
    )
    assert {row["member_id"] for row in rows} == {mother}
    told = sorted((row["template_id"][7:], row["scope"], row["facts"]) for row in rows)
    assert told == [
        ("after-borrowing", "borrowing", '{"day": "2026-03-01"}'),
        ("overdue", "overdue", "{}"), ("overdue", "overdue", "{}"),
        ("plan", "plan", '{"day": "2026-04-01", "instalments": 12}'),
    ]  # fmt: skip


async def test_only_who_accepted_that_scope(home: House) -> None:
    """R-FAMILY-13."""
    mother = await home.named()
    assert await follows(home, "drawn", DRAWN) == 0
    await home.accepted(mother, scopes=("plan",))
    assert await follows(home, "drawn", DRAWN) == 1
    assert await follows(home, "overdue-1", LATE, 2) == 0
    father = await home.on(FATHER, scopes=("borrowing",))
    assert await follows(home, "drawn", DRAWN, 3) == 2
    await home.taken_back(father)
    await home.left(mother)
    assert await follows(home, "drawn", DRAWN, 4) == 0


async def test_what_was_planned_does_not_go_any_more(home: House) -> None:
    """R-FAMILY-10: a withdrawal is faster than what waits."""
    mother = await home.on()
    await follows(home, "drawn", DRAWN)
    await home.left(mother)
    assert [each for each in await home.waiting(mother) if each != "family-invitation"] == []
    rows = await home.pool.fetch("SELECT state, because FROM notice WHERE scope <> ''")
    assert {tuple(row) for row in rows} == {(7, "WITHDRAWN")}


async def test_before_is_a_choice(home: House) -> None:
    """R-FAMILY-16."""
    await home.on()
    assert await before(home) == 0
    father = await home.on(FATHER, tells="before")
    assert (await before(home), await before(home), await before(home, 6)) == (1, 0, 1)
    assert await follows(home, "drawn", DRAWN) == 4
    await home.taken_back(father)
    assert await before(home, 7) == 0


@pytest.mark.parametrize("ended", [
    "UPDATE consent SET state = 3 WHERE grantor_kind = 'member'",
    "UPDATE consent SET state = 3 WHERE grantor_kind = 'borrower'",
    "UPDATE consent SET valid_until = '2026-02-01T00:00Z'",
    "UPDATE consent_document SET retired_on = '2026-03-01'",
    "UPDATE family_link SET state = 3",
])  # fmt: skip
async def test_an_agreement_that_is_not_live_plans_nothing(home: House, ended: str) -> None:
    """R-FAMILY-13: whatever the link says."""
    mother = await home.on(tells="before")
    await home.pool.execute(ended)
    assert await follows(home, "drawn", DRAWN) == 0
    assert await before(home) == 0
    assert await home.person(mother) is None


async def test_where_the_law_forbids_it(pool: Pool) -> None:
    """R-FAMILY-05."""
    async with house(pool, "US") as home:
        assert await home.family.offered() == {}
        with pytest.raises(Exception, match="R-FAMILY-05"):
            await home.named()


async def test_the_borrower_sees_what_was_told(home: House) -> None:
    """R-FAMILY-16: also after it has ended; never whether an invitation went out."""
    mother = await home.on()
    await follows(home, "overdue-1", LATE)
    assert await home.family.told(home.who) == []
    await home.pool.execute("UPDATE notice SET state = 4, channel = 'sms', sent_at = now()")
    ((row),) = await home.family.told(home.who)
    assert (row["template_id"], row["channel"], row["state"], row["member_id"]) == (
        "family-overdue", "sms", 4, mother,
    )
    await home.left(mother)
    assert len(await home.family.told(home.who)) == 1


async def test_once_a_year_both_are_told_that_it_is_on(home: House) -> None:
    """R-FAMILY-15: once a side, however many agreements there are."""
    mother = await home.on()
    await home.pool.execute("DELETE FROM notice")
    home.clock.advance(timedelta(days=364))
    assert await home.family.look() == 0
    home.clock.advance(timedelta(days=1))
    assert await home.family.look() == 6
    assert await home.waiting(mother) == ["family-yearly"]
    assert await home.waiting(0) == ["consent-yearly"]
    assert await home.family.look() == 0
    home.clock.advance(timedelta(days=365))
    assert await home.family.look() == 6
    await home.taken_back(mother)
    home.clock.advance(timedelta(days=365))
    assert await home.family.look() == 0
