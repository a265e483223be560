"""``usance backup``, ``usance restore`` and ``usance drill``, from a home to its second life."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import USANCE, Ended, environment, run
from tests.cli.test_commands import fetch
from tests.cli.test_keys import registered
from usance.core.identifiers import written
from usance.platform import key_file, postgres
from usance.platform.crypto import LocalKeyService

Command = Callable[..., Ended]


@pytest.fixture(scope="module")
def place(memory: Path) -> Iterator[Path]:
    """A folder that the server's user can reach."""
    path = memory / "commands"
    path.mkdir(mode=0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def home(place: Path) -> Path:
    """A home with an empty book that has closed a day."""
    env = environment(place / "home")
    made = run("book", "create", "--name", "Test", "--opened-on", "2026-01-05", env=env)
    assert made.status == 0, made.err
    assert run("day", "close", env=env).status == 0
    return place / "home"


def slots(url: str) -> list[Any]:
    """What the server keeps its log for."""
    return fetch(url, "SELECT slot_name FROM pg_replication_slots")


def command(home: Path, backups: Path | None = None, **more: str) -> Command:
    named = {} if backups is None else {"USANCE_BACKUP_DIR": str(backups)}
    env = environment(home, **named, **more)
    return lambda *words: run(*words, env=env)


def test_from_a_backup_to_a_second_life(home: Path, place: Path) -> None:
    backups, second = place / "backups", place / "second"
    usance = command(home, backups)
    assert usance("backup", "list").out == f"there is no backup in {backups}\n"
    with postgres.using(home):  # so that not every command has to start it
        lived(usance, backups, place)
    restored = usance("restore", "--from", str(backups), "--to", str(second))
    assert restored.status == 0, restored.err
    assert "business date   2026-01-07\n" in restored.out
    assert "EndDrill" in restored.out
    assert usance("restore", "--from", str(backups), "--to", str(second)).refused("R-BACKUP-06")
    assert command(second, backups)("verify").refused("R-BACKUP-03")
    assert command(second)("verify").out.endswith("every invariant holds\n")
    shutil.rmtree(second)


def lived(usance: Command, backups: Path, place: Path) -> None:
    """A backup, a day, a drill that is passed and one that is not."""
    taken = usance("backup")
    assert taken.status == 0, taken.err
    name = taken.out.split()[0]
    assert "full" in taken.out
    assert "master key" in taken.err
    assert usance("day", "close").status == 0
    listed = usance("backup", "list")
    assert listed.out.startswith(name)
    assert "the write-ahead log goes on to" in listed.out
    document = json.loads(usance("backup", "list", "--json").out)
    assert [each["name"] for each in document["backups"]] == [name]
    assert document["log"]["problem"] == ""

    drilled = usance("drill", "--json", "--in", str(place))
    found = json.loads(drilled.out)
    assert (drilled.status, found["ok"], found["backup"]) == (0, True, name), drilled.err
    assert usance("drill", "--in", str(place), "--rto-max", "0.01").status == 1
    assert not list(place.glob("usance-drill-*"))


def test_who_was_erased_after_the_backup_is_erased_again(home: Path, place: Path) -> None:
    """The list lies beside the master key; without it whoever restores is told what to do."""
    key, backups = place / "keys" / "master.key", place / "remembers"
    key_file.create(key)
    usance = command(home, backups, USANCE_MASTER_KEY_FILE=str(key))
    with postgres.using(home) as cluster:
        one, two = registered(cluster.url(), LocalKeyService.open(key), 2)
    assert usance("backup").status == 0
    with postgres.using(home) as cluster:
        (moment,) = fetch(cluster.url(), "SELECT clock_timestamp()::text")[0]
    gone = usance("borrowers", "erase", written("borrower", one), "--reason", "mistake")
    assert gone.status == 0, gone.err

    until = moment.replace(" ", "T") + ":00"
    words = ("restore", "--from", str(backups), "--until", until, "--to")
    restored = usance(*words, str(place / "forgets"))
    assert restored.status == 0, restored.err
    assert "1 people erased again" in restored.err
    assert people_of(place / "forgets") == {one: 2, two: 1}
    without = command(home, backups)(*words, str(place / "knows"))
    assert without.status == 0, without.err
    assert "usance keys erasures --reapply" in without.err
    assert people_of(place / "knows") == {one: 1, two: 1}
    for name in ("forgets", "knows"):
        shutil.rmtree(place / name)


def people_of(home: Path) -> dict[int, int]:
    """The people of a home: 1 is active, 2 erased."""
    with postgres.using(home) as cluster:
        return dict(fetch(cluster.url(), "SELECT borrower_id, status FROM borrower"))


def test_what_is_refused(home: Path, place: Path) -> None:
    usance = command(home)
    target = ("--from", str(place / "none"), "--to", str(place / "never"))
    assert usance("restore", *target).refused("R-BACKUP-08")
    assert usance("restore", *target, "--until", "2026-01-05T10:00:00").refused("R-BACKUP-07")
    assert usance("backup", str(place / "b"), "--keep", "0").refused("R-BACKUP-10")
    assert usance("backup", str(home)).refused("R-BACKUP-01")
    inside = command(home, USANCE_MASTER_KEY_FILE=str(place / "b" / "key"))
    assert inside("backup", str(place / "b")).refused("R-BACKUP-02")
    assert usance("backup", "receive", str(place / "b")).refused("R-BACKUP-09")
    nameless = usance("backup")
    assert (nameless.status, nameless.out) == (2, "")
    assert "USANCE_BACKUP_DIR" in nameless.err
    relative = command(home, USANCE_BACKUP_DIR="backups")("verify")
    assert (relative.status, "USANCE_BACKUP_DIR" in relative.err) == (2, True)
    assert not (place / "b").exists()
    assert not (place / "never").exists()


def test_the_log_of_a_server_of_ones_own_is_received(home: Path, place: Path) -> None:
    """By a process of its own that somebody else keeps running; told to end, it ends."""
    backups, other = place / "others", place / "other"
    with postgres.using(home) as cluster:
        usance = command(other, backups, USANCE_DATABASE_URL=cluster.url())
        env = environment(other, USANCE_BACKUP_DIR=str(backups), USANCE_DATABASE_URL=cluster.url())
        receiver = subprocess.Popen([USANCE, "backup", "receive"], env=env)
        try:
            deadline = time.monotonic() + 30
            while not list(backups.glob("wal/*.partial")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            taken = usance("backup")
            assert taken.status == 0, taken.err
            assert "nobody receives" not in taken.err
        finally:
            receiver.send_signal(signal.SIGTERM)
            assert receiver.wait(20) == 0
        assert "nobody receives" in usance("backup").err
        assert "unset USANCE_BACKUP_DIR" in usance("backup", "stop").err
        stopped = command(other, USANCE_DATABASE_URL=cluster.url())("backup", "stop")
        assert stopped == Ended(0, "the write-ahead log is received no more\n", "")
        assert slots(cluster.url()) == []
    restored = usance("restore", "--from", str(backups), "--to", str(place / "third"))
    assert restored.status == 0, restored.err
    shutil.rmtree(place / "third")


def test_a_drill_that_is_told_to_end_cleans_up(home: Path, place: Path) -> None:
    backups, folder = place / "ended", place / "drills"
    folder.mkdir(mode=0o711)
    env = environment(home, USANCE_BACKUP_DIR=str(backups))
    assert run("backup", env=env).status == 0
    drill = subprocess.Popen([USANCE, "drill", "--in", str(folder)], env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    while not list(folder.glob("*/postgres/data/*")):
        assert drill.poll() is None, drill.communicate()
        time.sleep(0.01)
    drill.send_signal(signal.SIGTERM)
    drill.communicate(timeout=60)
    assert drill.returncode != 0
    assert os.listdir(folder) == []
