"""Old backups go, and the write-ahead log that nothing rests on any more."""

from __future__ import annotations

import shutil
from pathlib import Path

from usance.platform.wal_receiver import WAL_FOLDER
from usance.recovery import rules
from usance.recovery.directory import Directory


def remove_unfinished(directory: Directory) -> None:
    """What a backup that was killed left behind."""
    for folder in (directory.path / "base").glob(".*"):
        shutil.rmtree(folder)


def prune(directory: Directory, keep: int) -> list[str]:
    """Remove what ``rules.kept`` does not keep, and the log that nothing rests on any more."""
    backups = directory.backups()
    parents = {each.name: each.parent for each in backups}
    kept = rules.kept([each.name for each in backups], parents, keep)
    gone = [each.name for each in backups if each.name not in kept]
    for name in gone:
        hidden = directory.path / "base" / f".{name}"
        (directory.path / "base" / name).rename(hidden)
        shutil.rmtree(hidden)
    left = [each for each in backups if each.name in kept]
    needed = {directory.log_of(each) for each in left}
    for folder in directory.path.glob(f"{WAL_FOLDER}-until-*"):
        if folder not in needed:
            shutil.rmtree(folder)
    if left and directory.wal.is_dir():
        prune_log(directory.wal, min(each.first for each in left) // rules.SEGMENT)
    return gone


def prune_log(folder: Path, first: int) -> None:
    """Remove segments before the first one that is needed."""
    for file in folder.iterdir():
        whole = file.name.removesuffix(rules.PARTIAL)
        if rules.SEGMENT_NAME.fullmatch(whole) and rules.segment_number(whole) < first:
            file.unlink()
