"""The sequencer of the audit tree, while events are written at five thousand a second.

The figure is what it sequences of a backlog; the yardstick is what was written a second beside it
in the same run, while a transaction stayed open; the delay is from a commit to the event's place.
"""

import asyncio
import itertools
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from usance.audit import check, store
from usance.audit.note import PrivateKey
from usance.audit.sequencer import MAX_DELAY, Sequencer
from usance.bench.common import Result, report
from usance.platform import postgres
from usance.platform.database import Pool, open_pool, transaction
from usance.platform.migrate import migrate

RATE = 5_000
WRITERS = 4
A_COMMIT = 25
SECONDS = 20.0
BACKLOG = 100_000
SLOW_SECONDS = 10.0
INSERT = """
INSERT INTO operation (operation_id, actor, action, borrower_id, contract_id, business_date, digest)
SELECT n, 'machine:1', 'Repay', n % 100000, n * 4096, '2026-01-05', sha256(n::text::bytea)
FROM unnest($1::bigint[]) AS n
"""


@dataclass(slots=True)
class Seen:
    """Commits (moment, how many events there were then), and how late the tree had them."""

    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    committed: int = 0
    commits: list[tuple[float, int]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    ended: float = 0.0

    @property
    def rate(self) -> float:
        """Events written a second."""
        return self.committed / (self.ended - self.started)


async def append(pool: Pool, seen: Seen, count: int) -> None:
    """One transaction."""
    ids = list(itertools.islice(seen.numbers, count))
    await pool.execute(INSERT, ids)
    seen.committed += count
    seen.commits.append((time.perf_counter(), seen.committed))


async def write(pool: Pool, seen: Seen, place: int) -> None:
    """One writer's share, at a steady rate."""
    every = A_COMMIT * WRITERS / RATE
    due = seen.started + place * every / WRITERS
    while (now := time.perf_counter()) < seen.started + SECONDS:
        await asyncio.sleep(max(due - now, 0))
        await append(pool, seen, A_COMMIT)
        due += every


async def stay_open(pool: Pool) -> None:
    """A transaction that has written and does not end for long, as a day close may."""
    async with transaction(pool) as connection:
        await connection.execute(INSERT, [-1])
        await asyncio.sleep(SLOW_SECONDS)


async def watch(pool: Pool, seen: Seen) -> None:
    """Note when the tree has grown past each commit."""
    place = 0
    while not seen.ended or place < len(seen.commits):
        size = (await store.head_of(pool))[0].size
        now = time.perf_counter()
        while place < len(seen.commits) and seen.commits[place][1] <= size:
            seen.delays.append(now - seen.commits[place][0])
            place += 1
        await asyncio.sleep(0.02)


async def steady(pool: Pool) -> Seen:
    """Writers, a slow one, the sequencer and a watch, all at once."""
    sequencer, seen = Sequencer(pool, PrivateKey("usance/bench", b"k" * 32)), Seen()
    await sequencer.start()
    watching = asyncio.create_task(watch(pool, seen))
    slow = asyncio.create_task(stay_open(pool))
    await asyncio.gather(*(write(pool, seen, place) for place in range(WRITERS)))
    seen.ended = time.perf_counter()
    await slow
    await watching
    await sequencer.stop()
    return seen


async def backlog(pool: Pool, seen: Seen) -> float:
    """Events sequenced a second where many wait."""
    ids = list(itertools.islice(seen.numbers, BACKLOG))
    await Sequencer(pool, None).catch_up(sign=False)
    await pool.execute(INSERT, ids)
    started = time.perf_counter()
    assert await Sequencer(pool, None).catch_up(sign=False) == BACKLOG
    return BACKLOG / (time.perf_counter() - started)


async def measure() -> tuple[float, Seen, bool]:
    """(events a second of a backlog, the steady run, whether the tree is whole)."""
    with tempfile.TemporaryDirectory(prefix="usance-bench-") as home:
        Path(home).chmod(0o711)
        with postgres.using(Path(home)) as cluster:
            await migrate(cluster.url())
            pool = await open_pool(cluster.url(), WRITERS + 4)
            seen = await steady(pool)
            rate = await backlog(pool, seen)
            async with pool.acquire() as connection:
                checked = await check.run(connection, check.Trust(patience=0))
            await pool.close()
    return rate, seen, not checked.flaws and checked.size == seen.committed + 1 + BACKLOG


def run(*, as_json: bool = False) -> Result:
    """Measure and print."""
    rate, seen, whole = asyncio.run(measure())
    latest = max(seen.delays)
    middle = sorted(seen.delays)[len(seen.delays) // 2]
    print(
        f"{seen.committed} events at {seen.rate:,.0f} a second: delay {middle:.2f} s in the middle,"
        f" {latest:.2f} s at most; the tree is {'whole' if whole else 'NOT whole'}",
        file=sys.stderr,
    )
    kept_up = rate >= seen.rate >= 0.95 * RATE and latest <= MAX_DELAY
    reach = f">= 1 x what is written ({RATE} a second); delay <= {MAX_DELAY:.0f} s"
    result = Result(
        "audit", round(rate), "events/s", round(seen.rate), round(rate / seen.rate, 2),
        f"{reach} (found {latest:.2f} s)", kept_up and whole,
    )  # fmt: skip
    return report(result, as_json=as_json)
