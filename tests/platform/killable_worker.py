"""A worker process for the tests that kill it: one effect row for each job."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

from usance.platform import work
from usance.platform.database import Connection, open_pool

QUICK = work.Patience(
    lease=timedelta(milliseconds=250), attempts=1000, first_delay=timedelta(milliseconds=10)
)


async def leave_an_effect(connection: Connection, job: work.Job) -> None:
    """Insert the effect in two steps, with pauses in which to be killed."""
    await connection.execute("INSERT INTO effect (key, step) VALUES ($1, 1)", job.key)
    await asyncio.sleep(random.uniform(0, 0.03))
    await connection.execute("INSERT INTO effect (key, step) VALUES ($1, 2)", job.key)


def work_until_idle(url: str) -> None:
    """Entry of the process."""
    asyncio.run(_work(url))


async def _work(url: str) -> None:
    pool = await open_pool(url, 3)
    await work.run(pool, "kill", leave_an_effect, workers=2, until_idle=True, patience=QUICK)
    await pool.close()
