"""The key file: keys come and go as a whole, and a process that has it open notices."""

from __future__ import annotations

import multiprocessing
import os
import time
from functools import partial
from pathlib import Path

import pytest

from usance.platform import key_file
from usance.platform.crypto import (
    KeysAway,
    LocalKeyService,
    MissingKeyError,
    index_id_of,
    master_id_of,
)

DATA_KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "keys" / "master.key"
    key_file.create(found)
    return found


def test_a_file_is_read_as_it_is_written(path: Path) -> None:
    ring = key_file.change(path, key_file.with_master_key)
    ring = key_file.change(path, key_file.with_index_key)
    assert key_file.read(path) == ring
    assert (sorted(ring.master_keys), sorted(ring.index_keys)) == ([1, 2], [1, 2])
    assert path.read_text().startswith("index ")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert "index" not in repr(ring)
    assert ring.master_keys[1].hex() not in repr(ring)


def test_numbers_are_never_used_again(path: Path) -> None:
    """The book knows of higher ones than an older copy of the file does."""
    ring = key_file.change(path, partial(key_file.with_master_key, beyond=7))
    assert sorted(ring.master_keys) == [1, 8]
    ring = key_file.change(path, lambda held: key_file.without_master_key(held, 1))
    assert sorted(ring.master_keys) == [8]
    with pytest.raises(AssertionError):
        key_file.without_master_key(ring, 8)


@pytest.mark.parametrize(
    "damage",
    ["key 0 {k}", "key {k}", "index 1 {k}", "key 1 {k}", "key 2 {k} ", "", "KEY 2 {k}", "key 2 00"],
)
def test_a_damaged_line_is_refused(path: Path, damage: str) -> None:
    with path.open("a") as file:
        file.write(damage.format(k="ab" * 32) + "\n")
    with pytest.raises(ValueError, match="not a usance master key file"):
        key_file.read(path)


def test_a_running_process_wraps_under_a_new_key_at_once(path: Path) -> None:
    keys = LocalKeyService.open(path)
    old = keys.wrap(DATA_KEY, 5)
    key_file.change(path, key_file.with_master_key)
    new = keys.wrap(DATA_KEY, 5)
    assert (master_id_of(old), master_id_of(new)) == (1, 2)
    assert keys.ids().master == (1, 2)
    assert keys.unwrap(old, 5) == keys.unwrap(new, 5) == DATA_KEY
    key_file.change(path, lambda held: key_file.without_master_key(held, 1))
    assert keys.ids().master == (2,)
    with pytest.raises(MissingKeyError):
        keys.unwrap(old, 5)


def test_an_unknown_key_number_sends_a_process_back_to_the_file(path: Path) -> None:
    stale, other = LocalKeyService.open(path), LocalKeyService.open(path)
    stale.wrap(DATA_KEY, 5)
    key_file.change(path, key_file.with_master_key)
    assert stale.unwrap(other.wrap(DATA_KEY, 5), 5) == DATA_KEY


def test_a_process_hashes_under_both_index_keys_meanwhile(path: Path) -> None:
    """R-KEY-02: the newest first, and each says which one it is."""
    keys = LocalKeyService.open(path)
    (before,) = keys.blind_indexes("+8613800138000", "phone")
    key_file.change(path, key_file.with_index_key)
    new, old = keys.blind_indexes("+8613800138000", "phone")
    assert (old, keys.blind_index("+8613800138000", "phone")) == (before, new)
    assert (index_id_of(new), index_id_of(old)) == (2, 1)
    assert (len(new), len(old)) == (36, 32)


def test_without_its_file_a_process_makes_nothing_new_and_still_reads(path: Path) -> None:
    """R-KEY-01."""
    keys = LocalKeyService.open(path)
    wrapped = keys.wrap(DATA_KEY, 5)
    content = path.read_bytes()
    path.unlink()
    assert keys.unwrap(wrapped, 5) == DATA_KEY
    for ask in (partial(keys.wrap, DATA_KEY, 5), partial(keys.blind_indexes, "a", "b"), keys.ids):
        with pytest.raises(KeysAway):
            ask()
    path.write_bytes(content)
    path.chmod(0o644)
    with pytest.raises(KeysAway):
        keys.wrap(DATA_KEY, 5)
    path.chmod(0o600)
    assert master_id_of(keys.wrap(DATA_KEY, 5)) == 1


def test_a_key_is_wrapped_for_one_owner_in_one_table(path: Path) -> None:
    keys = LocalKeyService.open(path)
    wrapped = keys.wrap(DATA_KEY, 5, "staff")
    assert keys.unwrap(wrapped, 5, "staff") == DATA_KEY
    for owner, table in ((6, "staff"), (5, "borrower"), (5, "client")):
        with pytest.raises(Exception, match="wrong key, wrong place"):
            keys.unwrap(wrapped, owner, table)


def test_a_retired_key_is_kept_apart_in_a_new_file_only(path: Path, tmp_path: Path) -> None:
    ring = key_file.change(path, key_file.with_master_key)
    apart = tmp_path / "old.key"
    key_file.keep_apart(apart, 1, ring.master_keys[1])
    assert apart.read_text() == f"key 1 {ring.master_keys[1].hex()}\n"
    assert apart.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        key_file.keep_apart(apart, 1, ring.master_keys[1])


def rotate_on_and_on(path: Path, times: int) -> None:
    for _ in range(times):
        key_file.change(path, key_file.with_master_key)


def test_changes_at_once_lose_no_key(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    at_once = [context.Process(target=rotate_on_and_on, args=(path, 20)) for _ in range(3)]
    for each in at_once:
        each.start()
    while any(each.is_alive() for each in at_once):
        assert 1 in key_file.read(path).master_keys  # never half a file
    for each in at_once:
        each.join()
    assert sorted(key_file.read(path).master_keys) == list(range(1, 62))


def test_a_process_killed_while_it_changes_the_file_leaves_a_whole_one(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for _ in range(10):
        before = key_file.read(path).master_keys
        victim = context.Process(target=rotate_on_and_on, args=(path, 10_000))
        victim.start()
        time.sleep(0.02)
        victim.kill()
        victim.join()
        after = key_file.read(path).master_keys
        assert before.items() <= after.items()
    assert len(key_file.read(path).master_keys) > 1
    os.utime(path)
