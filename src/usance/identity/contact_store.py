"""The SQL of contacts: what is known of a number, its changes, and flags for staff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
Either: TypeAlias = Connection | Pool

TO_PROVE, COOLING, DONE, STOPPED, FELL_THROUGH = 1, 2, 3, 4, 5
"""States of a change."""
CHANGE = (
    "change_id, borrower_id, kind, value, status, asked_at, new_proven_at, old_proven_at,"
    " vouched_by, effective_at, ended_at"
)

# -- what is known of a number ---------------------------------------------------------------------


async def contact(connection: Either, borrower_id: int, kind: str) -> Row | None:
    """What is known of a borrower's number; None if nothing is yet."""
    row: Row | None = await connection.fetchrow(
        "SELECT verified_at, used_at, suspended_at FROM contact"
        " WHERE cell = $1 AND borrower_id = $2 AND kind = $3",
        *(cell_of_borrower(borrower_id), borrower_id, kind),
    )
    return row


async def takes_no_code(
    connection: Either, borrower_id: int, kind: str, flag: str
) -> bool:
    """Whether messages to the number have ended, or a flag of this kind is open."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM contact WHERE cell = $1 AND borrower_id = $2 AND kind = $3"
        " AND suspended_at IS NOT NULL) OR EXISTS (SELECT FROM contact_flag WHERE cell = $1"
        " AND borrower_id = $2 AND kind = $4 AND closed_at IS NULL)",
        *(cell_of_borrower(borrower_id), borrower_id, kind, flag),
    )
    return found


async def use_contact(
    connection: Either, borrower_id: int, kind: str, now: datetime
) -> None:
    """The borrower answered from this number."""
    await connection.execute(
        "INSERT INTO contact (cell, borrower_id, kind, verified_at, used_at)"
        " VALUES ($1, $2, $3, $4, $4) ON CONFLICT (cell, borrower_id, kind) DO UPDATE SET"
        " used_at = excluded.used_at,"
        " verified_at = coalesce(contact.verified_at, excluded.verified_at)",
        *(cell_of_borrower(borrower_id), borrower_id, kind, now),
    )


async def suspend_contact(
    connection: Either, borrower_id: int, kind: str, now: datetime | None
) -> None:
    """No message goes to the number any more; with None they go again."""
    await connection.execute(
        "INSERT INTO contact (cell, borrower_id, kind, suspended_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (cell, borrower_id, kind) DO UPDATE SET"
        " suspended_at = excluded.suspended_at",
        *(cell_of_borrower(borrower_id), borrower_id, kind, now),
    )


async def replace_contact(
    connection: Connection, borrower_id: int, kind: str, now: datetime
) -> None:
    """Another number, proven now; what was known of the old one is of no use."""
    await connection.execute(
        "INSERT INTO contact (cell, borrower_id, kind, verified_at, used_at)"
        " VALUES ($1, $2, $3, $4, $4) ON CONFLICT (cell, borrower_id, kind) DO UPDATE SET"
        " verified_at = excluded.verified_at, used_at = excluded.used_at, suspended_at = NULL",
        *(cell_of_borrower(borrower_id), borrower_id, kind, now),
    )


async def replace_in_directory(
    connection: Connection, borrower_id: int, purpose: str, lookups: Sequence[bytes]
) -> bool:
    """The directory knows the borrower by another number; False when it is somebody else's.

    ``lookups`` are the number's hashes under all index keys; they come and go together.
    """
    entered: int = await connection.fetchval(
        "WITH fresh AS (INSERT INTO directory (purpose, lookup, borrower_id)"
        "  SELECT $1, lookup, $3 FROM unnest($2::bytea[]) AS lookup"
        "  ON CONFLICT DO NOTHING RETURNING lookup) SELECT count(*) FROM fresh",
        *(purpose, list(lookups), borrower_id),
    )
    if entered < len(lookups):
        return False
    await connection.execute(
        "DELETE FROM directory WHERE purpose = $1 AND borrower_id = $3"
        " AND lookup <> ALL($2::bytea[])",
        *(purpose, list(lookups), borrower_id),
    )
    return True


async def set_phone(connection: Connection, borrower_id: int, ciphertext: bytes) -> None:
    """The borrower's phone."""
    await connection.execute(
        "UPDATE borrower SET phone = $3 WHERE cell = $1 AND borrower_id = $2",
        *(cell_of_borrower(borrower_id), borrower_id, ciphertext),
    )


# -- changes ---------------------------------------------------------------------------------------


