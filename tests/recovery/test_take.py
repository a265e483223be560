"""A backup is taken, checked, kept and let go; what stands in its way is refused by name."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.house import House, Lived, lived, operations, quiet, restored
from usance.core.refusals import Refused
from usance.platform import postgres, wal_receiver
from usance.platform.database import CONNECTION_LOST, open_pool
from usance.platform.postgres_client import ClientFailed, command, environment, without_password
from usance.recovery import rules, store
from usance.recovery.directory import Directory
from usance.recovery.reach import reach_of
from usance.recovery.take import Source, check_server, take


def names(house: House) -> list[str]:
    return sorted(path.name for path in (house.backups / "base").iterdir())


def segments(house: House) -> list[str]:
    return sorted(path.name for path in house.directory.wal.iterdir())


# -- what is kept ---------------------------------------------------------------------------------


async def test_only_so_many_are_kept_and_the_log_from_the_oldest_on(house: House) -> None:
    """R-BACKUP-10"""
    async with lived(house) as live:
        taken = [await live.back_up(keep=2) for _ in range(3)]
        await live.received()
    assert names(house) == [each.name for each in taken[1:]] == sorted(names(house))
    assert house.directory.backups() == taken[1:]
    first = rules.segment_name(1, taken[1].first // rules.SEGMENT)
    assert segments(house)[0] == first
    reach = reach_of(house.directory)
    assert (reach.problem, reach.segments > 0) == ("", True)
    assert rules.position(reach.end) >= taken[2].last


async def test_the_directory_is_its_owners_alone(house: House) -> None:
    async with lived(house) as live:
        await live.back_up()
    assert house.backups.stat().st_mode & 0o777 == 0o700
    assert house.directory.wal.stat().st_mode & 0o777 == 0o700


async def test_a_backup_without_the_log_is_whole_by_itself(house: House) -> None:
    """A directory that is named and not configured: nothing is received into it."""
    house.backups.mkdir()
    elsewhere = Directory(house.backups / "usb")
    async with lived(house) as live:
        last = await live.repay()
        source = Source(house.cluster.url(), house.cluster, [])
        await take(live.pool, source, elsewhere, keep=1, incremental=False, streamed=False,
                   tell=quiet)  # fmt: skip
        await live.repay()
        assert await store.slot(live.pool) is None
    assert reach_of(elsewhere).sentence().startswith("no write-ahead log is kept here")
    shutil.rmtree(house.home)
    _, newest = await restored(House(house.home, elsewhere.path))
    assert newest.operation_id == last


async def test_two_at_once(house: House) -> None:
    """R-BACKUP-13"""
    async with lived(house) as live:
        await live.back_up()
        with house.directory.alone(), pytest.raises(Refused, match="R-BACKUP-13"):
            await live.back_up()
    assert len(names(house)) == 1


async def test_nothing_goes_while_somebody_restores_from_it(house: House) -> None:
    said: list[str] = []
    async with lived(house) as live:
        await live.back_up()
        with house.directory.read():
            await live.back_up(keep=1, tell=said.append)
            assert len(names(house)) == 2
        await live.back_up(keep=1)
    assert "nothing is removed this time" in said[-1]
    assert len(names(house)) == 1


# -- what must not be there -----------------------------------------------------------------------


async def test_no_key_lies_with_a_backup(house: House) -> None:
    """R-BACKUP-02: in the directory, by any way there, or in what is copied, or a copy of it."""
    key = house.home / "master.key"
    key.write_bytes(os.urandom(32))

    async def no_backup(live: Lived, secret: Path) -> None:
        source = Source(house.cluster.url(), house.cluster, [secret])
        with pytest.raises(Refused, match="R-BACKUP-02"):
            await take(live.pool, source, house.directory, keep=1, incremental=False,
                       streamed=False, tell=quiet)  # fmt: skip
        assert not (house.backups / "base").exists()

    async with lived(house) as live:
        await no_backup(live, house.backups / "master.key")
        await no_backup(live, house.cluster.data / "master.key")
        (house.backups / "notes").mkdir(parents=True)
        link = house.home / "link"
        link.symlink_to(house.backups / "notes")
        await no_backup(live, link / "master.key")
        shutil.copy(key, house.backups / "notes" / "copy-of-it")
        await no_backup(live, key)
        (house.backups / "notes" / "copy-of-it").unlink()
        await live.back_up()


async def test_a_backup_is_not_inside_what_it_backs_up(house: House) -> None:
    """R-BACKUP-01"""
    async with lived(house) as live:
        source = Source(house.cluster.url(), house.cluster, [])
        for path in (house.cluster.data / "backups", house.home, house.cluster.place):
            with pytest.raises(Refused, match="R-BACKUP-01"):
                await take(live.pool, source, Directory(path), keep=1, incremental=False,
                           streamed=False, tell=quiet)  # fmt: skip
    assert not (house.home / "base").exists()


# -- what a server must allow ---------------------------------------------------------------------


async def test_a_server_that_cannot_be_copied(house: House) -> None:
    """R-BACKUP-09"""
    async with lived(house) as live:
        found = await store.server(live.pool)
        check_server(found)
        for change in ({"major": 16}, {"replicates": False}, {"tablespaces": 1},
                       {"segment": 2**26}):  # fmt: skip
            with pytest.raises(Refused, match="R-BACKUP-09"):
                check_server(dataclasses.replace(found, **change))
        for statement in ("CREATE ROLE plain LOGIN", "GRANT pg_monitor TO plain"):
            await live.pool.execute(statement)
        plain = await open_pool(house.cluster.url().replace("usance@", "plain@"), 2)
        with pytest.raises(Refused, match="R-BACKUP-09"):
            check_server(await store.server(plain))
        await live.pool.execute("ALTER ROLE plain REPLICATION")
        check_server(await store.server(plain))
        source = Source(house.cluster.url().replace("usance@", "plain@"), None, [])
        with pytest.raises(Refused, match="R-BACKUP-09"):
            await take(plain, source, house.directory, keep=1, incremental=True, streamed=False,
                       tell=quiet)  # fmt: skip
        backup = await take(plain, source, house.directory, keep=1, incremental=False,
                            streamed=False, tell=quiet)  # fmt: skip
        assert backup.user == "plain"
        await plain.close()


@pytest.mark.parametrize(("url", "plain"), [
    ("postgresql://app:s%40cret@db:5433/book?sslmode=require",
     "postgresql://app@db:5433/book?sslmode=require"),
    ("postgresql://app@/book?host=/run/pg&password=s%40cret",
     "postgresql://app@/book?host=%2Frun%2Fpg"),
])  # fmt: skip
def test_a_password_is_not_on_the_command_line(url: str, plain: str) -> None:
    assert without_password(url) == (plain, "s@cret")
    assert not [word for word in command("pg_basebackup", url=url) if "cret" in word]
    assert environment(url)["PGPASSWORD"] == "s@cret"


# -- kills and full disks -------------------------------------------------------------------------


async def test_a_killed_receiver_comes_back_and_nothing_is_missing(house: House) -> None:
    async with lived(house) as live:
        await live.back_up()
        pid = wal_receiver.running(house.home)
        os.kill(pid, signal.SIGKILL)
        last = await live.repay()
        await live.received()
        assert wal_receiver.running(house.home) not in (None, pid)
    _, newest = await restored(house)
    assert newest.operation_id == last


async def test_a_killed_server_is_received_again(house: House) -> None:
    async with lived(house) as live:
        await live.back_up()
        os.kill(postgres.status(house.cluster), signal.SIGKILL)
        last = 0
        while not last:
            try:
                last = await live.repay()
            except CONNECTION_LOST:
                await asyncio.sleep(0.05)
        await live.received()
    _, newest = await restored(house)
    assert newest.operation_id == last


async def test_nothing_runs_when_the_last_one_is_out(house: House) -> None:
    async with lived(house) as live:
        await live.back_up()
        assert wal_receiver.running(house.home) is not None
    assert wal_receiver.running(house.home) is None
    assert postgres.status(house.cluster) is None


async def test_a_stream_that_broke_begins_anew_with_the_next_backup(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server keeps so much for a receiver and no more; older backups stay what they were."""
    small = {"max_slot_wal_keep_size": "16MB", "min_wal_size": "32MB", "max_wal_size": "32MB"}
    for name, value in small.items():
        monkeypatch.setitem(postgres.SERVER_SETTINGS, name, value)
    async with lived(house) as live:
        first = await live.back_up()
        await live.received()
        monkeypatch.setattr(wal_receiver, "AGAIN_SECONDS", 3600)
        os.kill(wal_receiver.running(house.home), signal.SIGKILL)
        while not (await store.slot(live.pool)).lost:
            await live.repay()
            await live.pool.execute("SELECT pg_switch_wal()")
            await live.pool.execute("CHECKPOINT")
        second = await live.back_up()
        last = await live.repay()
        await live.received()
        assert await live.book.findings() == []
    _, newest = await restored(house)
    assert newest.operation_id == last
    aside = house.directory.log_of(first)
    assert aside is not None
    assert aside.name.startswith("wal-until-")
    assert house.directory.log_of(second) == house.directory.wal


