"""What is normal: baselines of providers, words and numbers; what is not is told or stopped."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta

import pytest
from msgspec import structs

from tests.notices.house import NOON, House, house
from tests.servicing.books import KEYS
from usance.core.refusals import Refused
from usance.identity.changing import Asking
from usance.notices import queue_sql, sealing
from usance.notices.health import Health
from usance.notices.health_policy import health_policy
from usance.notices.outbox import STOPPED, TAKEN, Telling
from usance.notices.providers import LATER, REFUSED, Outcome
from usance.notices.providers import TAKEN as CARRIED
from usance.notices.watches import WatchNumbers
from usance.platform.database import Pool

STAFF = Asking("staff:1")
WHY = "The provider says that its route is mended."
FEW = WatchNumbers(24, 60, 2, 3)


def health(home: House) -> Health:
    return Health(home.pool, home.clock, {("sms", "one"): 100}, home.deciding.health)


def few(home: House) -> None:
    """Three to one number are too many."""
    home.deciding.health = structs.replace(health_policy(), recipient=FEW)


async def usually(home: House, kind: str, name: str, **columns: int) -> None:
    """What happened in this hour of the last days, each day."""
    names = ", ".join(columns)
    places = ", ".join(f"${n}" for n in range(4, 4 + len(columns)))
    for days in range(1, 8):
        slot = queue_sql.minute_of(NOON - timedelta(days=days))
        await home.pool.execute(
            f"INSERT INTO sending_slot (kind, name, slot, {names}) VALUES ($1, $2, $3, {places})",
            kind, name, slot, *columns.values(),
        )  # fmt: skip


async def told(home: House, count: int, key: str = "a") -> None:
    people = await home.book.borrowers(count)
    facts = {"amount": 5, "day": "2026-03-02"}
    await home.tell(*(Telling(who, key, "paid", facts) for who in people))


async def breakers(home: House) -> dict[tuple[str, str], tuple[str, str]]:
    rows = await health(home).breakers()
    return {(row["kind"], row["name"]): (row["state"], row["because"]) for row in rows}


async def states(home: House) -> dict[int, int]:
    rows = await home.pool.fetch("SELECT state, count(*) FROM notice GROUP BY state")
    return {row["state"]: row["count"] for row in rows}


# -- providers -------------------------------------------------------------------------------------


async def test_a_provider_that_fares_worse_than_usual_is_told_of(pool: Pool) -> None:
    """R-BREAKER-04: 5 % are a warning where 1 % is usual; its channel is stopped by no provider."""
    async with house(pool) as home:
        await usually(home, "provider", "sms one", sent=99, failed=1)
        asked = itertools.count()
        home.sms.answer = lambda order: Outcome(
            CARRIED if next(asked) % 20 else REFUSED, f"r-{order.key}"
        )
        await told(home, 400)
        await home.sent()
        found = await breakers(home)
        assert found["provider", "sms one"] == ("warning", "failed")
        assert "open" not in {state for state, _ in found.values()}
        rows = dict(await health(home).lately())
        lately = rows["provider", "sms one"]
        assert (lately.sent, lately.failed) == (400, 20)
        assert (lately.before.sent, lately.before.failed, lately.usual) == (700, 7, 100)
        home.clock.advance(timedelta(hours=2))
        await health(home).look()
        assert (await breakers(home))["provider", "sms one"] == ("closed", "")
        history = await health(home).history()
        assert [each["state"] for each in history if each["kind"] == "provider"] == [
            "closed", "warning"
        ]  # fmt: skip


async def test_a_provider_where_everything_fails_is_not_stopped(pool: Pool) -> None:
    """R-BREAKER-04: nor does a person close what is not open."""
    async with house(pool) as home:
        await told(home, 250)
        home.sms.answer = lambda order: Outcome(REFUSED, error="no")
        await home.sent()
        found = await breakers(home)
        assert found["provider", "sms one"] == ("warning", "failed")
        assert found["channel", "sms"] == ("open", "failed")
        with pytest.raises(Refused):
            await health(home).close("provider", "sms one", WHY, STAFF)


# -- what a person closed --------------------------------------------------------------------------


async def test_what_a_person_closed_looks_at_nothing_from_before(pool: Pool) -> None:
    """R-BREAKER-03: else what it lets go would stop itself at once."""
    async with house(pool) as home:
        await told(home, 700)
        home.sms.answer = lambda order: Outcome(REFUSED, error="no")
        await home.sent()
        assert (await breakers(home))["channel", "sms"][0] == "open"
        home.clock.advance(timedelta(minutes=5))
        home.sms.answer = lambda order: Outcome(CARRIED, f"r-{order.key}")
        for kind, name in (("channel", "sms"), ("template", "paid")):
            await health(home).close(kind, name, WHY, STAFF)
        await home.sent()
        found = await breakers(home)
        assert found["channel", "sms"] == ("closed", "")
        assert await states(home) == {TAKEN: 700}
        home.sms.answer = lambda order: Outcome(REFUSED, error="no")
        await told(home, 700, "b")
        await home.sent()
        assert (await breakers(home))["channel", "sms"][0] == "open", "and at what is new"


# -- words -----------------------------------------------------------------------------------------


async def test_words_that_are_longer_than_usual_are_stopped(pool: Pool) -> None:
    """R-BREAKER-06: only these; what they stopped goes on when somebody has looked."""
    async with house(pool) as home:
        await told(home, 1)
        await home.sent()
        (order,) = home.sms.orders
        words = await home.pool.fetchrow("SELECT name, length FROM sending_slot WHERE kind='words'")
        assert words["name"] == "paid.1.sms.zh-CN"
        assert words["length"] == len(order.text)
        await usually(home, "words", "paid.1.sms.zh-CN", sent=100, length=50 * len(order.text))
        await told(home, 500, "b")
        await home.sent()
        found = await breakers(home)
        assert found["words", "paid.1.sms.zh-CN"] == ("open", "drift")
        assert len(home.sms.orders) <= 1 + 200 + home.deciding.policy.batch
        assert (await states(home))[STOPPED] >= 100
        answer = await health(home).close("words", "paid.1.sms.zh-CN", WHY, STAFF, drop=True)
        assert answer.document["notices"] >= 100
        assert STOPPED not in await states(home)


async def test_words_in_another_language_go_on(pool: Pool) -> None:
    """R-BREAKER-06."""
    async with house(pool) as home:
        await pool.execute(
            "INSERT INTO breaker VALUES ('words', 'paid.1.sms.en', 'open', 'drift', now())"
        )
        await told(home, 1)
        await home.sent()
        assert await states(home) == {TAKEN: 1}


# -- numbers ---------------------------------------------------------------------------------------


async def name_of(home: House, who: int) -> str:
    """The breaker of a borrower's number."""
    row = await home.pool.fetchrow("SELECT * FROM notice WHERE borrower_id = $1 LIMIT 1", who)
    assert row["contact_hash"]
    return str(row["contact_hash"].hex())


