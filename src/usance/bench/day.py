"""Benches of day close at a million contracts, against writing the same rows and nothing else.

The yardstick copies the rows that the day wrote into the same tables of the same seeded book:
COPY into staging, UPDATE from it, COPY of new rows; nothing is read, decided or checked.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from usance.bench import seed
from usance.bench.common import Result, report
from usance.contract import batch
from usance.day import close
from usance.platform import postgres
from usance.platform.database import Pool, open_pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.migrate import migrate
from usance.platform.pgcopy import Layout, copy_in, copy_out
from usance.servicing import bulk, bulk_post
from usance.servicing.write import write_operation

CONTRACTS = 1_000_000
WORKERS = 2
MEMORY_MAX = 2 * 1024  # MiB
APPENDED = ("event", "transfer", "statement", "notice_wanted", "accrual_change")
TODAY = date.fromordinal(seed.TODAY)


@dataclass(frozen=True, slots=True)
class Due:
    """What falls due today: contracts and amounts, in arrays."""

    contract_ids: Any
    amounts: Any


@asynccontextmanager
async def databases() -> AsyncIterator[Callable[[str, str | None], Awaitable[str]]]:
    """A server in a temporary home, and a way to make databases (empty or copies) on it."""
    with tempfile.TemporaryDirectory(prefix="usance-bench-") as home:
        Path(home).chmod(0o711)
        with postgres.using(Path(home)) as cluster:

            async def make(name: str, template: str | None) -> str:
                connection = await asyncpg.connect(cluster.url("postgres"))
                try:
                    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                    copy = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
                    await connection.execute(f"CREATE DATABASE {name}{copy}")
                finally:
                    await connection.close()
                return cluster.url(name)

            yield make


async def seeded(make: Any, moulds: list[seed.Mould], contracts: int) -> None:
    """The seeded book as a template database."""
    url = await make("seeded", None)
    await migrate(url)
    pool = await open_pool(url, 2)
    await seed.seed(pool, moulds, contracts)
    await pool.execute("CHECKPOINT")
    await pool.close()


DUE_TODAY = """
SELECT c.contract_id, sum(d.principal - d.paid_principal + d.interest - d.paid_interest)::bigint
FROM contract c JOIN due d ON d.cell = c.cell AND d.contract_id = c.contract_id
    AND d.n >= c.first_open AND d.n <= c.running
WHERE c.alarm <= $1 AND d.due_on = $1
GROUP BY c.contract_id ORDER BY c.contract_id
"""


async def due_today(pool: Pool) -> Due:
    """Nine tenths of what is due today: what the bank's file says was debited."""
    rows = await pool.fetch(DUE_TODAY, seed.TODAY)
    paid = [row for place, row in enumerate(rows) if place % 10 and row[1] > 0]
    return Due(np.array([r[0] for r in paid], np.int64), np.array([r[1] for r in paid], np.int64))


async def live_a_day(pool: Pool, due: Due, also: close.Also | None = None) -> float:
    """The debit file and the close; seconds."""
    started = time.perf_counter()
    if len(due.contract_ids):
        await debit(pool, due)
    await close.run(pool, workers=WORKERS, also=also)
    return time.perf_counter() - started


async def debit(pool: Pool, due: Due) -> None:
    """Repayments in arrays, half of the cells on each of two connections."""
    cells = (due.contract_ids >> 12) % 1024
    halves = [cells < 512, cells >= 512]

    async def post(mine: Any) -> None:
        operation_id = new_operation_id()
        async with transaction(pool) as connection:
            posted = await bulk_post.repay_each(
                connection, seed.TODAY, due.contract_ids[mine], due.amounts[mine], operation_id
            )
            assert len(posted.contract_ids) == mine.sum()
            await write_operation(
                connection, operation_id, "bench", "Debit", seed.TODAY, posted.digest
            )

    await asyncio.gather(*(post(mine) for mine in halves))


@dataclass(slots=True)
class Rows:
    """What a day wrote."""

    contracts: Any
    dues: Any
    new_dues: Any
    appended: dict[str, Any]
    layouts: dict[str, Layout]


