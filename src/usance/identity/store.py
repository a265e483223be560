"""The SQL of identity: borrowers and their directory, machine clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec

from usance.core.identifiers import cell_of_borrower
from usance.identity.once import Kept
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]

BORROWER_COLUMNS = (
    "cell", "borrower_id", "status", "data_key", "name", "phone", "identity_number", "email",
    "language", "registered_on",
)  # fmt: skip


# -- borrowers ------------------------------------------------------------------------------------


async def currency(connection: Connection | Pool) -> str:
    """Of the book."""
    found: str = await connection.fetchval("SELECT currency FROM book")
    return found


async def business_date(connection: Connection | Pool) -> date | None:
    """The open day of the book; None while there is no book."""
    found: date | None = await connection.fetchval("SELECT business_date FROM book")
    return found


async def take_numbers(connection: Connection, count: int) -> int:
    """The first of ``count`` fresh running numbers; registrations take turns on this row."""
    last: int = await connection.fetchval(
        "INSERT INTO borrower_number (last) VALUES ($1)"
        " ON CONFLICT (one) DO UPDATE SET last = borrower_number.last + excluded.last"
        " RETURNING last",
        count,
    )
    return last - count + 1


async def insert_borrowers(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows in the order of ``BORROWER_COLUMNS``."""
    await connection.copy_records_to_table("borrower", records=rows, columns=BORROWER_COLUMNS)


async def insert_directory(
    connection: Connection, entries: Sequence[tuple[str, bytes, int]]
) -> set[tuple[str, bytes]]:
    """Enter (purpose, look-up hash, borrower); returns what somebody else already had."""
    purposes, hashes, borrowers = zip(*entries, strict=True)
    rows = await connection.fetch(
        "INSERT INTO directory (purpose, lookup, borrower_id)"
        " SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[])"
        " ON CONFLICT DO NOTHING RETURNING purpose, lookup",
        list(purposes),
        list(hashes),
        list(borrowers),
    )
    entered = {(row["purpose"], row["lookup"]) for row in rows}
    return {(purpose, lookup) for purpose, lookup, _ in entries} - entered


async def borrower_by_lookups(
    pool: Pool, purpose: str, lookups: Sequence[bytes], index_id: int
) -> tuple[int | None, bool]:
    """Whose look-up hashes they are, and whether the index key ``index_id`` has been retired."""
    row = await pool.fetchrow(
        "SELECT (SELECT borrower_id FROM directory WHERE purpose = $1 AND lookup = ANY($2::bytea[])"
        "  LIMIT 1) AS borrower_id, EXISTS (SELECT FROM key_epoch WHERE kind = 'index'"
        "  AND key_id = $3 AND retired_at IS NOT NULL) AS retired",
        *(purpose, list(lookups), index_id),
    )
    return row["borrower_id"], row["retired"]


async def borrowers(pool: Pool, identifiers: Sequence[int]) -> Sequence[Row]:
    """Borrowers with their ciphertext, in no order."""
    rows: Sequence[Row] = await pool.fetch(
        f"SELECT {', '.join(BORROWER_COLUMNS)} FROM borrower"
        " JOIN (SELECT unnest($1::bigint[]) AS wanted) AS asked"
        " ON cell = wanted % 1024 AND borrower_id = wanted",
        list(identifiers),
    )
    return rows


async def borrower_exists(pool: Pool, borrower_id: int) -> bool:
    """Whether there is such a borrower."""
    found: bool = await pool.fetchval(
        "SELECT EXISTS (SELECT FROM borrower WHERE cell = $1 AND borrower_id = $2)",
        cell_of_borrower(borrower_id),
        borrower_id,
    )
    return found


async def borrower_ids_after(pool: Pool, after: int, count: int) -> list[int]:
    """The next ids in the order of the key: by cell, then by number."""
    rows = await pool.fetch(
        "SELECT borrower_id FROM borrower WHERE (cell, borrower_id) > ($1::smallint, $2::bigint)"
        " ORDER BY cell, borrower_id LIMIT $3",
        after % 1024 if after else -1,
        after,
        count,
    )
    return [row["borrower_id"] for row in rows]


