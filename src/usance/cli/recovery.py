"""``usance backup``, ``usance restore`` and ``usance drill``."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from usance.cli.audit import sequencer_of
from usance.cli.house import opened, operator, run

if TYPE_CHECKING:
    from usance.platform.config import Settings
    from usance.platform.database import Pool
    from usance.recovery.directory import Backup, Directory
    from usance.recovery.proofs import Proof
    from usance.recovery.restore import Again
    from usance.recovery.take import Source

KEYS_APART = (
    "no key is in a backup: keep the master key, the audit key and the list of erased people "
    "elsewhere, or nobody can read the names in it, and who was erased comes back"
)
KEY_NEXT = (
    "before it serves: the master key of the old home (USANCE_MASTER_KEY_FILE), a new backup "
    "directory (USANCE_BACKUP_DIR), and `usance verify`"
)


def backup(directory: Path | None = None, *, keep: int = 7, incremental: bool = False) -> None:
    """Take a backup of the running book, check it, and let the oldest ones go.

    Parameters
    ----------
    directory
        Where backups are; USANCE_BACKUP_DIR if not given.
    keep
        How many backups stay.
    incremental
        Copy only what changed since the newest backup, where the server knows what that is.
    """
    run(_backup(directory, keep, incremental=incremental))


async def _backup(path: Path | None, keep: int, *, incremental: bool) -> None:
    from usance.recovery.notes import note
    from usance.recovery.take import take

    async with opened() as (settings, pool):
        directory = directory_of(path, settings)
        taken = await take(
            pool, source_of(settings), directory, keep=keep, incremental=incremental,
            streamed=directory.path == settings.backup_dir, tell=told,
        )  # fmt: skip
        detail = {"backup": taken.name, "parent": taken.parent, "bytes": taken.bytes}
        await note(pool, "TakeBackup", actor=operator(), detail=detail)
    print(line_of(taken))
    print(KEYS_APART, file=sys.stderr)


def listed(directory: Path | None = None, *, json: bool = False) -> None:
    """List the backups of a directory, oldest first, and how far the log after them goes.

    Parameters
    ----------
    directory
        Where backups are; USANCE_BACKUP_DIR if not given.
    json
        Print one JSON document.
    """
    import msgspec

    from usance.platform.config import Settings
    from usance.recovery.reach import reach_of

    found = directory_of(directory, Settings.from_environment())
    backups, reach = found.backups(), reach_of(found)
    if json:
        document = {"backups": [each.document() for each in backups], "log": reach.document()}
        print(msgspec.json.encode(document).decode())
        return
    for each in backups:
        print(line_of(each))
    print(reach.sentence())


def receive(directory: Path | None = None) -> None:
    """Receive the write-ahead log of a server of your own until told to stop.

    The embedded server needs no such command: its log is received while it runs.

    Parameters
    ----------
    directory
        Where backups are; USANCE_BACKUP_DIR if not given.
    """
    command, environment = run(_receive(directory))
    os.execvpe(command[0], command, environment)  # noqa: S606 (becomes the receiver)


async def _receive(path: Path | None) -> tuple[list[str], dict[str, str]]:
    from usance.core.refusals import Refused
    from usance.platform import wal_receiver
    from usance.recovery import store
    from usance.recovery.take import check_server

    async with opened() as (settings, pool):
        if settings.database_url is None:
            raise Refused("R-BACKUP-09", "the log of the embedded server is received while it runs")
        directory, url = directory_of(path, settings), settings.database_url
        found = await store.server(pool)
        check_server(found)
        wal_receiver.same_book(directory.path, found.identity)
        directory.prepare(found.identity)
        directory.wal.mkdir(mode=0o700, exist_ok=True)
        await asyncio.to_thread(wal_receiver.make_slot, url)
    command = wal_receiver.receive_command(url, directory.path)
    return command, wal_receiver.receive_environment(url)


def stop() -> None:
    """Receive the write-ahead log no more: the server keeps nothing for a receiver.

    Backups stay. Unset USANCE_BACKUP_DIR first, also where the book is served.
    """
    run(_stop())


async def _stop() -> None:
    from usance.platform import wal_receiver
    from usance.platform.config import ConfigurationError

    async with opened() as (settings, _):
        if settings.backup_dir is not None:
            raise ConfigurationError("unset USANCE_BACKUP_DIR first, also where the book is served")
        if settings.database_url is None:
            await asyncio.to_thread(wal_receiver.stop, settings.home)
        await asyncio.to_thread(wal_receiver.drop_slot, source_of(settings).url)
    print("the write-ahead log is received no more")


def restore(
    *,
    source: Annotated[Path, Parameter(name="--from")],
    to: Annotated[Path, Parameter(name="--to")],
    until: str | None = None,
    backup: Annotated[str | None, Parameter(name="--backup")] = None,
) -> None:
    """Make a new home from a backup and the log after it.

    Parameters
    ----------
    source
        The backup directory.
    to
        The new home; it must not exist.
    until
        Stop at a moment, such as 2026-11-22T10:30:00+08:00; the newest one if not given.
    backup
        Begin with this backup; the newest one that ended before the moment if not given.
    """
    run(_restore(source.absolute(), to.absolute(), until, backup))


async def _restore(source: Path, home: Path, until: str | None, name: str | None) -> None:
    from usance.platform import logs
    from usance.platform.config import Settings
    from usance.recovery import rules
    from usance.recovery.directory import Directory
    from usance.recovery.restore import restore as make

    settings = Settings.from_environment()
    logs.configure(settings)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    recovered, newest = await make(
        Directory(source), home, name=name, actor=operator(), tell=told,
        until=None if until is None else rules.moment(until), again=again(settings),
    )  # fmt: skip
    print(f"{home} holds the book again, from {recovered.backup.name} and "
          f"{recovered.replayed / 2**20:.1f} MB of the log after it")  # fmt: skip
    print(f"business date   {newest.business_date}")
    print(f"last operation  {newest.recorded_at} {newest.action}, no. {newest.operation_id}")
    if not recovered.reached:
        print(f"the log holds nothing as late as {until}: everything in it was restored")
    if recovered.unread:
        print(f"the last {recovered.unread} bytes of the log were being written when it ended")
    print(KEY_NEXT, file=sys.stderr)


def drill(
    directory: Path | None = None, *, rpo_max: float = 60, rto_max: float = 300,
    folder: Annotated[Path | None, Parameter(name="--in")] = None, json: bool = False,
) -> None:  # fmt: skip
    """Restore the newest backup beside the live book, prove it, measure; exit 1 if it fails.

    Parameters
    ----------
    directory
        Where backups are; USANCE_BACKUP_DIR if not given.
    rpo_max
        Seconds of acknowledged operations that may be lost.
    rto_max
        Seconds until the restored book answers and has been proved.
    folder
        Where to restore; where temporary files go if not given.
    json
        Print one JSON document.
    """
    sys.exit(run(_drill(directory, folder, rpo_max, rto_max, as_json=json)))


async def _drill(
    path: Path | None, folder: Path | None, rpo_max: float, rto_max: float, *, as_json: bool
) -> int:
    import msgspec

    from usance.recovery.drill import drill as held

    async with opened() as (settings, pool):
        await sequencer_of(settings, pool).catch_up()
        found = await held(
            pool, directory_of(path, settings), folder=folder, proofs=proofs(settings),
            rpo_max=rpo_max, rto_max=rto_max, actor=operator(),
            tell=told,
        )  # fmt: skip
    print(msgspec.json.encode(found.document()).decode() if as_json else found.sentences())
    return 0 if found.ok else 1


def proofs(settings: Settings) -> list[Proof]:
    """What is asked of a restored book, and what it is held against as of now."""
    from usance.audit.key import open_key
    from usance.recovery.proofs import Inclusions, Invariants, Kept

    key = open_key(settings.audit_key_file).public
    return [Invariants([key], Kept.at(settings.checkpoint_directory)), Inclusions(key)]


def again(settings: Settings) -> list[Again]:
    """What is done to a restored book before anybody sees it: who was erased is erased again."""
    from usance.identity import erasure
    from usance.web import personal  # noqa: F401 (enters what each room forgets)

    path = settings.erasures_file

    async def forget(pool: Pool) -> str:
        if not path.exists():
            return (
                f"nobody was erased again: there is no list at {path}. Put it beside the master "
                "key and run `usance keys erasures --reapply` before you serve"
            )
        done = await erasure.reapply(pool, path, actor=operator())
        return f"{done.erased} people erased again, {done.already} had nothing left"

    return [forget]


def directory_of(path: Path | None, settings: Settings) -> Directory:
    """The one that is named, or the configured one."""
    from usance.platform.config import ConfigurationError
    from usance.recovery.directory import Directory

    found = path.absolute() if path is not None else settings.backup_dir
    if found is None:
        raise ConfigurationError("name a directory, or set USANCE_BACKUP_DIR")
    return Directory(found)


def source_of(settings: Settings) -> Source:
    """The server of this home, or the configured one, and what must not be near a backup."""
    from usance.platform.postgres import locate
    from usance.recovery.take import Source

    cluster = None if settings.database_url else locate(settings.home)
    url = settings.database_url or locate(settings.home).url()
    return Source(url, cluster, secrets_of(settings))


def secrets_of(settings: Settings) -> list[Path]:
    """Files that must not be where a backup is."""
    files = [settings.master_key_file, settings.audit_key_file, settings.erasures_file]
    if settings.key_service_token_file is not None:
        files.append(settings.key_service_token_file)
    if settings.identity_provider is not None:
        files.append(settings.identity_provider.client_secret_file)
    if settings.carriers_file is not None:
        files.append(settings.carriers_file)
    return files


def line_of(each: Backup) -> str:
    """A backup as a person reads it."""
    kind = f"what changed since {each.parent}" if each.parent else "full"
    return f"{each.name}  {each.bytes / 2**20:,.1f} MB  {kind}, ended {each.ended_at:%F %T} UTC"


def told(line: str) -> None:
    """Progress, beside the answer."""
    print(line, file=sys.stderr, flush=True)
