"""The two long works of a rotation, in portions on the lease runner.

``rewrap`` wraps every data key under the newest master key, ``rehash`` enters everybody of the
directory under the newest index key. Any number of processes may work at once; what is killed goes
on where it stopped; running either again finds what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from usance.core.identifiers import CELLS
from usance.identity import keys_sql as sql
from usance.identity import store
from usance.identity.borrowers import FOUND_BY, opened
from usance.ledger.digest import digest
from usance.platform import work
from usance.platform.crypto import DecryptionError, KeyService, MissingKeyError, beside
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.logs import get_logger
from usance.platform.personal import LOOKED_UP, WRAPPED, WrappedKeys

logger = get_logger(__name__)

REWRAP, REHASH = "rewrap-keys", "rehash-directory"
PORTION = 500
"""Rows of a job, about: its transaction is short, and a large book has many jobs."""
ROUNDS = 3
"""Attempts at rows that somebody else was changing."""

Tell: TypeAlias = Callable[[str], None]
Plan: TypeAlias = Callable[[Connection], Awaitable[dict[str, object]]]


async def rewrap(
    pool: Pool, keys: KeyService, *, workers: int = 2, tell: Tell = lambda _: None,
    patience: work.Patience | None = None,
) -> int:  # fmt: skip
    """Wrap every data key under the newest master key; how many could not be."""

    async def plan(connection: Connection) -> dict[str, object]:
        newest = await newest_master(keys)
        return {
            f"{column.name}:{low}": {"column": column.name, "cells": [low, high]}
            for column in WRAPPED.values()
            for low, high in await portions(
                connection, column.table, await sql.count_stale(connection, column, newest),
                whole=not column.has_cells,
            )
        }  # fmt: skip

    async def handle(connection: Connection, job: work.Job) -> None:
        column = WRAPPED[job.payload["column"]]
        low, high = job.payload["cells"]
        cells = (low, high) if column.has_cells else None
        done = await rewrap_portion(connection, keys, column, cells)
        await noted(connection, "RewrapKeys", done, {"column": column.name})

    async def left() -> int:
        newest = await newest_master(keys)
        counts = [await sql.count_stale(pool, column, newest) for column in WRAPPED.values()]
        return sum(counts)

    return await _until_done(pool, _Work(REWRAP, plan, handle, left), workers, tell, patience)


async def newest_master(keys: KeyService) -> int:
    """The master key that wraps now."""
    return (await beside(keys, keys.ids)).newest


async def rewrap_portion(
    connection: Connection, keys: KeyService, column: WrappedKeys, cells: tuple[int, int] | None
) -> int:
    """Wrap the keys of a range anew, all asked for before the first row is changed; how many."""
    done = 0
    for _ in range(ROUNDS):
        newest = await newest_master(keys)
        rows = await sql.stale(connection, column, newest, cells)
        changes = await beside(keys, partial(wrapped_anew, keys, column, rows))
        if not changes:
            return done
        await sql.replace_wrapped(connection, column, changes)
        done += len(changes)
    return done


def wrapped_anew(
    keys: KeyService, column: WrappedKeys, rows: Sequence[store.Row]
) -> list[tuple[object, bytes, bytes]]:
    """(place, old, new); what does not open is left as it is, and said in the log."""
    changes = []
    for row in rows:
        try:
            data_key = keys.unwrap(row["wrapped"], row["owner"], column.table)
        except MissingKeyError:
            raise  # not the row's fault: this process has an old key file
        except DecryptionError:
            logger.error("a wrapped key does not open", extra=_place(column, row["owner"]))
        else:
            fresh = keys.wrap(data_key, row["owner"], column.table)
            changes.append((row["place"], row["wrapped"], fresh))
    return changes


async def rehash(
    pool: Pool, keys: KeyService, *, workers: int = 2, tell: Tell = lambda _: None,
    patience: work.Patience | None = None,
) -> int:  # fmt: skip
    """Enter everybody under the newest index key too; how many entries could not be."""

    async def left() -> int:
        newest = (await beside(keys, keys.ids)).newest_index
        return await sql.count_unhashed(pool, newest)

    async def plan(connection: Connection) -> dict[str, object]:
        newest = (await beside(keys, keys.ids)).newest_index
        missing = await sql.count_unhashed(connection, newest)
        ranges = await portions(connection, "borrower", missing)
        return {f"{low}": {"cells": [low, high]} for low, high in ranges}

    async def handle(connection: Connection, job: work.Job) -> None:
        done = await rehash_portion(connection, keys, *job.payload["cells"])
        await noted(connection, "RehashDirectory", done, {})

    return await _until_done(pool, _Work(REHASH, plan, handle, left), workers, tell, patience)


async def rehash_portion(connection: Connection, keys: KeyService, low: int, high: int) -> int:
    """Enter the people of some cells under the newest index key; how many people were looked at.

    Their rows are held meanwhile, so that nobody is erased in between and entered afterwards.
    """
    rows = await sql.people_of_cells(connection, low, high)
    found = []
    for row in rows:
        try:
            found += await found_by(connection, keys, row)
        except MissingKeyError:
            raise
        except DecryptionError:
            place = {"table": "borrower", "owner": row["borrower_id"]}
            logger.error("a person's details do not open", extra=place)
    entries = await beside(keys, lambda: hashed_anew(keys, found))
    if entries:
        await sql.enter_again(connection, entries)
    return len(rows)


async def found_by(
    connection: Connection, keys: KeyService, row: store.Row
) -> list[tuple[int, str, str]]:
    """(borrower, purpose, value) of everything that finds a person."""
    borrower_id: int = row["borrower_id"]
    data_key = await beside(keys, lambda: keys.unwrap(row["data_key"], borrower_id))
    details = opened(data_key, row)
    values = [(purpose, details[purpose]) for purpose in FOUND_BY]
    for further in LOOKED_UP:
        values += await further(connection, borrower_id, data_key)
    return [(borrower_id, purpose, value) for purpose, value in values]


def hashed_anew(
    keys: KeyService, found: Sequence[tuple[int, str, str]]
) -> list[tuple[str, bytes, bytes, int]]:
    """(purpose, new hash, old hash, borrower), once for each older index key."""
    entries = []
    for borrower_id, purpose, value in found:
        newest, *older = keys.blind_indexes(value, purpose)
        entries += [(purpose, newest, old, borrower_id) for old in older]
    return entries


async def portions(
    connection: Connection, table: str, wanted: int, *, whole: bool = False
) -> list[tuple[int, int]]:
    """Ranges of cells of about so many rows each; none where nothing is wanted."""
    if not wanted:
        return []
    if whole:
        return [(0, CELLS - 1)]
    rows = await sql.count_rows(connection, table)
    width = max(CELLS * PORTION // max(rows, 1), 1)
    return [(low, min(low + width, CELLS) - 1) for low in range(0, CELLS, width)]


async def noted(
    connection: Connection, action: str, rows: int, detail: dict[str, object]
) -> None:
    """The audit event of a portion that changed something."""
    on = await store.business_date(connection)
    if rows and on is not None:
        await store.insert_operation(
            connection, new_operation_id(), actor="system:keys", action=action, on=on,
            digest=digest([]), detail=detail | {"rows": rows},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Work:
    """A queue: what it plans, who carries a job out, and how much is left."""

    queue: str
    plan: Plan
    handle: work.Handler
    left: Callable[[], Awaitable[int]]


async def _until_done(
    pool: Pool, what: _Work, workers: int, tell: Tell, patience: work.Patience | None
) -> int:
    """Plan, work, and look again, until nothing is left or nothing of it gets less."""
    before: int | None = None
    while True:
        await _planned(pool, what)
        telling = asyncio.create_task(_tell(pool, what.queue, tell))
        try:
            await work.run(
                pool, what.queue, what.handle, workers=workers, until_idle=True, patience=patience
            )
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
        left = await what.left()
        if left in (0, before):
            return left
        before = left


async def _planned(pool: Pool, what: _Work) -> None:
    """Jobs for what is left, unless some wait. Who was making something meanwhile has ended."""
    async with transaction(pool, sql.ALONE) as connection:
        waiting, _ = await sql.count_jobs(connection, what.queue)
        if waiting:
            return
        planned: dict[str, Any] = await what.plan(connection)
        once = new_operation_id()
        await work.enqueue_all(
            connection, what.queue, {f"{once}:{key}": load for key, load in planned.items()}
        )


async def _tell(pool: Pool, queue: str, tell: Tell) -> None:
    """Say every second how many portions are still to be done."""
    while True:
        await asyncio.sleep(1)
        waiting, _ = await sql.count_jobs(pool, queue)
        tell(f"{queue}: {waiting} portions to be done")


def _place(column: WrappedKeys, owner: int) -> dict[str, object]:
    return {"table": column.table, "column": column.column, "owner": owner}
