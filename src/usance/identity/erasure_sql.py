"""What store.py is, for people who are erased and for holds that stand against it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from usance.identity.store import Row
from usance.platform.database import Connection, Pool


async def borrower_alone(connection: Connection, borrower_id: int) -> Row | None:
    """A borrower, locked, and what the book says of day and currency."""
    row: Row | None = await connection.fetchrow(
        "SELECT borrower_id, status, recorded_at, business_date, currency FROM borrower, book"
        " WHERE cell = $1 AND borrower_id = $2 FOR UPDATE OF borrower",
        *(borrower_id % 1024, borrower_id),
    )
    return row


async def empty(connection: Connection, borrower_id: int) -> None:
    """No key, no details, no entry in the directory."""
    await connection.execute(
        "UPDATE borrower SET status = 2, data_key = '', name = '', phone = '',"
        " identity_number = '', email = '' WHERE cell = $1 AND borrower_id = $2",
        *(borrower_id % 1024, borrower_id),
    )
    await connection.execute("DELETE FROM directory WHERE borrower_id = $1", borrower_id)


async def forget_requests(connection: Connection, borrower_id: int) -> None:
    """What keys stood for in requests that may have named the person; the answers stay.

    A hash of such a request can be searched by who guesses what it said. What was asked of a
    contract names nobody, and is recognised as before.
    """
    await connection.execute(
        "UPDATE idempotency SET request_hash = '' WHERE request_hash <> '' AND operation_id IN"
        " (SELECT operation_id FROM operation WHERE borrower_id = $1 AND contract_id = 0)",
        borrower_id,
    )


async def insert_erasure(
    connection: Connection, borrower: Row, reason: str, operation_id: int
) -> None:
    """Who was erased, when and why."""
    await connection.execute(
        "INSERT INTO erasure (cell, borrower_id, registered_at, reason, erased_on, operation_id)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        *(borrower["borrower_id"] % 1024, borrower["borrower_id"], borrower["recorded_at"]),
        *(reason, borrower["business_date"], operation_id),
    )


async def operation_of(connection: Connection, borrower_id: int) -> int:
    """The operation that erased a borrower; 0 if none did."""
    found: int | None = await connection.fetchval(
        "SELECT operation_id FROM erasure WHERE cell = $1 AND borrower_id = $2",
        *(borrower_id % 1024, borrower_id),
    )
    return found or 0


async def erasures(pool: Pool) -> Sequence[Row]:
    """All of them, in the order in which they happened."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT borrower_id, registered_at, erased_on, reason FROM erasure"
        " ORDER BY recorded_at, borrower_id"
    )
    return rows


async def still_there(
    pool: Pool, people: Sequence[tuple[int, datetime]]
) -> set[tuple[int, datetime]]:
    """Of (borrower, registered at) those who are in this book and not erased."""
    rows = await pool.fetch(
        "SELECT borrower_id, recorded_at FROM borrower"
        " JOIN unnest($1::bigint[], $2::timestamptz[]) AS asked (wanted, registered_at)"
        " ON cell = wanted % 1024 AND borrower_id = wanted AND recorded_at = registered_at"
        " WHERE status = 1",
        *([each for each, _ in people], [moment for _, moment in people]),
    )
    return {(row[0], row[1]) for row in rows}


# -- legal holds -----------------------------------------------------------------------------------


async def hold(connection: Connection | Pool, borrower_id: int) -> Row | None:
    """The legal hold of a borrower."""
    row: Row | None = await connection.fetchrow(
        "SELECT reason, since, operation_id FROM legal_hold WHERE cell = $1 AND borrower_id = $2",
        *(borrower_id % 1024, borrower_id),
    )
    return row


async def insert_hold(
    connection: Connection, borrower_id: int, reason: str, since: date, operation_id: int
) -> None:
    """A legal hold stands, in the place of an earlier one."""
    await connection.execute(
        "INSERT INTO legal_hold (cell, borrower_id, reason, since, operation_id)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (cell, borrower_id) DO UPDATE SET"
        " reason = excluded.reason, since = excluded.since, operation_id = excluded.operation_id,"
        " recorded_at = now()",
        *(borrower_id % 1024, borrower_id, reason, since, operation_id),
    )


async def delete_hold(connection: Connection, borrower_id: int) -> bool:
    """The hold is lifted; False if there was none."""
    tag: str = await connection.execute(
        "DELETE FROM legal_hold WHERE cell = $1 AND borrower_id = $2",
        *(borrower_id % 1024, borrower_id),
    )
    return tag == "DELETE 1"
