"""What notices lead to, and that it is told from coincidence."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from tests.notices.house import NOON, house
from usance.notices.measuring import Outcome, effect, effects, outcomes
from usance.notices.outbox import Telling
from usance.notices.sending import sending
from usance.notices.starting import starting_set
from usance.notices.tellings import tellings
from usance.platform.database import Pool

HOLDOUT = sending().holdout


def test_lots_are_drawn_once_and_evenly() -> None:
    """R-MEASURE-01."""
    drawn = [HOLDOUT.holds_out("due-in-3-days", who, "due:1") for who in range(20_000)]
    assert drawn == [HOLDOUT.holds_out("due-in-3-days", who, "due:1") for who in range(20_000)]
    assert abs(sum(drawn) - 1_000) < 100, "5 of 100"
    assert not any(HOLDOUT.holds_out("overdue-1", who, "due:1") for who in range(2_000))


def test_only_what_is_followed_by_another_word_is_held_out() -> None:
    """R-MEASURE-01: so that nobody who was drawn is late for it."""
    days = {told.template: days for days, told in tellings().reminders.items()}
    for template in HOLDOUT.templates:
        assert any(other < days[template] for other in days.values())
    assert {each.id for each in starting_set()} >= set(HOLDOUT.templates)


async def test_who_is_held_out_finds_it_in_the_inbox(pool: Pool) -> None:
    """R-MEASURE-01."""
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_200_000, 3)
        facts = {"n": 1, "due_on": "2025-02-01", "amount": 1, "days": -3}
        keys = [f"k{n}" for n in range(60)]
        drawn = [key for key in keys if HOLDOUT.holds_out("due-in-3-days", who, key)]
        assert drawn
        await home.tell(Telling(who, drawn[0], "due-in-3-days", facts, loan))
        await home.sent()
        row = await home.row(drawn[0])
        assert (row["state"], row["channel"], row["because"]) == (3, "inbox", "R-MEASURE-01")
        assert home.sms.orders == []


def shares(told: tuple[int, int], held: tuple[int, int]) -> tuple[Outcome, Outcome]:
    one = Outcome("t", "sms", -1, told[1], 0, 0, told[1], told[0])
    return one, Outcome("t", "held out", -1, held[1], 0, 0, held[1], held[0])


@pytest.mark.parametrize(("told", "held", "is_clear"), [
    ((950, 1_000), (850, 1_000), True), ((950, 1_000), (945, 1_000), False),
    ((50, 50), (50, 50), False), ((30, 30), (0, 30), True), ((0, 30), (30, 30), True),
])  # fmt: skip
def test_a_difference_is_clear_or_not(
    told: tuple[int, int], held: tuple[int, int], *, is_clear: bool
) -> None:
    """R-MEASURE-02."""
    found = effect(*shares(told, held))
    assert found.is_clear is is_clear
    assert found.least <= found.more <= found.most


def test_the_interval_holds_the_truth_nineteen_times_of_twenty() -> None:
    """R-MEASURE-02."""
    rng, within, rounds = Random(11), 0, 1_500
    for _ in range(rounds):
        p, q = rng.uniform(0.6, 0.95), rng.uniform(0.6, 0.95)
        told = sum(rng.random() < p for _ in range(200))
        held = sum(rng.random() < q for _ in range(60))
        found = effect(*shares((told, 200), (held, 60)))
        within += found.least <= 1_000 * (p - q) <= found.most
    assert within / rounds > 0.94


def test_few_say_nothing() -> None:
    """R-MEASURE-02."""
    assert effects(shares((29, 29), (10, 500))) == []
    assert effects(shares((300, 300), (10, 29))) == []
    assert len(effects(shares((300, 300), (10, 30)))) == 1


async def test_what_came_of_bills(pool: Pool) -> None:
    """R-MEASURE-02: who paid and who did not, by way and hour."""
    async with house(pool) as home:
        people = await home.book.borrowers(4)
        facts = {"n": 1, "due_on": "2025-02-01", "amount": 1, "days": -3}
        for who in people:
            await home.book.line(who, "cash_loan")
            loan = await home.book.loan(who, 1_200_000, 3)
            key = next(f"k{n}" for n in range(99)
                       if not HOLDOUT.holds_out("due-in-3-days", who, f"k{n}"))  # fmt: skip
            await home.tell(Telling(who, key, "due-in-3-days", facts, loan))
        await home.sent()
        await pool.execute("UPDATE notice SET seen_at = now() WHERE borrower_id = $1", people[0])
        await home.book.close_through(date(2025, 2, 3))
        span = NOON - timedelta(days=1), NOON + timedelta(days=1)
        (found,) = await outcomes(pool, *span, "Asia/Shanghai")
        assert (found.channel, found.told, found.seen, found.over, found.on_time) == (
            "sms", 4, 1, 4, 0,
        )  # fmt: skip
        (by_hour,) = await outcomes(pool, *span, "Asia/Shanghai", by_hour=True)
        assert by_hour.hour == 12
