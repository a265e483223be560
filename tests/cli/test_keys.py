"""``usance keys ...`` and ``usance borrowers ...`` through their entry points."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import USANCE, Command, environment
from tests.cli.test_commands import fetch
from tests.identity.house import people, unreadable
from usance.core.identifiers import written
from usance.identity.borrowers import Borrowers
from usance.platform import key_file
from usance.platform.crypto import KeyService, LocalKeyService
from usance.platform.database import open_pool
from usance.platform.key_client import RemoteKeyService
from usance.servicing import commands as asked
from usance.servicing.service import Book


def registered(url: str, keys: KeyService, many: int) -> list[int]:
    """So many new people."""

    async def register() -> list[int]:
        pool = await open_pool(url, 2)
        try:
            return await Borrowers(pool, keys).register_many(people(many), actor="demo")
        finally:
            await pool.close()

    return asyncio.run(register())


def bad(url: str, keys: KeyService) -> int:
    """How many people cannot be read or found."""

    async def count() -> int:
        pool = await open_pool(url, 2)
        try:
            return await unreadable(pool, keys)
        finally:
            await pool.close()

    return asyncio.run(count())


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    key_file.create(path)
    return path


def test_a_rotation_from_the_first_key_to_the_last(
    with_book: Command, database: str, key_path: Path
) -> None:
    """R-KEY-03, R-KEY-04 and R-KEY-05 on the way."""
    keys = LocalKeyService.open(key_path)
    registered(database, keys, 40)
    assert with_book("keys", "status").out.splitlines() == [
        "master key 1 (in use): 40 of borrower.data_key",
        "index key 1 (in use): 80 entries of the directory",
    ]
    rotated = with_book("keys", "rotate", "--workers", "1")
    assert (rotated.status, rotated.out.splitlines()) == (
        0, ["master key 2 wraps from now on", "everything is wrapped anew"],
    )  # fmt: skip
    assert with_book("keys", "retire", "2").refused("R-KEY-03")
    apart = key_path.with_name("old.key")
    retired = with_book("keys", "retire", "1", "--keep", str(apart))
    assert retired.status == 0
    assert "backups from before" in retired.out
    assert apart.read_text().startswith("key 1 ")
    assert with_book("keys", "rewrap").out == "everything is wrapped anew\n"
    assert with_book("keys", "rotate-index").status == 0
    assert with_book("keys", "rehash").out == "everybody is hashed anew\n"
    dropped = with_book("keys", "retire-index", "1")
    assert dropped.out == "index key 1 is out of the key file; 80 entries dropped\n"
    assert with_book("keys", "status").out.splitlines() == [
        "master key 2 (in use): 40 of borrower.data_key",
        "index key 2 (in use): 80 entries of the directory",
    ]
    assert bad(database, keys) == 0
    assert with_book("verify").status == 0
    for workers in ("0", "65"):
        assert with_book("keys", "rewrap", "--workers", workers).refused("R-RANGE-01")
    actors = fetch(database, "SELECT actor FROM operation WHERE action = 'AddMasterKey'")
    assert actors[0][0].startswith("operator:")


def test_what_does_not_open_ends_with_1(
    with_book: Command, database: str, key_path: Path
) -> None:
    (one,) = registered(database, LocalKeyService.open(key_path), 1)
    fetch(database, "UPDATE borrower SET data_key = data_key || '\\x00'")
    ended = with_book("keys", "rotate")
    assert ended.status == 1
    assert ended.out.endswith("1 keys could not be wrapped anew\n")
    assert str(one) in ended.err
    renewed = with_book("keys", "renew-borrower", written("borrower", one))
    assert (renewed.status, renewed.out) == (2, "")
    assert "does not open" in renewed.err


def test_a_person_gets_a_new_key(with_book: Command, database: str, key_path: Path) -> None:
    """R-KEY-06."""
    keys = LocalKeyService.open(key_path)
    (one,) = registered(database, keys, 1)
    before = fetch(database, "SELECT data_key, name FROM borrower")
    borrower = written("borrower", one)
    assert with_book("keys", "renew-borrower", borrower).out == f"{borrower} has a new data key\n"
    after = fetch(database, "SELECT data_key, name FROM borrower")
    assert before[0]["name"] != after[0]["name"]
    assert bad(database, keys) == 0
    assert with_book("keys", "renew-borrower", "b-zzzz").refused("R-FOUND-01")
    assert with_book("keys", "renew-borrower", "nobody").refused("R-FOUND-01")


def test_with_the_keys_elsewhere(
    with_book: Command, database: str, key_path: Path, short_directory: Path
) -> None:
    """R-KEY-07, and R-KEY-01 while the service is away."""
    place = short_directory / f"cli-{time.monotonic_ns()}.sock"
    url = {"USANCE_KEY_SERVICE_URL": f"unix:{place}"}
    away = with_book("keys", "status", **url)
    assert away.refused("R-KEY-01")
    home = key_path.parent / "service"
    key_file.create(home / "master.key")
    server = subprocess.Popen(
        [USANCE, "keys", "serve", "--socket", str(place)], env=environment(home)
    )
    try:
        while not place.exists():
            time.sleep(0.05)
        keys = RemoteKeyService(url["USANCE_KEY_SERVICE_URL"])
        registered(database, keys, 12)
        for words in (("rotate",), ("retire", "1"), ("rotate-index",), ("retire-index", "1")):
            assert with_book("keys", *words, **url).refused("R-KEY-07")
        key_file.change(home / "master.key", key_file.with_master_key)
        key_file.change(home / "master.key", key_file.with_index_key)
        assert with_book("keys", "rewrap", **url).status == 0
        assert with_book("keys", "rehash", **url).status == 0
        assert with_book("keys", "status", **url).out.splitlines() == [
            "master key 1: nothing", "master key 2 (in use): 12 of borrower.data_key",
            "index key 1: 24 entries of the directory",
            "index key 2 (in use): 24 entries of the directory",
        ]  # fmt: skip
        assert bad(database, keys) == 0
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("words", [[], ["--port", "0"], ["--socket", "a", "--port", "1"],
                                   ["--port", "8123"]])  # fmt: skip
def test_a_key_service_needs_one_place_and_on_a_port_a_token(
    usance: Command, words: list[str]
) -> None:
    ended = usance("keys", "serve", *words)
    assert (ended.status, ended.err.count("\n")) == (2, 1)


def test_a_person_is_erased_and_the_list_knows(
    with_book: Command, database: str, key_path: Path
) -> None:
    """R-ERASE-03, R-ERASE-04; after a restore, R-ERASE-06."""
    one, two = registered(database, LocalKeyService.open(key_path), 2)
    borrower = written("borrower", one)
    assert with_book("borrowers", "erase", borrower, "--reason", "why not").refused("R-ERASE-04")
    assert with_book("borrowers", "legal-hold", borrower, "--reason", "court").status == 0
    assert with_book("borrowers", "erase", borrower, "--reason", "request").refused("R-ERASE-03")
    assert with_book("borrowers", "lift-hold", borrower).status == 0
    assert with_book("borrowers", "lift-hold", borrower).refused("R-ERASE-03")
    before = fetch(database, "SELECT * FROM borrower ORDER BY borrower_id LIMIT 1")[0]
    erased = with_book("borrowers", "erase", borrower, "--reason", "request")
    assert erased.status == 0
    assert with_book("borrowers", "erase", borrower, "--reason", "request").status == 0
    listed = with_book("keys", "erasures").out
    assert listed.startswith(f"{borrower} ")
    assert listed.count("\n") == 1
    assert key_path.with_name("master.key.erasures").read_text() == listed
    private = ("data_key", "name", "phone", "identity_number", "email")
    values = ", ".join(f"{name} = '\\x{before[name].hex()}'" for name in private)
    fetch(database, "DELETE FROM erasure")
    fetch(database, f"UPDATE borrower SET status = 1, {values} WHERE borrower_id = {one}")
    again = with_book("keys", "erasures", "--reapply")
    assert again.out == "1 erased again, 0 had nothing left\n"
    rows = fetch(database, "SELECT borrower_id, status FROM borrower ORDER BY 1")
    assert [tuple(row) for row in rows] == sorted([(one, 2), (two, 1)])
    assert with_book("verify").status == 0
    assert with_book("borrowers", "erase", "b-zzzz", "--reason", "request").refused("R-FOUND-01")
    assert with_book("borrowers", "erase", "x", "--reason", "request").refused("R-FOUND-01")


def test_who_has_a_line_is_not_erased(
    with_book: Command, database: str, key_path: Path
) -> None:
    """R-ERASE-01."""
    (one,) = registered(database, LocalKeyService.open(key_path), 1)

    async def open_line() -> None:
        pool = await open_pool(database, 2)
        book = Book(pool)
        await book.start()
        line = asked.OpenLine(borrower_id=one, product="pay_later", limit=100_000)
        answer = await book.submit(line, actor="staff:1")
        assert answer.status == 201
        await book.stop()
        await pool.close()

    asyncio.run(open_line())
    ended = with_book("borrowers", "erase", written("borrower", one), "--reason", "request")
    assert ended.refused("R-ERASE-01")


def test_everything_held_is_written_once(
    with_book: Command, database: str, key_path: Path, tmp_path: Path
) -> None:
    (one,) = registered(database, LocalKeyService.open(key_path), 1)
    borrower, out = written("borrower", one), tmp_path / "all.json"
    assert with_book("borrowers", "export", borrower, "--out", str(out)).status == 0
    found = json.loads(out.read_text("utf-8"))
    assert found["borrower"]["borrower_id"] == borrower
    assert "张小" in out.read_text("utf-8")
    assert out.stat().st_mode & 0o777 == 0o600
    again = with_book("borrowers", "export", borrower, "--out", str(out))
    assert (again.status, again.err.count("\n")) == (2, 1)
    missing = with_book("borrowers", "export", "b-zzzz", "--out", str(tmp_path / "none"))
    assert missing.refused("R-FOUND-01")
    assert not (tmp_path / "none").exists()
