"""What the invented town is told: all ways and ends of notices, relatives, and doubts."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from usance.day import verify
from usance.demo.fill import Filled, fill
from usance.demo.store import interesting
from usance.demo.telling import DAYS
from usance.family.records import ACTIVE, ENDED, INVITED, PAUSED
from usance.notices.outbox import ARRIVED, FAILED, STOPPED, TAKEN
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool
from usance.servicing.setup import create_book
from usance.servicing.terms import forget

OPENED, LAST = date(2026, 8, 5), date(2026, 10, 5)
NOW = datetime(2026, 10, 5, 6, tzinfo=UTC)
"""Two in the afternoon, where the book is."""


@pytest.fixture
def keys(tmp_path: Path) -> LocalKeyService:
    return LocalKeyService.open(tmp_path / "keys")


@pytest_asyncio.fixture
async def town(pool: Pool, keys: LocalKeyService) -> AsyncIterator[Filled]:
    forget()
    await create_book(pool, name="Demo", opened_on=OPENED, demo=True)
    yield await fill(pool, keys, borrowers=200, months=2, now=NOW, progress=lambda _: None)
    forget()


async def test_everything_about_notices_is_there(pool: Pool, town: Filled) -> None:
    rows = await pool.fetch("SELECT state, channel, sent_at, member_id FROM notice")
    states = Counter(row["state"] for row in rows)
    assert min(states[each] for each in (TAKEN, ARRIVED, FAILED, STOPPED)) > 0
    assert states[ARRIVED] > 8 * (states[TAKEN] + states[FAILED])
    assert town.told.total() == len(rows)
    assert f"{town.told['arrived']:,} arrived" in town.told_line()
    assert {"sms", "email", "inbox"} <= {row["channel"] for row in rows}
    sent = [row["sent_at"] for row in rows if row["sent_at"] and not row["member_id"]]
    assert max(sent) < NOW
    assert min(sent).date() > LAST - timedelta(days=DAYS)
    await the_breaker_is_open(pool, states[STOPPED])
    await relatives_stand_everywhere(pool)
    asked = await pool.fetchrow("SELECT sum(found), sum(missed) FROM verify_minute")
    assert (asked[0], asked[1]) == (3, 7)
    assert await pool.fetchval("SELECT max(times) FROM notice_asked") == 3
    assert await pool.fetchval("SELECT count(*) FROM notice_preference") > 20
    assert await verify.run(pool) == []


async def the_breaker_is_open(pool: Pool, stopped: int) -> None:
    """Of e-mails alone, and it has stopped all that are stopped."""
    (breaker,) = await pool.fetch(
        "SELECT kind, name, state, because FROM breaker WHERE state = 'open'"
    )
    assert tuple(breaker) == ("channel", "email", "open", "failed")
    held = await pool.fetchval("SELECT count(*) FROM notice WHERE stopped_by = 'email'")
    assert held == stopped


async def relatives_stand_everywhere(pool: Pool) -> None:
    """In every state; the borrower whom the demo shows has one who is told and one invited."""
    rows = await pool.fetch("SELECT borrower_id, state, because FROM family_link")
    assert {row["state"] for row in rows} == {INVITED, ACTIVE, PAUSED, ENDED}
    ends = {row["because"] for row in rows if row["state"] == ENDED}
    assert {"unanswered", "refused", "taken_back", "left"} == ends
    assert await pool.fetchval("SELECT count(*) FROM family_bar WHERE borrower_id = 0") == 1
    shown = await interesting(pool)
    of_shown = {row["state"] for row in rows if row["borrower_id"] == shown}
    assert {ACTIVE, INVITED} <= of_shown
    paused = {row["because"] for row in rows if row["state"] == PAUSED}
    assert paused == {"borrower", "member"}


async def test_before_the_morning_of_the_last_day(pool: Pool, keys: LocalKeyService) -> None:
    """Whoever starts a demo in the night sees the same, and nothing from the future."""
    forget()
    await create_book(pool, name="Demo", opened_on=OPENED + timedelta(days=31), demo=True)
    night = datetime(2026, 10, 4, 18, tzinfo=UTC)
    await fill(pool, keys, borrowers=60, months=1, now=night, progress=lambda _: None)
    assert await pool.fetchval("SELECT max(sent_at) FROM notice") < night
    asked = await pool.fetchrow("SELECT sum(found), sum(missed) FROM verify_minute")
    assert (asked[0], asked[1]) == (3, 7)
    assert {INVITED, ACTIVE} <= {
        row["state"] for row in await pool.fetch("SELECT state FROM family_link")
    }
    forget()


async def test_nothing_from_before_is_told_later(pool: Pool, town: Filled) -> None:
    told = await pool.fetchval("SELECT min(business_date) FROM notice WHERE member_id = 0")
    assert told >= LAST - timedelta(days=DAYS)
    assert town.days == (LAST - OPENED).days
