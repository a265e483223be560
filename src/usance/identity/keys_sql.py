"""What store.py is, for keys: who is wrapped under which one, and the directory's hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from usance.identity.store import BORROWER_COLUMNS, Row
from usance.platform import locks
from usance.platform.crypto import HASH_BYTES
from usance.platform.database import Connection, Pool
from usance.platform.key_file import FIRST
from usance.platform.personal import SealedFields, WrappedKeys
from usance.platform.work_tables import DEAD, WAITING

TOGETHER = f"SELECT pg_advisory_xact_lock_shared({locks.KEYS})"
"""Taken before anything is wrapped or hashed that the transaction stores."""
ALONE = f"SELECT pg_advisory_xact_lock({locks.KEYS})"
"""Waits for all of those: what comes after it sees the key file as it is then."""

MASTER, INDEX = "master", "index"

NUMBER = "('x' || encode(substring({} FROM 1 FOR 4), 'hex'))::bit(32)::int"
"""A key's number from the first four bytes."""
INDEX_ID = (
    f"CASE WHEN length(lookup) = {HASH_BYTES} THEN {FIRST} ELSE {NUMBER.format('lookup')} END"
)
HASHED = f"length(lookup) IN ({HASH_BYTES}, {HASH_BYTES + 4})"
"""What is in the directory by keyed hash; imported accounts are there by their number."""


# -- keys that come and go -------------------------------------------------------------------------


async def retired(connection: Connection | Pool) -> set[tuple[str, int]]:
    """(kind, number) of keys that nothing may be made with any more."""
    rows = await connection.fetch("SELECT kind, key_id FROM key_epoch WHERE retired_at IS NOT NULL")
    return {(row[0], row[1]) for row in rows}


async def highest(connection: Connection, kind: str) -> int:
    """The highest number of a kind that was ever added here; 0 for none."""
    found: int = await connection.fetchval(
        "SELECT coalesce(max(key_id), 0) FROM key_epoch WHERE kind = $1", kind
    )
    return found


async def add(connection: Connection, kind: str, number: int) -> None:
    """A key was added."""
    await connection.execute(
        "INSERT INTO key_epoch (kind, key_id) VALUES ($1, $2)", kind, number
    )


async def retire(connection: Connection, kind: str, number: int) -> None:
    """A key is retired; the first ones were never added by a rotation."""
    await connection.execute(
        "INSERT INTO key_epoch (kind, key_id, retired_at) VALUES ($1, $2, now())"
        " ON CONFLICT (kind, key_id) DO UPDATE SET retired_at = now()",
        *(kind, number),
    )


# -- wrapped keys ----------------------------------------------------------------------------------


async def wrapped_under(connection: Connection | Pool, column: WrappedKeys) -> dict[int, int]:
    """How many keys of a column each master key wraps."""
    rows = await connection.fetch(
        f"SELECT {NUMBER.format(column.column)} AS key_id, count(*) FROM {column.table}"
        f" WHERE {column.column} <> '' GROUP BY 1"
    )
    return {row[0]: row[1] for row in rows}


async def count_stale(connection: Connection | Pool, column: WrappedKeys, newest: int) -> int:
    """How many keys of a column are not wrapped under the newest master key."""
    found: int = await connection.fetchval(
        f"SELECT count(*) FROM {column.table} WHERE {_stale(column)}", newest.to_bytes(4)
    )
    return found


async def stale(
    connection: Connection, column: WrappedKeys, newest: int, cells: tuple[int, int] | None
) -> Sequence[Row]:
    """(place, owner, wrapped) of those, within a range of cells if the table has cells."""
    within = " AND cell BETWEEN $2 AND $3" if cells else ""
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT ctid AS place, {column.owner} AS owner, {column.column} AS wrapped"
        f" FROM {column.table} WHERE {_stale(column)}{within}",
        newest.to_bytes(4),
        *(cells or ()),
    )
    return rows


async def replace_wrapped(
    connection: Connection, column: WrappedKeys, changes: Sequence[tuple[object, bytes, bytes]]
) -> None:
    """(place, old, new): where a row still is at its place with the old key, it gets the new."""
    places, olds, news = zip(*changes, strict=True)
    await connection.execute(
        f"UPDATE {column.table} AS held SET {column.column} = fresh.new"
        " FROM unnest($1::tid[], $2::bytea[], $3::bytea[]) AS fresh (place, old, new)"
        f" WHERE held.ctid = fresh.place AND held.{column.column} = fresh.old",
        *(list(places), list(olds), list(news)),
    )


def _stale(column: WrappedKeys) -> str:
    name = column.column
    return f"{name} <> '' AND substring({name} FROM 1 FOR 4) <> $1"


# -- the directory ---------------------------------------------------------------------------------


async def hashed_under(connection: Connection | Pool) -> dict[int, int]:
    """How many entries each index key has made."""
    rows = await connection.fetch(
        f"SELECT {INDEX_ID} AS index_id, count(*) FROM directory WHERE {HASHED} GROUP BY 1"
    )
    return {row[0]: row[1] for row in rows}


