"""The receiver: streams the server's write-ahead log into a backup directory while it runs.

It is PostgreSQL's ``pg_receivewal``: each commit is on the disk of the backup some milliseconds
after it is on the server's own, and nobody waits for it. A replication slot makes the server keep
what has not been received yet, up to ``max_slot_wal_keep_size``. The receiver holds a lock in the
home for as long as it lives, so a killed one is noticed and nothing has to be cleaned up.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.postgres_client import ClientFailed, command, environment, run_client
from usance.platform.postgres_place import Cluster

SLOT = "usance_backup"
BOOK_FILE = "book.json"
"""In a backup directory: the identity of the one server whose backups it holds."""
WAL_FOLDER = "wal"
OPTIONS = ("--synchronous", "--status-interval=1", f"--slot={SLOT}")
STALLED = "-c wal_sender_timeout=30s"
"""After so long the server lets go of a receiver that does not answer: a disk that hangs must not
keep the server from stopping."""
AGAIN_SECONDS = 5
"""A receiver that ended at once is not started again sooner."""
STOP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Identity:
    """Which server it is: a number made by initdb, and its timeline, new after every restore."""

    system: str
    timeline: int


def keep(cluster: Cluster, directory: Path) -> str | None:
    """Start the receiver if none runs; why that is not possible, or None."""
    if running(cluster.home) is not None:
        return None
    if not (directory / WAL_FOLDER).is_dir():
        return f"{directory} is not there or not prepared: `usance backup` makes it"
    check_book(cluster, directory)
    if _started_lately(cluster.home):
        return f"the receiver ended: {last_words(cluster.home)}"
    start(cluster, directory)
    return None


def start(cluster: Cluster, directory: Path) -> None:
    """Make the slot if there is none, and start the receiver in a session of its own."""
    url = cluster.url()
    with open(_lock(cluster.home), "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        lock.truncate(0)
        make_slot(url)
        with open(cluster.home / "receiver.log", "wb") as log:
            process = subprocess.Popen(
                receive_command(url, directory), env=receive_environment(url),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                start_new_session=True, pass_fds=(lock.fileno(),),
            )  # fmt: skip
        lock.write(str(process.pid))


def make_slot(url: str) -> None:
    """The server keeps from now on what the receiver does not have yet."""
    options = ("--create-slot", "--if-not-exists", f"--slot={SLOT}")
    run_client("pg_receivewal", *options, url=url)


def drop_slot(url: str) -> None:
    """The server keeps nothing for a receiver any more."""
    with suppress(ClientFailed):  # there may be none
        run_client("pg_receivewal", "--drop-slot", f"--slot={SLOT}", url=url)


def receive_command(url: str, directory: Path) -> list[str]:
    """What runs."""
    folder = f"--directory={directory / WAL_FOLDER}"
    return command("pg_receivewal", folder, *OPTIONS, url=url)


def receive_environment(url: str) -> dict[str, str]:
    """What it runs in."""
    return environment(url) | {"PGOPTIONS": STALLED}


def running(home: Path) -> int | None:
    """Process id of the receiver of this home, or None: whether its lock is held."""
    try:
        lock = open(_lock(home))  # noqa: SIM115 (closed below)
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read() or 0)
    return None


def stop(home: Path) -> None:
    """End the receiver, if one runs; what it has received stays."""
    deadline = time.monotonic() + STOP_SECONDS
    while pid := running(home):
        patient = time.monotonic() < deadline
        os.kill(pid, signal.SIGTERM if patient else signal.SIGKILL)
        time.sleep(0.02)
    _lock(home).unlink(missing_ok=True)  # the next one need not wait


def begin_anew(cluster: Cluster, directory: Path, aside: str) -> None:
    """The stream broke: what is there is put aside, and a new one begins at this moment."""
    stop(cluster.home)
    drop_slot(cluster.url())
    wal = directory / WAL_FOLDER
    wal.rename(directory / f"{WAL_FOLDER}-until-{aside}")
    wal.mkdir(mode=0o700)


def identity(cluster: Cluster) -> Identity:
    """Of the server of this cluster, which may be down."""
    told = run_client("pg_controldata", f"--pgdata={cluster.data}")
    fields = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    timeline = int(fields["Latest checkpoint's TimeLineID"])
    return Identity(fields["Database system identifier"].strip(), timeline)


@rule("R-BACKUP-03")
def same_book(directory: Path, found: Identity) -> None:
    """Refuse a directory that holds the backups of another server, or of another life of it."""
    try:
        written = json.loads((directory / BOOK_FILE).read_text())
    except FileNotFoundError:
        return
    if Identity(**written) != found:
        raise Refused(
            "R-BACKUP-03", f"{directory} holds the backups of another book, or of this one before "
            "it was restored: name a new directory", "USANCE_BACKUP_DIR",
        )  # fmt: skip


def check_book(cluster: Cluster, directory: Path) -> None:
    """The same for the server of a cluster; a new directory is anybody's."""
    if (directory / BOOK_FILE).exists():
        same_book(directory, identity(cluster))


def last_words(home: Path) -> str:
    """The last line that the receiver wrote."""
    lines = (home / "receiver.log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"


def _lock(home: Path) -> Path:
    return home / "receiver.lock"


def _started_lately(home: Path) -> bool:
    try:
        age = time.time() - _lock(home).stat().st_mtime
    except FileNotFoundError:
        return False
    return 0 <= age < AGAIN_SECONDS
