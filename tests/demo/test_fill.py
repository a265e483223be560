"""A small demo book: believable, the same for the same seed, and right by every invariant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio

from usance.day import verify
from usance.demo.fill import Filled, fill
from usance.demo.measure import Measure
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool, open_pool
from usance.servicing.setup import create_book
from usance.servicing.terms import forget

OPENED = date(2025, 11, 22)
SLACK = {"1-30 to 31-60": 80, "31-60 to 61-90": 130, "61-90 to 91+": 200, "charged off": 15}
"""Per mille beyond the band of the full book, where a small one has only a few dozen cases."""


@pytest_asyncio.fixture
async def fresh(pool: Pool) -> Pool:
    forget()
    await create_book(pool, name="Demo", opened_on=OPENED, demo=True)
    return pool


@pytest.fixture
def keys(tmp_path: Path) -> LocalKeyService:
    return LocalKeyService.open(tmp_path / "keys")


@pytest.fixture(autouse=True)
def clean_terms() -> Iterator[None]:
    yield
    forget()


def slack_of(measure: Measure) -> int:
    return next((most for name, most in SLACK.items() if measure.name.startswith(name)), 10)


async def test_a_year_of_three_hundred_people_is_believable(
    fresh: Pool, keys: LocalKeyService
) -> None:
    told: list[str] = []
    filled = await fill(fresh, keys, borrowers=300, months=12, progress=told.append)
    outside = [each.line() for each in filled.measures if not each.holds(slack_of(each))]
    assert outside == []
    assert [name for name in EVERYTHING if not filled.done[name]] == []
    refused = sum(filled.refused.values())
    assert 0 < refused < sum(filled.done.values()) // 50, filled.refused
    assert await fresh.fetchval("SELECT business_date FROM book") == date(2026, 11, 22)
    assert await fresh.fetchval("SELECT count(*) FROM borrower") == 300
    assert len(told) > 12
    assert await verify.run(fresh) == []


EVERYTHING = (
    "OpenLine", "Purchase", "Authorise", "Capture", "Void", "MakeOffer", "AcceptOffer", "Repay",
    "RepayBorrower", "Refund", "Reverse", "ChargeBack", "PayOut", "Settle", "OfferPlan",
    "ChangeLimit", "ChargeOff", "Goodwill",
)  # fmt: skip


Rows = list[tuple[object, ...]]


async def life(url: str, keys: LocalKeyService, seed: int) -> tuple[Filled, Rows]:
    forget()
    pool = await open_pool(url, 4)
    try:
        await create_book(pool, name="Demo", opened_on=OPENED, demo=True)
        filled = await fill(
            pool, keys, borrowers=40, months=2, seed=seed, progress=lambda _: None
        )
        rows = await pool.fetch(
            "SELECT contract_id, seq, kind, effective_on, booked_on, amount FROM event "
            "ORDER BY contract_id, seq"
        )
        return filled, [tuple(row) for row in rows]
    finally:
        await pool.close()


@pytest.fixture
def another_database(new_database: Callable[[], str]) -> str:
    """A second one; it goes with the test session's server."""
    return new_database()


async def test_a_seed_always_gives_the_same_year(
    database: str, another_database: str, keys: LocalKeyService
) -> None:
    first, events = await life(database, keys, 7)
    again, same = await life(another_database, keys, 7)
    assert first.done == again.done
    assert events == same
    assert len(events) > 200


async def test_another_seed_gives_another_year(
    database: str, another_database: str, keys: LocalKeyService
) -> None:
    _, events = await life(database, keys, 7)
    _, others = await life(another_database, keys, 8)
    assert events != others