async def test_too_many_to_one_number_are_stopped(pool: Pool) -> None:
    """R-BREAKER-05: the third opens it; a code still goes; a person lets the rest go."""
    async with house(pool) as home:
        few(home)
        who, other = await home.book.borrowers(2)
        for number in range(5):
            await home.paid(who, f"k{number}")
            await home.later(minutes=2)
        assert len(home.sms.orders) == 3
        name = await name_of(home, who)
        found = await breakers(home)
        assert found["recipient", name] == ("open", "many")
        assert await states(home) == {TAKEN: 3, STOPPED: 1, 1: 1}, "the last waits behind it"
        assert await health(home).counts([("recipient", name)]) == {("recipient", name): 3}
        await home.paid(other, "x")
        await home.sent()
        assert len(home.sms.orders) == 4, "others are told"
        await health(home).close("recipient", name, WHY, STAFF)
        await home.later(minutes=2)
        await home.later(minutes=2)
        assert await states(home) == {TAKEN: 6}
        assert await health(home).counts([("recipient", name)]) == {("recipient", name): 2}
        history = await health(home).history()
        assert {each["state"] for each in history if each["name"] == name} == {
            "closed", "open", "warning"
        }  # fmt: skip


async def test_a_warning_of_a_number_ends_when_its_count_has_come_down(pool: Pool) -> None:
    """R-BREAKER-05."""
    async with house(pool) as home:
        few(home)
        who = await home.book.borrower()
        for number in range(2):
            await home.paid(who, f"k{number}")
            await home.later(minutes=2)
        name = await name_of(home, who)
        await health(home).look()
        assert (await breakers(home))["recipient", name] == ("warning", "many")
        home.clock.advance(timedelta(hours=25))
        await health(home).look()
        assert (await breakers(home))["recipient", name] == ("closed", "")
        home.clock.advance(timedelta(days=401))
        await health(home).look()
        assert ("recipient", name) not in await breakers(home)
        assert await health(home).history() == []


async def test_notices_of_several_borrowers_to_one_number_count_together(pool: Pool) -> None:
    """R-BREAKER-05."""
    async with house(pool) as home:
        few(home)
        for who in await home.book.borrowers(3):
            row = await pool.fetchrow("SELECT data_key FROM borrower WHERE borrower_id = $1", who)
            data_key = KEYS.unwrap(row["data_key"], who)
            box = sealing.sealed_under(data_key, who, "k", {"to": "+8613812345678"})
            await home.paid(who, "k", box=box)
        await home.sent()
        (found,) = [each for place, each in (await breakers(home)).items()
                    if place[0] == "recipient"]  # fmt: skip
        assert found == ("open", "many")


async def test_what_is_tried_again_counts_once(pool: Pool) -> None:
    """R-BREAKER-05, R-SEND-04."""
    async with house(pool) as home:
        few(home)
        who = await home.book.borrower()
        home.sms.answer = lambda order: Outcome(LATER, error="503")
        await home.paid(who, "k")
        for _ in range(4):
            await home.later(minutes=20)
        assert len(home.sms.orders) >= 4
        (counts,) = await home.pool.fetch(
            "SELECT counts -> 'WATCHED' AS counter FROM notice_counter WHERE counts ? 'WATCHED'"
        )
        assert sum(json.loads(counts["counter"])[1]) == 1
        assert await states(home) == {1: 1}


async def test_what_protects_somebody_goes_to_a_number_all_the_same(pool: Pool) -> None:
    """R-BREAKER-05."""
    async with house(pool) as home:
        few(home)
        who = await home.book.borrower()
        for number in range(3):
            await home.paid(who, f"k{number}")
            await home.later(minutes=2)
        await home.tell(
            Telling(who, "new device", "new-device", {"device": "Chrome", "day": "2026-03-02"})
        )
        await home.sent()
        row = await home.row("new device")
        assert (row["state"], row["purpose"]) == (TAKEN, "security")


@pytest.mark.parametrize("name", ["zz", "", "a", "0123"])
async def test_a_recipient_is_named_by_a_hash(pool: Pool, name: str) -> None:
    """R-BREAKER-03."""
    async with house(pool) as home:
        with pytest.raises(Refused):
            await health(home).close("recipient", name, WHY, STAFF)

