"""What the demo leaves on the desks: something on every page, the same each time, and provable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from usance.approvals.rules import WAITING
from usance.cases.policy import case_policy
from usance.cli.serve import desks_of
from usance.core.identifiers import parse
from usance.day import verify
from usance.demo.desks import leave
from usance.demo.fill import fill
from usance.demo.store import interesting
from usance.platform.clock import FixedClock
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool, open_pool
from usance.servicing.setup import create_book
from usance.servicing.terms import forget

NOW = datetime(2026, 3, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> LocalKeyService:
    return LocalKeyService.open(tmp_path / "keys")


@pytest.fixture(autouse=True)
def clean_terms() -> Iterator[None]:
    forget()
    yield
    forget()


async def demo(pool: Pool, keys: LocalKeyService, borrowers: int, months: int = 1) -> None:
    await create_book(pool, name="Demo", opened_on=date(2026, 3 - months, 20), demo=True)
    await fill(pool, keys, borrowers=borrowers, months=months, progress=lambda _: None)
    await leave(pool, await desks_of(pool, keys), NOW)


CASES = """
SELECT borrower_id, kind, state, received_on, decide_by, assignee > 0 AS has_handler, messages,
       decided_late, acknowledged_late
FROM case_file ORDER BY received_on, kind"""
LOOKS = "SELECT borrower_id, reason, acted_as, what, at FROM access ORDER BY at, borrower_id"


async def left(pool: Pool) -> list[Any]:
    """Everything that was left, without numbers that are never the same."""
    found = await pool.fetch(CASES), await pool.fetch(LOOKS)
    asked = await pool.fetch("SELECT act, body, contract_id, state FROM proposal")
    return [tuple(row) for rows in (*found, asked) for row in rows]


async def test_there_is_something_on_every_desk(pool: Pool, keys: LocalKeyService) -> None:
    await demo(pool, keys, 40, months=2)
    assert await verify.run(pool) == []
    desks = (await desks_of(pool, keys))(FixedClock(NOW))
    who = await interesting(pool)
    assert who is not None
    looks = [each for _, each in await desks.accesses.shown_to_person(who, "en")]
    assert [(each.who, each.reason) for each in looks] == [
        ("Customer service", "Collections"), ("Customer service", "Request of the borrower"),
        ("Customer service", "Case"),
    ]  # fmt: skip
    own = await desks.own.of_borrower(who)
    assert Counter(each["state"] for each in own) == Counter(open=1, decided=1)
    (soon,) = [each for each in own if each["state"] == "open"]
    days = (date.fromisoformat(soon["decide_by"]) - NOW.date()).days
    assert 0 <= days <= case_policy().soon_days
    (answered,) = [each for each in own if each["state"] == "decided"]
    (message,) = (await desks.own.read(who, parse("case", answered["case_id"])))["messages"]
    assert message["way"] == "to_borrower"
    states = await pool.fetch("SELECT count(DISTINCT state) AS n, count(*) AS cases FROM case_file")
    assert tuple(states[0]) == (4, 7)  # two are reports about relatives
    (waiting,) = await desks.approvals.page([WAITING], 2**62, 10)
    assert (waiting.act, waiting.weight) == ("Goodwill", "light")
    assert waiting.expires_at > NOW
    assert await pool.fetchval("SELECT count(*) FROM staff_session WHERE ended_at IS NULL") == 0


@pytest.fixture
def another_database(new_database: Callable[[], str]) -> str:
    """A second one; it goes with the test session's server."""
    return new_database()


async def test_it_is_the_same_each_time(
    database: str, another_database: str, keys: LocalKeyService
) -> None:
    found = []
    for url in (database, another_database):
        forget()
        pool = await open_pool(url, 4)
        await demo(pool, keys, 20)
        found.append(await left(pool))
        await pool.close()
    assert found[0] == found[1]
    assert len(found[0]) > 8


@pytest.mark.parametrize("borrowers", [1, 3])
async def test_a_small_town_is_enough(pool: Pool, keys: LocalKeyService, borrowers: int) -> None:
    await demo(pool, keys, borrowers)
    assert await verify.run(pool) == []