async def rows_written(pool: Pool) -> Rows:
    """Read back what the day wrote (not timed)."""
    names = [", ".join(each.names) for each in (bulk.CONTRACT_LAYOUT, bulk.DUE_LAYOUT)]
    layouts: dict[str, Layout] = {}
    appended = {}
    for name in APPENDED:
        own: Layout = getattr(bulk, {
            "event": "EVENT_LAYOUT", "transfer": "TRANSFER_LAYOUT", "statement": "STATEMENT_LAYOUT",
            "notice_wanted": "NOTICE_LAYOUT", "accrual_change": "CHANGE_LAYOUT",
        }[name])  # fmt: skip
        layouts[name] = own
        if name != "accrual_change":
            columns = ", ".join(own.names)
            found = f"SELECT {columns} FROM {name} WHERE contract_id <> 0 ORDER BY 1, 2, 3"
            if name == "transfer":
                found = f"SELECT {columns} FROM {name} ORDER BY 1, 2, 3"
        else:
            columns = ", ".join(own.names)
            found = f"SELECT {columns} FROM {name}"
        async with pool.acquire() as connection:
            appended[name] = await copy_out(connection, found, columns=own)
    async with pool.acquire() as connection:
        written = f"SELECT {names[0]} FROM contract WHERE version > 0"
        contracts = await copy_out(connection, written, columns=bulk.CONTRACT_LAYOUT)
        since = await connection.fetchval("SELECT min(xmin::text::bigint) FROM event")
        changed = f"SELECT {names[1]} FROM due WHERE xmin::text::bigint >= {since}"
        dues = await copy_out(connection, changed, columns=bulk.DUE_LAYOUT)
    fresh = (dues["phase"] == 0) & (dues["due_on"] == 0)
    return Rows(contracts, dues[~fresh], dues[fresh], appended, layouts)


async def write_bare(pool: Pool, rows: Rows) -> float:
    """Write the same rows; two connections, half of the cells each; seconds."""
    started = time.perf_counter()

    async def half(low: int, high: int) -> None:
        def mine(data: Any) -> Any:
            return data[(data["cell"] >= low) & (data["cell"] < high)]

        async with transaction(pool) as connection:
            contracts = unversioned(mine(rows.contracts))
            await bulk.stage(connection, "staged_contract", bulk.UPDATE_LAYOUT, contracts)
            await connection.execute(bulk.UPDATE_STAGED)
            await bulk.stage(connection, "staged_due", bulk.DUE_LAYOUT, mine(rows.dues))
            await connection.execute(bulk.UPDATE_DUES)
            await copy_in(connection, "due", mine(rows.new_dues), bulk.DUE_LAYOUT)
            for name, data in rows.appended.items():
                await copy_in(connection, name, mine(data), rows.layouts[name])

    await asyncio.gather(half(0, 512), half(512, 1024))
    return time.perf_counter() - started


def unversioned(contracts: Any) -> Any:
    """As the seeded book has them, so that the same guarded UPDATE finds them."""
    data = {name: contracts[name] for name in contracts.dtype.names}
    data["version"] = np.zeros(len(contracts), np.int64)
    return data


async def measure(moulds: list[seed.Mould], contracts: int) -> tuple[float, float, int]:
    """(seconds of the day, seconds bare, contracts woken)."""
    async with databases() as make:
        await seeded(make, moulds, contracts)
        pool = await open_pool(await make("lived", "seeded"), 3)
        due = await due_today(pool)
        batch.compiled()
        await pool.execute("CHECKPOINT")
        seconds = await live_a_day(pool, due)
        woken = await pool.fetchval("SELECT woken FROM day_close")
        rows = await rows_written(pool)
        await pool.close()
        pool = await open_pool(await make("bare", "seeded"), 3)
        await pool.execute("CHECKPOINT")
        bare = await write_bare(pool, rows)
        await pool.close()
    return seconds, bare, woken + len(due.contract_ids)


def memory() -> int:
    """Peak of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run_day(*, as_json: bool = False, contracts: int = CONTRACTS) -> Result:
    """An ordinary day."""
    seconds, bare, woken = asyncio.run(measure(seed.ordinary_moulds(), contracts))
    tell(woken, seconds)
    ok = seconds <= 2 * bare and memory() <= MEMORY_MAX
    reach = f"<= 2 x bare, <= 2 GiB (peak {memory()} MiB)"
    return report(
        Result("day", round(seconds, 2), "s", round(bare, 2), round(seconds / bare, 2), reach, ok),
        as_json=as_json,
    )


def run_peak(*, as_json: bool = False, contracts: int = CONTRACTS) -> Result:
    """Every statement falls on this day."""
    seconds, bare, woken = asyncio.run(measure(seed.peak_moulds(), contracts))
    tell(woken, seconds)
    ok = seconds <= 120 and seconds <= 2.5 * bare and woken >= contracts * 95 // 100
    return report(
        Result("day-peak", round(seconds, 2), "s", round(bare, 2), round(seconds / bare, 2),
               "<= 120 s and <= 2.5 x bare", ok),
        as_json=as_json,
    )  # fmt: skip


def tell(woken: int, seconds: float) -> None:
    """Contracts woken a second, beside the figure."""
    print(f"{woken} contracts served, {woken / seconds:,.0f} a second", file=sys.stderr)
