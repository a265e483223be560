"""The SQL of reports that a credit bureau is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
Either: TypeAlias = Connection | Pool
UNDER_WAY, ANSWERED, FAILED = 1, 2, 3
State: TypeAlias = Literal["under_way", "answered", "failed"]
STATES: dict[int, State] = {UNDER_WAY: "under_way", ANSWERED: "answered", FAILED: "failed"}
COLUMNS = (
    "borrower_id, pull_id, bureau, state, because, attempts, next_at, asked_at, ended_at,"
    " consent_id, consent_number, answer_hash, operation_id, ended_by"
)


async def insert(
    connection: Connection, place: tuple[int, int], bureau: str, now: datetime,
    agreement: tuple[int, int], operation_id: int,
) -> None:  # fmt: skip
    """A report that is asked for; ``place``: borrower and pull."""
    await connection.execute(
        "INSERT INTO bureau_pull (cell, borrower_id, pull_id, bureau, next_at, asked_at,"
        " consent_id, consent_number, operation_id) VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8)",
        *(cell_of_borrower(place[0]), *place, bureau, now, *agreement, operation_id),
    )


async def claim(connection: Connection, now: datetime, lease: timedelta) -> Row | None:
    """The report that has waited longest, for whoever asks for it now; None where none is due.

    If they do not come back, somebody else does after the lease.
    """
    row: Row | None = await connection.fetchrow(
        "UPDATE bureau_pull SET attempts = attempts + 1, next_at = $2"
        " WHERE (cell, borrower_id, pull_id) = (SELECT cell, borrower_id, pull_id FROM bureau_pull"
        " WHERE state = 1 AND next_at <= $1 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
        f" RETURNING {COLUMNS}",
        *(now, now + lease),
    )
    return row


async def waits(connection: Connection, row: Row) -> bool:
    """Whether a claimed report is still under way and nobody else has claimed it; locked."""
    found = await connection.fetchval(
        "SELECT attempts FROM bureau_pull WHERE cell = $1 AND borrower_id = $2 AND pull_id = $3"
        " AND state = 1 FOR UPDATE",
        *_place(row),
    )
    return bool(found == row["attempts"])


async def put_off(connection: Connection, row: Row, because: str, until: datetime) -> None:
    """Asked again later."""
    await connection.execute(
        "UPDATE bureau_pull SET because = $4, next_at = $5"
        " WHERE cell = $1 AND borrower_id = $2 AND pull_id = $3",
        *(*_place(row), because, until),
    )


async def end(
    connection: Connection, row: Row, state: int, because: str, now: datetime,
    answer: tuple[bytes, bytes], operation_id: int,
) -> None:  # fmt: skip
    """It was answered (ciphertext and salted hash of the answer), or failed."""
    await connection.execute(
        "UPDATE bureau_pull SET state = $4, because = $5, ended_at = $6, answer = $7,"
        " answer_hash = $8, ended_by = $9"
        " WHERE cell = $1 AND borrower_id = $2 AND pull_id = $3",
        *(*_place(row), state, because, now, *answer, operation_id),
    )


async def pulls(connection: Either, borrower_id: int, pull_id: int = 0) -> Sequence[Row]:
    """Reports of a borrower that were asked for, the newest first; or one."""
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {COLUMNS} FROM bureau_pull WHERE cell = $1 AND borrower_id = $2"
        " AND $3::bigint IN (0, pull_id) ORDER BY pull_id DESC LIMIT 100",
        *(cell_of_borrower(borrower_id), borrower_id, pull_id),
    )
    return rows


async def under_way(connection: Connection, borrower_id: int) -> bool:
    """Whether a report of the borrower is being asked for."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM bureau_pull WHERE cell = $1 AND borrower_id = $2"
        " AND state = 1)",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found


async def answers(connection: Connection, borrower_id: int) -> Sequence[Row]:
    """Answers as they are kept, for the person: oldest first."""
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {COLUMNS}, answer FROM bureau_pull WHERE cell = $1 AND borrower_id = $2"
        " ORDER BY pull_id",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return rows


def _place(row: Row) -> tuple[int, int, int]:
    return cell_of_borrower(row["borrower_id"]), row["borrower_id"], row["pull_id"]
