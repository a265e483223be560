"""A backup directory and what lies in it.

::

    DIR/book.json             whose backups these are
    DIR/base/NAME/backup.json what we know of a backup
    DIR/base/NAME/data/       the copy, with PostgreSQL's manifest of it
    DIR/wal/                  the write-ahead log, as it is received; only where it is
    DIR/wal-until-NAME/       the same from before the stream broke once

A backup is made under a name that begins with a dot, and renamed once it has been checked.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.wal_receiver import BOOK_FILE, WAL_FOLDER, Identity
from usance.recovery import rules

READERS = "readers"
"""Locked, shared, by whoever restores from here."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup; moments are those of the server's clock."""

    name: str
    began_at: datetime
    ended_at: datetime
    """From here on a moment can be restored to."""
    parent: str
    """The backup that an incremental one rests on; empty: a full one."""
    first: int
    """Where its write-ahead log begins (LSN), and where it must be read to at least."""
    last: int
    timeline: int
    bytes: int
    major: int
    """PostgreSQL's major version."""
    database: str
    user: str

    def document(self) -> dict[str, Any]:
        """As it is written."""
        return asdict(self) | {
            "began_at": self.began_at.isoformat(), "ended_at": self.ended_at.isoformat(),
            "first": rules.position_text(self.first), "last": rules.position_text(self.last),
        }  # fmt: skip


def backup_from(document: dict[str, Any]) -> Backup:
    """The way back."""
    return Backup(**document | {
        "began_at": datetime.fromisoformat(document["began_at"]),
        "ended_at": datetime.fromisoformat(document["ended_at"]),
        "first": rules.position(document["first"]), "last": rules.position(document["last"]),
    })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Directory:
    """Where backups are."""

    path: Path

    @property
    def wal(self) -> Path:
        """Where the write-ahead log is received into."""
        return self.path / WAL_FOLDER

    def data(self, name: str) -> Path:
        """The copy of a backup."""
        return self.path / "base" / name / "data"

    def prepare(self, identity: Identity) -> None:
        """Make the directory of this server; its owner alone looks into it."""
        for folder in (self.path, self.path / "base"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.path / READERS).touch()
        file = self.path / BOOK_FILE
        if not file.exists():
            file.write_text(json.dumps(asdict(identity)) + "\n")

    def identity(self) -> Identity:
        """Whose backups these are."""
        return Identity(**json.loads((self.path / BOOK_FILE).read_text()))

    def backups(self) -> list[Backup]:
        """All that were finished, oldest first."""
        files = sorted((self.path / "base").glob("*/backup.json"))
        named = [file for file in files if rules.is_backup_name(file.parent.name)]
        return [backup_from(json.loads(file.read_text())) for file in named]

    @rule("R-BACKUP-08")
    def backup(self, name: str | None, until: datetime | None) -> Backup:
        """The one of that name, or the newest that ended before ``until``."""
        found = self.backups() if (self.path / BOOK_FILE).is_file() else []
        if not found:
            raise Refused("R-BACKUP-08", f"there is no backup in {self.path}", "--from")
        if name is not None and name not in {each.name for each in found}:
            raise Refused("R-BACKUP-08", f"there is no backup {name} in {self.path}", "--backup")
        named = [each for each in found if name in (None, each.name)]
        early = [each for each in named if until is None or each.ended_at <= until]
        if not early:
            raise Refused(
                "R-BACKUP-07", f"the backup {named[0].name} ended at {named[0].ended_at}: a moment "
                "before that cannot be restored from it", "--until",
            )  # fmt: skip
        return early[-1]

    def chain(self, backup: Backup) -> list[Backup]:
        """The full backup and all that rest on it up to this one."""
        known = {each.name: each for each in self.backups()}
        found = [backup]
        while parent := found[0].parent:
            if parent not in known:
                raise Refused("R-BACKUP-08", f"{found[0].name} rests on {parent}, which is gone")
            found.insert(0, known[parent])
        return found

    def log_of(self, backup: Backup) -> Path | None:
        """The folder that has the write-ahead log of this backup, if it was received."""
        name = rules.segment_name(backup.timeline, backup.first // rules.SEGMENT)
        for folder in sorted(self.path.glob(f"{WAL_FOLDER}*"), reverse=True):
            if any((folder / (name + end)).exists() for end in ("", rules.PARTIAL)):
                return folder
        return None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time changes what is here."""
        with open(self.path / "lock", "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise_busy(self.path)
            yield

    @contextmanager
    def read(self) -> Iterator[None]:
        """Nothing is removed meanwhile; of a copy of the directory nothing is anyhow."""
        try:
            readers = open(self.path / READERS)  # noqa: SIM115 (closed below)
        except OSError:
            yield
            return
        with readers:
            fcntl.flock(readers, fcntl.LOCK_SH)
            yield

    @contextmanager
    def unread(self) -> Iterator[bool]:
        """Whether nobody reads here, and if so, until the end of the block."""
        with open(self.path / READERS, "a") as readers:
            try:
                fcntl.flock(readers, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


@rule("R-BACKUP-13")
def raise_busy(path: Path) -> None:
    """Two backups at once would take each other's parents away."""
    raise Refused("R-BACKUP-13", f"another backup is being taken into {path}")


def bytes_of(folder: Path) -> int:
    """What it takes on disk."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
