"""The SQL of relatives. A link is changed under the lock of its row; nothing here commits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.family.records import Link
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
Either: TypeAlias = Connection | Pool
COLUMNS = (
    "borrower_id, member_id, state, because, number_hash, box, digits_hash, stop_hash, stop_box,"
    " scopes, channels, tells, language, opens, closes, asked_at, until, accepted_at, paused_at,"
    " taken_back_at, ended_at"
)
CHANGED = (
    "state", "because", "box", "scopes", "channels", "language", "opens", "closes", "accepted_at",
    "paused_at", "taken_back_at", "ended_at",
)  # fmt: skip
"""What changes in the life of a link."""


# -- links -----------------------------------------------------------------------------------------


async def insert(connection: Connection, link: Link, code_hash: bytes) -> None:
    """A relative who was named."""
    names = ["cell", *COLUMNS.split(", "), "code_hash"]
    values = [link.cell, *(_value(link, name) for name in names[1:-1]), code_hash]
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    await connection.execute(
        f"INSERT INTO family_link ({', '.join(names)}) VALUES ({places})", *values
    )


async def save(connection: Connection, link: Link) -> None:
    """Where a link stands now."""
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(CHANGED, 4))
    await connection.execute(
        f"UPDATE family_link SET {sets}"
        " WHERE cell = $1 AND borrower_id = $2 AND member_id = $3",
        *(link.cell, link.borrower_id, link.member_id),
        *(_value(link, name) for name in CHANGED),
    )


async def one(
    connection: Either, borrower_id: int, member_id: int, *, lock: str = ""
) -> Link | None:
    """A link; ``lock``: how its row is held until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM family_link"
        f" WHERE cell = $1 AND borrower_id = $2 AND member_id = $3 {lock}",
        *(cell_of_borrower(borrower_id), borrower_id, member_id),
    )
    return None if row is None else made(row)


async def of_borrower(connection: Either, borrower_id: int) -> list[Link]:
    """All that a borrower ever named, the newest first."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM family_link WHERE cell = $1 AND borrower_id = $2"
        " ORDER BY asked_at DESC, member_id DESC",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return [made(row) for row in rows]


async def by_code(
    connection: Either, column: str, hashes: Sequence[bytes]
) -> tuple[int, int] | None:
    """(borrower, member) of a code's hash in a column of codes."""
    row = await connection.fetchrow(
        f"SELECT borrower_id, member_id FROM family_link WHERE {column} = ANY($1::bytea[])"
        f" AND {column} <> '' LIMIT 1",
        list(hashes),
    )
    return None if row is None else (row[0], row[1])


async def of_number(connection: Connection, lookups: Sequence[bytes]) -> list[tuple[int, int]]:
    """(borrower, member) of every link with a number that has not ended, in the order of locks."""
    rows = await connection.fetch(
        "SELECT borrower_id, member_id FROM family_link WHERE number_hash = ANY($1::bytea[])"
        " AND state <> 4 ORDER BY borrower_id, member_id",
        list(lookups),
    )
    return [(row[0], row[1]) for row in rows]


async def number_before(
    connection: Connection, lookups: Sequence[bytes], link: Link, since: datetime
) -> int:
    """By how many other borrowers the number of a link was named before it, since a moment."""
    found: int = await connection.fetchval(
        "SELECT count(DISTINCT borrower_id) FROM family_link"
        " WHERE number_hash = ANY($1::bytea[]) AND borrower_id <> $2 AND asked_at >= $3"
        " AND (asked_at, member_id) < ($4, $5)",
        *(list(lookups), link.borrower_id, since, link.asked_at, link.member_id),
    )
    return found


async def set_stop_hash(connection: Connection, link: Link, stop_hash: bytes) -> None:
    """The stop code is found by this hash from now on."""
    await connection.execute(
        "UPDATE family_link SET stop_hash = $4"
        " WHERE cell = $1 AND borrower_id = $2 AND member_id = $3",
        *(link.cell, link.borrower_id, link.member_id, stop_hash),
    )


async def too_old(connection: Either, now: datetime) -> list[tuple[int, int]]:
    """(borrower, member) of invitations past their last day, neither accepted nor taken back."""
    rows = await connection.fetch(
        "SELECT borrower_id, member_id FROM family_link WHERE until <= $1"
        " AND accepted_at IS NULL AND (state IN (1, 3) OR because = 'refused'"
        " AND taken_back_at IS NULL)"
        " ORDER BY borrower_id, member_id LIMIT 1000",
        now,
    )
    return [(row[0], row[1]) for row in rows]


