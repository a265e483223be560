"""A new home from a backup: at the newest moment that was received, or at a given one."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform import postgres
from usance.platform.database import Pool, open_pool
from usance.platform.migrate import migrate
from usance.platform.postgres_place import DATABASE, USER, Cluster, PostgresError
from usance.recovery import rules, store
from usance.recovery.checks import pages_of
from usance.recovery.directory import Backup, Directory
from usance.recovery.lay_out import (
    Plan,
    aim,
    aim_no_more,
    check,
    check_room,
    lay_out,
    planned,
    refuse_gap,
)
from usance.recovery.notes import note
from usance.recovery.threads import to_its_end

PATIENCE = 24 * 3600.0
"""Seconds that a recovery may take."""
TOO_LATE = "before configured recovery target"
"""How PostgreSQL says that no later commit is in the log than the moment asked for."""
TOO_SHORT = ("WAL ends before", "could not locate required checkpoint record")
Tell = Callable[[str], None]
Again = Callable[[Pool], Awaitable[str]]
"""Does again what a backup has forgotten, such as erasures after it; says what it did."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """How far a restored book goes."""

    backup: Backup
    end: int
    """Where the new server left the write-ahead log of the old one (LSN)."""
    unread: int
    """Bytes at its very end that could not be read: a write that was under way at the end."""
    reached: bool
    """False: a moment was asked for, and no commit as late is in the log."""

    @property
    def replayed(self) -> int:
        """Bytes of the log that were read."""
        return self.end - self.backup.first


async def restore(
    directory: Directory, home: Path, *, until: datetime | None, name: str | None, actor: str,
    again: Sequence[Again], tell: Tell,
) -> tuple[Recovered, store.Newest]:  # fmt: skip
    """Make ``home``: it is there when this returns, and nothing of it is there if this raises.

    ``again`` is what must be done to every restored book before anybody sees it.
    """
    with beside(home) as new:
        with directory.read():
            plan = await to_its_end(planned, directory, until=until, name=name)
            recovered, cluster = await to_its_end(recover, directory, new, plan, tell)
        pool = await open_pool(await made_ours(cluster, plan.backup), 2)
        try:
            newest = await store.newest(pool)
            for each in again:
                tell(await each(pool))
            detail = {"backup": plan.backup.name, "until": until.isoformat() if until else ""}
            await note(pool, "RestoreBook", actor=actor, detail=detail)
        finally:
            await pool.close()
        await to_its_end(become, new, home)
    return recovered, newest


@contextmanager
def beside(home: Path) -> Iterator[Path]:
    """A folder that is to become ``home``: renamed by the caller at last, or else removed."""
    refuse_existing(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    name = home.with_name(f".{home.name}.restoring.lock")
    with open(name, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("R-BACKUP-13", f"{home} is being restored already", "--to") from None
        new = home.with_name(f"{home.name}.restoring")
        try:
            discard(new)  # of one that was killed
            new.mkdir(mode=0o711)
            yield new
        finally:
            discard(new)
            name.unlink()


@rule("R-BACKUP-06")
def refuse_existing(home: Path) -> None:
    """A restore makes a new home; it never writes into one."""
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise Refused("R-BACKUP-06", f"{home} is not empty: a restore makes a new home", "--to")


def become(new: Path, home: Path) -> None:
    """Stop the server of the new folder and give it its name."""
    cluster = postgres.locate(new)
    postgres.stop(cluster)
    remove_socket(cluster)
    refuse_existing(home)
    new.rename(home)


def recover(directory: Directory, home: Path, plan: Plan, tell: Tell) -> tuple[Recovered, Cluster]:
    """Check, lay out and recover; the server of ``home`` runs afterwards and answers."""
    check(directory, plan)
    cluster = postgres.locate(home)
    check_room(plan, cluster.place)
    tell(f"{plan.backup.name} is whole; laying it out with {len(plan.log)} segments of the log")
    lay_out(directory, plan, cluster)
    tell("reading the log")
    reached = started(directory, cluster, plan)
    aim_no_more(cluster)
    end = end_of_old_log(cluster)
    read_all = plan.until is None or not reached
    return Recovered(plan.backup, end, check_end(plan, end) if read_all else 0, reached), cluster


@rule("R-BACKUP-05")
def started(directory: Directory, cluster: Cluster, plan: Plan) -> bool:
    """Recover; False where the log ends before the moment asked for, and all of it was read."""
    try:
        postgres.start(cluster.home, PATIENCE)
    except PostgresError as error:
        if any(each in str(error) for each in TOO_SHORT):
            raise Refused(
                "R-BACKUP-05", f"the write-ahead log ends before the backup {plan.backup.name} does"
            ) from error
        if TOO_LATE not in str(error):
            raise
    else:
        return True
    refuse_gap(directory, plan)
    aim(cluster, None)
    postgres.start(cluster.home, PATIENCE)
    return False


def end_of_old_log(cluster: Cluster) -> int:
    """From the file that says where the new timeline leaves the old one."""
    *_, newest = sorted((cluster.data / "pg_wal").glob("*.history"))
    *_, line = [each for each in newest.read_text().splitlines() if each.strip()]
    return rules.position(line.split()[1])


@rule("R-BACKUP-05")
def check_end(plan: Plan, end: int) -> int:
    """Bytes at the very end that nobody can read; refused where that is more than a torn write."""
    here = end // rules.SEGMENT
    later = [file for file in plan.log if rules.segment_number(file.name) >= here]
    left = rules.unread(end, [page for file in later[:2] for page in pages_of(file)], plan.end)
    if left > rules.TORN or len(later) > 2:
        name = rules.segment_name(plan.backup.timeline, here)
        raise Refused(
            "R-BACKUP-05", f"the write-ahead log is damaged: {name} cannot be read from "
            f"{rules.position_text(end)} on",
        )  # fmt: skip
    return left


async def made_ours(cluster: Cluster, backup: Backup) -> str:
    """The address of the restored book, at this version's schema."""
    if (backup.user, backup.database) != (USER, DATABASE):
        first = await first_user(cluster, backup)
        connection = await connected(cluster, first, "template1")
        try:
            await store.become_ours(connection, database=backup.database, name=USER)
        finally:
            await connection.close()
    await migrate(cluster.url())
    return cluster.url()


async def first_user(cluster: Cluster, backup: Backup) -> str:
    """Who made somebody else's cluster."""
    connection = await connected(cluster, backup.user, backup.database)
    try:
        return await store.first_user(connection)
    finally:
        await connection.close()


async def connected(cluster: Cluster, user: str, database: str) -> asyncpg.Connection:
    """Over the socket, under another name."""
    return await asyncpg.connect(host=str(cluster.socket_dir), user=user, database=database)


def discard(home: Path) -> None:
    """Remove a home that is not to be, its server stopped; nothing happens if there is none."""
    if not home.exists():
        return
    cluster = postgres.locate(home)
    postgres.stop(cluster)
    remove_socket(cluster)
    shutil.rmtree(cluster.place)
    shutil.rmtree(home, ignore_errors=True)


def remove_socket(cluster: Cluster) -> None:
    """The folder of the socket, where it had to be elsewhere."""
    if not cluster.socket_dir.is_relative_to(cluster.place):
        with suppress(OSError):
            cluster.socket_dir.rmdir()
