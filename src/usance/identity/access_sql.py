"""What store.py is, for who looked at whom: every look at a person's details leaves a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.identity.store import BORROWER_COLUMNS
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]

NOTE = """INSERT INTO access
(cell, borrower_id, access_id, actor, acted_as, reason, note, what, session, at)"""


async def data_key(
    connection: Connection | Pool, borrower_id: int, *, held: bool = False
) -> bytes | None:
    """A borrower's wrapped key; None for nobody. ``held``: it stays until the transaction ends."""
    found: bytes | None = await connection.fetchval(
        "SELECT data_key FROM borrower WHERE cell = $1 AND borrower_id = $2"
        + (" FOR SHARE" if held else ""),
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found


async def insert_access(
    connection: Connection, borrower_id: int, values: tuple[Any, ...]
) -> None:
    """Note a look at a borrower; ``values`` from ``access_id`` on."""
    await connection.execute(
        f"{NOTE} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        *(cell_of_borrower(borrower_id), borrower_id, *values),
    )


async def note(
    pool: Pool, borrower_id: int, access_id: int, seen: tuple[Any, ...], since: datetime | None
) -> None:
    """Note a look at a borrower, unless the same look was noted after ``since`` (None: always).

    ``seen``: actor, acted as, reason, what, moment.
    """
    await pool.execute(
        f"{NOTE} SELECT $1::smallint, $2::bigint, $3, $4::text, $5, $6::text, '', $7::text, '', $8"
        " WHERE $9::timestamptz IS NULL OR NOT EXISTS"
        " (SELECT FROM access WHERE cell = $1 AND borrower_id = $2 AND actor = $4"
        " AND reason = $6 AND what = $7 AND at > $9)",
        *(cell_of_borrower(borrower_id), borrower_id, access_id, *seen, since),
    )


async def borrowers_seen(
    pool: Pool, borrowers: Sequence[int], access_ids: Sequence[int], seen: tuple[Any, ...]
) -> Sequence[Row]:
    """Borrowers with their ciphertext, and a row that they were looked at: one statement.

    ``seen``: actor, acted as, reason, what, moment.
    """
    columns = ", ".join(BORROWER_COLUMNS)
    rows: Sequence[Row] = await pool.fetch(
        f"WITH found AS (SELECT {columns}, access_id FROM borrower"
        " JOIN unnest($1::bigint[], $2::bigint[]) AS asked (wanted, access_id)"
        " ON cell = wanted % 1024 AND borrower_id = wanted),"
        f" noted AS ({NOTE} SELECT cell, borrower_id, access_id, $3, $4, $5, '', $6, '', $7"
        f" FROM found) SELECT {columns} FROM found",
        *(list(borrowers), list(access_ids), *seen),
    )
    return rows


async def opened(
    pool: Pool, borrowers: Sequence[int], session: bytes, since: datetime
) -> dict[int, Row]:
    """Which of these borrowers a session has opened since; when it last did, and why."""
    rows = await pool.fetch(
        "SELECT DISTINCT ON (borrower_id) borrower_id, at, reason FROM access"
        " JOIN unnest($1::bigint[]) AS wanted ON cell = wanted % 1024 AND borrower_id = wanted"
        " WHERE session = $2 AND at > $3 ORDER BY borrower_id, access_id DESC",
        *(list(borrowers), session, since),
    )
    return {row["borrower_id"]: row for row in rows}


async def accesses(
    connection: Connection | Pool, borrower_id: int, before: int, limit: int
) -> Sequence[Row]:
    """Looks at a borrower, newest first."""
    rows: Sequence[Row] = await connection.fetch(
        "SELECT access_id, actor, acted_as, reason, note, what, at FROM access"
        " WHERE cell = $1 AND borrower_id = $2 AND access_id < $3"
        " ORDER BY access_id DESC LIMIT $4",
        *(cell_of_borrower(borrower_id), borrower_id, before, limit),
    )
    return rows
