"""The SQL of backup and recovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from usance.platform import metrics
from usance.platform.database import Connection, Pool
from usance.platform.wal_receiver import SLOT, Identity

CHUNK = 10_000
"""Operations compared at a time: more than are under way at any moment."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server is, as far as a backup is concerned."""

    identity: Identity
    major: int
    database: str
    user: str
    segment: int
    """Bytes of a segment of its write-ahead log."""
    tablespaces: int
    replicates: bool
    """Whether our user may ask for a copy."""
    summarises: bool
    """Whether it notes which pages change, which an incremental backup needs."""
    now: datetime


async def server(pool: Pool) -> Server:
    """Ask it."""
    row = await pool.fetchrow(
        "SELECT system_identifier::text AS system, timeline_id AS timeline,"
        " current_setting('server_version_num')::int / 10000 AS major,"
        " current_database() AS database, current_user AS user, bytes_per_wal_segment AS segment,"
        " (SELECT count(*) FROM pg_tablespace WHERE oid >= 16384) AS tablespaces,"
        " (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user)"
        "  AS replicates,"
        " coalesce(current_setting('summarize_wal', true), 'off') = 'on' AS summarises,"
        " clock_timestamp() AS now"
        " FROM pg_control_system(), pg_control_checkpoint(), pg_control_init()"
    )
    values = dict(row)
    return Server(Identity(values.pop("system"), values.pop("timeline")), **values)


async def now(pool: Pool) -> datetime:
    """The server's clock."""
    found: datetime = await pool.fetchval("SELECT clock_timestamp()")
    return found


async def summarise(pool: Pool) -> None:
    """Note from now on which pages change."""
    await pool.execute("ALTER SYSTEM SET summarize_wal = on")
    await pool.execute("SELECT pg_reload_conf()")


@dataclass(frozen=True, slots=True)
class Slot:
    """How far the receiver is."""

    active: bool
    lost: bool
    received: int | None
    """All before it (LSN) is safe on the disk of the backup; None: nothing yet."""
    written: int
    """How far the server is."""


async def slot(pool: Pool) -> Slot | None:
    """The receiver's slot, if there is one."""
    row = await pool.fetchrow(
        "SELECT active, wal_status IS NOT DISTINCT FROM 'lost' AS lost, restart_lsn AS received,"
        " pg_current_wal_flush_lsn() AS written FROM pg_replication_slots WHERE slot_name = $1",
        SLOT,
    )
    return Slot(**row) if row else None


async def observe(pool: Pool) -> None:
    """Set what is watched of the receiver; nothing where no backup has been set up."""
    found = await slot(pool)
    if found is not None:
        metrics.backup_receiving.set(int(found.active))
        metrics.backup_behind.set(found.written - (found.received or 0))


# -- a restored book ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Newest:
    """How far a book goes."""

    business_date: date | None
    operation_id: int
    action: str
    recorded_at: datetime | None


async def newest(connection: Connection | Pool) -> Newest:
    """Of the whole book; no operation: an empty one."""
    on = await connection.fetchval("SELECT business_date FROM book")
    row = await connection.fetchrow(
        "SELECT operation_id, action, recorded_at FROM operation"
        " ORDER BY operation_id DESC LIMIT 1"
    )
    return Newest(on, *(row or (0, "", None)))


async def first_user(connection: Connection) -> str:
    """Who made the cluster; may do everything."""
    found: str = await connection.fetchval("SELECT rolname FROM pg_roles WHERE oid = 10")
    return found


async def become_ours(connection: Connection, *, database: str, name: str) -> None:
    """Name user and database of somebody else's server as the embedded one names both."""
    if not await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", name):
        await connection.execute(f"CREATE ROLE {quoted(name)} SUPERUSER LOGIN")
    if database == name:
        return
    if await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
        await connection.execute(f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(name + '_')}")
    await connection.execute(f"ALTER DATABASE {quoted(database)} RENAME TO {quoted(name)}")


def quoted(name: str) -> str:
    """As an identifier."""
    return '"' + name.replace('"', '""') + '"'


async def leaves(pool: Pool) -> int:
    """How many leaves the audit tree has."""
    found: int = await pool.fetchval("SELECT coalesce(max(leaf_index), -1) + 1 FROM audit_leaf")
    return found


async def operations_at(pool: Pool, places: Sequence[int]) -> list[int]:
    """The operations of some leaves."""
    rows = await pool.fetch(
        "SELECT operation_id FROM audit_leaf WHERE leaf_index = ANY($1::bigint[])", list(places)
    )
    return [row[0] for row in rows]


Operations = Sequence[Mapping[str, Any]]


async def recent_operations(pool: Pool, before: int) -> Operations:
    """The ``CHUNK`` newest operations before an id, newest first, as of one moment."""
    found: Operations = await pool.fetch(
        "SELECT operation_id, recorded_at FROM operation WHERE operation_id < $1"
        f" ORDER BY operation_id DESC LIMIT {CHUNK}",
        before,
    )
    return found


async def known_operations(pool: Pool, ids: Sequence[int]) -> set[int]:
    """Those of them that this book has."""
    rows = await pool.fetch(
        "SELECT operation_id FROM operation WHERE operation_id = ANY($1::bigint[])", list(ids)
    )
    return {row[0] for row in rows}
