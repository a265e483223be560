"""What store.py is, for staff: accounts, their roles, their sessions, attempts to log in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]

STANDS_IN = """EXISTS (SELECT FROM delegation d WHERE d.to_staff = s.staff_id
AND d.revoked_at IS NULL AND now() BETWEEN d.from_at AND d.until_at)"""
ROLES = "ARRAY(SELECT role FROM staff_role r WHERE r.staff_id = s.staff_id ORDER BY role) AS roles"
HAS_FACTOR = "EXISTS (SELECT FROM staff_factor f WHERE f.staff_id = s.staff_id AND f.state = 2)"
MANAGERS_LOCK = 7_308_332_190
"""So that two who take the last account's rights from each other take turns."""


# -- accounts --------------------------------------------------------------------------------------


async def insert_staff(
    connection: Connection, name: str, password_hash: str, *, must_change: bool
) -> int | None:
    """A new account; None when the name is taken."""
    staff_id: int | None = await connection.fetchval(
        "INSERT INTO staff (name, password_hash, must_change) VALUES ($1, $2, $3)"
        " ON CONFLICT (name) DO NOTHING RETURNING staff_id",
        *(name, password_hash, must_change),
    )
    return staff_id


async def grant_roles(connection: Connection, staff_id: int, roles: Sequence[str]) -> None:
    """Give an account roles; those that it has stay."""
    await connection.execute(
        "INSERT INTO staff_role (staff_id, role) SELECT $1, unnest($2::text[])"
        " ON CONFLICT DO NOTHING",
        *(staff_id, list(roles)),
    )


async def revoke_roles(connection: Connection, staff_id: int, roles: Sequence[str]) -> None:
    """Take roles from an account."""
    await connection.execute(
        "DELETE FROM staff_role WHERE staff_id = $1 AND role = ANY($2::text[])",
        *(staff_id, list(roles)),
    )


async def take_staff(connection: Connection, staff_id: int) -> Row | None:
    """An account, locked, with what a change of it looks at; None when there is none."""
    row: Row | None = await connection.fetchrow(
        f"SELECT staff_id, name, password_hash, active, {ROLES}"
        " FROM staff s WHERE staff_id = $1 FOR UPDATE",
        staff_id,
    )
    return row


async def staff_id_of(connection: Connection | Pool, name: str) -> int | None:
    """The account of this name, active or not; None when there is none."""
    staff_id: int | None = await connection.fetchval(
        "SELECT staff_id FROM staff WHERE name = $1", name
    )
    return staff_id


async def others_with_roles(
    connection: Connection, staff_id: int, roles: Sequence[str]
) -> Sequence[str]:
    """Names of other active accounts that have one of these roles. Askers take turns."""
    await connection.execute(f"SELECT pg_advisory_xact_lock({MANAGERS_LOCK})")
    rows = await connection.fetch(
        "SELECT DISTINCT name FROM staff JOIN staff_role USING (staff_id)"
        " WHERE active AND staff_id <> $1 AND role = ANY($2::text[])",
        *(staff_id, list(roles)),
    )
    return [row["name"] for row in rows]


async def set_password(
    connection: Connection, staff_id: int, password_hash: str, *, must_change: bool
) -> None:
    """Replace an account's password."""
    await connection.execute(
        "UPDATE staff SET password_hash = $2, must_change = $3 WHERE staff_id = $1",
        *(staff_id, password_hash, must_change),
    )


async def set_active(connection: Connection, staff_id: int, *, active: bool) -> None:
    """Lock an account out, or let it in again."""
    await connection.execute(
        "UPDATE staff SET active = $2 WHERE staff_id = $1", staff_id, active
    )


async def staff_by_name(pool: Pool, name: str) -> Row | None:
    """An account that may log in."""
    row: Row | None = await pool.fetchrow(
        f"SELECT staff_id, name, password_hash, {HAS_FACTOR} AS has_factor"
        " FROM staff s WHERE name = $1 AND active",
        name,
    )
    return row


async def password_of(connection: Connection, staff_id: int) -> str | None:
    """The hash of an active account's password."""
    found: str | None = await connection.fetchval(
        "SELECT password_hash FROM staff WHERE staff_id = $1 AND active", staff_id
    )
    return found


async def staff_names(pool: Pool) -> dict[int, str]:
    """Every account's name by its number."""
    return dict(await pool.fetch("SELECT staff_id, name FROM staff"))


async def names(connection: Connection | Pool, staff_id: int) -> list[str]:
    """What a password of this account must not be made of: its name, and the book's."""
    rows = await connection.fetch(
        "SELECT name FROM staff WHERE staff_id = $1 UNION ALL SELECT name FROM book", staff_id
    )
    return [row["name"] for row in rows]


async def book_name(connection: Connection | Pool) -> str:
    """The book's name; nothing without a book."""
    return str(await connection.fetchval("SELECT name FROM book") or "")


ACCOUNT = f"""SELECT staff_id, name, active, created_at, must_change, last_log_in, {ROLES},
{HAS_FACTOR} AS has_factor,
(SELECT count(*) FROM staff_recovery_code c WHERE c.staff_id = s.staff_id AND used_at IS NULL)
    AS recovery_codes FROM staff s"""


