"""Close business days, in order, with any number of workers, from where the last close stopped."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta

from usance.core.identifiers import CELLS
from usance.core.rules import rule
from usance.day import store
from usance.day.finish import finish
from usance.day.wake import ACTOR, wake_range, wake_rest
from usance.ledger.digest import digest
from usance.platform import metrics, work
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id
from usance.servicing.write import write_operation

SMALL_DAY = 5_000
"""Contracts up to which plain Python is faster than loading the compiled kernel."""

CONTRACTS_A_JOB = 60_000
"""Enough to share the cost of a job, few enough for its memory (some 1.5 KB a contract)."""

QUEUE = "day-close"

Progress = Callable[[str], None]
Also = Callable[[date], Awaitable[object]]
"""What belongs to the close of a day besides the book: done when all have been woken."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What one close did."""

    business_date: date
    woken: int
    seconds: float


@rule("R-CLOSE-DAY-01")
async def run(
    pool: Pool, *, through: date | None = None, workers: int = 2,
    progress: Progress | None = None, actor: str = ACTOR, also: Also | None = None,
) -> list[Closed]:  # fmt: skip
    """Close every open day through ``through`` (default: the open business date only).

    The audit log says of each day who asked for its close, or for its end.
    """
    tell = progress or (lambda _: None)
    found = []
    for day in await unfinished(pool):
        await resume(pool, day, actor)
        found.append(await close_one(pool, day, workers, tell, also))
    open_day: date = await pool.fetchval(store.OPEN_DAY)
    last = open_day if through is None and not found else through or open_day - timedelta(days=1)
    while open_day <= last:
        await move_date(pool, open_day, actor)
        found.append(await close_one(pool, open_day, workers, tell, also))
        open_day += timedelta(days=1)
    return found


async def unfinished(pool: Pool) -> list[date]:
    """Days whose close began and did not end."""
    return [row[0] for row in await pool.fetch(store.UNFINISHED)]


@rule("R-CLOSE-DAY-03", "R-CLOSE-DAY-05")
async def move_date(pool: Pool, day: date, actor: str = ACTOR) -> None:
    """The next business date begins; from here on the book is open for it."""

    async def once() -> None:
        async with transaction(pool) as connection:
            await connection.execute(store.TAKE_ALONE)
            if await connection.fetchval(store.MOVE_DATE, day):
                await connection.execute(store.BEGIN_CLOSE, day)
                await note(connection, actor, "BeginClose", day)

    await retrying(once)


@rule("R-CLOSE-DAY-05")
async def resume(pool: Pool, day: date, actor: str) -> None:
    """Somebody asks for the end of a close that stopped."""

    async def once() -> None:
        async with transaction(pool) as connection:
            await note(connection, actor, "ResumeClose", day)

    await retrying(once)


async def note(connection: Connection, actor: str, action: str, day: date) -> int:
    """An audit event that has no rows of its own: its digest is that of none. Its number."""
    nothing = digest([("event", []), ("transfer", [])])
    operation_id, ordinal = new_operation_id(), day.toordinal()
    await write_operation(connection, operation_id, actor, action, ordinal, nothing)
    return operation_id


async def close_one(
    pool: Pool, day: date, workers: int, tell: Progress, also: Also | None = None
) -> Closed:
    """Wake, do what else belongs to it, then finish."""
    started = time.perf_counter()
    woken = await wake_all(pool, day, workers, tell)
    if also is not None:
        await also(day)
    await add_up(pool, day, woken)
    seconds = time.perf_counter() - started
    tell(f"{day}: {woken} contracts woken in {seconds:.2f} s")
    return Closed(day, woken, seconds)


async def wake_all(pool: Pool, day: date, workers: int, tell: Progress) -> int:
    """Every contract whose alarm rings by ``day``; how many."""
    waiting: int = await pool.fetchval(store.WAITING, day.toordinal())
    return await wake(pool, day.toordinal(), waiting, workers, tell) if waiting else 0


async def add_up(pool: Pool, day: date, woken: int) -> None:
    """Finish a day on which all have been woken; the next one may be well under way."""

    async def once() -> None:
        async with transaction(pool) as connection:
            await finish(connection, day.toordinal(), woken)

    await retrying(once)


async def observe_last_close(pool: Pool) -> None:
    """Set the metrics of the last finished close; ``/metrics`` asks for it before it answers.

    They are read from the book, because the process that closed the day may be no server at all.
    """
    if last := await pool.fetchrow(store.LAST_CLOSE):
        seconds, woken = last
        metrics.day_close_seconds.set(seconds)
        metrics.contracts_woken.set(woken)


async def wake(pool: Pool, day: int, waiting: int, workers: int, tell: Progress) -> int:
    """Every contract whose alarm rings, by ranges of cells."""
    if waiting > SMALL_DAY:
        return await wake_by_jobs(pool, day, waiting, workers, tell)
    ranges = cell_ranges(min(workers, max(waiting // 200, 1)))

    async def one(low: int, high: int) -> int:
        return await retrying(lambda: wake_range(pool, day, low, high))

    return sum(await asyncio.gather(*(one(low, high) for low, high in ranges)))


async def wake_by_jobs(pool: Pool, day: int, waiting: int, workers: int, tell: Progress) -> int:
    """A large day: ranges of cells as jobs, so that any process on any host may take its share."""
    parts = min(max(-(-waiting // CONTRACTS_A_JOB), workers), CELLS)
    async with transaction(pool) as connection:
        jobs = {f"{day}:{low}": [day, low, high] for low, high in cell_ranges(parts)}
        await work.enqueue_all(connection, QUEUE, jobs)
    woken = 0
    done = 0

    async def handle(connection: Connection, job: work.Job) -> None:
        nonlocal woken, done
        found = await wake_job(connection, job)
        woken += found
        done += 1
        tell(f"{day_name(day)}: {done} of {parts} ranges, {woken} contracts woken")

    await work.run(pool, QUEUE, handle, workers=workers, until_idle=True)
    return woken


async def wake_job(connection: Connection, job: work.Job) -> int:
    """One range: what can be done as a set, then the rest contract by contract."""
    from usance.day import bulk

    day, low, high = job.payload
    woken = await bulk.wake_range(connection, day, low, high)
    return woken + await wake_rest(connection, day, low, high)


def day_name(day: int) -> str:
    """An ordinal as a date."""
    return date.fromordinal(day).isoformat()


def cell_ranges(parts: int) -> list[tuple[int, int]]:
    """All cells in equal ranges, both ends included."""
    edges = [CELLS * i // parts for i in range(parts + 1)]
    return [(low, high - 1) for low, high in itertools.pairwise(edges)]
