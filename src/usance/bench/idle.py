"""Bench of a day on which nothing is due: at a million contracts, and on the demo book.

The yardstick counts the totals of accrual once: a query that every such close has to make anyway.
Something is always due among a million contracts or a thousand people, so every alarm is put off.
"""

import asyncio
import secrets
import sys
import time
from dataclasses import dataclass
from typing import Any

from usance.bench import seed
from usance.bench.common import Result, report
from usance.bench.day import CONTRACTS, TODAY, WORKERS, databases, seeded
from usance.day import close
from usance.demo.fill import open_demo_book
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool, open_pool
from usance.platform.migrate import migrate

SECONDS_MAX = 0.3
DEMO_SECONDS_MAX = 0.04
DAYS = 5


@dataclass(frozen=True, slots=True)
class Idle:
    """Seconds of the best idle close, of the query, and how many contracts slept."""

    seconds: float
    query: float
    contracts: int


async def million(make: Any, contracts: int) -> str:
    """The address of a seeded book."""
    await seeded(make, seed.ordinary_moulds(), contracts)
    url: str = await make("lived", "seeded")
    return url


async def demo(make: Any) -> str:
    """The address of a demo book, filled now as ``usance serve --demo`` fills it."""
    url: str = await make("demo", None)
    await migrate(url)
    pool = await open_pool(url, 3)
    keys = LocalKeyService(secrets.token_bytes(32), {1: secrets.token_bytes(32)})
    filled = await open_demo_book(pool, keys, today=TODAY, progress=lambda _: None)
    print(filled.lines()[0], file=sys.stderr)
    await pool.close()
    return url


async def idle(url: str) -> Idle:
    """Put every alarm off, then close days."""
    pool = await open_pool(url, 3)
    await pool.execute("UPDATE contract SET alarm = alarm + 40")
    await pool.execute("VACUUM ANALYZE contract")
    best = min([await one_idle_day(pool) for _ in range(DAYS)])
    started = time.perf_counter()
    await pool.fetchval("SELECT count(*) FROM accrual_total")
    query = time.perf_counter() - started
    slept = await pool.fetchval("SELECT count(*) FROM contract")
    await pool.close()
    return Idle(best, query, slept)


async def one_idle_day(pool: Pool) -> float:
    """Close a day on which nothing is due."""
    started = time.perf_counter()
    (closed,) = await close.run(pool, workers=WORKERS)
    seconds = time.perf_counter() - started
    assert closed.woken == 0, "somebody was woken on an idle day"
    return seconds


async def measure(contracts: int) -> tuple[Idle, Idle]:
    """At a million contracts, and on the demo book."""
    async with databases() as make:
        return await idle(await million(make, contracts)), await idle(await demo(make))


def result(name: str, found: Idle, most: float, reach: str) -> Result:
    """One line."""
    ratio = round(found.seconds / found.query, 1)
    seconds, query = round(found.seconds, 4), round(found.query, 4)
    return Result(name, seconds, "s", query, ratio, reach, found.seconds <= most)


def run(*, as_json: bool = False, contracts: int = CONTRACTS) -> Result:
    """Two lines; the one that is not reached is handed on."""
    large, small = asyncio.run(measure(contracts))
    lines = [
        result("day-idle", large, SECONDS_MAX, f"<= 0.3 s at {large.contracts:,} contracts"),
        result("day-idle-demo", small, DEMO_SECONDS_MAX,
               f"<= 0.04 s on the demo book ({small.contracts:,} contracts)"),
    ]  # fmt: skip
    return min((report(each, as_json=as_json) for each in lines), key=lambda each: each.ok)
