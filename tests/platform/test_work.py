"""The job runner: every effect exactly once, whatever dies."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from usance.platform import metrics, work
from usance.platform.database import Connection, Pool, transaction
from usance.platform.work_tables import DONE

from . import killable_worker
from .killable_worker import QUICK, leave_an_effect, work_until_idle

CREATE_EFFECT = "CREATE TABLE effect (key text NOT NULL, step int NOT NULL)"


async def enqueue(pool: Pool, queue: str, *keys: str) -> None:
    async with transaction(pool) as connection:
        await work.enqueue_all(connection, queue, {key: {"of": key} for key in keys})


async def test_every_job_runs_once_with_its_payload(pool: Pool) -> None:
    seen: list[tuple[str, object]] = []

    async def handler(connection: Connection, job: work.Job) -> None:
        seen.append((job.key, job.payload))

    await enqueue(pool, "q", *(str(n) for n in range(50)))
    assert await work.run(pool, "q", handler, workers=4, until_idle=True) == 50
    assert sorted(seen) == sorted((str(n), {"of": str(n)}) for n in range(50))
    assert await work.run(pool, "q", handler, until_idle=True) == 0


async def test_asking_twice_is_asking_once(pool: Pool) -> None:
    async with transaction(pool) as connection:
        assert await work.enqueue(connection, "q", "k", {"n": 1}) is True
        assert await work.enqueue(connection, "q", "k", {"n": 2}) is False
        assert await work.enqueue(connection, "other", "k", {"n": 3}) is True
    payloads = await pool.fetch("SELECT payload::text FROM job ORDER BY job_id")
    assert [row[0] for row in payloads] == ['{"n": 1}', '{"n": 3}']


async def test_work_of_a_rolled_back_transaction_is_never_done(pool: Pool) -> None:
    with pytest.raises(RuntimeError):
        async with transaction(pool) as connection:
            await work.enqueue(connection, "q", "k", None)
            raise RuntimeError
    assert await work.run(pool, "q", leave_an_effect, until_idle=True) == 0


async def test_a_failure_leaves_no_effect_and_is_tried_again(pool: Pool) -> None:
    await pool.execute(CREATE_EFFECT)
    failures = iter([True, True, False])

    async def handler(connection: Connection, job: work.Job) -> None:
        await leave_an_effect(connection, job)
        if next(failures):
            raise ValueError("the bank\0 said no")

    await enqueue(pool, "q", "k")
    assert await work.run(pool, "q", handler, until_idle=True, patience=QUICK) == 1
    assert await pool.fetchval("SELECT count(*) FROM effect") == 2
    row = await pool.fetchrow("SELECT state, attempts, last_error, done_at FROM job")
    assert (row["state"], row["attempts"]) == (DONE, 3)
    assert row["last_error"] == "ValueError: the bank said no"
    assert row["done_at"] is not None


async def test_a_hopeless_job_is_given_up_and_kept(pool: Pool) -> None:
    async def handler(connection: Connection, job: work.Job) -> None:
        raise ValueError("never")

    await enqueue(pool, "q", "bad")
    patience = work.Patience(attempts=3, first_delay=timedelta(milliseconds=1))
    assert await work.run(pool, "q", handler, until_idle=True, patience=patience) == 0
    assert [tuple(row) for row in await work.dead(pool, "q")] == [("bad", 3, "ValueError: never")]
    assert metrics.jobs.labels("q", "dead")._value.get() >= 1


async def test_work_planned_for_later_waits(pool: Pool) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    async with transaction(pool) as connection:
        await work.enqueue(connection, "q", "k", None, not_before=soon)
    await pool.execute(CREATE_EFFECT)
    assert await work.run(pool, "q", leave_an_effect, until_idle=True) == 0
    await asyncio.sleep(0.5)
    assert await work.run(pool, "q", leave_an_effect, until_idle=True) == 1


async def test_a_worker_that_lost_its_lease_changes_nothing(pool: Pool) -> None:
    """A second worker's claim, made while the first sleeps between claim and effect."""
    await pool.execute(CREATE_EFFECT)
    await enqueue(pool, "q", "k")
    slow = work._Worker(pool, work.JOBS, "q", leave_an_effect, QUICK)
    job = await slow._claim()
    assert job is not None
    await asyncio.sleep(0.3)
    assert await work.run(pool, "q", leave_an_effect, until_idle=True, patience=QUICK) == 1
    assert await slow._attempt(job) is False
    assert await pool.fetchval("SELECT count(*) FROM effect") == 2
    assert await pool.fetchval("SELECT fence FROM job") == 2


async def test_work_longer_than_its_lease_is_not_taken_away(pool: Pool) -> None:
    await pool.execute(CREATE_EFFECT)

    async def long(connection: Connection, job: work.Job) -> None:
        await leave_an_effect(connection, job)
        await asyncio.sleep(0.8)

    await enqueue(pool, "q", "k")
    assert await work.run(pool, "q", long, workers=3, until_idle=True, patience=QUICK) == 1
    assert await pool.fetchval("SELECT fence FROM job") == 1


async def test_a_lost_connection_is_outlasted(pool: Pool) -> None:
    await pool.execute(CREATE_EFFECT)
    cut = "SELECT pg_terminate_backend(pg_backend_pid())"
    cuts = iter([True, False])

    async def handler(connection: Connection, job: work.Job) -> None:
        await leave_an_effect(connection, job)
        if next(cuts):
            await connection.execute(cut)

    await enqueue(pool, "q", "k")
    assert await work.run(pool, "q", handler, until_idle=True, patience=QUICK) == 1
    assert await pool.fetchval("SELECT count(*) FROM effect") == 2


@pytest.mark.parametrize("kills", [40, pytest.param(500, marks=pytest.mark.soak)])
async def test_killed_workers_double_and_lose_nothing(
    database: str, pool: Pool, kills: int
) -> None:
    """SIGKILL again and again to whole processes, in the middle of claims, effects, commits."""
    await pool.execute(CREATE_EFFECT)
    keys = [str(number) for number in range(15 * kills)]
    await enqueue(pool, "kill", *keys)
    await asyncio.to_thread(kill_again_and_again, database, kills)
    survivors = work.run(pool, "kill", leave_an_effect, until_idle=True, patience=QUICK, workers=8)
    await asyncio.wait_for(survivors, 60)
    effects = await pool.fetch("SELECT key, step, count(*) FROM effect GROUP BY 1, 2")
    assert sorted(map(tuple, effects)) == sorted((key, step, 1) for key in keys for step in (1, 2))
    assert await pool.fetchval(f"SELECT bool_and(state = {DONE}) FROM job") is True
    assert await pool.fetchval("SELECT max(fence) FROM job") > 1, "no kill hit a claimed job"


def kill_again_and_again(url: str, kills: int) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killable_worker.__name__])
    workers = [start_worker(context, url) for _ in range(3)]
    for kill in range(kills):
        time.sleep(random.uniform(0.05, 0.3))
        victim = workers[kill % len(workers)]
        victim.kill()
        victim.join()
        workers[kill % len(workers)] = start_worker(context, url)
    for worker in workers:
        worker.kill()
        worker.join()


def start_worker(context, url: str) -> multiprocessing.Process:
    worker = context.Process(target=work_until_idle, args=(url,), daemon=True)
    worker.start()
    return worker
