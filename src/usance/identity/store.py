"""The SQL of identity: borrowers and their directory, staff and sessions, machine clients."""

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


async def borrower_by_lookup(pool: Pool, purpose: str, lookup: bytes) -> int | None:
    """Whose look-up hash it is."""
    found: int | None = await pool.fetchval(
        "SELECT borrower_id FROM directory WHERE purpose = $1 AND lookup = $2", purpose, lookup
    )
    return found


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


# -- staff -----------------------------------------------------------------------------------------


async def insert_staff(connection: Connection, name: str, password_hash: str) -> int | None:
    """A new account; None when the name is taken."""
    staff_id: int | None = await connection.fetchval(
        "INSERT INTO staff (name, password_hash) VALUES ($1, $2)"
        " ON CONFLICT (name) DO NOTHING RETURNING staff_id",
        name,
        password_hash,
    )
    return staff_id


async def grant_roles(connection: Connection, staff_id: int, roles: Sequence[str]) -> None:
    """Give an account roles; those that it has stay."""
    await connection.execute(
        "INSERT INTO staff_role (staff_id, role) SELECT $1, unnest($2::text[])"
        " ON CONFLICT DO NOTHING",
        *(staff_id, roles),
    )


async def revoke_roles(connection: Connection, staff_id: int, roles: Sequence[str]) -> None:
    """Take roles from an account."""
    await connection.execute(
        "DELETE FROM staff_role WHERE staff_id = $1 AND role = ANY($2::text[])", staff_id, roles
    )


async def staff_id_of(connection: Connection, name: str) -> int | None:
    """The active account of this name, locked; None when there is none."""
    staff_id: int | None = await connection.fetchval(
        "SELECT staff_id FROM staff WHERE name = $1 AND active FOR UPDATE", name
    )
    return staff_id


async def set_password(connection: Connection, name: str, password_hash: str) -> int | None:
    """Replace an active account's password; None when there is no such account."""
    staff_id: int | None = await connection.fetchval(
        "UPDATE staff SET password_hash = $2 WHERE name = $1 AND active RETURNING staff_id",
        name,
        password_hash,
    )
    return staff_id


async def staff_by_name(pool: Pool, name: str) -> Row | None:
    """An account that may log in."""
    row: Row | None = await pool.fetchrow(
        "SELECT staff_id, name, password_hash FROM staff WHERE name = $1 AND active", name
    )
    return row


async def staff_names(pool: Pool) -> dict[int, str]:
    """Every account's name by its number."""
    return dict(await pool.fetch("SELECT staff_id, name FROM staff"))


async def count_attempt(
    pool: Pool, subjects: Iterable[bytes], now: datetime, since: datetime
) -> dict[bytes, int]:
    """One more attempt to log in under each subject; how many there were since. Old ones go."""
    await pool.execute(
        "DELETE FROM log_in_attempt WHERE subject IN (SELECT subject FROM log_in_attempt"
        " WHERE began_at <= $1 FOR UPDATE SKIP LOCKED)",
        since,
    )
    rows = await pool.fetch(
        "INSERT INTO log_in_attempt AS old (subject, attempts, began_at)"
        " SELECT subject, 1, $2 FROM unnest($1::bytea[]) AS subject ORDER BY subject"
        " ON CONFLICT (subject) DO UPDATE SET"
        " attempts = CASE WHEN old.began_at > $3 THEN old.attempts + 1 ELSE 1 END,"
        " began_at = CASE WHEN old.began_at > $3 THEN old.began_at ELSE $2 END"
        " RETURNING subject, attempts",
        *(list(subjects), now, since),
    )
    return {row["subject"]: row["attempts"] for row in rows}


async def forgive_attempt(pool: Pool, subjects: Iterable[bytes]) -> None:
    """The attempt was good: it does not count."""
    await pool.execute(
        "UPDATE log_in_attempt SET attempts = attempts - 1 WHERE subject = ANY("
        " SELECT subject FROM log_in_attempt WHERE subject = ANY($1::bytea[])"
        " ORDER BY subject FOR UPDATE)",
        list(subjects),
    )


async def insert_session(
    pool: Pool, token_hash: bytes, staff_id: int, csrf: str, now: datetime
) -> None:
    """A session begins."""
    await pool.execute(
        "INSERT INTO staff_session (token_hash, staff_id, csrf, created_at, seen_at)"
        " VALUES ($1, $2, $3, $4, $4)",
        *(token_hash, staff_id, csrf, now),
    )


async def live_session(
    pool: Pool, token_hash: bytes, created_after: datetime, seen_after: datetime
) -> Row | None:
    """A session within its limits, of an account that is still active."""
    row: Row | None = await pool.fetchrow(
        "SELECT staff_id, name, csrf, seen_at,"
        " ARRAY(SELECT role FROM staff_role r WHERE r.staff_id = s.staff_id"
        " ORDER BY role) AS roles,"
        " EXISTS (SELECT FROM delegation d WHERE d.to_staff = s.staff_id AND d.revoked_at IS NULL"
        " AND now() BETWEEN d.from_at AND d.until_at) AS stands_in"
        " FROM staff_session s JOIN staff USING (staff_id)"
        " WHERE token_hash = $1 AND ended_at IS NULL AND active"
        " AND s.created_at > $2 AND seen_at > $3",
        *(token_hash, created_after, seen_after),
    )
    return row


async def touch_session(pool: Pool, token_hash: bytes, now: datetime) -> None:
    """The session was used."""
    await pool.execute(
        "UPDATE staff_session SET seen_at = $2 WHERE token_hash = $1", token_hash, now
    )


async def end_session(pool: Pool, token_hash: bytes, now: datetime) -> None:
    """The session ends."""
    await pool.execute(
        "UPDATE staff_session SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL",
        *(token_hash, now),
    )


async def end_sessions(pool: Pool, staff_id: int, now: datetime) -> int:
    """All sessions of an account end; returns how many did."""
    tag: str = await pool.execute(
        "UPDATE staff_session SET ended_at = $2 WHERE staff_id = $1 AND ended_at IS NULL",
        *(staff_id, now),
    )
    return int(tag.removeprefix("UPDATE "))


# -- machine clients -------------------------------------------------------------------------------


async def insert_client(
    connection: Connection, name: str, secret_hash: bytes, scopes: Sequence[str]
) -> int | None:
    """A new machine client; None when the name is taken."""
    client_id: int | None = await connection.fetchval(
        "INSERT INTO machine_client (name, secret_hash, scopes) VALUES ($1, $2, $3)"
        " ON CONFLICT (name) DO NOTHING RETURNING client_id",
        *(name, secret_hash, msgspec.json.encode(scopes).decode()),
    )
    return client_id


async def replace_secret(connection: Connection, name: str, secret_hash: bytes) -> int | None:
    """Replace an active client's key; None when there is no such client."""
    client_id: int | None = await connection.fetchval(
        "UPDATE machine_client SET secret_hash = $2 WHERE name = $1 AND active RETURNING client_id",
        name,
        secret_hash,
    )
    return client_id


async def active_clients(pool: Pool) -> Sequence[Row]:
    """Every machine client that may come in."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT client_id, name, secret_hash, scopes FROM machine_client WHERE active"
    )
    return rows


async def deactivate_client(connection: Connection, name: str) -> int | None:
    """Lock a client out; None when there is no such active client."""
    client_id: int | None = await connection.fetchval(
        "UPDATE machine_client SET active = false WHERE name = $1 AND active RETURNING client_id",
        name,
    )
    return client_id
