"""The SQL of coming in: limits, codes, sessions, devices, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
Either: TypeAlias = Connection | Pool

OPEN, ASKED, USED, LOCKED = 1, 2, 3, 4
"""States of a code: ``ASKED``: it was right, and one more question is asked."""


# -- limits ----------------------------------------------------------------------------------------


async def count(
    connection: Either, subjects: Mapping[bytes, datetime], now: datetime
) -> dict[bytes, int]:
    """Once more under each subject, whose count ends at the moment given; how often until now."""
    await connection.execute(
        "DELETE FROM limit_count WHERE subject IN (SELECT subject FROM limit_count"
        " WHERE ends_at <= $1 LIMIT 100 FOR UPDATE SKIP LOCKED)",
        now,
    )
    rows = await connection.fetch(
        "INSERT INTO limit_count AS old (subject, counted, ends_at)"
        " SELECT subject, 1, ends_at FROM unnest($1::bytea[], $2::timestamptz[])"
        " AS asked (subject, ends_at) ORDER BY subject"
        " ON CONFLICT (subject) DO UPDATE SET"
        " counted = CASE WHEN old.ends_at > $3 THEN old.counted + 1 ELSE 1 END,"
        " ends_at = CASE WHEN old.ends_at > $3 THEN old.ends_at ELSE excluded.ends_at END"
        " RETURNING subject, counted",
        *(list(subjects), list(subjects.values()), now),
    )
    return {row["subject"]: row["counted"] for row in rows}


async def forgive(connection: Either, subjects: Sequence[bytes]) -> None:
    """The last time does not count."""
    await connection.execute(
        "UPDATE limit_count SET counted = counted - 1 WHERE subject = ANY("
        " SELECT subject FROM limit_count WHERE subject = ANY($1::bytea[])"
        " ORDER BY subject FOR UPDATE)",
        list(subjects),
    )


# -- codes -----------------------------------------------------------------------------------------

CODE = "challenge, purpose, borrower_id, change_id, number_hash, attempts, state, expires_at"


async def insert_code(connection: Either, row: tuple[Any, ...]) -> None:
    """Challenge, purpose, borrower, change, number's and code's hash, made at, expires at."""
    await connection.execute(
        "INSERT INTO one_time_code (challenge, purpose, borrower_id, change_id, number_hash,"
        " code_hash, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (challenge) DO UPDATE SET purpose = excluded.purpose,"
        " borrower_id = excluded.borrower_id, change_id = excluded.change_id,"
        " number_hash = excluded.number_hash, code_hash = excluded.code_hash, attempts = 0,"
        " state = 1, made_at = excluded.made_at, expires_at = excluded.expires_at",
        *row,
    )


async def forget_codes(connection: Either, before: datetime) -> None:
    """Codes that have expired long ago go."""
    await connection.execute(
        "DELETE FROM one_time_code WHERE challenge IN (SELECT challenge FROM one_time_code"
        " WHERE expires_at < $1 LIMIT 100 FOR UPDATE SKIP LOCKED)",
        before,
    )


async def code_of(connection: Either, challenge: bytes, purpose: str, now: datetime) -> Row | None:
    """A code that may still be tried, or after which a question is asked."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {CODE} FROM one_time_code WHERE challenge = $1 AND purpose = $2"
        " AND state IN (1, 2) AND expires_at > $3",
        *(challenge, purpose, now),
    )
    return row


async def try_code(
    connection: Either, challenge: bytes, purpose: str, hashes: Sequence[bytes], now: datetime,
    most: int,
) -> Row | None:  # fmt: skip
    """One attempt, judged and counted in one statement: of many at once, one finds it open.

    None where there is nothing to try; else the row after it, whose state says what came of it.
    """
    row: Row | None = await connection.fetchrow(
        "UPDATE one_time_code SET attempts = attempts + 1,"
        " state = CASE WHEN code_hash = ANY($3::bytea[]) THEN 3"
        " WHEN attempts + 1 >= $5 THEN 4 ELSE 1 END"
        " WHERE challenge = $1 AND purpose = $2 AND state = 1 AND expires_at > $4"
        f" AND attempts < $5 RETURNING {CODE}",
        *(challenge, purpose, list(hashes), now, most),
    )
    return row


async def set_code_state(
    connection: Either, challenge: bytes, old: int, new: int, *, anew: bool = False
) -> Row | None:
    """Move a code from one state to another; None if it was not in the first one any more."""
    attempts = "0" if anew else "attempts"
    row: Row | None = await connection.fetchrow(
        f"UPDATE one_time_code SET state = $3::smallint, attempts = {attempts}"
        f" WHERE challenge = $1 AND state = $2 RETURNING {CODE}",
        *(challenge, old, new),
    )
    return row