@pytest.fixture
def small_disk(house: House) -> Iterator[Path]:
    """A disk of 200 MB where the backups go."""
    house.backups.mkdir()
    options = ["-t", "tmpfs", "-o", "size=200m", "tmpfs", str(house.backups)]
    if subprocess.run(["mount", *options], capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small disk")
    yield house.backups
    subprocess.run(["umount", "--lazy", house.backups], check=True)


def filled(disk: Path, left: int) -> Path:
    """A file that leaves so little."""
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - left))
    return filler


async def test_a_full_disk_leaves_nothing_and_hurts_nobody(house: House, small_disk: Path) -> None:
    filled(small_disk, 40 << 20)
    async with lived(house) as live:
        with pytest.raises(ClientFailed, match="No space left"):
            await live.back_up()
        assert names(house) == []
        await live.repay()
        assert await live.book.findings() == []


async def test_a_receiver_that_met_a_full_disk_catches_up(house: House, small_disk: Path) -> None:
    async with lived(house) as live:
        await live.back_up()
        filler = filled(small_disk, 0)
        for _ in range(3):
            await live.repay()
            await live.pool.execute("SELECT pg_switch_wal()")
        last = await live.repay()
        filler.unlink()
        await live.received()
        before = await operations(live.pool)
    shutil.rmtree(house.home)
    _, newest = await restored(house)
    assert newest.operation_id == last
    assert last in before
