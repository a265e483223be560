"""What a restore refuses, with what is wrong named, and nothing left of the new home."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.recovery.house import ACTOR, House, copied, lived, new_home, quiet, refused, restored
from usance.core.refusals import Refused
from usance.platform import postgres
from usance.recovery import lay_out, rules, store
from usance.recovery.restore import beside, restore


async def test_a_home_that_exists_is_never_written_into(stored: House) -> None:
    """R-BACKUP-06"""
    before = sorted(path.stat().st_mtime_ns for path in stored.home.rglob("*"))
    with pytest.raises(Refused, match="R-BACKUP-06"):
        await restore(stored.directory, stored.home, until=None, name=None, actor=ACTOR, again=[],
                      tell=quiet)  # fmt: skip
    assert before == sorted(path.stat().st_mtime_ns for path in stored.home.rglob("*"))


async def test_without_a_backup(stored: House, tmp_path: Path) -> None:
    """R-BACKUP-08"""
    await refused(House(stored.home, tmp_path / "none"), "R-BACKUP-08")
    await refused(stored, "R-BACKUP-08", "20200101T000000Z", name="20200101T000000Z")
    shutil.rmtree(stored.backups / "base")
    await refused(stored, "R-BACKUP-08")


def flip(file: Path, at: int) -> None:
    with open(file, "r+b") as opened:
        opened.seek(at)
        byte = opened.read(1)
        opened.seek(at)
        opened.write(bytes([byte[0] ^ 1]))


def a_table(stored: House) -> Path:
    """A file of the backup that holds rows."""
    data = next((stored.backups / "base").glob("*/data"))
    return max((data / "base").rglob("*"), key=lambda path: path.stat().st_size)


async def test_a_damaged_copy_is_refused_with_the_file_named(stored: House) -> None:
    """R-BACKUP-04"""
    file = a_table(stored)
    name = str(file).partition("/data/")[2]
    flip(file, 5000)
    await refused(stored, "R-BACKUP-04", name, "checksum")
    os.truncate(file, 8192)
    await refused(stored, "R-BACKUP-04", name, "size")
    file.unlink()
    await refused(stored, "R-BACKUP-04", name)


def log_of(stored: House) -> list[Path]:
    return sorted(stored.directory.wal.iterdir())


async def test_a_missing_segment_is_named(stored: House) -> None:
    """R-BACKUP-05"""
    missing = log_of(stored)[-3]
    missing.unlink()
    await refused(stored, "R-BACKUP-05", missing.name)


async def test_a_moment_before_a_gap_is_restored_and_one_behind_it_is_not(house: House) -> None:
    """R-BACKUP-05: what lies behind the gap cannot be had, what lies before it can."""
    async with lived(house) as live:
        await live.back_up()
        early = await live.repay()
        moment = await store.now(live.pool)
        for _ in range(3):
            await live.pool.execute("SELECT pg_switch_wal()")
            await live.repay()
        await live.received()
        late = await store.now(live.pool)
    log_of(house)[-2].unlink()
    await refused(house, "R-BACKUP-05", until=late)
    _, newest = await restored(house, until=moment)
    assert newest.operation_id == early


async def test_a_segment_that_is_none_is_named(stored: House) -> None:
    """R-BACKUP-04: too short, of another place, of another server."""
    file = log_of(stored)[-3]
    whole = file.read_bytes()
    for damaged in (whole[:-1], log_of(stored)[-2].read_bytes(), whole[:24] + b"\1" + whole[25:]):
        file.write_bytes(damaged)
        await refused(stored, "R-BACKUP-04", file.name)


async def test_damage_inside_a_segment_does_not_shorten_the_book(stored: House) -> None:
    """R-BACKUP-05: recovery would end there, as if nothing had come after."""
    file = log_of(stored)[-3]
    flip(file, 400)
    await refused(stored, "R-BACKUP-05", file.name[:16])


async def test_what_was_being_written_at_the_very_end_is_told(stored: House) -> None:
    """A torn last write is no damage: whoever restores is told how much could not be read."""
    flip(log_of(stored)[-1], 2 * rules.PAGE)
    recovered, _ = await restored(stored)
    assert 0 < recovered.unread < rules.TORN


async def test_room_is_asked_for_before_anything_is_copied(
    stored: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-BACKUP-11"""
    monkeypatch.setattr(lay_out, "SPARE", 2**60)
    await refused(stored, "R-BACKUP-11", "MB")


async def test_a_restore_that_was_killed_is_cleaned_up_by_the_next(stored: House) -> None:
    half = copied(stored.home, stored.home.with_name("restored.restoring"))
    cluster = postgres.start(half)
    await restored(stored)
    assert not half.exists()
    assert postgres.status(cluster) is None


async def test_a_home_is_restored_by_one_at_a_time(stored: House) -> None:
    """R-BACKUP-13"""
    with beside(new_home(stored)), pytest.raises(Refused, match="R-BACKUP-13"):
        await restored(stored)