async def count_answer(
    connection: Either, challenge: bytes, now: datetime, most: int
) -> Row | None:
    """One answer to the question after a right code; None where there is no question any more."""
    row: Row | None = await connection.fetchrow(
        "UPDATE one_time_code SET attempts = attempts + 1,"
        " state = CASE WHEN attempts + 1 >= $3 THEN 4 ELSE state END"
        " WHERE challenge = $1 AND state = 2 AND expires_at > $2 AND attempts < $3"
        f" RETURNING {CODE}",
        *(challenge, now, most),
    )
    return row


async def lock_codes(connection: Either, borrower_id: int) -> None:
    """No code of a borrower opens anything any more."""
    await connection.execute(
        "UPDATE one_time_code SET state = 4 WHERE borrower_id = $1 AND state IN (1, 2)", borrower_id
    )


# -- sessions --------------------------------------------------------------------------------------


async def insert_session(connection: Either, row: tuple[Any, ...]) -> None:
    """Borrower, session, token's hash, CSRF token, device, opened by, now."""
    await connection.execute(
        "INSERT INTO borrower_session (cell, borrower_id, session_id, token_hash, csrf, device_id,"
        " opened_by, created_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        *(cell_of_borrower(row[0]), *row),
    )


async def live_session(
    pool: Pool, borrower_id: int, token_hash: bytes, created_after: datetime, seen_after: datetime
) -> Row | None:
    """A session within its limits, of a borrower who is still there."""
    row: Row | None = await pool.fetchrow(
        "SELECT session_id, s.borrower_id, csrf, device_id, seen_at, opened_by, language"
        " FROM borrower_session s JOIN borrower b USING (cell, borrower_id)"
        " WHERE s.cell = $1 AND s.borrower_id = $2 AND token_hash = $3 AND ended_at IS NULL"
        " AND b.status = 1 AND created_at > $4 AND seen_at > $5",
        *(cell_of_borrower(borrower_id), borrower_id, token_hash, created_after, seen_after),
    )
    return row


async def touch_session(pool: Pool, borrower_id: int, session_id: int, now: datetime) -> None:
    """The session was used."""
    await pool.execute(
        "UPDATE borrower_session SET seen_at = $4"
        " WHERE cell = $1 AND borrower_id = $2 AND session_id = $3",
        *(cell_of_borrower(borrower_id), borrower_id, session_id, now),
    )


async def end_session(
    connection: Either, borrower_id: int, session_id: int, now: datetime
) -> bool:
    """The session ends; False when there is no open one."""
    tag: str = await connection.execute(
        "UPDATE borrower_session SET ended_at = $4 WHERE cell = $1 AND borrower_id = $2"
        " AND session_id = $3 AND ended_at IS NULL",
        *(cell_of_borrower(borrower_id), borrower_id, session_id, now),
    )
    return tag == "UPDATE 1"


async def end_sessions(
    connection: Either, borrower_id: int, now: datetime, *, but: int = 0, of_device: int = 0
) -> int:
    """All sessions end, but one, or only those of a device; returns how many did."""
    tag: str = await connection.execute(
        "UPDATE borrower_session SET ended_at = $3 WHERE cell = $1 AND borrower_id = $2"
        " AND session_id <> $4 AND ($5::bigint = 0 OR device_id = $5) AND ended_at IS NULL",
        *(cell_of_borrower(borrower_id), borrower_id, now, but, of_device),
    )
    return int(tag.removeprefix("UPDATE "))


async def open_sessions(
    pool: Pool, borrower_id: int, created_after: datetime, seen_after: datetime
) -> Sequence[Row]:
    """Sessions that are still open, the newest first."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT session_id, device_id, family, opened_by, s.created_at, s.seen_at"
        " FROM borrower_session s LEFT JOIN device d USING (cell, borrower_id, device_id)"
        " WHERE s.cell = $1 AND s.borrower_id = $2 AND ended_at IS NULL"
        " AND s.created_at > $3 AND s.seen_at > $4 ORDER BY session_id DESC LIMIT 50",
        *(cell_of_borrower(borrower_id), borrower_id, created_after, seen_after),
    )
    return rows


# -- devices ---------------------------------------------------------------------------------------


async def see_device(
    connection: Either, borrower_id: int, token_hash: bytes, family: str, now: datetime, new_id: int
) -> Row:
    """The device with this token, seen now; ``known``: it had been seen before, not forgotten."""
    row: Row = await connection.fetchrow(
        "WITH before AS (SELECT device_id, forgotten_at FROM device"
        "  WHERE cell = $1 AND borrower_id = $2 AND token_hash = $3)"
        " INSERT INTO device AS d (cell, borrower_id, device_id, token_hash, family,"
        " first_seen_at, last_seen_at) VALUES ($1, $2, $6, $3, $4, $5, $5)"
        " ON CONFLICT (cell, borrower_id, token_hash) DO UPDATE SET last_seen_at = $5,"
        " family = $4, forgotten_at = NULL"
        " RETURNING device_id, EXISTS (SELECT FROM before WHERE forgotten_at IS NULL) AS known",
        *(cell_of_borrower(borrower_id), borrower_id, token_hash, family, now, new_id),
    )
    return row


async def device_is_known(connection: Either, borrower_id: int, token_hash: bytes) -> bool:
    """Whether the borrower was logged in there before."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM device WHERE cell = $1 AND borrower_id = $2"
        " AND token_hash = $3 AND forgotten_at IS NULL)",
        *(cell_of_borrower(borrower_id), borrower_id, token_hash),
    )
    return found


