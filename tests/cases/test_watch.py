"""What happens to cases by itself, how the late ones are found, and cases in sums."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.cases.house import House
from usance.cases import read, rules, statistics
from usance.cases.clocks import in_force
from usance.cases.policy import case_policy
from usance.cases.work import SYSTEM, Acting
from usance.platform.database import Pool


async def due(house: House, which: str) -> list[int]:
    found = await read.by_clock(house.room.desk, which, (date.min, 0), 50)
    return [each.case_id for each in found]


async def test_a_clock_that_ran_out_is_marked_once(house: House) -> None:
    """R-CASE-17: by however many processes look, on the first day after the last, in its zone."""
    borrower, _ = await house.account()
    told = await house.open(borrower)
    untold = await house.open(borrower, channel=rules.CONSOLE, acting=house.by("anna"))
    house.clock.advance(timedelta(days=1, hours=13, minutes=59))  # 3 March, 23:59 in Shanghai
    assert await house.room.watch.look() == 0
    house.clock.advance(timedelta(minutes=1))
    looks = await asyncio.gather(*(house.room.watch.look() for _ in range(4)))
    assert sum(looks) == 1
    assert await house.kinds(untold) == ["opened", "acknowledged_late"]
    house.forward(14)  # 18 March
    assert sum(await asyncio.gather(*(house.room.watch.look() for _ in range(4)))) == 2
    assert await house.kinds(untold) == ["opened", "acknowledged_late", "decided_late"]
    assert await house.kinds(told) == ["opened", "decided_late"]
    assert await house.room.watch.look() == 0
    marks = await house.pool.fetch("SELECT * FROM operation WHERE action = 'MarkCaseLate'")
    assert {row["actor"] for row in marks} == {SYSTEM}
    assert len(marks) == 3
    own = await house.room.own.read(borrower, told)
    assert [each["kind"] for each in own["events"]] == ["opened"]
    await house.whole()


async def test_a_mark_stays_and_an_extension_runs_out_anew(house: House) -> None:
    borrower, _ = await house.account()
    case_id = await house.given(borrower)
    house.forward(16)
    await house.room.watch.look()
    await house.room.work.extend(case_id, "The bank is slow.", house.by("anna"))
    row = await house.row(case_id)
    assert (row["decided_late"], row["decide_by"]) == (True, date(2026, 4, 1))
    assert await house.room.watch.look() == 0


async def test_late_and_nearly_late_cases_are_found_the_most_urgent_first(house: House) -> None:
    """R-CASE-17: 3 days left or less; what is decided has no clock any more."""
    borrower, _ = await house.account()
    first = await house.open(borrower)
    house.forward(5)
    second = await house.open(borrower)
    england = await house.open(borrower, jurisdiction="GB")
    house.forward(6)  # 13 March: four days left of the first
    assert await due(house, "soon") == []
    house.forward(1)
    assert (await due(house, "soon"), await due(house, "late")) == ([first], [])
    house.forward(4)  # 18 March
    assert (await due(house, "soon"), await due(house, "late")) == ([first], [first])
    house.forward(1)
    assert await due(house, "soon") == [first, second]
    case = await read.one(house.room.desk, first)
    assert read.clock(house.room.desk, case) == read.Ends(-2, "late")
    ends = read.clock(house.room.desk, await read.one(house.room.desk, england))
    assert (ends.days, ends.tone) == (44, "fine")
    await house.room.own.withdraw(borrower, first, Acting("borrower:1"))
    assert await due(house, "late") == []
    case = await read.one(house.room.desk, first)
    assert read.clock(house.room.desk, case).tone == "stopped"
    page = await read.by_clock(house.room.desk, "soon", (date(2026, 3, 22), second), 50)
    assert page == []


async def test_a_decided_case_that_is_left_alone_is_closed(house: House) -> None:
    """R-CASE-07: after 30 days, once."""
    borrower, _ = await house.account()
    case_id = await house.decided(borrower)
    house.forward(30)
    assert await house.room.watch.look() == 0
    house.forward(1)
    assert sum(await asyncio.gather(*(house.room.watch.look() for _ in range(3)))) == 1
    assert (await house.row(case_id))["state"] == rules.CLOSED
    await house.whole()


async def test_the_watch_looks_by_itself_and_stops(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the background; what breaks once does not end it."""
    borrower, _ = await house.account()
    case_id = await house.open(borrower)
    house.forward(20)
    monkeypatch.setattr(type(house.room.watch), "every_seconds", 0.01)
    found, looks = house.room.watch.look, []

    async def breaks_first() -> int:
        looks.append(1)
        if len(looks) == 1:
            raise ConnectionError("away")
        if len(looks) == 2:
            raise ValueError("an accident")
        return await found()

    monkeypatch.setattr(type(house.room.watch), "look", lambda _: breaks_first())
    house.room.watch.start()
    for _ in range(200):
        await asyncio.sleep(0.02)
        if "decided_late" in await house.kinds(case_id):
            break
    await house.room.watch.stop()
    assert "decided_late" in await house.kinds(case_id)
    count = len(looks)
    await asyncio.sleep(0.05)
    assert len(looks) == count > 2


