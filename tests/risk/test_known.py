"""Facts on a book: recorded, agreed to, superseded, put right, read as of any moment, forgotten."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.risk.facts_house import DAY, MACHINE, NOON, STAFF, House, house
from tests.servicing.books import KEYS, fingerprint
from usance.consents.acts import RetireConsentDocument, perform
from usance.core.identifiers import cell_of_borrower, written
from usance.core.refusals import Refused
from usance.day import verify
from usance.identity import erasure, rotation
from usance.identity.changing import Asking
from usance.platform.database import Pool
from usance.risk import facts_store
from usance.web import personal


@pytest_asyncio.fixture
async def home(pool: Pool) -> AsyncIterator[House]:
    async with house(pool) as found:
        yield found


async def refused(home: House, rule: str, *what: Any, **more: Any) -> None:
    """It is refused, and nothing changed."""
    before = await fingerprint(home.pool)
    with pytest.raises(Refused) as caught:
        await home.record(*what, **more)
    assert caught.value.refusal.rule == rule
    assert await fingerprint(home.pool) == before


async def test_a_fact_is_recorded_once_and_known(home: House) -> None:
    """R-FACT-01, R-FACT-12, R-IDEM-01"""
    income = "income", "income", "8000.00 CNY"
    number = await home.record(*income, key="k", reference="payslip no. 7")
    assert await home.record(*income, key="k", reference="payslip no. 7") == number
    known = (await home.known())["income"]
    assert (known.value, known.source, known.fact_id) == (800_000, "income", number)
    assert known.valid_until == NOON + timedelta(days=365)
    row = await home.pool.fetchrow("SELECT * FROM fact")
    assert b"800000" not in row["value"]
    assert b"payslip" not in row["value"]
    told = (await home.facts.history(home.who))[-1]
    assert (told.value, told.reference, told.state) == (800_000, "payslip no. 7", "current")
    noted = await home.pool.fetchrow(
        "SELECT detail::text AS detail, digest FROM operation WHERE action = 'RecordFact'"
    )
    assert "800000" not in noted["detail"]
    await home.book.holds()


async def test_what_is_refused_changes_nothing(home: House) -> None:
    """R-FACT-01, R-FACT-02, R-FACT-03, R-FACT-04, R-FACT-05, R-FACT-08, R-FACT-09"""
    day = {"observed_at": NOON + DAY}
    await refused(home, "R-FACT-01", "hair", "income", "1")
    await refused(home, "R-FACT-02", "income", "income", "8000")
    await refused(home, "R-FACT-03", "age", "identity", "44")
    await refused(home, "R-FACT-04", "bureau_lenders", "bureau", "3")
    await refused(home, "R-FACT-05", "bureau_lenders", "bureau", "3", by=MACHINE)
    await refused(home, "R-FACT-05", "household_income", "household", "9 CNY", other_id=home.other)
    await refused(home, "R-FACT-08", "income", "income", "8000 CNY", **day)
    await refused(home, "R-FACT-09", "income", "income", "8000 CNY", corrects=77)
    await refused(home, "R-FOUND-01", "income", "income", "8000 CNY", who=home.who + 1024)


async def test_a_newer_fact_supersedes_and_ends(home: House) -> None:
    """R-FACT-06, R-FACT-08"""
    await home.record("income", "income", "8000 CNY")
    home.clock.advance(DAY)
    await home.record("income", "income", "9000 CNY")
    late = {"observed_at": NOON + DAY / 2}
    await home.record("income", "income", "7000 CNY", **late)  # found later, seen before
    assert await home.values() == {"income": 900_000}
    assert await home.values(NOON) == {"income": 800_000}
    assert await home.values(NOON - DAY) == {}
    assert await home.values(NOON + timedelta(days=366, hours=-1)) == {"income": 900_000}
    assert await home.values(NOON + timedelta(days=366)) == {}
    states = [each.state for each in await home.facts.history(home.who) if each.fact_id]
    assert states == ["replaced", "current", "replaced"]


async def test_a_correction_is_a_new_fact(home: House) -> None:
    """R-FACT-09"""
    old = await home.record("income", "income", "8000 CNY")
    home.clock.advance(DAY)
    answer = await home.facts.correct(home.who, old, "9500 CNY", Asking(STAFF))
    assert answer.document["name"] == "income"
    assert await home.values() == {"income": 950_000}
    assert await home.values(NOON) == {"income": 800_000}
    await refused(home, "R-FACT-09", "income", "income", "1 CNY", corrects=old)
    new = (await home.known())["income"].fact_id
    home.clock.advance(DAY)
    await home.facts.correct(home.who, new, "missing", Asking(STAFF))
    assert (await home.known())["income"].value is None
    with pytest.raises(Refused, match="R-FACT-09"):
        await home.facts.check_new(home.other, new, "1 CNY")
    with pytest.raises(Refused, match="R-FACT-02"):
        await home.facts.check_new(home.who, new, "1")
    await home.book.holds()


async def test_a_withdrawn_consent_ends_use_at_once_and_for_good(home: House) -> None:
    """R-FACT-05, R-FACT-06, R-FACT-07"""
    place = await home.agree("bureau-pull")
    await home.record("bureau_lenders", "bureau", "3", by=MACHINE)
    assert await home.values() == {"bureau_lenders": 3}
    home.clock.advance(DAY)
    await home.withdraw(place)
    assert await home.values() == {}
    assert await home.values(NOON) == {"bureau_lenders": 3}  # as it was known then
    assert (await home.facts.history(home.who))[-1].state == "ended"
    home.clock.advance(DAY)
    await home.agree("bureau-pull")  # once more: what ended does not come back
    assert await home.values() == {}
    await home.record("bureau_lenders", "bureau", "2", by=MACHINE)
    assert await home.values() == {"bureau_lenders": 2}
    await home.book.holds()


async def test_a_consent_that_is_renewed_stands(home: House) -> None:
    """R-FACT-06: an agreement that runs out ends use by itself, one that was renewed does not."""
    await home.agree("bureau-pull")
    home.clock.advance(300 * DAY)
    await home.record("bureau_lenders", "bureau", "3", by=MACHINE)
    assert await home.values(NOON + 364 * DAY) == {"bureau_lenders": 3}
    assert await home.values(NOON + 365 * DAY) == {}
    await home.agree("bureau-pull")
    assert await home.values(NOON + 365 * DAY) == {"bureau_lenders": 3}


async def test_a_retired_document_justifies_nothing(home: House) -> None:
    """R-FACT-06"""
    await home.agree("bureau-pull")
    await home.record("bureau_lenders", "bureau", "3", by=MACHINE)
    act = RetireConsentDocument("bureau-pull", 1, (NOON + DAY).date())
    await perform(home.pool, home.clock, act, Asking(STAFF))
    assert await home.values() == {"bureau_lenders": 3}
    assert await home.values(NOON + DAY) == {}


@pytest.mark.parametrize("side", [0, 1])
async def test_a_household_needs_both_and_either_ends_it(home: House, side: int) -> None:
    """R-FACT-05, R-FACT-07, R-FACT-11"""
    income = "household_income", "household", "15000 CNY"
    mine = await home.agree("household-income", home.who, home.other)
    await refused(home, "R-FACT-05", *income, other_id=home.other)
    theirs = await home.agree("household-income", home.other, home.who)
    await refused(home, "R-FACT-05", *income)
    await refused(home, "R-FACT-05", *income, other_id=home.who)
    await home.record(*income, other_id=home.other)
    assert await home.values() == {"household_income": 1_500_000}
    assert await home.values(who=home.other) == {}
    await home.book.holds()
    home.clock.advance(DAY)
    await home.withdraw((mine, theirs)[side])
    assert await home.values() == {}
    assert await home.values(NOON) == {"household_income": 1_500_000}
    await home.book.holds()


async def test_what_the_book_tells_itself(home: House) -> None:
    """R-FACT-10: device, number and age are reckoned as of the moment, and nothing is written."""
    place = cell_of_borrower(home.who), home.who
    for device, days in ((1, 0), (2, 10)):
        await home.pool.execute(
            "INSERT INTO device (cell, borrower_id, device_id, token_hash, family, first_seen_at,"
            " last_seen_at) VALUES ($1, $2, $3, $4, 'Chrome', $5, $5)",
            *(*place, device, bytes([device]), NOON + days * DAY),
        )
    for change, status, days in ((1, 3, 2), (2, 4, 4), (3, 3, 20)):  # done, stopped, done
        await home.pool.execute(
            "INSERT INTO contact_change (cell, borrower_id, change_id, kind, value, status,"
            " asked_at, ended_at, vouched_by) VALUES ($1, $2, $3, 'phone', '', $4, $5, $6, '')",
            *(*place, change, status, NOON, NOON + days * DAY),
        )

    async def reckoned(days: float) -> dict[str, int | None]:
        found = await home.known(NOON + days * DAY)
        return {name: each.value for name, each in found.items() if not each.fact_id}

    assert await reckoned(-1) == {"of_age": 1}
    assert await reckoned(1.5) == {"of_age": 1, "new_device_days": 1}
    assert await reckoned(5) == {"of_age": 1, "new_device_days": 5, "number_changed_days": 3}
    assert await reckoned(12) == {"of_age": 1, "new_device_days": 2, "number_changed_days": 10}
    await home.record("of_age", "identity", False)
    assert (await home.known())["of_age"].value == 1  # the number says it better
    assert await home.pool.fetchval("SELECT count(*) FROM fact") == 1


async def test_random_lives_never_peek(home: House) -> None:
    """R-FACT-06: what is known of a moment is the same then and ever after."""
    rng = random.Random(20260301)
    place, seen = None, list[tuple[datetime, dict[str, Any]]]()
    for _ in range(60):
        home.clock.advance(timedelta(hours=rng.choice((1, 30, 700))))
        now = home.clock.now()
        act = rng.randrange(6)
        if act == 0:
            place = await home.agree("bureau-pull")
        elif act == 1 and place:
            await home.withdraw(place)
        elif act == 2:
            early = {"observed_at": now - timedelta(hours=rng.randrange(500))}
            await home.record("income", "income", f"{rng.randrange(9999)} CNY", **early)
        elif act == 3:
            known = (await home.known()).get("income")
            if known:
                await home.facts.correct(home.who, known.fact_id, "5 CNY", Asking(STAFF))
        else:
            with suppress(Refused):  # where nobody has agreed
                await home.record("bureau_lenders", "bureau", str(rng.randrange(9)), by=MACHINE)
        seen.append((now, await home.known()))
    assert len({len(each) for _, each in seen}) > 1
    for at, then in seen:
        assert await home.known(at) == then
    await home.book.holds()


async def test_told_forgotten_and_under_a_new_key(home: House, tmp_path: Path) -> None:
    """R-FACT-12"""
    await home.record("income", "income", "8000 CNY", reference="payslip")
    await rotation.renew_borrower(home.pool, KEYS, home.who, actor=STAFF)
    export = await personal.export(home.pool, KEYS, home.who, None, own=True)
    assert export is not None
    (shown,) = [each for each in export.parts["facts"] if each["fact_id"]]
    assert (shown["value"], shown["reference"]) == (800_000, "payslip")
    listed = tmp_path / "erasures"
    await erasure.erase(home.pool, home.who, "request", actor=STAFF, list_file=listed)
    export = await personal.export(home.pool, KEYS, home.who, None, own=True)
    assert export is not None
    assert export.parts["facts"] == []
    assert await home.known() == {}
    assert await home.facts.history(home.who) == []
    assert await home.pool.fetchval("SELECT value FROM fact") == b""
    await refused(home, "R-FOUND-01", "income", "income", "8000 CNY")
    await home.book.holds()


async def test_damage_to_a_fact_is_named(home: House) -> None:
    """INV-FACT-01: another value, another source, a consent that nobody gave."""
    place = await home.agree("bureau-pull")
    await home.record("income", "income", "8000 CNY")
    fact = await home.record("bureau_lenders", "bureau", "3", by=MACHINE)
    await home.withdraw(place)
    await home.book.holds()
    for damage in (
        "UPDATE fact SET value_hash = 'x' WHERE name = 'income'",
        "UPDATE fact SET valid_until = valid_until + interval '1 day' WHERE name = 'income'",
        "UPDATE fact SET borrower_id = borrower_id + 1024 WHERE name = 'income'",
        "DELETE FROM fact WHERE name = 'income'",
        "UPDATE fact SET consent_id = 0 WHERE name = 'bureau_lenders'",
        "INSERT INTO fact SELECT (json_populate_record(f, '{\"fact_id\": 9}')).* FROM fact f"
        " WHERE name = 'income'",
    ):
        assert "INV-FACT-01" in await findings(home, damage), damage
    found = await findings(
        home, "UPDATE fact SET consent_number = 2 WHERE name = 'bureau_lenders'",
        f"UPDATE operation o SET digest = (SELECT {facts_store.DIGEST} FROM fact f"
        " WHERE f.operation_id = o.operation_id) FROM fact f"
        " WHERE f.operation_id = o.operation_id AND f.name = 'bureau_lenders'",
    )  # fmt: skip
    assert found["INV-FACT-01"].key == f"fact {fact}"  # what was withdrawn justified nothing
    assert written("fact", fact).startswith("v-")


async def findings(home: House, *damage: str) -> dict[str, verify.Finding]:
    """What the proof finds after a damage, which is undone."""
    async with home.pool.acquire() as connection:
        undone = connection.transaction()
        await undone.start()
        for statement in damage:
            await connection.execute(statement)
        found = await verify.tables(connection, lambda _: None)
        await undone.rollback()
    return {each.invariant: each for each in found}
