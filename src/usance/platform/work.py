"""The one job runner: background work that happens exactly once.

A row of ``job`` is written in the business transaction that wants the work. A
worker claims it for a lease and gets a fence, a number that rises with each claim. The row is
then marked done *first*, in the same transaction as the handler's effect: the mark holds the
row's lock while the handler works, so nobody claims it again however long that takes, and
both are committed or neither is. A killed worker's row is claimed again after its lease; a
worker that lost its lease finds another fence and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import msgspec

from usance.platform import metrics
from usance.platform.database import CONNECTION_LOST, Connection, Pool, transaction
from usance.platform.logs import get_logger, masked
from usance.platform.work_tables import DEAD, DONE, WAITING

logger = get_logger(__name__)

OUTAGE_SECONDS = 0.5
ERROR_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Source:
    """A table that holds work: which column names the queue, and which identify a row."""

    table: str
    queue_column: str
    identity: tuple[str, ...]

    def same_row(self, first: int) -> str:
        """Condition that picks the row of ``Job.identity``, given as $first and on."""
        return " AND ".join(f"{name} = ${n}" for n, name in enumerate(self.identity, first))


JOBS = Source("job", "queue", ("job_id",))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what."""

    lease: timedelta = timedelta(seconds=30)
    """From the claim to the start of its transaction; then the row's lock protects it."""
    attempts: int = 8
    """After so many failures a row is dead: kept, and left to a person."""
    first_delay: timedelta = timedelta(milliseconds=200)
    longest_delay: timedelta = timedelta(minutes=10)
    poll: timedelta = timedelta(milliseconds=50)
    """How long to wait before looking again where nothing was due."""

    def delay(self, attempts: int) -> timedelta:
        """Wait after that many failures: doubles each time, up to the longest."""
        doubled: timedelta = self.first_delay * (1 << min(attempts - 1, 30))
        return min(doubled, self.longest_delay)


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed row."""

    source: Source
    identity: tuple[int, ...]
    queue: str
    key: str
    payload: Any
    fence: int
    attempts: int


Handler: TypeAlias = Callable[[Connection, Job], Awaitable[None]]
"""Does the work on the connection it is given, inside the transaction that marks it done."""


class LeaseLostError(Exception):
    """Another worker has claimed the row meanwhile; everything was rolled back."""


async def enqueue(
    connection: Connection,
    queue: str,
    key: str,
    payload: object,
    not_before: datetime | None = None,
) -> bool:
    """Ask for work, once for each (queue, key); False when it was asked for already."""
    return await enqueue_all(connection, queue, {key: payload}, not_before) == 1


async def enqueue_all(
    connection: Connection,
    queue: str,
    payloads: Mapping[str, object],
    not_before: datetime | None = None,
) -> int:
    """Ask for work on many keys in one statement; returns how many were new."""
    tag: str = await connection.execute(
        "INSERT INTO job (queue, key, payload, not_before)"
        " SELECT $1, key, payload, coalesce($4, now())"
        " FROM unnest($2::text[], $3::jsonb[]) AS item (key, payload)"
        " ON CONFLICT (queue, key) DO NOTHING",
        queue,
        list(payloads),
        [_as_json(payload) for payload in payloads.values()],
        not_before,
    )
    return int(tag.removeprefix("INSERT 0 "))


async def run(
    pool: Pool,
    queue: str,
    handler: Handler,
    *,
    workers: int = 1,
    until_idle: bool = False,
    source: Source = JOBS,
    patience: Patience | None = None,
) -> int:
    """Work on a queue with so many workers; returns how many rows this call finished.

    Ends by cancellation; with ``until_idle`` also when no row is due, leased or being retried,
    in this process or any other (dead rows and those planned for later do not count).
    """
    worker = _Worker(pool, source, queue, handler, patience or Patience())
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(worker.loop(until_idle=until_idle)) for _ in range(workers)]
    return sum(task.result() for task in tasks)


async def dead(pool: Pool, queue: str, source: Source = JOBS) -> Sequence[Mapping[str, Any]]:
    """Rows that were given up, oldest first, with their last error."""
    rows: Sequence[Mapping[str, Any]] = await pool.fetch(
        f"SELECT key, attempts, last_error FROM {source.table}"
        f" WHERE {source.queue_column} = $1 AND state = {DEAD} ORDER BY created_at, key",
        queue,
    )
    return rows


@dataclass(frozen=True, slots=True)
class _Worker:
    pool: Pool
    source: Source
    queue: str
    handler: Handler
    patience: Patience

    async def loop(self, *, until_idle: bool) -> int:
        finished = 0
        while True:
            try:
                job = await self._claim()
                if job is not None:
                    finished += await self._attempt(job)
                elif until_idle and await self._is_idle():
                    return finished
                else:
                    await asyncio.sleep(self.patience.poll.total_seconds())
            except CONNECTION_LOST as error:
                await self._outlast(error)

    async def _outlast(self, error: Exception) -> None:
        """The database went away: nothing of ours is lost, so wait until it is back."""
        if self.pool.is_closing():
            raise error
        logger.warning("database not reachable", extra={"queue": self.queue, "reason": str(error)})
        await asyncio.sleep(OUTAGE_SECONDS)

    async def _claim(self) -> Job | None:
        """Take the oldest row that is due. One statement, committed by itself."""
        row = await self.pool.fetchrow(self._claim_statement(), self.queue, self.patience.lease)
        if row is None:
            return None
        identity = tuple(row[name] for name in self.source.identity)
        payload = msgspec.json.decode(row["payload"])
        numbers = row["fence"], row["attempts"]
        return Job(self.source, identity, self.queue, row["key"], payload, *numbers)

    def _claim_statement(self) -> str:
        identity = ", ".join(self.source.identity)
        return (
            f"UPDATE {self.source.table} SET fence = fence + 1, attempts = attempts + 1,"
            f" lease_until = now() + $2 WHERE ({identity}) = (SELECT {identity}"
            f" FROM {self.source.table} WHERE {self.source.queue_column} = $1"
            f" AND state = {WAITING} AND not_before <= now()"
            " AND (lease_until IS NULL OR lease_until <= now())"
            " ORDER BY not_before LIMIT 1 FOR UPDATE SKIP LOCKED)"
            f" RETURNING {identity}, key, payload, fence, attempts"
        )

    async def _attempt(self, job: Job) -> bool:
        try:
            async with transaction(self.pool) as connection:
                await self._mark(connection, job, DONE)
                await self.handler(connection, job)
        except LeaseLostError:
            self._count("lease_lost")
            return False
        except Exception as error:
            await self._fail(job, error)
            return False
        self._count("done")
        return True

    async def _fail(self, job: Job, error: Exception) -> None:
        """Note the failure and when to try again; by someone else, if we lost the lease."""
        is_last = job.attempts >= self.patience.attempts
        fields = {"queue": job.queue, "key": job.key, "attempts": job.attempts, "dead": is_last}
        logger.warning("job failed", exc_info=error, extra=fields)
        self._count("dead" if is_last else "failed")
        delay = self.patience.delay(job.attempts)
        text = masked(f"{type(error).__name__}: {error}")[:ERROR_LENGTH].replace("\0", "")
        try:
            async with transaction(self.pool) as connection:
                await self._mark(connection, job, DEAD if is_last else WAITING, delay, text)
        except LeaseLostError:
            self._count("lease_lost")

    async def _mark(
        self,
        connection: Connection,
        job: Job,
        state: int,
        delay: timedelta = timedelta(0),
        error: str | None = None,
    ) -> None:
        """Give the row back in its new state; LeaseLostError unless it carries our fence."""
        tag = await connection.execute(
            f"UPDATE {self.source.table} SET lease_until = NULL, state = $1::smallint,"
            f" done_at = CASE WHEN $1::smallint = {DONE} THEN now() END,"
            " not_before = now() + $2, last_error = coalesce($3, last_error)"
            f" WHERE {self.source.same_row(5)} AND fence = $4 AND state = {WAITING}",
            *(state, delay, error, job.fence),
            *job.identity,
        )
        if tag != "UPDATE 1":
            raise LeaseLostError(f"{self.queue} {job.key}")

    def _count(self, outcome: str) -> None:
        metrics.jobs.labels(self.queue, outcome).inc()

    async def _is_idle(self) -> bool:
        idle: bool = await self.pool.fetchval(
            f"SELECT NOT EXISTS (SELECT FROM {self.source.table}"
            f" WHERE {self.source.queue_column} = $1 AND state = {WAITING}"
            " AND (not_before <= now() OR attempts > 0))",
            self.queue,
        )
        return idle


def _as_json(payload: object) -> str:
    return msgspec.json.encode(payload).decode()
