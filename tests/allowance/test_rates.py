"""Rates of machine clients (R-RATE-01): exact buckets, slices, many processes, restarts."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.allowance import spender
from usance.allowance import store
from usance.allowance.leases import Allowance, TooOften
from usance.allowance.policy import Rates, default_rates, rates_in
from usance.allowance.rules import MILLION, Rate, Slice, seconds_until
from usance.platform.clock import FixedClock
from usance.platform.database import Pool
from usance.web.api.routes import ENDPOINTS

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SLOW = Rate(MILLION // 2, 10)


def rates(**kinds: Rate) -> Rates:
    routes = {"POST /v1/quote": "quote"} if "quote" in kinds else {}
    return Rates(timedelta(seconds=1), kinds, routes)


# -- pure ------------------------------------------------------------------------------------------


def test_a_slice_is_spent_within_its_time_and_no_further() -> None:
    held = Slice(NOW, NOW)
    held.fill(NOW, 3, 0, SLOW, timedelta(seconds=1))
    assert [held.spend(NOW) for _ in range(4)] == [True, True, True, False]
    held.fill(NOW, 3, 0, SLOW, timedelta(seconds=1))
    assert not held.spend(NOW + timedelta(seconds=1))


def test_a_slice_doubles_while_it_is_spent_and_shrinks_to_what_was_spent() -> None:
    rate, second = Rate(MILLION, 1000), timedelta(seconds=1)
    held, wanted = Slice(NOW, NOW), []
    for _ in range(9):
        held.wanted = held.next_wanted(NOW, rate)
        held.fill(NOW, held.wanted, 0, rate, second)
        wanted.append(held.wanted)
        held.left = 0
    assert wanted == [1, 2, 4, 8, 16, 32, 64, 100, 100]
    held.left = 93
    assert held.next_wanted(NOW + second, rate) == 7


def test_who_got_less_than_wanted_does_not_ask_again_at_once() -> None:
    held = Slice(NOW, NOW, wanted=5)
    held.fill(NOW, 0, MILLION // 4, SLOW, timedelta(seconds=1))
    assert held.not_before == NOW + timedelta(seconds=1.5)
    held.fill(NOW, 2, 0, Rate(1000 * MILLION, 10), timedelta(seconds=1))
    assert held.not_before == NOW + timedelta(milliseconds=50)
    assert seconds_until(NOW, NOW + timedelta(seconds=1.1)) == 2
    assert seconds_until(NOW, NOW) == 1


def test_the_policy_names_routes_that_are_there() -> None:
    known = {f"{each.method} {each.path}" for each in ENDPOINTS}
    assert default_rates().routes.keys() <= known
    assert default_rates().lease == timedelta(seconds=1)


@pytest.mark.parametrize("kinds", [{}, {"every": {"per_second": "0", "burst": 5}},
                                   {"every": {"per_second": "1", "burst": 0}}])  # fmt: skip
def test_a_policy_that_lets_nothing_through_is_none(kinds: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="rates"):
        rates_in({"lease_milliseconds": 1000, "kinds": kinds})


# -- the bucket ------------------------------------------------------------------------------------


async def test_a_bucket_fills_exactly_and_never_beyond_its_burst(pool: Pool) -> None:
    async def take(after: float, wanted: int) -> tuple[int, int]:
        moment = NOW + timedelta(seconds=after)
        return await store.take(pool, 1, "every", moment, wanted, SLOW)

    assert await take(0, 4) == (4, 6 * MILLION)
    assert await take(0, 100) == (6, 0)
    assert await take(1, 5) == (0, MILLION // 2)
    assert await take(2, 5) == (1, 0)
    assert await take(1, 5) == (0, 0), "a clock that runs behind adds nothing"
    assert await take(2, 5) == (0, 0), "nor does its catching up"
    assert await take(100_000, 1) == (1, 9 * MILLION)


async def test_takes_at_once_share_one_bucket(pool: Pool) -> None:
    takes = (store.take(pool, 1, "every", NOW, 1, SLOW) for _ in range(40))
    granted = [each[0] for each in await asyncio.gather(*takes)]
    assert sum(granted) == SLOW.burst


# -- a process -------------------------------------------------------------------------------------


async def spent(allowance: Allowance, count: int, route: str = "GET /v1/book") -> int:
    done = 0
    for _ in range(count):
        try:
            await allowance.spend(1, route)
        except TooOften:
            continue
        done += 1
    return done


async def test_a_restart_refills_nothing(pool: Pool) -> None:
    clock = FixedClock(NOW)
    assert await spent(Allowance(pool, clock, rates(every=SLOW)), 30) == 10
    for _ in range(5):
        assert await spent(Allowance(pool, clock, rates(every=SLOW)), 5) == 0
    clock.advance(timedelta(seconds=4))
    assert await spent(Allowance(pool, clock, rates(every=SLOW)), 30) == 2


async def test_kinds_have_buckets_of_their_own(pool: Pool) -> None:
    clock = FixedClock(NOW)
    allowance = Allowance(pool, clock, rates(every=Rate(MILLION, 30), quote=Rate(MILLION, 5)))
    assert await spent(allowance, 10, "POST /v1/quote") == 5
    assert await spent(allowance, 50) == 25, "what its kind refused does not count among all"
    await allowance.spend(2, "POST /v1/quote")


async def test_a_refusal_says_when_and_asks_the_table_no_more(pool: Pool) -> None:
    clock = FixedClock(NOW)
    allowance = Allowance(pool, clock, rates(every=Rate(MILLION // 5, 1)))
    await allowance.spend(1, "GET /v1/book")
    with pytest.raises(TooOften) as refused:
        await allowance.spend(1, "GET /v1/book")
    assert refused.value.seconds == 5
    await pool.execute("UPDATE rate_bucket SET tokens = 10000000")
    assert await spent(allowance, 3) == 0
    clock.advance(timedelta(seconds=5))
    await allowance.spend(1, "GET /v1/book")


async def test_many_requests_cost_few_statements(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    take = store.take

    async def counted(*given: object) -> tuple[int, int]:
        taken.append(given)
        return await take(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "take", counted)
    allowance = Allowance(pool, FixedClock(NOW), rates(every=Rate(3000 * MILLION, 6000)))
    requests = (allowance.spend(1, "GET /v1/book") for _ in range(5000))
    await asyncio.gather(*requests)
    assert len(taken) < 25


# -- many processes --------------------------------------------------------------------------------


def moments(paths: list[Path]) -> list[float]:
    """When requests were let through, in order."""
    raw = b"".join(path.read_bytes() for path in paths if path.exists())
    return sorted(each for (each,) in struct.iter_unpack("<d", raw[: len(raw) // 8 * 8]))


def most_above_rate(found: list[float], per_second: float) -> float:
    """The most by which any stretch of time let through more than the rate times its length."""
    worst = lowest = 0.0
    for number, moment in enumerate(found):
        level = number - per_second * moment
        lowest = level if number == 0 else min(lowest, level)
        worst = max(worst, level - lowest + 1)
    return worst


def test_the_measure_finds_what_it_is_for() -> None:
    steady = [n / 100 for n in range(500)]
    assert most_above_rate(steady, 100) < 1.001
    assert most_above_rate(sorted(steady + [2.0] * 50), 100) == pytest.approx(51, abs=0.01)


async def test_processes_that_are_killed_and_started_stay_within_the_rate(
    database: str, pool: Pool, tmp_path: Path
) -> None:
    """SIGKILL again and again: in any stretch of time at most burst + rate x (stretch + lease)."""
    found = moments(await asyncio.to_thread(kill_again_and_again, database, tmp_path))
    rate, lease = spender.RATES.kinds["every"], spender.RATES.lease.total_seconds()
    per_second = rate.per_second / MILLION
    bound = rate.burst + per_second * lease
    assert most_above_rate(found, per_second) <= bound + 2  # two for the moments' own rounding
    length = found[-1] - found[0]
    assert len(found) > 0.5 * per_second * length, "the rate is also given"
    granted = await pool.fetchval("SELECT count(*) FROM rate_bucket")
    assert granted == 1


def kill_again_and_again(url: str, folder: Path) -> list[Path]:
    """The files in which four processes, and those that took their places, left their moments."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([spender.__name__])
    numbers = iter(range(1000))

    def start() -> multiprocessing.Process:
        given = (url, str(folder / str(next(numbers))))
        process = context.Process(target=spender.spend_for_ever, args=given, daemon=True)
        process.start()
        return process

    running = [start() for _ in range(4)]
    for kill in range(24):
        time.sleep(random.uniform(0.1, 0.4))
        victim = running[kill % len(running)]
        victim.kill()
        victim.join()
        running[kill % len(running)] = start()
    for process in running:
        process.kill()
        process.join()
    return list(folder.iterdir())
