"""Limits of asking: as much as the policy says and no more, whoever asks from wherever."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.notices import codes
from usance.notices.asking_policy import asking_policy
from usance.notices.buckets import (
    REMEMBERED,
    Ask,
    Bucket,
    Limiter,
    Taken,
    filled,
    network_of,
    strained,
)
from usance.notices.verification_sql import Kept
from usance.platform.database import Pool

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = asking_policy()
PAGE, NETWORK, CODE = (POLICY.bucket(name) for name in ("page", "address", "code"))
LIVE = 10**7
"""Codes that are out at once, in a large house."""


@dataclass
class InMemory:
    """What the database does, without one."""

    kept: dict[bytes, datetime] = field(default_factory=dict)
    asked: int = 0

    async def take(self, ask: Ask, now: datetime) -> Taken:
        self.asked += 1
        tight = strained(self.kept.get(ask.page), now, PAGE, POLICY.strain.above)
        counts = POLICY.strain.counts if tight else 1
        network = self.fill(ask.network, now, NETWORK, counts)
        page = network and self.fill(ask.page, now, PAGE)
        code = page and (not ask.code or self.fill(ask.code, now, CODE))
        return Taken(network, page, code)

    def fill(self, subject: bytes, now: datetime, bucket: Bucket, counts: int = 1) -> bool:
        until = filled(self.kept.get(subject), now, bucket, counts)
        if until is None:
            return False
        self.kept[subject] = until
        return True


@given(st.lists(st.integers(0, 400), max_size=200), st.integers(1, 20), st.integers(1, 10))
def test_a_bucket_holds_what_its_length_has_room_for(
    gaps: list[int], most: int, minutes: int
) -> None:
    """R-VERIFY-02: within any time, no more than the most and what leaks out meanwhile."""
    within = timedelta(minutes=minutes)
    bucket, now, until = Bucket(within, within // most), BEGIN, None
    through = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        moved = filled(until, now, bucket)
        if moved is None:
            assert until is not None
            assert until + bucket.step > now + within
            continue
        assert moved > now
        until = moved
        through.append(now)
    for place, first in enumerate(through):
        leaked = [(last - first) // bucket.step for last in through[place:]]
        assert all(count < most + 1 + more for count, more in enumerate(leaked, 0))


@pytest.mark.parametrize(("address", "network"), [
    ("192.0.2.7", "192.0.2.0/24"), ("192.0.2.255", "192.0.2.0/24"),
    ("2001:db8:1:2ff:3::4", "2001:db8:1:200::/56"), ("::ffff:192.0.2.7", "192.0.2.0/24"),
    ("fe80::1%eth0", "fe80::/56"), ("", ""), ("machine:7", "machine:7"), ("x" * 300, "x" * 100),
])  # fmt: skip
def test_a_network_counts_as_one(address: str, network: str) -> None:
    """R-VERIFY-02."""
    assert network_of(address) == network


def addresses(count: int, networks: int) -> Iterator[bytes]:
    draw = random.Random(7)
    for _ in range(count):
        yield draw.randrange(networks).to_bytes(4)


async def test_a_million_guesses_from_many_addresses() -> None:
    """R-VERIFY-02: at 500 a second from 200,000 networks, few get through, what is kept stays
    small, and a refusal costs next to nothing."""
    buckets = InMemory()
    limiter, now, through, refused = Limiter(buckets, PAGE), BEGIN, 0, 0
    begun = time.perf_counter()
    for number, network in enumerate(addresses(1_000_000, 200_000)):
        now = BEGIN + timedelta(milliseconds=2 * number)
        code = number.to_bytes(4)
        if await limiter.full(Ask(network, b"page", code), now):
            refused += 1
        else:
            through += 1
    seconds = time.perf_counter() - begun
    allowed = 6000 + int((now - BEGIN) / PAGE.step) + 1
    assert through + refused == 1_000_000
    assert through <= allowed <= 26_001
    assert buckets.asked < 2 * allowed + REMEMBERED
    assert len(buckets.kept) <= 3 * allowed
    hits = through * LIVE / 2**codes.BITS  # without the four digits, which it has to have too
    assert hits < 0.001
    assert seconds < 60


async def test_one_network_costs_the_others_nothing() -> None:
    """R-VERIFY-02: what it asks too much never reaches the page's bucket, and seldom the base."""
    buckets = InMemory()
    limiter, through = Limiter(buckets, PAGE), 0
    for number in range(100_000):
        now = BEGIN + timedelta(milliseconds=number)
        through += not await limiter.full(Ask(b"n", b"page"), now)
    assert through == 20
    assert buckets.asked <= 20 + 101
    assert buckets.kept[b"page"] < BEGIN + timedelta(seconds=100)
    assert not await limiter.full(Ask(b"other", b"page"), now)