# -- statistics ------------------------------------------------------------------------------------


async def test_cases_in_sums(house: House) -> None:
    """By kind and state, in time, upheld, median days; open ones by age."""
    borrower, _ = await house.account()
    await house.open(borrower)  # open, 30 days old at the end
    withdrawn = await house.open(borrower)
    await house.room.own.withdraw(borrower, withdrawn, Acting("borrower:1"))
    for days, result in [(0, "upheld"), (2, "partly"), (2, "not_upheld"), (16, "not_upheld")]:
        case_id = await house.given(borrower, kind="dispute")
        number = await house.propose(case_id, result=result)
        house.forward(days)
        await house.room.deciding.decide(case_id, number, house.by("clara"))
    house.forward(10)
    await house.open(borrower, kind="correction")
    found = await statistics.statistics(house.room.desk)
    dispute, complaint = found.kinds["dispute"], found.kinds["complaint"]
    assert (dispute.cases, dispute.decided, dispute.in_time) == (4, 4, 3)
    assert (dispute.in_time_share, dispute.upheld_share) == ("0.7500", "0.5000")
    assert dispute.median_days == 2
    assert (complaint.cases, complaint.open, complaint.states["withdrawn"]) == (2, 1, 1)
    assert complaint.ages == [0, 0, 1, 0, 0]
    assert (complaint.in_time_share, complaint.median_days) == (None, None)
    assert found.kinds["correction"].ages == [1, 0, 0, 0, 0]
    assert (found.total.cases, found.total.open, found.total.median_days) == (7, 2, 2)
    assert found.until == date(2026, 4, 1)
    some = await statistics.statistics(house.room.desk, date(2026, 3, 4), date(2026, 3, 5))
    assert {name: each.cases for name, each in some.kinds.items() if each.cases} == {"dispute": 1}


@pytest.mark.parametrize(("part", "whole", "wanted"), [
    (0, 0, None), (0, 3, "0.0000"), (1, 3, "0.3333"), (2, 3, "0.6666"), (3, 3, "1.0000"),
])  # fmt: skip
def test_shares_are_rounded_down(part: int, whole: int, wanted: Any) -> None:
    assert statistics.share(part, whole) == wanted


FILL = """
INSERT INTO case_file (cell, borrower_id, case_id, kind, state, jurisdiction, opened_by, opened_at,
    rule, received_on, acknowledge_by, acknowledged_on, decide_by, decided_on, result)
SELECT n % 1024, n, n, 1 + n % 6, CASE WHEN n % 50 = 0 THEN 1 ELSE 5 END, 'CN', 'x', now(), '{}',
    day, day, day, day + 15, CASE WHEN n % 50 > 0 THEN day + n % 30 END, n % 4
FROM generate_series(1, 50000) AS n, LATERAL (SELECT date '2026-03-02' - n % 365 AS day) AS spread
"""


async def test_late_cases_are_found_by_an_index(pool: Pool) -> None:
    """Of fifty thousand, a thousand open: no scan of the table, for the list and the watch."""
    from usance.cases import store

    await pool.execute(FILL)
    await pool.execute("ANALYZE case_file")
    days = case_policy().days_at(datetime(2026, 3, 2, tzinfo=UTC))
    async with pool.acquire() as connection:
        await connection.execute("SET enable_seqscan = off")
        plan = "\n".join(
            row[0]
            for row in await connection.fetch(
                "EXPLAIN SELECT case_id FROM case_file WHERE state IN (1, 2)"
                " AND decide_by <= date '2026-03-02' ORDER BY decide_by, case_id LIMIT 50"
            )
        )
    assert "case_file_open" in plan
    found = await store.by_clock(pool, days, (date.min, 0), 50)
    assert len(found) == 50
    assert found == sorted(found, key=lambda each: (each.decide_by, each.case_id))
    assert in_force(case_policy().rules, "CN", "complaint", date(2026, 3, 2))
