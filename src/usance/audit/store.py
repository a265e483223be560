"""The SQL of the audit tree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from usance.audit.merkle import HASH_BYTES, Node, Peaks, nodes_of
from usance.audit.note import Checkpoint
from usance.core.rules import rule
from usance.platform import locks
from usance.platform.database import Connection, Pool

Row = Sequence[Any]
PORTION = 5_000
"""Rows fetched at a time where all are read."""
FIRST = -(2**63)
"""Before every leaf, also one whose number was edited."""

DAY = "CASE WHEN {0} BETWEEN '0001-01-01' AND '9999-12-31' THEN to_char({0}, 'YYYY-MM-DD') \
ELSE encode(date_send({0}), 'hex') END"
MOMENT = "CASE WHEN {0} >= '0001-01-02+00' AND {0} < '9999-12-31+00' \
THEN to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
ELSE encode(timestamptz_send({0}), 'hex') END"
LEAF = f"""jsonb_build_object('v', 1, 'operation_id', o.operation_id::text, 'actor', o.actor,
    'action', o.action, 'borrower_id', o.borrower_id::text, 'contract_id', o.contract_id::text,
    'business_date', {DAY.format('o.business_date')},
    'recorded_at', {MOMENT.format('o.recorded_at')}, 'digest', encode(o.digest, 'hex'),
    'detail', o.detail, 'form', o.form, 'xid', o.xid::text)::text"""
"""An operation ``o`` in clear, in its one spelling: every column, on one line of JSON. What lies
beyond the calendar of JSON (an edited row may) is spelled by its bytes."""
HASH = rf"sha256('\x00'::bytea || convert_to({LEAF}, 'UTF8'))"

TAKE_TURN = f"SELECT pg_try_advisory_xact_lock({locks.SEQUENCING})"
HERE = """
SELECT pg_current_snapshot()::text, system_identifier::text,
    $1 <> '' AND pg_snapshot_xmax(pg_current_snapshot()) >= pg_snapshot_xmax(
        nullif($1, '')::pg_snapshot)