async def test_it_slows_before_it_is_full() -> None:
    """R-VERIFY-02: above half, a network gets a fifth."""
    buckets = InMemory()
    buckets.kept[b"page"] = BEGIN + PAGE.within / 2 + PAGE.step
    limiter = Limiter(buckets, PAGE)
    got = [await limiter.full(Ask(b"n", b"page"), BEGIN) for _ in range(6)]
    assert got == [""] * 4 + ["network"] * 2


async def test_one_code_is_asked_for_so_often_by_all_together() -> None:
    """R-VERIFY-02: four digits are not to be found by trying."""
    limiter = Limiter(InMemory(), PAGE)
    asks = [Ask(bytes([number]), b"page", b"code") for number in range(14)]
    got = [await limiter.full(each, BEGIN) for each in asks]
    assert got == [""] * 12 + ["code"] * 2
    later = BEGIN + timedelta(hours=2)
    assert [await limiter.full(Ask(b"z", b"page", b"code"), later) for _ in "12"] == ["", "code"]


@pytest.mark.parametrize("seed", range(3))
async def test_the_database_counts_as_the_rule_says(pool: Pool, seed: int) -> None:
    """R-VERIFY-02: the same asks let through by the statement and by the pure rule."""
    draw, told, kept = random.Random(seed), InMemory(), Kept(pool, POLICY, "address", "page")
    now = BEGIN
    told.kept[b"page"] = start = now + PAGE.within / 2 - PAGE.step * 40
    await pool.execute("INSERT INTO verify_bucket VALUES ($1, $2)", b"page", start)
    for _ in range(400):
        long = 60_000 if draw.random() < 0.1 else 5
        now += timedelta(milliseconds=draw.choice([0, 1, 300, long]))
        code = draw.choice([b"", b"c1", b"c2", draw.randbytes(4)])
        ask = Ask(bytes([draw.randrange(6)]) + b"n", b"page", code)
        assert await kept.take(ask, now) == await told.take(ask, now)
    rows = await pool.fetch("SELECT subject, filled_until FROM verify_bucket")
    assert {row["subject"]: row["filled_until"] for row in rows} == told.kept


async def test_a_restart_forgets_nothing(pool: Pool) -> None:
    """R-VERIFY-02: another process counts on where the first one was."""
    first, second = (Limiter(Kept(pool, POLICY, "address", "page"), PAGE) for _ in "12")
    ask = Ask(b"n", b"page")
    assert [await first.full(ask, BEGIN) for _ in range(20)] == [""] * 20
    assert await second.full(ask, BEGIN) == "network"


@pytest.mark.soak
async def test_a_million_guesses_at_the_database(pool: Pool) -> None:
    """R-VERIFY-02: the same flood with buckets in the database; a refusal stays cheap."""
    limiter, through = Limiter(Kept(pool, POLICY, "address", "page"), PAGE), 0
    slowest = 0.0
    for number, network in enumerate(addresses(1_000_000, 200_000)):
        now = BEGIN + timedelta(milliseconds=2 * number)
        begun = time.perf_counter()
        through += not await limiter.full(Ask(network, b"page", number.to_bytes(4)), now)
        slowest = max(slowest, time.perf_counter() - begun)
    rows = await pool.fetchval("SELECT count(*) FROM verify_bucket")
    print(f"through {through}, rows {rows}, slowest {slowest * 1000:.1f} ms")
    assert through <= 26_001
    assert rows <= 3 * 26_001