async def accounts(pool: Pool) -> Sequence[Row]:
    """Every account, active ones first."""
    rows: Sequence[Row] = await pool.fetch(f"{ACCOUNT} ORDER BY active DESC, name")
    return rows


async def account(pool: Pool, staff_id: int) -> Row | None:
    """One account."""
    row: Row | None = await pool.fetchrow(f"{ACCOUNT} WHERE staff_id = $1", staff_id)
    return row


# -- attempts to come in ---------------------------------------------------------------------------


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


# -- sessions --------------------------------------------------------------------------------------


async def insert_session(
    connection: Connection, token_hash: bytes, staff_id: int, csrf: str, now: datetime, *,
    waits: bool, way: str, fresh_at: datetime | None, address: str,
) -> None:  # fmt: skip
    """A session begins; one that waits for nothing is a log-in."""
    await connection.execute(
        "INSERT INTO staff_session (token_hash, staff_id, csrf, created_at, seen_at, waits, way,"
        " fresh_at, address) VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8)",
        *(token_hash, staff_id, csrf, now, waits, way, fresh_at, address),
    )
    if not waits:
        await connection.execute(
            "UPDATE staff SET last_log_in = $2 WHERE staff_id = $1", staff_id, now
        )


LIVE = "ended_at IS NULL AND active AND s.created_at > $2 AND seen_at > $3"
"""A session within its limits, of an account that is still active."""


async def live_session(
    pool: Pool, token_hash: bytes, created_after: datetime, seen_after: datetime
) -> Row | None:
    """A live session, with everything that decides what it opens."""
    row: Row | None = await pool.fetchrow(
        "SELECT token_hash, staff_id, name, csrf, s.created_at, seen_at, waits, way, fresh_at,"
        f" must_change, {HAS_FACTOR} AS has_factor, {ROLES}, {STANDS_IN} AS stands_in,"
        " (SELECT demo FROM book) AS demo"
        f" FROM staff_session s JOIN staff USING (staff_id) WHERE token_hash = $1 AND {LIVE}",
        *(token_hash, created_after, seen_after),
    )
    return row


async def sessions_of(
    pool: Pool, staff_id: int, created_after: datetime, seen_after: datetime
) -> Sequence[Row]:
    """The live sessions of an account, the last used first."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT token_hash, s.created_at, seen_at, waits, way, address"
        f" FROM staff_session s JOIN staff USING (staff_id) WHERE staff_id = $1 AND {LIVE}"
        " ORDER BY seen_at DESC, token_hash",
        *(staff_id, created_after, seen_after),
    )
    return rows


async def touch_session(pool: Pool, token_hash: bytes, now: datetime) -> None:
    """The session was used."""
    await pool.execute(
        "UPDATE staff_session SET seen_at = $2 WHERE token_hash = $1", token_hash, now
    )


async def freshen_session(connection: Connection, token_hash: bytes, now: datetime) -> None:
    """A factor was shown in the session."""
    await connection.execute(
        "UPDATE staff_session SET fresh_at = $2 WHERE token_hash = $1", token_hash, now
    )


async def end_session(
    connection: Connection | Pool, token_hash: bytes, now: datetime
) -> int | None:
    """The session ends; whose it was, None when it had ended before."""
    staff_id: int | None = await connection.fetchval(
        "UPDATE staff_session SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL"
        " RETURNING staff_id",
        *(token_hash, now),
    )
    return staff_id


async def end_one_of(
    connection: Connection, staff_id: int, prefix: bytes, now: datetime
) -> int:
    """The session of an account whose hash begins so ends; returns how many did."""
    tag: str = await connection.execute(
        "UPDATE staff_session SET ended_at = $3 WHERE staff_id = $1 AND ended_at IS NULL"
        " AND substring(token_hash FROM 1 FOR length($2::bytea)) = $2",
        *(staff_id, prefix, now),
    )
    return int(tag.removeprefix("UPDATE "))


async def end_sessions(
    connection: Connection | Pool, staff_id: int, *, but: bytes = b"", now: datetime | None = None
) -> int:
    """All sessions of an account end, but for one; returns how many did."""
    tag: str = await connection.execute(
        "UPDATE staff_session SET ended_at = coalesce($2, now())"
        " WHERE staff_id = $1 AND ended_at IS NULL AND token_hash <> $3",
        *(staff_id, now, but),
    )
    return int(tag.removeprefix("UPDATE "))


# -- answers of the identity provider --------------------------------------------------------------


async def use_state(
    connection: Connection | Pool, state_hash: bytes, now: datetime, since: datetime
) -> bool:
    """Whether an answer with this state is looked at for the first time. Old ones are forgotten."""
    await connection.execute("DELETE FROM provider_answer WHERE used_at < $1", since)
    tag: str = await connection.execute(
        "INSERT INTO provider_answer (state_hash, used_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        *(state_hash, now),
    )
    return tag == "INSERT 0 1"


async def staff_and_roles(pool: Pool) -> Sequence[Row]:
    """Every active account with its roles, by name."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT staff_id, name, ARRAY(SELECT role FROM staff_role r"
        " WHERE r.staff_id = s.staff_id ORDER BY role) AS roles"
        " FROM staff s WHERE active ORDER BY name"
    )
    return rows