async def name_of(connection: Either, borrower_id: int) -> bytes:
    """The borrower's name, as ciphertext."""
    found: bytes = await connection.fetchval(
        "SELECT name FROM borrower WHERE cell = $1 AND borrower_id = $2",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found


async def forget(connection: Connection, borrower_id: int) -> None:
    """Nothing of a borrower's relatives is left; who must never be asked again stays barred."""
    for table in ("family_link", "family_visit"):
        await connection.execute(f"DELETE FROM {table} WHERE borrower_id = $1", borrower_id)
    await connection.execute("DELETE FROM family_bar WHERE borrower_id = $1", borrower_id)


# -- who must not be asked again -------------------------------------------------------------------


async def bar(
    connection: Connection, number_hash: bytes, borrower_id: int, now: datetime
) -> None:
    """A borrower (0: anybody) never has the number invited again."""
    await connection.execute(
        "INSERT INTO family_bar (number_hash, borrower_id, since) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        *(number_hash, borrower_id, now),
    )


async def is_barred(
    connection: Connection, lookups: Sequence[bytes], borrower_id: int
) -> bool:
    """Whether a number takes no invitation of this borrower."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM family_bar WHERE number_hash = ANY($1::bytea[])"
        " AND borrower_id IN (0, $2))",
        *(list(lookups), borrower_id),
    )
    return found


async def hashed_before(connection: Either, prefix: bytes) -> list[tuple[int, int]]:
    """(borrower, member) of links whose number an older index key has hashed."""
    rows = await connection.fetch(
        "SELECT borrower_id, member_id FROM family_link WHERE length(number_hash) <> 36"
        " OR substring(number_hash FROM 1 FOR 4) <> $1 ORDER BY borrower_id, member_id LIMIT 1000",
        prefix,
    )
    return [(row[0], row[1]) for row in rows]


async def rehash(connection: Connection, link: Link, number_hash: bytes) -> None:
    """The number of a link is found by another hash, and so is whoever it must not be asked by."""
    await connection.execute(
        "INSERT INTO family_bar (number_hash, borrower_id, since) SELECT $2, borrower_id, since"
        " FROM family_bar WHERE number_hash = $1 ON CONFLICT DO NOTHING",
        *(link.number_hash, number_hash),
    )
    await connection.execute(
        "UPDATE family_link SET number_hash = $4"
        " WHERE cell = $1 AND borrower_id = $2 AND member_id = $3",
        *(link.cell, link.borrower_id, link.member_id, number_hash),
    )


# -- visits ----------------------------------------------------------------------------------------


async def insert_visit(
    connection: Connection, token_hash: bytes, place: tuple[int, int], now: datetime,
    ends_at: datetime,
) -> None:  # fmt: skip
    """A relative has shown the number; visits that are over go."""
    await connection.execute(
        "DELETE FROM family_visit WHERE token_hash IN (SELECT token_hash FROM family_visit"
        " WHERE ends_at <= $1 LIMIT 100 FOR UPDATE SKIP LOCKED)",
        now,
    )
    await connection.execute(
        "INSERT INTO family_visit (token_hash, borrower_id, member_id, ends_at)"
        " VALUES ($1, $2, $3, $4)",
        *(token_hash, *place, ends_at),
    )


async def visit(connection: Either, token_hash: bytes, now: datetime) -> tuple[int, int] | None:
    """(borrower, member) of a visit that is not over."""
    row = await connection.fetchrow(
        "SELECT borrower_id, member_id FROM family_visit WHERE token_hash = $1 AND ends_at > $2",
        *(token_hash, now),
    )
    return None if row is None else (row[0], row[1])


# -- what was told, and what is waiting ------------------------------------------------------------


async def drop_waiting(
    connection: Connection, link: Link, scopes: Sequence[str], now: datetime
) -> None:
    """What was planned for a relative in these scopes, and has not begun to go, does not go."""
    await connection.execute(
        "UPDATE notice SET state = 7, because = 'WITHDRAWN', done_at = $5"
        " WHERE cell = $1 AND borrower_id = $2 AND member_id = $3 AND state = 1"
        " AND scope = ANY($4::text[]) AND template_id <> 'family-withdrawn'",
        *(link.cell, link.borrower_id, link.member_id, list(scopes), now),
    )


async def is_waiting(connection: Connection, link: Link, template_id: str) -> bool:
    """Whether a notice of a template is still to go to a relative."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM notice WHERE cell = $1 AND borrower_id = $2 AND member_id = $3"
        " AND template_id = $4 AND state IN (1, 2, 6))",
        *(link.cell, link.borrower_id, link.member_id, template_id),
    )
    return found


async def told(connection: Either, borrower_id: int, count: int) -> Sequence[Row]:
    """What relatives of a borrower were told, the newest first; never whether an invitation went.

    What was dropped told nobody anything.
    """
    rows: Sequence[Row] = await connection.fetch(
        "SELECT member_id, template_id, channel, state, business_date, sent_at FROM notice"
        " WHERE cell = $1 AND borrower_id = $2 AND member_id <> 0 AND sent_at IS NOT NULL"
        " AND purpose = 'family' AND template_id <> 'family-invitation'"
        " ORDER BY sent_at DESC, notice_id DESC LIMIT $3",
        *(cell_of_borrower(borrower_id), borrower_id, count),
    )
    return rows


# -- where they are named from ---------------------------------------------------------------------


async def device_token(connection: Connection, borrower_id: int, device_id: int) -> bytes:
    """What is kept of a browser's token, the same whoever has logged in there; empty: none."""
    found: bytes | None = await connection.fetchval(
        "SELECT token_hash FROM device WHERE cell = $1 AND borrower_id = $2 AND device_id = $3",
        *(cell_of_borrower(borrower_id), borrower_id, device_id),
    )
    return found or b""


async def any_open(connection: Connection, places: Sequence[tuple[str, str]]) -> bool:
    """Whether one of these breakers is open."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM breaker JOIN unnest($1::text[], $2::text[])"
        " AS given (kind, name) USING (kind, name) WHERE state = 'open')",
        *([kind for kind, _ in places], [name for _, name in places]),
    )
    return found


# -- rows ------------------------------------------------------------------------------------------


def _value(link: Link, name: str) -> Any:
    value = getattr(link, name)
    return json.dumps(value) if isinstance(value, tuple) else value


def made(row: Row) -> Link:
    """A row as a link."""
    plain = {name: row[name] for name in COLUMNS.split(", ")}
    for name in ("scopes", "channels"):
        plain[name] = tuple(json.loads(plain[name]))
    return Link(**plain)
