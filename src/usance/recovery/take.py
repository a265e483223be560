"""One backup of a running server: copied, checked against its manifest, and only then one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from asyncpg import InsufficientPrivilegeError

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform import postgres, wal_receiver
from usance.platform.database import Pool
from usance.platform.postgres_client import ClientFailed, run_client
from usance.platform.wal_receiver import same_book
from usance.recovery import prune, rules, store
from usance.recovery.checks import check_apart, check_copy, check_secrets
from usance.recovery.directory import Backup, Directory, bytes_of
from usance.recovery.threads import to_its_end

MANIFEST = "backup_manifest"
CHECKSUMS = "--manifest-checksums=CRC32C"
"""Finds damage at the speed of the disk. Whether a book was forged, its audit tells."""
STREAM_SECONDS = 30
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """The server that is backed up."""

    url: str
    cluster: postgres.Cluster | None
    """The embedded one; None: a server of somebody else's."""
    secrets: list[Path]
    """Files that must not be in the same place as a backup."""

    @property
    def data(self) -> Path | None:
        """Its directory, if we know it."""
        return self.cluster.data if self.cluster else None


@rule("R-BACKUP-04")
async def take(
    pool: Pool, source: Source, directory: Directory, *, keep: int, incremental: bool,
    streamed: bool, tell: Tell,
) -> Backup:  # fmt: skip
    """Take a backup and let the oldest go; ``streamed``: the log is received here, too."""
    rules.kept([], {}, keep)
    check_apart(directory.path, source.data)
    check_secrets(directory.path, source.data, source.secrets)
    found = await store.server(pool)
    check_server(found)
    same_book(directory.path, found.identity)
    directory.prepare(found.identity)
    with directory.alone():
        prune.remove_unfinished(directory)
        if streamed:
            await receive(pool, source, directory, tell)
        parent = await parent_of(pool, directory, found, tell) if incremental else None
        backup = await copied(pool, source, directory, found, parent, tell)
        await let_go(directory, keep, tell)
    return backup


async def let_go(directory: Directory, keep: int, tell: Tell) -> None:
    """Remove what is not kept, unless somebody is restoring from it just now."""
    with directory.unread() as free:
        if not free:
            tell("a restore is reading here: nothing is removed this time")
            return
        for name in await to_its_end(prune.prune, directory, keep):
            tell(f"{name} removed")


@rule("R-BACKUP-09")
def check_server(found: store.Server) -> None:
    """What a server must allow; the embedded one does."""
    ours = int(run_client("pg_basebackup", "--version").split()[-1].partition(".")[0])
    reasons = {
        f"the server is PostgreSQL {found.major}, the programs here are of {ours}":
            found.major != ours,
        f"the user {found.user} may not ask for a copy: it needs REPLICATION":
            not found.replicates,
        "the server has tablespaces outside its directory": found.tablespaces > 0,
        "segments of the server's write-ahead log are not of 16 MB":
            found.segment != rules.SEGMENT,
    }  # fmt: skip
    for reason, applies in reasons.items():
        if applies:
            raise Refused("R-BACKUP-09", reason, "USANCE_DATABASE_URL")


# -- the write-ahead log --------------------------------------------------------------------------


async def receive(pool: Pool, source: Source, directory: Directory, tell: Tell) -> None:
    """The log is received before the copy begins, so that nothing between them is missing."""
    slot = await store.slot(pool)
    before = directory.wal.is_dir() and any(directory.wal.iterdir())
    if source.cluster is None:
        directory.wal.mkdir(mode=0o700, exist_ok=True)
        if slot is None or not slot.active:
            tell("nobody receives the write-ahead log: run `usance backup receive` all the time")
        return
    if (slot is None or slot.lost) and before:
        aside = rules.backup_name(await store.now(pool))
        tell("the stream of the write-ahead log had broken; a new one begins with this backup")
        await to_its_end(begin_anew, source.cluster, directory, aside)
    directory.wal.mkdir(mode=0o700, exist_ok=True)
    await until_active(pool, source.cluster, directory)


def begin_anew(cluster: postgres.Cluster, directory: Directory, aside: str) -> None:
    """Alone: whoever serves this home would start the old stream again."""
    with postgres.exclusive(cluster.home):
        wal_receiver.begin_anew(cluster, directory.path, aside)


