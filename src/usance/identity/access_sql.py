"""What store.py is, for who looked at whom: every look at a person's details leaves a row.

The rows of one answer have an audit event, which is written in the same statement: its digest binds
all of a row but the note, whose ciphertext changes with the person's key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]

LOOK_AT, OPEN, BIND = "LookAtPerson", "OpenPerson", "BindLooks"
"""Actions of audit events that bind looks: of an answer; of a form that opens a borrower for a
session; of what had been noted before looks had events."""
NOTE = """INSERT INTO access
(cell, borrower_id, access_id, operation_id, actor, acted_as, reason, note, what, session, at)
"""
DIGEST = """sha256(string_agg(sha256(convert_to(jsonb_build_array(
a.access_id, a.borrower_id, a.actor, a.acted_as, a.reason, a.what, encode(a.session, 'hex'),
(extract(epoch FROM a.at) * 1000000)::bigint)::text, 'UTF8')),
''::bytea ORDER BY a.access_id, a.borrower_id))"""
"""Over the looks ``a`` of an audit event: SHA-256 over the SHA-256 of each, spelled as JSON."""


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
) -> bytes:
    """Note a look at a borrower; ``values`` from ``access_id`` on. The digest for its event."""
    digest: bytes = await connection.fetchval(
        f"WITH noted AS ({NOTE} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING *)"
        f" SELECT {DIGEST} FROM noted a",
        *(cell_of_borrower(borrower_id), borrower_id, *values),
    )
    return digest


async def note(
    pool: Pool, looks: Mapping[int, int], operation_id: int, seen: tuple[Any, ...],
    since: datetime | None = None,
) -> None:  # fmt: skip
    """Note looks (numbers by borrower), with the audit event of them all: one statement.

    One that was noted alike after ``since`` is not noted again. ``seen``: actor, acted as, reason,
    what, moment.
    """
    await pool.execute(
        f"WITH noted AS ({NOTE} SELECT who % 1024, who, look, $3, $4::text, $5, $6::text, '',"
        " $7::text, '', $8 FROM unnest($1::bigint[], $2::bigint[]) AS given (who, look)"
        " WHERE $9::timestamptz IS NULL OR NOT EXISTS (SELECT FROM access WHERE cell = who % 1024"
        " AND borrower_id = who AND actor = $4 AND reason = $6 AND what = $7 AND at > $9)"
        " RETURNING *) INSERT INTO operation"
        " (operation_id, actor, action, borrower_id, business_date, digest, detail)"
        f" SELECT a.operation_id, a.actor, '{LOOK_AT}', CASE count(*) WHEN 1 THEN"
        f" min(a.borrower_id) ELSE 0 END, b.business_date, {DIGEST}, jsonb_build_object("
        "'reason', a.reason, 'what', a.what, 'looks', count(*)) FROM noted a CROSS JOIN book b"
        " GROUP BY a.operation_id, a.actor, a.reason, a.what, b.business_date",
        *(list(looks), list(looks.values()), operation_id, *seen, since),
    )


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
