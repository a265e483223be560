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


async def insert_access(connection: Connection, borrower_id: int, values: tuple[Any, ...]) -> bool:
    """Note a look at a borrower; ``values`` from ``access_id`` on. False if there is none."""
    tag: str = await connection.execute(
        f"{NOTE} SELECT cell, borrower_id, $3, $4, $5, $6, $7, $8, $9, $10 FROM borrower"
        " WHERE cell = $1 AND borrower_id = $2",
        *(cell_of_borrower(borrower_id), borrower_id, *values),
    )
    return tag == "INSERT 0 1"


async def borrowers_seen(
    pool: Pool, borrowers: Sequence[int], access_ids: Sequence[int], seen: tuple[Any, ...]
) -> Sequence[Row]:
    """Borrowers with their ciphertext, and a row that they were looked at: one statement.

    ``seen``: actor, acted as, reason, note, what, moment.
    """
    columns = ", ".join(BORROWER_COLUMNS)
    rows: Sequence[Row] = await pool.fetch(
        f"WITH found AS (SELECT {columns}, access_id FROM borrower"
        " JOIN unnest($1::bigint[], $2::bigint[]) AS asked (wanted, access_id)"
        " ON cell = wanted % 1024 AND borrower_id = wanted),"
        f" noted AS ({NOTE} SELECT cell, borrower_id, access_id, $3, $4, $5, $6, $7, '', $8"
        f" FROM found) SELECT {columns} FROM found",
        *(list(borrowers), list(access_ids), *seen),
    )
    return rows


async def opened(
    pool: Pool, borrowers: Sequence[int], session: bytes, since: datetime
) -> dict[int, datetime]:
    """Which of these borrowers a session has opened since, and when it last did."""
    rows = await pool.fetch(
        "SELECT borrower_id, max(at) AS at FROM access"
        " JOIN unnest($1::bigint[]) AS wanted ON cell = wanted % 1024 AND borrower_id = wanted"
        " WHERE session = $2 AND at > $3 GROUP BY borrower_id",
        *(list(borrowers), session, since),
    )
    return {row["borrower_id"]: row["at"] for row in rows}


async def accesses(
    pool: Pool, borrower_id: int, before: int, limit: int
) -> Sequence[Row]:
    """Looks at a borrower, newest first."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT access_id, actor, acted_as, reason, note, what, at FROM access"
        " WHERE cell = $1 AND borrower_id = $2 AND access_id < $3"
        " ORDER BY access_id DESC LIMIT $4",
        *(cell_of_borrower(borrower_id), borrower_id, before, limit),
    )
    return rows