async def until_active(pool: Pool, cluster: postgres.Cluster, directory: Directory) -> None:
    """Wait for the receiver, started here or by another process of this home."""
    for _ in range(STREAM_SECONDS * 20):
        slot = await store.slot(pool)
        if slot is not None and slot.active and slot.received is not None:
            return
        await to_its_end(start_receiver, cluster, directory)
        await asyncio.sleep(0.05)
    reason = wal_receiver.last_words(cluster.home)
    raise Refused("R-BACKUP-09", f"the write-ahead log cannot be received: {reason}")


def start_receiver(cluster: postgres.Cluster, directory: Directory) -> None:
    """If none runs."""
    with postgres.exclusive(cluster.home):
        wal_receiver.keep(cluster, directory.path)


# -- the copy -------------------------------------------------------------------------------------


async def parent_of(
    pool: Pool, directory: Directory, found: store.Server, tell: Tell
) -> Backup | None:
    """The backup that an incremental one can rest on, if it can."""
    if not found.summarises:
        try:
            await store.summarise(pool)
        except InsufficientPrivilegeError:
            reason = f"summarize_wal is off, and the user {found.user} may not set it"
            raise Refused("R-BACKUP-09", reason, "--incremental") from None
        tell("changed pages are noted from now on; this backup is a full one")
        return None
    backups = directory.backups()
    return backups[-1] if backups else None


async def copied(
    pool: Pool, source: Source, directory: Directory, found: store.Server,
    parent: Backup | None, tell: Tell,
) -> Backup:  # fmt: skip
    """The copy under its final name, checked; nothing stays of one that failed."""
    began_at = await free_moment(pool, directory)
    name = rules.backup_name(began_at)
    hidden = directory.path / "base" / f".{name}"
    hidden.mkdir(mode=0o700)
    try:
        full = parent is None or not await to_its_end(
            copy_changes, source, hidden / "data", directory.data(parent.name), tell
        )
        if full:
            await to_its_end(copy, source, hidden / "data")
        ended_at = await store.now(pool)
        await to_its_end(check_copy, hidden / "data")
        backup = described(
            hidden / "data", found, name=name, began_at=began_at, ended_at=ended_at,
            parent="" if full or parent is None else parent.name,
        )  # fmt: skip
        write_down(hidden / "backup.json", backup.document())
        hidden.rename(directory.path / "base" / name)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    return backup


async def free_moment(pool: Pool, directory: Directory) -> datetime:
    """The server's time, in a second that names no backup yet."""
    while True:
        found = await store.now(pool)
        if not (directory.path / "base" / rules.backup_name(found)).exists():
            return found
        await asyncio.sleep(0.1)


def copy(source: Source, target: Path, *more: str) -> None:
    """A copy with the log that makes it whole, so that it can be restored without any other."""
    run_client(
        "pg_basebackup", f"--pgdata={target}", "--wal-method=stream", "--checkpoint=fast",
        CHECKSUMS, "--label=usance", *more, url=source.url,
    )  # fmt: skip


def copy_changes(source: Source, target: Path, parent: Path, tell: Tell) -> bool:
    """Only what changed since; False if the server no longer knows what that is."""
    try:
        copy(source, target, f"--incremental={parent / MANIFEST}")
    except ClientFailed as error:
        if "summar" not in " ".join(error.lines):
            raise
        tell(f"not incremental, but full: {error.lines[0]}")
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True


def described(data: Path, found: store.Server, **known: Any) -> Backup:
    """What the manifest says of the write-ahead log, and what we know."""
    manifest = json.loads((data / MANIFEST).read_text())
    (log,) = manifest["WAL-Ranges"]
    return Backup(
        first=rules.position(log["Start-LSN"]), last=rules.position(log["End-LSN"]),
        timeline=log["Timeline"], bytes=bytes_of(data), major=found.major,
        database=found.database, user=found.user, **known,
    )  # fmt: skip


def write_down(file: Path, document: dict[str, Any]) -> None:
    """On the disk before the backup has its name."""
    with open(file, "w") as opened:
        opened.write(json.dumps(document, indent=2) + "\n")
        opened.flush()
        os.fsync(opened.fileno())