async def count_unhashed(connection: Connection | Pool, newest: int) -> int:
    """How many entries under older index keys have none beside them under the newest."""
    found: int = await connection.fetchval(
        "SELECT coalesce(sum(greatest(older - newer, 0)), 0)::bigint FROM ("
        f" SELECT max(n) FILTER (WHERE index_id <> $1) AS older,"
        f" coalesce(max(n) FILTER (WHERE index_id = $1), 0) AS newer FROM ("
        f"  SELECT purpose, borrower_id, {INDEX_ID} AS index_id, count(*) AS n FROM directory"
        f"  WHERE {HASHED} GROUP BY 1, 2, 3) AS each GROUP BY purpose, borrower_id) AS both_ways"
        " WHERE older IS NOT NULL",
        newest,
    )
    return found


async def people_of_cells(connection: Connection, low: int, high: int) -> Sequence[Row]:
    """Those who have personal data, with their ciphertext; they stay as they are meanwhile."""
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {', '.join(BORROWER_COLUMNS)} FROM borrower WHERE cell BETWEEN $1 AND $2"
        " AND status = 1 AND data_key <> '' ORDER BY cell, borrower_id FOR SHARE",
        *(low, high),
    )
    return rows


async def enter_again(
    connection: Connection, entries: Iterable[tuple[str, bytes, bytes, int]]
) -> None:
    """(purpose, new hash, old hash, borrower): enters the new where the old is theirs."""
    purposes, news, olds, borrowers = (list(each) for each in zip(*entries, strict=True))
    await connection.execute(
        "INSERT INTO directory (purpose, lookup, borrower_id)"
        " SELECT fresh.purpose, fresh.new, fresh.borrower_id"
        " FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[])"
        "  AS fresh (purpose, new, old, borrower_id)"
        " JOIN directory d ON d.purpose = fresh.purpose AND d.lookup = fresh.old"
        "  AND d.borrower_id = fresh.borrower_id ON CONFLICT DO NOTHING",
        *(purposes, news, olds, borrowers),
    )


async def drop_hashes(pool: Pool, index_id: int) -> int:
    """Take the entries of an index key out, some thousand at a time; how many there were."""
    dropped = 0
    while True:
        tag: str = await pool.execute(
            "DELETE FROM directory WHERE ctid = ANY(ARRAY("
            f"SELECT ctid FROM directory WHERE {HASHED} AND {INDEX_ID} = $1 LIMIT 5000))",
            index_id,
        )
        count = int(tag.removeprefix("DELETE "))
        dropped += count
        if not count:
            return dropped


# -- a person's new key ----------------------------------------------------------------------------


async def borrower_alone(connection: Connection, borrower_id: int) -> Row | None:
    """A borrower with ciphertext, locked."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {', '.join(BORROWER_COLUMNS)} FROM borrower"
        " WHERE cell = $1 AND borrower_id = $2 FOR UPDATE",
        *(borrower_id % 1024, borrower_id),
    )
    return row


async def sealed_rows(
    connection: Connection, fields: SealedFields, borrower_id: int
) -> Sequence[Row]:
    """A table's encrypted rows of a borrower, locked."""
    columns = ", ".join(dict.fromkeys((*fields.identity, fields.row_id, *fields.columns)))
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {columns} FROM {fields.table} WHERE cell = $1 AND borrower_id = $2 FOR UPDATE",
        *(borrower_id % 1024, borrower_id),
    )
    return rows


async def replace_sealed(
    connection: Connection, fields: SealedFields, row: Row, fresh: Sequence[bytes]
) -> None:
    """A row's new ciphertext, in the order of the columns."""
    given = len(fields.columns)
    values = ", ".join(f"{name} = ${n}" for n, name in enumerate(fields.columns, 1))
    place = " AND ".join(f"{name} = ${n}" for n, name in enumerate(fields.identity, given + 1))
    await connection.execute(
        f"UPDATE {fields.table} SET {values} WHERE {place}",
        *fresh, *(row[name] for name in fields.identity),
    )  # fmt: skip


async def replace_data_key(connection: Connection, borrower_id: int, wrapped: bytes) -> None:
    """A borrower's new wrapped data key."""
    await connection.execute(
        "UPDATE borrower SET data_key = $3 WHERE cell = $1 AND borrower_id = $2",
        *(borrower_id % 1024, borrower_id, wrapped),
    )


# -- jobs ------------------------------------------------------------------------------------------


async def count_jobs(connection: Connection | Pool, queue: str) -> tuple[int, int]:
    """How many jobs of a queue wait or are being done, and how many were given up."""
    row = await connection.fetchrow(
        f"SELECT count(*) FILTER (WHERE state = {WAITING}),"
        f" count(*) FILTER (WHERE state = {DEAD}) FROM job WHERE queue = $1",
        queue,
    )
    return row[0], row[1]


async def count_rows(connection: Connection, table: str) -> int:
    """Rows of a table."""
    found: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
    return found