async def devices(pool: Pool, borrower_id: int) -> Sequence[Row]:
    """Devices that are remembered, the latest seen first."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT device_id, family, first_seen_at, last_seen_at FROM device"
        " WHERE cell = $1 AND borrower_id = $2 AND forgotten_at IS NULL"
        " ORDER BY last_seen_at DESC, device_id LIMIT 50",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return rows


async def forget_device(
    connection: Connection, borrower_id: int, device_id: int, now: datetime
) -> bool:
    """The device is new again when it comes next; False when there is none."""
    tag: str = await connection.execute(
        "UPDATE device SET forgotten_at = $4 WHERE cell = $1 AND borrower_id = $2"
        " AND device_id = $3 AND forgotten_at IS NULL",
        *(cell_of_borrower(borrower_id), borrower_id, device_id, now),
    )
    return tag == "UPDATE 1"


# -- links -----------------------------------------------------------------------------------------


async def insert_link(connection: Connection, row: tuple[Any, ...]) -> None:
    """Borrower, link, target, made by, made at, expires at."""
    await connection.execute(
        "INSERT INTO portal_link (cell, borrower_id, link_id, target, made_by, made_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(cell_of_borrower(row[0]), *row),
    )


async def use_link(
    connection: Connection, borrower_id: int, link_id: int, now: datetime
) -> str | None:
    """Use a link up and say where it leads; of many who try at once, one is told."""
    target: str | None = await connection.fetchval(
        "UPDATE portal_link SET used_at = $4 WHERE cell = $1 AND borrower_id = $2"
        " AND link_id = $3 AND used_at IS NULL AND expires_at > $4 RETURNING target",
        *(cell_of_borrower(borrower_id), borrower_id, link_id, now),
    )
    return target


# -- who it is -------------------------------------------------------------------------------------


async def active_borrower(
    connection: Either, borrower_id: int, *, stays: bool = False
) -> Row | None:
    """What is needed to write to a borrower who is still there.

    ``stays``: as it is until the end of the transaction, so that no new key comes in between.
    """
    row: Row | None = await connection.fetchrow(
        "SELECT borrower_id, data_key, phone, email, identity_number, language, recorded_at"
        " FROM borrower WHERE cell = $1 AND borrower_id = $2 AND status = 1 AND data_key <> ''"
        f"{' FOR SHARE' if stays else ''}",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return row


async def borrower_of_lookups(
    connection: Either, purpose: str, lookups: Sequence[bytes]
) -> int:
    """Whose keyed hashes they are; 0 for nobody's."""
    found: int | None = await connection.fetchval(
        "SELECT borrower_id FROM directory WHERE purpose = $1 AND lookup = ANY($2::bytea[])"
        " LIMIT 1",
        *(purpose, list(lookups)),
    )
    return found or 0


# -- messages of the sandbox -----------------------------------------------------------------------


async def insert_sandbox_message(
    connection: Connection, borrower_id: int, kind: str, content: bytes
) -> None:
    """A message that was sent."""
    await connection.execute(
        "INSERT INTO sandbox_message (cell, borrower_id, kind, content) VALUES ($1, $2, $3, $4)",
        *(cell_of_borrower(borrower_id), borrower_id, kind, content),
    )


async def sandbox_messages(pool: Pool, count: int) -> Sequence[Row]:
    """The newest messages, with the keys that open them."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT borrower_id, kind, content, m.recorded_at, data_key"
        " FROM sandbox_message m JOIN borrower USING (cell, borrower_id)"
        " WHERE data_key <> '' ORDER BY m.recorded_at DESC, message_id DESC LIMIT $1",
        count,
    )
    return rows
