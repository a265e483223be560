"""Breakers open by themselves, in time; a person closes them; providers lose and regain weight."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.notices.house import NOON, Hand, House, house
from usance.core.refusals import Refused
from usance.identity.changing import Asking
from usance.notices import queue_sql
from usance.notices.health import Health
from usance.notices.health_policy import health_policy
from usance.notices.outbox import DROPPED, FAILED, STOPPED, TAKEN, WAITS, Telling
from usance.notices.providers import LATER, REFUSED, Order, Outcome
from usance.platform.database import Pool

POLICY = health_policy()
STAFF = Asking("staff:1")
WHY = "The provider says that its route is mended."


def health(home: House) -> Health:
    return Health(home.pool, home.clock, {("sms", "one"): 60, ("sms", "two"): 40})


async def told(home: House, count: int) -> list[int]:
    """So many people, each with a notice."""
    people = await home.book.borrowers(count)
    facts = {"amount": 5, "day": "2026-03-02"}
    await home.tell(*(Telling(who, "a", "paid", facts) for who in people))
    return people


async def states(home: House) -> dict[int, int]:
    rows = await home.pool.fetch("SELECT state, count(*) FROM notice GROUP BY state")
    return {row["state"]: row["count"] for row in rows}


async def test_a_breaker_opens_within_what_its_policy_names(pool: Pool) -> None:
    """R-BREAKER-02."""
    async with house(pool) as home:
        await told(home, 900)
        home.sms.answer = lambda order: Outcome(REFUSED, error="no")
        await home.sent()
        least = next(mark.least for mark in POLICY.marks if mark.of == "failed")
        tried = len(home.sms.orders)
        assert least <= tried <= least + home.deciding.policy.batch
        found = await states(home)
        assert found[STOPPED] + found.get(TAKEN, 0) == 900
        assert found.get(TAKEN, 0) <= tried, "by the inbox"
        rows = await health(home).breakers()
        assert {(row["kind"], row["name"], row["state"]) for row in rows} >= {
            ("channel", "sms", "open")
        }


async def test_what_was_stopped_goes_on_in_its_order(pool: Pool) -> None:
    """R-BREAKER-03."""
    async with house(pool) as home:
        who = await home.book.borrower()
        await pool.execute("INSERT INTO breaker VALUES ('channel', 'sms', 'open', 'x', now())")
        for key in ("a", "b", "c"):
            await home.paid(who, key)
        await home.sent()
        answer = await health(home).close("channel", "sms", WHY, STAFF)
        assert answer.document["notices"] == 1
        await home.sent()
        assert home.sms.keys == sorted(home.sms.keys)
        assert len(home.sms.keys) == 3
        (newest, *_) = await health(home).history()
        assert (newest["state"], newest["actor"], newest["reason"]) == ("closed", "staff:1", WHY)
        count = await pool.fetchval("SELECT count(*) FROM operation WHERE action = 'CloseBreaker'")
        assert count == 1


async def test_what_waits_behind_a_stopped_one_is_not_late(pool: Pool) -> None:
    async with house(pool) as home:
        who, other = await home.book.borrowers(2)
        await pool.execute("INSERT INTO breaker VALUES ('template', 'paid', 'open', 'x', now())")
        for key in ("a", "b"):
            await home.paid(who, key)
        await home.sent()
        home.clock.advance(timedelta(hours=2))
        found = await health(home).waiting()
        assert dict(found) == {"due": 0, "held": 1, "going": 0, "stopped": 1, "lag": 0}
        await home.paid(other, "c")
        home.clock.advance(timedelta(minutes=1))
        found = await health(home).waiting()
        assert (found["due"], found["lag"]) == (1, 60)


async def test_what_was_stopped_can_be_dropped(pool: Pool) -> None:
    """R-BREAKER-03."""
    async with house(pool) as home:
        await told(home, 3)
        await pool.execute("INSERT INTO breaker VALUES ('template', 'paid', 'open', 'x', now())")
        await home.sent()
        await health(home).close("template", "paid", WHY, STAFF, drop=True)
        await home.sent()
        assert await states(home) == {DROPPED: 3}
        assert home.sms.orders == []


@pytest.mark.parametrize(("kind", "name", "reason", "path"), [
    ("provider", "one", WHY, "kind"), ("channel", "sms", "short", "reason"),
    ("channel", "sms", "x" * 501, "reason"), ("channel", "email", WHY, "name"),
    ("channel", "nothing", WHY, "name"),
])  # fmt: skip
async def test_what_is_not_closed(
    pool: Pool, kind: str, name: str, reason: str, path: str
) -> None:
    """R-BREAKER-03."""
    async with house(pool) as home:
        await pool.execute("INSERT INTO breaker VALUES ('channel', 'sms', 'open', 'x', now())")
        with pytest.raises(Refused) as refused:
            await health(home).close(kind, name, reason, STAFF)
        assert (refused.value.refusal.rule, refused.value.refusal.path) == ("R-BREAKER-03", path)


async def test_a_flood_opens_the_breaker_of_its_template(pool: Pool) -> None:
    """R-BREAKER-02: far more than on other days."""
    async with house(pool) as home:
        for days in range(1, 8):
            slot = queue_sql.minute_of(NOON - timedelta(days=days))
            for kind, name in (("template", "paid"), ("channel", "sms")):
                await pool.execute(
                    "INSERT INTO sending_slot (kind, name, slot, sent) VALUES ($1, $2, $3, 150)",
                    kind, name, slot,
                )  # fmt: skip
        await told(home, 1_400)
        await home.sent()
        assert 1_000 <= len(home.sms.orders) < 1_400
        rows = {row["name"]: row["because"] for row in await health(home).breakers()}
        assert rows["paid"] == "volume"


async def test_a_link_that_nobody_allowed_stops_its_template(pool: Pool) -> None:
    """R-BREAKER-02: even once."""
    async with house(pool) as home:
        await told(home, 2)
        await pool.execute(
            "UPDATE notice_template SET body = replace(body, '谢谢', '请看 https://evil.example')"
            " WHERE template_id = 'paid'"
        )
        await home.sent()
        assert home.sms.orders == []
        assert await states(home) == {STOPPED: 2}
        rows = await health(home).breakers()
        assert [(row["name"], row["because"]) for row in rows] == [("paid", "links")]


async def test_weights_move_from_who_errs_and_drift_back(pool: Pool) -> None:
    """R-DELIVERY-01."""
    async with house(pool) as home:
        room = health(home)
        home.deciding.carriers = {"sms": ["one", "two"]}
        one, two = Hand("one"), Hand("two")
        await room.look()
        await told(home, 400)
        one.answer = lambda order: Outcome(LATER, error="503")
        await home.delivery(sms=[one, two]).look()
        share = len(one.orders)
        assert 180 <= share <= 300, "about 60 of 100"
        await room.look()

        def weights(rows: object) -> dict[str, int]:
            return {row["name"]: row["weight"] for row in rows}  # type: ignore[attr-defined]

        assert weights(await room.providers()) == {"one": 50, "two": 50}
        await room.look()
        assert weights(await room.providers()) == {"one": 50, "two": 50}, "it settles first"
        one.answer = lambda order: Outcome("taken", "r")
        home.clock.advance(timedelta(minutes=16))
        await room.look()
        assert weights(await room.providers()) == {"one": 60, "two": 40}


async def test_providers_of_the_settings_are_who_takes_part(pool: Pool) -> None:
    """R-DELIVERY-01: with other settings a channel begins at rest; who is gone gets no points."""
    async with house(pool) as home:
        async def weights(**resting: int) -> dict[str, tuple[int, int]]:
            room = Health(pool, home.clock, {("sms", name): n for name, n in resting.items()})
            await room.look()
            return {row["name"]: (row["weight"], row["resting"]) for row in await room.providers()}

        await weights(one=100)
        await pool.execute("UPDATE provider_weight SET weight = 30")
        assert await weights(one=100) == {"one": (30, 100)}, "the same settings change nothing"
        assert await weights(one=60, two=40) == {"one": (60, 60), "two": (40, 40)}
        assert await weights(two=100) == {"two": (100, 100)}
        assert await weights() == {}


async def test_a_provider_of_two_channels_fares_on_each(pool: Pool) -> None:
    """R-DELIVERY-01."""
    async with house(pool) as home:
        await told(home, 3)
        await home.sent()
        room = Health(pool, home.clock, {("sms", "one"): 100, ("email", "one"): 100})
        await room.look()
        found = {row["channel"]: row["answered"] for row in await room.providers()}
        assert found == {"sms": 3, "email": 0}


async def test_old_figures_and_counters_are_cleared(pool: Pool) -> None:
    async with house(pool) as home:
        await pool.execute(
            "INSERT INTO sending_slot (kind, name, slot) VALUES ('channel', 'sms', 5)"
        )
        await pool.execute(
            "INSERT INTO notice_counter (subject, changed_at) VALUES ('x', '2020-01-01')"
        )
        await health(home).look()
        assert await pool.fetchval("SELECT count(*) FROM sending_slot") == 0
        assert await pool.fetchval("SELECT count(*) FROM notice_counter") == 0


def test_the_numbers_are_there() -> None:
    assert {mark.of for mark in POLICY.marks} == {"failed", "bounced", "complained"}
    assert all(0 < mark.warn < mark.stop for mark in POLICY.marks)
    assert (FAILED, WAITS) == (5, 1)
    assert isinstance(Order("k", "sms", "t", "x", "en"), Order)
