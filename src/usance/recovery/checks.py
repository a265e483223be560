"""What must not lie in a backup directory, and whether what lies there is whole."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.postgres_client import ClientFailed, run_client
from usance.platform.wal_receiver import WAL_FOLDER
from usance.recovery import rules

SMALL = 65_536
"""Files of an operator that are looked into for a key; keys are much smaller."""
SEGMENT_HEAD = struct.Struct("<HHIQIxxxxQII")
PAGE_HEAD = struct.Struct("<HHIQI")
"""PostgreSQL's XLogLongPageHeaderData and XLogPageHeaderData: magic, flags, timeline, position,
rest of a record; then system, size of a segment, size of a page."""


# -- what must not be there -----------------------------------------------------------------------


@rule("R-BACKUP-01")
def check_apart(path: Path, data: Path | None) -> None:
    """A backup is no use inside what it is a backup of, and the other way round it never ends."""
    if data is None:
        return
    inner, outer = path.resolve(), data.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise Refused("R-BACKUP-01", f"{path} and the server's own directory {data} lie in another")


@rule("R-BACKUP-02")
def check_secrets(path: Path, data: Path | None, secrets: list[Path]) -> None:
    """No secret lies in the backup directory, or where the backup would copy it from."""
    for secret in secrets:
        for folder in (path, data):
            if folder is not None and secret.resolve().is_relative_to(folder.resolve()):
                raise_secret(secret, folder)
    contents = {secret.read_bytes() for secret in secrets if secret.is_file()} - {b""}
    for file in loose_files(path):
        if file.read_bytes() in contents:
            raise_secret(file, path)


def raise_secret(secret: Path, folder: Path) -> None:
    """Say which."""
    raise Refused(
        "R-BACKUP-02", f"{secret} lies in {folder}: whoever has a backup must not have the keys "
        "with it, and a person who was erased must not come back with it",
    )  # fmt: skip


def loose_files(path: Path) -> Iterator[Path]:
    """Small files in the backup directory that no backup consists of."""
    ours = {path / "base", *path.glob(f"{WAL_FOLDER}*")}
    folders = [path] if path.is_dir() else []
    while folders:
        for each in folders.pop().iterdir():
            if each.is_dir() and not each.is_symlink() and each not in ours:
                folders.append(each)
            elif each.is_file() and each.stat().st_size <= SMALL:
                yield each


# -- what is there is whole -----------------------------------------------------------------------


@rule("R-BACKUP-04")
def check_copy(data: Path) -> None:
    """Every file is as the manifest says; the first one that is not is named."""
    try:
        run_client("pg_verifybackup", "--exit-on-error", "--quiet", str(data))
    except ClientFailed as error:
        raise Refused("R-BACKUP-04", f"the backup is damaged: {error.lines[0]}") from error


@rule("R-BACKUP-04")
def check_segment(file: Path, system: str) -> None:
    """A segment is as long as it must be, and begins with its own place in its own log."""
    with open_segment(file) as opened:
        raw = opened.read(SEGMENT_HEAD.size)
        whole = os.fstat(opened.fileno()).st_size == rules.SEGMENT
    _, _, _, at, _, of, _, _ = SEGMENT_HEAD.unpack(raw) if whole else (0,) * 8
    empty = file.name.endswith(rules.PARTIAL) and whole and not any(raw)
    place = rules.segment_number(file.name) * rules.SEGMENT
    if (at, of) != (place, int(system)) and not empty:
        raise Refused("R-BACKUP-04", f"the write-ahead log is damaged: {file.name} is no segment")


def open_segment(file: Path) -> BinaryIO:
    """Open it under its name, or under that of a whole one, which it may have become meanwhile."""
    try:
        return open(file, "rb")
    except FileNotFoundError:
        return open(file.with_name(file.name.removesuffix(rules.PARTIAL)), "rb")


def pages_of(file: Path) -> list[rules.PageHead]:
    """The pages of a segment that have been written."""
    with open_segment(file) as opened:
        raw = opened.read()
    start = rules.segment_number(file.name) * rules.SEGMENT
    found = []
    for place in range(0, len(raw) - PAGE_HEAD.size, rules.PAGE):
        _, _, _, at, rest = PAGE_HEAD.unpack_from(raw, place)
        if at == start + place and raw[place : place + 2] != b"\0\0":
            found.append(rules.PageHead(at, rest))
    return found
