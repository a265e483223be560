"""Whether a scorecard still holds: counts of days, PSI and CSI, what came of scores, reasons."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.risk.deciders import deciders
from tests.risk.registering import BEGINS, CARD, register
from tests.risk.warned import NOON
from usance.platform.clock import FixedClock
from usance.platform.database import Pool
from usance.risk import figures, measuring, monitors
from usance.risk.alerts import RATE_OF, UNKNOWN, Count, fatigue_of, surges, usual_rates
from usance.risk.fitting import chance_of_bad
from usance.risk.monitors import Day
from usance.risk.opening import Archive
from usance.risk.registered import BookVersions
from usance.risk.score_watch import SCORED, ScoreWatch
from usance.risk.warning_policy import warning_policy

LATE = "days_late_12m"


def test_bands_are_the_same_for_everybody() -> None:
    """R-MONITOR-01: they follow from the table of points alone."""
    assert monitors.edges_of(CARD) == (520, 540, 560, 580, 600, 620, 640, 660, 680)
    spread = monitors.spread_of(CARD, np.array([400, 520, 521, 560, 700]))
    assert spread == (2, 1, 1, 0, 0, 0, 0, 0, 0, 1)


def test_a_day_is_counts() -> None:
    """R-MONITOR-01: of whom a feature was unknown is counted apart."""
    found = monitors.day_of(CARD, [
        (560, {LATE: 0}, ["all-in-order"]), (490, {LATE: 12}, ["late-lately"]),
        (420, {LATE: 60}, ["late-lately", "score-low"]), (500, {LATE: None}, []),
    ])  # fmt: skip
    assert found.decisions == 4
    assert found.score == (3, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    assert found.features == {LATE: (1, 1, 1, 1)}
    assert monitors.reason_shares(found) == [
        ("late-lately", 5_000), ("all-in-order", 2_500), ("score-low", 2_500),
    ]  # fmt: skip
    both = monitors.added([found, found])
    assert both is not None
    assert (both.decisions, both.features, both.reasons["score-low"]) == (
        8, {LATE: (2, 2, 2, 2)}, 2,
    )  # fmt: skip
    assert monitors.added([]) is None


def test_indexes_are_those_of_the_figures() -> None:
    """R-MONITOR-02: of counts as of people."""
    before, now = (50, 30, 20), (20, 30, 50)
    wanted = sum(
        (n - b) / 100 * math.log(n / b) for b, n in zip(before, now, strict=True)
    )
    assert monitors.index_of(before, now) == round(wanted * 10_000)
    people = [np.repeat(np.arange(3), each) for each in (before, now)]
    assert figures.stability(*people, 3) == pytest.approx(wanted)
    assert monitors.index_of(before, before) == 0
    assert monitors.index_of((), now) is None


def report(spread: tuple[int, ...], good: tuple[int, ...], bad: tuple[int, ...]) -> dict[str, Any]:
    return {"spread": spread, "features": [{"name": LATE, "good": good, "bad": bad}]}


def test_against_what_it_was_made_on() -> None:
    """R-MONITOR-02: without a report against its own first days."""
    lately = Day(100, (0, 0, 100, *[0] * 7), {LATE: (100, 0, 0, 0)}, {})
    made = report((20, 30, 50, *[0] * 7), (45, 25, 5), (5, 5, 15))
    found = monitors.moved(CARD, lately, made, None)
    assert not found.first_days
    assert found.features[0].before == (50, 30, 20, 0)
    assert found.psi is not None
    assert found.psi > 2_500
    alone = monitors.moved(CARD, lately, None, lately)
    assert (alone.first_days, alone.psi, alone.features[0].csi) == (True, 0, 0)
    nothing = monitors.moved(CARD, lately, None, None)
    assert (nothing.psi, nothing.features[0].csi) == (None, None)
    other = monitors.moved(CARD, lately, report((1, 2), (1, 1, 1), (0, 0, 0)), None)
    assert other.first_days


def test_what_is_usual_of_a_signal() -> None:
    """R-WARN-02."""
    days = [{"borrowers": 1_000, "first-late": 2}] * 7
    assert usual_rates(days, ["first-late", "use-jumped"], 7) == {
        "first-late": 2 * RATE_OF // 1_000, "use-jumped": 0,
    }  # fmt: skip
    assert usual_rates(days[:6], ["first-late"], 7) == {"first-late": UNKNOWN}


def test_a_surge_of_a_signal() -> None:
    """R-WARN-02: far more than usual, and enough."""
    policy = warning_policy()
    days = [{"borrowers": 1_000, "first-late": 4}] * 7
    assert surges(policy, {"first-late": 11}, days) == []
    (one,) = surges(policy, {"first-late": 12}, days)
    assert (one.signal, one.usual, one.threshold["mark"]) == ("surge:first-late", 4, 12)
    assert surges(policy, {"first-late": 99}, days[:6]) == []


def test_a_signal_that_is_seldom_true_is_noisy() -> None:
    """R-WARN-05: shown, and not switched off."""
    marks = warning_policy().fatigue
    told = fatigue_of(Count("x", 30, 10, 1, 8, 20, 5, 4), 10, marks)
    assert (told.a_day, told.precise, told.false, told.unseen) == (300, 1_000, 8_000, 2_500)
    assert told.noisy
    assert not fatigue_of(Count("x", 30, 10, 2, 8, 20, 5, 4), 10, marks).noisy
    assert not fatigue_of(Count("x", 30, 9, 0, 8, 20, 5, 4), 10, marks).noisy
    assert fatigue_of(Count("x", 1, 0, 0, 0, 0, 0), 0, marks).precise is None


async def test_decisions_of_closed_days_are_counted_once(pool: Pool) -> None:
    """R-MONITOR-01, R-MONITOR-03, R-MONITOR-04: and what came of them is known as of a day."""
    async with deciders(pool) as room:
        made = report(monitors.spread_of(CARD, np.repeat([560, 490, 420], 40)),
                      (38, 35, 20), (2, 5, 20))  # fmt: skip
        await room.office.adopted(register(1, "champion", CARD, BEGINS))
        del made
        watch = ScoreWatch(pool, FixedClock(NOON), Archive(pool, room.book.keys, BookVersions()))
        good, bad = await room.good(), await room.good(days_late_12m=45)
        for who in (good, bad):
            await room.decide("open", who)
        await room.book.line(bad, "cash_loan")
        await room.book.loan(bad, 600_000, 6)
        assert await watch.look() == 0
        await room.book.close_through(BEGINS)
        assert await watch.look() == 1
        assert await watch.look() == 0
        ((on, counted),) = await measuring.kept(pool, SCORED, date.min, date.max)
        assert on == BEGINS
        (before,) = await watch.all(BEGINS)
        assert before.moved is not None
        assert before.moved.decisions == counted["decisions"]
        assert sum(before.moved.now) == counted["decisions"]
        assert before.moved.features[0].now[0] == before.moved.features[0].now[2]
        assert [each.people for each in before.came] == [1, 1]
        assert {each.bad for each in before.came} == {0}
        expected = chance_of_bad(CARD, np.array([420, 560]))
        assert [each.expected for each in before.came] == [round(e * 10_000) for e in expected]
        assert before.reasons[0][0] == "2026-01"
        await pool.execute(
            "INSERT INTO late_band (cell, contract_id, since, band) SELECT cell, contract_id,"
            " date '2026-03-05', 2 FROM contract WHERE borrower_id = $1", bad,
        )  # fmt: skip
        (after,) = await watch.all(date(2026, 3, 5))
        assert [each.bad for each in after.came] == [10_000, 0]
        assert [each.bad for each in (await watch.all(date(2026, 3, 4)))[0].came] == [0, 0]


async def test_a_score_that_moved_is_an_alert(pool: Pool) -> None:
    """R-MONITOR-02: of the champion, from enough decisions on."""
    async with deciders(pool) as room:
        policy = warning_policy()
        few = msgspec.structs.replace(policy.scores, decisions_least=3)
        watch = ScoreWatch(
            pool, FixedClock(NOON), Archive(pool, room.book.keys, BookVersions()),
            msgspec.structs.replace(policy, scores=few),
        )  # fmt: skip
        await room.card()
        day = BEGINS
        for late in (0, 45):
            for _ in range(3):
                await room.decide("open", await room.good(days_late_12m=late))
            await room.book.close_through(day)
            await watch.look()
            day += timedelta(days=60)
            await room.book.close_through(day - timedelta(days=1))
        rows = await pool.fetch("SELECT signal, evidence FROM alert")
        assert [row["signal"] for row in rows] == ["score-moved"]
        await room.book.holds()