FROM pg_control_system()
"""
"""What is committed now, in which cluster, and whether transactions are numbered further than in
the snapshot given: a restored book may find itself in a younger cluster."""

FOUND = f"o.operation_id, o.xid::text, o.action, o.recorded_at, {HASH}"
WITHOUT_LEAF = (
    "(SELECT l.leaf_index FROM audit_leaf l WHERE l.operation_id = o.operation_id) IS NULL"
)
NEW = f"""
SELECT {FOUND} FROM operation o
WHERE o.xid >= greatest(pg_snapshot_xmin($1::text::pg_snapshot), $3::text::xid8)
    AND o.xid < pg_snapshot_xmax($2::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(o.xid, $1::text::pg_snapshot)
    AND pg_visible_in_snapshot(o.xid, $2::text::pg_snapshot)
    AND (o.xid, o.operation_id) > ($3::text::xid8, $4::bigint) AND {WITHOUT_LEAF}
ORDER BY o.xid, o.operation_id LIMIT $5
"""
"""Operations committed between two snapshots, from a place on. Those of a book that was restored
from another cluster have numbers that mean nothing here: they have their leaves already."""
ALL_WITHOUT_LEAF = f"""
SELECT {FOUND} FROM operation o
WHERE o.operation_id > $1 AND NOT EXISTS (
    SELECT FROM audit_leaf l WHERE l.operation_id = o.operation_id)
ORDER BY o.operation_id LIMIT $2
"""


class Found(NamedTuple):
    """An operation that is to become a leaf."""

    operation_id: int
    xid: str
    action: str
    recorded_at: datetime
    hash: bytes


class Here(NamedTuple):
    """What is committed now, and in which cluster."""

    snapshot: str
    cluster: str
    follows: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The row of ``audit_tree``."""

    size: int = 0
    checkpoints: int = 0
    snapshot: str = ""
    cluster: str = ""

    @property
    def seal(self) -> bytes:
        """The hash of the row."""
        text = f"{self.size}|{self.checkpoints}|{self.snapshot}|{self.cluster}"
        return hashlib.sha256(text.encode()).digest()


async def take_turn(connection: Connection) -> bool:
    """Whether this transaction may sequence; another one is at it otherwise."""
    found: bool = await connection.fetchval(TAKE_TURN)
    return found


async def heads(connection: Connection) -> list[Row]:
    """Rows of the table that has one: size, checkpoints, snapshot, cluster, seal, one."""
    rows: list[Row] = await connection.fetch(
        "SELECT size, checkpoints, snapshot, cluster, seal, one FROM audit_tree ORDER BY one DESC"
    )
    return rows


async def head_of(connection: Connection | Pool) -> tuple[Head, bool]:
    """Where the tree stands (empty before the first leaf), and whether its seal holds."""
    row = await connection.fetchrow(
        "SELECT size, checkpoints, snapshot, cluster, seal FROM audit_tree WHERE one"
    )
    head = Head(*row[:4]) if row else Head()
    return head, row is None or row[4] == head.seal


async def write_head(connection: Connection, head: Head) -> None:
    """The tree stands here now."""
    await connection.execute(
        "INSERT INTO audit_tree (size, checkpoints, snapshot, cluster, seal)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (one) DO UPDATE SET size = $1, checkpoints = $2,"
        " snapshot = $3, cluster = $4, seal = $5",
        *(head.size, head.checkpoints, head.snapshot, head.cluster, head.seal),
    )


async def here(connection: Connection, snapshot: str) -> Here:
    """The present moment; whether it comes after ``snapshot``, by the numbers of transactions."""
    return Here(*await connection.fetchrow(HERE, snapshot))


async def new_operations(
    connection: Connection, seen: str, until: str, place: tuple[str, int], limit: int
) -> list[Found]:
    """What was committed after ``seen`` and by ``until``, after a place (xid, id)."""
    return [Found(*row) for row in await connection.fetch(NEW, seen, until, *place, limit)]


async def operations_without_leaf(
    connection: Connection, after: int, limit: int
) -> list[Found]:
    """The anti-join: all that has no leaf, by id."""
    return [Found(*row) for row in await connection.fetch(ALL_WITHOUT_LEAF, after, limit)]


async def insert_leaves(
    connection: Connection, rows: Iterable[tuple[int, int, bytes, bytes]]
) -> None:
    """(leaf index, operation, hash, subtrees that it completes)."""
    columns = ["leaf_index", "operation_id", "hash", "subtrees"]
    await connection.copy_records_to_table("audit_leaf", records=rows, columns=columns)


# -- nodes -----------------------------------------------------------------------------------------


@rule("R-PROOF-02")
async def nodes(connection: Connection | Pool, wanted: Iterable[Node]) -> dict[Node, bytes]:
    """Hashes of complete subtrees: one read, of as many rows; ``KeyError`` without a leaf."""
    found = list(wanted)
    rows = await connection.fetch(
        "SELECT leaf_index, hash, subtrees FROM audit_leaf WHERE leaf_index = ANY($1::bigint[])",
        [node.last_leaf for node in found],
    )
    stored = {row[0]: bytes(row[1]) + bytes(row[2]) for row in rows}
    return {node: hash_at(stored[node.last_leaf], node.level) for node in found}


def hash_at(hashes: bytes, level: int) -> bytes:
    """The hash of a level, of a leaf's own hash and those of the subtrees that end with it."""
    return hashes[level * HASH_BYTES : (level + 1) * HASH_BYTES]


async def peaks(connection: Connection | Pool, size: int) -> Peaks:
    """The right edge of the first ``size`` leaves."""
    edge = nodes_of(0, size)
    found = await nodes(connection, edge)
    return Peaks(size, [found[node] for node in edge])


async def leaf_of(connection: Connection | Pool, operation_id: int) -> int | None:
    """An operation's place in the tree."""
    found: int | None = await connection.fetchval(
        "SELECT leaf_index FROM audit_leaf WHERE operation_id = $1", operation_id
    )
    return found


async def event_text(connection: Connection | Pool, operation_id: int) -> str | None:
    """An operation in clear, as its leaf has it."""
    found: str | None = await connection.fetchval(
        f"SELECT {LEAF} FROM operation o WHERE operation_id = $1", operation_id
    )
    return found


async def event_texts(connection: Connection, before: int) -> AsyncIterator[list[Row]]:
    """(leaf index, leaf hash, operation in clear) of the first leaves, in portions."""
    query = (
        f"SELECT l.leaf_index, l.hash, {LEAF} FROM audit_leaf l LEFT JOIN operation o"
        " USING (operation_id) WHERE l.leaf_index > $1 AND l.leaf_index < $2"
        " ORDER BY l.leaf_index LIMIT $3"
    )
    last = FIRST
    while rows := await connection.fetch(query, last, before, PORTION):
        yield rows
        last = rows[-1][0]


# -- to look at ------------------------------------------------------------------------------------

SHOWN = """operation_id, actor, action, borrower_id, contract_id, business_date, recorded_at,
    detail, digest, l.leaf_index"""
WINDOW = 20_000
"""Events that a search looks through for one page: a rare actor must not cost a scan of all."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; "" and 0 for any."""

    actor: str = ""
    action: str = ""
    borrower_id: int = 0


async def events(
    pool: Pool, wanted: Wanted, before: int, limit: int
) -> tuple[list[asyncpg.Record], int]:
    """Events below an id, newest first, and below which id to look for more (0: no more)."""
    among = "operation WHERE operation_id < $1"
    among += " AND borrower_id = $2" if wanted.borrower_id else " AND $2 = 0::bigint"
    rows: list[asyncpg.Record] = await pool.fetch(
        f"SELECT {SHOWN}"
        f" FROM (SELECT * FROM {among} ORDER BY operation_id DESC LIMIT {WINDOW}) AS o"
        " LEFT JOIN audit_leaf l USING (operation_id)"
        " WHERE ($3 = '' OR actor = $3) AND ($4 = '' OR action = $4)"
        " ORDER BY operation_id DESC LIMIT $5",
        *(before, wanted.borrower_id, wanted.actor, wanted.action, limit),
    )
    if len(rows) == limit:
        return rows, rows[-1]["operation_id"]
    last = await pool.fetchval(
        f"SELECT operation_id FROM {among} ORDER BY operation_id DESC OFFSET {WINDOW - 1} LIMIT 1",
        *(before, wanted.borrower_id),
    )
    return rows, last or 0


# -- for an auditor --------------------------------------------------------------------------------


async def turnover(connection: Connection, size: int) -> list[Row]:
    """(day, product, account, debit, credit) of closed days.

    Not of a day whose end is an event beyond the first ``size`` leaves: it is not signed yet.
    """
    rows: list[Row] = await connection.fetch(
        "SELECT booked_on, product_id, account, debit, credit FROM ledger_day"
        " WHERE booked_on < coalesce((SELECT min(business_date) FROM operation o"
        " LEFT JOIN audit_leaf l USING (operation_id) WHERE o.action = 'FinishDay'"
        " AND coalesce(l.leaf_index, $1) >= $1), 'infinity')"
        " ORDER BY booked_on, product_id, account",
        size,
    )
    return rows


async def products(connection: Connection) -> list[dict[str, Any]]:
    """Products in force, with their settings."""
    rows = await connection.fetch(
        "SELECT product_id, code, name_zh, name_en, settings FROM product ORDER BY product_id"
    )
    return [dict(row) | {"settings": json.loads(row["settings"])} for row in rows]


async def book(connection: Connection) -> tuple[str, str, date]:
    """Name, currency and business date of the book."""
    row = await connection.fetchrow("SELECT name, currency, business_date FROM book")
    return row[0], row[1], row[2]


# -- checkpoints -----------------------------------------------------------------------------------

CHECKPOINT = "SELECT number, size, root, note, made_at FROM audit_checkpoint"


class Kept(NamedTuple):
    """A checkpoint as it is stored."""

    number: int
    size: int
    root: bytes
    note: str
    made_at: datetime


async def insert_checkpoint(connection: Connection, number: int, made: Checkpoint) -> None:
    """The next one."""
    await connection.execute(
        "INSERT INTO audit_checkpoint (number, size, root, note, made_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        *(number, made.size, made.root, made.note, made.made_at),
    )


async def newest_checkpoint(connection: Connection | Pool) -> Kept | None:
    """The last one."""
    row = await connection.fetchrow(f"{CHECKPOINT} ORDER BY number DESC LIMIT 1")
    return Kept(*row) if row else None


async def checkpoint_at(connection: Connection | Pool, size: int) -> Kept | None:
    """That of a tree of this size."""
    row = await connection.fetchrow(f"{CHECKPOINT} WHERE size = $1", size)
    return Kept(*row) if row else None


async def checkpoints(
    connection: Connection | Pool, *, before: int = 2**31 - 1, limit: int | None = None
) -> list[Kept]:
    """Numbered below ``before``, newest first."""
    rows = await connection.fetch(
        f"{CHECKPOINT} WHERE number < $1 ORDER BY number DESC LIMIT $2", before, limit
    )
    return [Kept(*row) for row in rows]


async def checkpoints_after(connection: Connection | Pool, size: int) -> list[Kept]:
    """Of larger trees than ``size``, oldest first."""
    rows = await connection.fetch(f"{CHECKPOINT} WHERE size > $1 ORDER BY size", size)
    return [Kept(*row) for row in rows]


# -- for the proof ---------------------------------------------------------------------------------

SIDE_BY_SIDE = f"""
WITH compared AS (
    SELECT operation_id, l.leaf_index, o.action, l.hash, CASE
        WHEN o.action IS NULL THEN 'no operation'
        WHEN l.leaf_index IS NOT NULL THEN CASE WHEN l.hash <> {HASH} THEN 'another hash' END
        WHEN pg_visible_in_snapshot(o.xid, nullif($1, '')::pg_snapshot) THEN 'no leaf'
        WHEN abs(extract(epoch FROM statement_timestamp() - o.recorded_at)) >= $2::float8
            THEN 'no leaf'
        ELSE 'waits' END AS what
    FROM operation o FULL JOIN audit_leaf l USING (operation_id)
)
SELECT DISTINCT ON (what) what, operation_id, leaf_index, action, hash,
    count(*) OVER (PARTITION BY what)
FROM compared WHERE what IS NOT NULL ORDER BY what, leaf_index, operation_id
"""
"""Operations and leaves that do not fit: of each kind the first, and how many there are."""


async def side_by_side(
    connection: Connection, snapshot: str, patience: float | None
) -> list[Row]:
    """(what, operation, leaf index, action, leaf hash, how many) of what does not fit.

    What the sequencer had not seen (``snapshot``) may wait for so many seconds, or (None) for
    ever.
    """
    longest = float("inf") if patience is None else patience
    rows: list[Row] = await connection.fetch(SIDE_BY_SIDE, snapshot, longest)
    return rows


async def hash_now(connection: Connection, operation_id: int) -> bytes:
    """The hash that an operation's leaf should have."""
    found: bytes = await connection.fetchval(
        f"SELECT {HASH} FROM operation o WHERE operation_id = $1", operation_id
    )
    return found


async def leaves(connection: Connection) -> AsyncIterator[list[Row]]:
    """(leaf index, hash, subtrees) of all leaves in order, in portions."""
    query = (
        "SELECT leaf_index, hash, subtrees FROM audit_leaf WHERE leaf_index > $1"
        " ORDER BY leaf_index LIMIT $2"
    )
    last = FIRST
    while rows := await connection.fetch(query, last, PORTION):
        yield rows
        last = rows[-1][0]