async def lock_borrower(connection: Connection, borrower_id: int) -> bool:
    """Whatever concerns a borrower's number takes turns on this row; False without one."""
    found = await connection.fetchval(
        "SELECT borrower_id FROM borrower WHERE cell = $1 AND borrower_id = $2 AND status = 1"
        " FOR UPDATE",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found is not None


async def insert_change(connection: Connection, row: tuple[Any, ...]) -> None:
    """Borrower, change, kind, value, asked at, vouched by."""
    await connection.execute(
        "INSERT INTO contact_change (cell, borrower_id, change_id, kind, value, asked_at,"
        " vouched_by) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(cell_of_borrower(row[0]), *row),
    )


async def open_change(connection: Either, borrower_id: int, kind: str) -> Row | None:
    """The change that is on its way."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {CHANGE} FROM contact_change WHERE cell = $1 AND borrower_id = $2 AND kind = $3"
        " AND status IN (1, 2)",
        *(cell_of_borrower(borrower_id), borrower_id, kind),
    )
    return row


async def change(connection: Either, borrower_id: int, change_id: int) -> Row | None:
    """One change."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {CHANGE} FROM contact_change WHERE cell = $1 AND borrower_id = $2"
        " AND change_id = $3",
        *(cell_of_borrower(borrower_id), borrower_id, change_id),
    )
    return row


async def changes(pool: Pool, borrower_id: int) -> Sequence[Row]:
    """A borrower's changes, the newest first."""
    rows: Sequence[Row] = await pool.fetch(
        f"SELECT {CHANGE} FROM contact_change WHERE cell = $1 AND borrower_id = $2"
        " ORDER BY change_id DESC LIMIT 20",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return rows


async def prove(
    connection: Connection, borrower_id: int, change_id: int, which: str, now: datetime
) -> None:
    """The ``new`` or the ``old`` number was answered from."""
    assert which in ("new", "old")
    await connection.execute(
        f"UPDATE contact_change SET {which}_proven_at = $4 WHERE cell = $1 AND borrower_id = $2"
        " AND change_id = $3",
        *(cell_of_borrower(borrower_id), borrower_id, change_id, now),
    )


async def vouch(connection: Connection, borrower_id: int, change_id: int, actor: str) -> None:
    """A member of staff stands in for the old number."""
    await connection.execute(
        "UPDATE contact_change SET vouched_by = $4 WHERE cell = $1 AND borrower_id = $2"
        " AND change_id = $3",
        *(cell_of_borrower(borrower_id), borrower_id, change_id, actor),
    )


async def cool(
    connection: Connection, borrower_id: int, change_id: int, effective_at: datetime
) -> None:
    """Both numbers are proven; the change takes effect later."""
    await connection.execute(
        "UPDATE contact_change SET status = 2, effective_at = $4 WHERE cell = $1"
        " AND borrower_id = $2 AND change_id = $3",
        *(cell_of_borrower(borrower_id), borrower_id, change_id, effective_at),
    )


async def end_change(
    connection: Connection, borrower_id: int, change_id: int, status: int, now: datetime
) -> None:
    """The change is done, stopped, or fell through; the number in it is not kept."""
    await connection.execute(
        "UPDATE contact_change SET status = $4, ended_at = $5, value = '' WHERE cell = $1"
        " AND borrower_id = $2 AND change_id = $3",
        *(cell_of_borrower(borrower_id), borrower_id, change_id, status, now),
    )


# -- flags -----------------------------------------------------------------------------------------


async def raise_flag(connection: Either, row: tuple[Any, ...]) -> bool:
    """Borrower, flag, kind, change, raised at; False when the same one is open already."""
    tag: str = await connection.execute(
        "INSERT INTO contact_flag (cell, borrower_id, flag_id, kind, change_id, raised_at)"
        " SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT FROM contact_flag"
        " WHERE cell = $1 AND borrower_id = $2 AND kind = $4 AND change_id = $5"
        " AND closed_at IS NULL)",
        *(cell_of_borrower(row[0]), *row),
    )
    return tag == "INSERT 0 1"


async def open_flags(pool: Pool, count: int) -> Sequence[Row]:
    """Flags that nobody has looked at, the oldest first."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT borrower_id, flag_id, kind, change_id, raised_at FROM contact_flag"
        " WHERE closed_at IS NULL ORDER BY raised_at LIMIT $1",
        count,
    )
    return rows


async def flags_of(pool: Pool, borrower_id: int) -> Sequence[Row]:
    """A borrower's flags, the newest first."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT borrower_id, flag_id, kind, change_id, raised_at, closed_at, closed_by, reason"
        " FROM contact_flag WHERE cell = $1 AND borrower_id = $2 ORDER BY flag_id DESC LIMIT 50",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return rows


async def close_flag(
    connection: Connection, borrower_id: int, flag_id: int, actor: str, reason: bytes, now: datetime
) -> str | None:
    """A flag is dealt with; its kind, or None when there is no open one."""
    kind: str | None = await connection.fetchval(
        "UPDATE contact_flag SET closed_at = $4, closed_by = $5, reason = $6 WHERE cell = $1"
        " AND borrower_id = $2 AND flag_id = $3 AND closed_at IS NULL RETURNING kind",
        *(cell_of_borrower(borrower_id), borrower_id, flag_id, now, actor, reason),
    )
    return kind
