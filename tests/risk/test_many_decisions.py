"""Many decisions: all the same when made again, and none lost or doubled when processes are killed.

``make soak`` makes a hundred thousand again.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from tests.risk.deciders import GOOD, Deciders, deciders
from tests.risk.registering import BEGINS, CARD, adopt
from tests.servicing.books import KEYS
from usance.identity.changing import Asking
from usance.platform.database import Pool, open_pool
from usance.policy import shipped
from usance.risk import decision_store as store
from usance.risk.book_source import BookSource, TierSource
from usance.risk.deciding import Deciding, Wanted
from usance.risk.registered import BookVersions
from usance.risk.snapshots import Snapshots

FORK = multiprocessing.get_context("fork")
AT_ONCE = 8
KILLS = 6
KINDS = ("open", "limit", "tier", "extension", "draw")


@pytest_asyncio.fixture
async def room(pool: Pool) -> AsyncIterator[Deciders]:
    async with deciders(pool) as found:
        yield found


def facts_of(chance: random.Random) -> dict[str, int | None]:
    """Somebody, of whom this or that is not known."""
    found = {
        "income": chance.randrange(0, 5_000_000), "debt_service": chance.randrange(0, 9_000),
        "bureau_late": chance.randrange(2), "days_late_12m": chance.choice([0, 0, 0, 5, 40, 120]),
        "failed_debits_90d": chance.randrange(4), "utilisation": chance.randrange(12_000),
        "paid_share_6m": chance.randrange(10_000), "extensions_12m": chance.randrange(5),
        "new_device_days": chance.randrange(9),
    }  # fmt: skip
    unknown = set(chance.sample(sorted(found), 2)) - {"days_late_12m"}
    return GOOD | {name: None if name in unknown else value for name, value in found.items()}


async def lived(room: Deciders, people: list[int], count: int, chance: random.Random) -> None:
    """So many requests of every kind."""
    asked = {"open": {"student": 0}, "draw": {"asked_for": 500}}
    jobs = iter(range(count))

    async def lane() -> None:
        for _ in jobs:
            kind, who = chance.choice(KINDS), chance.choice(people)
            product = "cash_loan" if kind == "draw" else ""
            await room.answer(kind, who, declared=asked.get(kind, {}), product=product)

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_all_are_the_same_after_the_policy_moved_on(room: Deciders, count: int) -> None:
    """R-DECIDE-03: nothing differs, whatever versions have come since."""
    seed = os.environ.get("USANCE_SEED", "20")
    chance = random.Random(seed)
    people = await room.book.borrowers(100)
    for who in people:
        room.brought.facts[who] = facts_of(chance)
        await room.book.line(who, "cash_loan", 500_000)
    await room.card()
    await room.card("shadow", 2, msgspec.structs.replace(CARD, base=470))
    await lived(room, people, count // 2, chance)
    rows = [*msgspec.to_builtins(adopt().policy.rows)]
    rows[0]["when"] = {"days_late": ">= 20 days"}
    await room.office.adopted(adopt(2, BEGINS, rows=rows))
    await room.card("champion", 3, msgspec.structs.replace(CARD, base=505))
    await lived(room, people, count - count // 2, chance)
    counts = "SELECT count(*), count(DISTINCT (kind, outcome, reasons, tried)) FROM decision"
    stored, ways = await room.book.pool.fetchrow(counts)
    assert ways > 20, f"seed {seed}"
    found = await room.archive.replay_all()
    assert (found.made, found.forgotten, found.differences) == (stored, 0, ()), f"seed {seed}"
    assert stored >= count
    since = (await store.page(room.book.pool, 0, 1))[0].decided_at - timedelta(seconds=1)
    tiers = [each async for page in room.archive.snapshots("cn-tier", since) for each in page]
    kinds = "SELECT count(*) FROM decision WHERE kind = 'tier' AND NOT shadow"
    assert len(tiers) == await room.book.pool.fetchval(kinds)
    await room.book.holds()


def decide(url: str, people: list[int], first: int, log: str) -> None:
    """Decide, each under its own key, until killed; note each before and after."""
    with open(log, "ab", buffering=0) as file:
        asyncio.run(_decide(url, people, first, file.fileno()))


def deciding_on(pool: Pool) -> Deciding:
    """Who decides, with what the book knows alone."""
    snapshots = Snapshots((BookSource(), TierSource()), shipped.dictionary())
    return Deciding(pool, KEYS, BookVersions(), snapshots)


async def _decide(url: str, people: list[int], first: int, log: int) -> None:
    pool = await open_pool(url, 4)
    deciding = deciding_on(pool)

    async def lane(place: int) -> None:
        number = first + place
        while True:
            os.write(log, f"? {number}\n".encode())
            answer = await once_more(deciding, people, number)
            os.write(log, f"= {number} {answer['decision_id']}\n".encode())
            number += 3

    await asyncio.gather(*(lane(place) for place in range(3)))


async def once_more(deciding: Deciding, people: list[int], number: int) -> dict[str, Any]:
    """The n-th request."""
    kind = ("tier", "extension")[number % 2]
    wanted = Wanted(kind=kind, borrower_id=people[number % len(people)])
    asking = Asking("staff:1", f"n{number}", f"{number}".encode())
    return (await deciding.decide(wanted, asking)).document


async def test_nothing_is_lost_or_doubled_when_deciders_are_killed(
    room: Deciders, database: str, tmp_path: Path
) -> None:
    """R-DECIDE-04: what was answered is stored, once, and asked again it is the same."""
    people = await room.book.borrowers(20)
    log = tmp_path / "log"
    chance = random.Random(7)
    for turn in range(KILLS):
        worker = FORK.Process(target=decide, args=(database, people, turn * 100_000, str(log)))
        worker.start()
        await asyncio.sleep(0.6 + chance.random())
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    lines = [line.split() for line in log.read_text().splitlines()]
    answered = {int(words[1]): words[2] for words in lines if words[0] == "="}
    asked = {int(words[1]) for words in lines if words[0] == "?"}
    assert len(answered) > KILLS
    deciding = deciding_on(room.book.pool)
    again = {each: (await once_more(deciding, people, each))["decision_id"] for each in asked}
    assert {each: again[each] for each in answered} == answered
    stored = await room.book.pool.fetchval("SELECT count(*) FROM decision")
    assert stored == len(asked)
    assert (await room.archive.replay_all()).differences == ()
    await room.book.holds()
