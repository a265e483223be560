"""Checkpoints kept outside of the database: one file each, named by its size, never rewritten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from usance.audit.note import Checkpoint, NotProven, unproven_checkpoint
from usance.core.rules import rule

SUFFIX = ".checkpoint"
DIGITS = 19


class OtherContentError(Exception):
    """There is a file of this size already, and it says something else."""


def name_of(size: int) -> str:
    """The file of a checkpoint; names sort as sizes do."""
    return f"{size:0{DIGITS}}{SUFFIX}"


@rule("R-PROOF-04")
def keep(directory: Path, size: int, note: str) -> None:
    """Write a checkpoint, once; raises ``OtherContentError`` where another one of its size is."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name_of(size)
    if path.exists():
        if path.read_text("utf-8") != note:
            raise OtherContentError(f"{path.name} says something else already")
        return
    partial = directory / f".{path.name}.{os.getpid()}"
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "w") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        keep(directory, size, note)
    finally:
        partial.unlink(missing_ok=True)


def files(directory: Path) -> list[Path]:
    """All of them, the smallest tree first."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def newest(directory: Path) -> Checkpoint | None:
    """The last one, as it says; ``NotProven`` if it is no checkpoint."""
    found = files(directory) if directory.is_dir() else []
    return unproven_checkpoint(found[-1].read_text("utf-8")) if found else None


def all_of(directory: Path) -> Sequence[tuple[str, Checkpoint | NotProven]]:
    """(file, what it says or why it says nothing) of each."""
    found: list[tuple[str, Checkpoint | NotProven]] = []
    for path in files(directory):
        try:
            found.append((path.name, unproven_checkpoint(path.read_text("utf-8"))))
        except (NotProven, UnicodeDecodeError) as error:
            found.append((path.name, NotProven(str(error))))
    return found