async def borrower_alone(connection: Connection, borrower_id: int) -> Row | None:
    """The wrapped data key of a borrower, whose row is locked; None if there is none."""
    row: Row | None = await connection.fetchrow(
        "SELECT data_key FROM borrower WHERE cell = $1 AND borrower_id = $2 FOR UPDATE",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return row


async def set_detail(
    connection: Connection, borrower_id: int, field: str, ciphertext: bytes
) -> None:
    """A detail of a borrower, encrypted; ``field`` is one of the columns of personal data."""
    await connection.execute(
        f"UPDATE borrower SET {field} = $3 WHERE cell = $1 AND borrower_id = $2",
        *(cell_of_borrower(borrower_id), borrower_id, ciphertext),
    )


# -- audit and idempotency -------------------------------------------------------------------------


async def insert_operation(
    connection: Connection,
    operation_id: int,
    *,
    actor: str,
    action: str,
    on: date,
    digest: bytes,
    borrower_id: int = 0,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """The audit event of a mutation."""
    await connection.execute(
        "INSERT INTO operation (operation_id, actor, action, borrower_id, business_date, digest,"
        " detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(operation_id, actor, action, borrower_id, on, digest),
        msgspec.json.encode(detail or {}).decode(),
    )


async def first_answer(connection: Connection | Pool, client: str, key: str) -> Kept | None:
    """What a client's key was answered with the first time."""
    row = await connection.fetchrow(
        "SELECT request_hash, status, answer, operation_id FROM idempotency"
        " WHERE client = $1 AND key = $2",
        client,
        key,
    )
    return None if row is None else Kept.stored(*row)


async def begun(
    connection: Connection, client: str, key: str
) -> tuple[date | None, Kept | None]:
    """What every change begins with, read at once: ``business_date`` and ``first_answer``."""
    on, *row = await connection.fetchrow(
        "SELECT (SELECT business_date FROM book), request_hash, status, answer, operation_id"
        " FROM (SELECT) AS one LEFT JOIN idempotency ON client = $1 AND key = $2",
        *(client, key),
    )
    return on, None if row[0] is None else Kept.stored(*row)


async def keep_answer(connection: Connection, row: tuple[str, str, bytes, int, str, int]) -> bool:
    """Keep the first answer: client, key, request hash, status, answer, operation id.

    False when another request with the key was first.
    """
    tag: str = await connection.execute(
        "INSERT INTO idempotency (client, key, request_hash, status, answer, operation_id)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        *row,
    )
    return tag == "INSERT 0 1"


# -- machine clients -------------------------------------------------------------------------------

OPENS = "retired_at IS NULL AND (expires_at IS NULL OR expires_at > $1)"
"""A key that opens at the moment $1."""


async def insert_client(connection: Connection, name: str, scopes: Sequence[str]) -> int | None:
    """A new machine client; None when the name is taken."""
    client_id: int | None = await connection.fetchval(
        "INSERT INTO machine_client (name, scopes) VALUES ($1, $2)"
        " ON CONFLICT (name) DO NOTHING RETURNING client_id",
        *(name, msgspec.json.encode(scopes).decode()),
    )
    return client_id


async def take_client(connection: Connection, name: str) -> int | None:
    """An active client, locked, so that changes of its keys take turns; None without one."""
    client_id: int | None = await connection.fetchval(
        "SELECT client_id FROM machine_client WHERE name = $1 AND active FOR UPDATE", name
    )
    return client_id


async def deactivate_client(connection: Connection, client_id: int) -> None:
    """Lock a client out."""
    await connection.execute(
        "UPDATE machine_client SET active = false WHERE client_id = $1", client_id
    )


async def insert_key(
    connection: Connection, client_id: int, secret_hash: bytes, prefix: str, now: datetime,
    expires_at: datetime | None,
) -> int:  # fmt: skip
    """A new key of a client; its number."""
    key_id: int = await connection.fetchval(
        "INSERT INTO machine_key (client_id, secret_hash, prefix, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5) RETURNING key_id",
        *(client_id, secret_hash, prefix, now, expires_at),
    )
    return key_id


async def open_keys(connection: Connection, client_id: int, now: datetime) -> list[int]:
    """Numbers of the keys that open, oldest first."""
    rows = await connection.fetch(
        f"SELECT key_id FROM machine_key WHERE client_id = $2 AND {OPENS} ORDER BY key_id",
        *(now, client_id),
    )
    return [row["key_id"] for row in rows]


async def retire_keys(connection: Connection, keys: Sequence[int], now: datetime) -> None:
    """Keys open nothing any more."""
    await connection.execute(
        "UPDATE machine_key SET retired_at = $2 WHERE key_id = ANY($1) AND retired_at IS NULL",
        *(list(keys), now),
    )


async def limit_keys(connection: Connection, keys: Sequence[int], until: datetime) -> None:
    """Keys open until a moment at the latest."""
    await connection.execute(
        "UPDATE machine_key SET expires_at = least(expires_at, $2) WHERE key_id = ANY($1)",
        *(list(keys), until),
    )


async def opening_keys(pool: Pool, now: datetime) -> Sequence[Row]:
    """Every key that opens, with its client."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT key_id, secret_hash, expires_at, last_used_on, client_id, name, scopes"
        f" FROM machine_key JOIN machine_client USING (client_id) WHERE active AND {OPENS}",
        now,
    )
    return rows


async def note_use(pool: Pool, keys: Sequence[int], on: date) -> None:
    """Keys were used on a day; written once a day however often they are."""
    await pool.execute(
        "UPDATE machine_key SET last_used_on = $2"
        " WHERE key_id = ANY($1) AND (last_used_on IS NULL OR last_used_on < $2)",
        *(list(keys), on),
    )


async def clients(pool: Pool) -> Sequence[Row]:
    """Every machine client, active ones first."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT client_id, name, scopes, active, created_at FROM machine_client"
        " ORDER BY active DESC, name"
    )
    return rows


async def client_keys(pool: Pool) -> Sequence[Row]:
    """Every key ever given, newest first, without its hash."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT key_id, client_id, prefix, created_at, expires_at, retired_at, last_used_on"
        " FROM machine_key ORDER BY key_id DESC"
    )
    return rows
