"""Rotation under live traffic: nothing fails, nobody is lost, whoever is killed goes on."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import time
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from tests.identity.house import (
    QUICK,
    house,
    people,
    rewrap_until_killed,
    unreadable,
)
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.day import verify
from usance.identity import keys_sql, rewrap, rotation
from usance.identity.borrowers import Borrowers
from usance.platform import key_file
from usance.platform.crypto import (
    DecryptionError,
    LocalKeyService,
    MissingKeyError,
    decrypt_field,
    index_id_of,
)
from usance.platform.database import Pool, open_pool, transaction
from usance.platform.personal import LOOKED_UP, SEALED, WRAPPED, sealed_fields, wrapped_keys

UNDER = "SELECT DISTINCT substring(data_key FROM 1 FOR 4) FROM borrower WHERE data_key <> ''"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many jobs also for a small book."""
    monkeypatch.setattr(rewrap, "PORTION", 10)


async def master_ids(pool: Pool) -> set[int]:
    """Which master keys wrap something."""
    return {int.from_bytes(row[0]) for row in await pool.fetch(UNDER)}


async def index_ids(pool: Pool) -> set[int]:
    """Which index keys have made an entry."""
    return {index_id_of(row[0]) for row in await pool.fetch("SELECT lookup FROM directory")}


# -- master keys -----------------------------------------------------------------------------------


class Traffic:
    """Registrations, reads and searches, on and on, each by its own process's view of the file."""

    def __init__(self, pool: Pool, path: Path) -> None:
        self.pool, self.path = pool, path
        self.failures: list[Exception] = []
        self.done = {"registered": 0, "read": 0}
        self.known: list[int] = []
        self.stopping = False

    async def register(self) -> None:
        borrowers = Borrowers(self.pool, LocalKeyService.open(self.path))
        while not self.stopping:
            (person,) = people(1)
            try:
                answer = await borrowers.register(person, actor="machine:1", key=person.phone)
                assert answer.status == 201, answer.document
                self.known.append(parse("borrower", answer.document["borrower_id"]))
                self.done["registered"] += 1
            except Exception as error:
                self.failures.append(error)
            await asyncio.sleep(0)

    async def read(self) -> None:
        borrowers = Borrowers(self.pool, LocalKeyService.open(self.path))
        while not self.stopping:
            try:
                if self.known:
                    each = self.known[self.done["read"] % len(self.known)]
                    found = await borrowers.read(each)
                    assert found is not None
                    assert found.name
                    assert await borrowers.by_phone(found.phone) == each
                    self.done["read"] += 1
            except Exception as error:
                self.failures.append(error)
            await asyncio.sleep(0)

    async def __aenter__(self) -> Traffic:
        works = [self.register(), self.register(), self.read(), self.read()]
        self.tasks = [asyncio.create_task(each) for each in works]
        await asyncio.sleep(0.3)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0.2)
        self.stopping = True
        await asyncio.gather(*self.tasks)


@pytest.mark.usefixtures("small_portions")
async def test_both_keys_rotate_under_live_traffic(pool: Pool, path: Path) -> None:
    """R-KEY-02, R-KEY-04, R-KEY-05: twice round; no failure, and nobody is unreadable after."""
    borrowers, keys = await house(pool, path)
    await borrowers.register_many(people(300), actor="demo")
    for newest in (2, 3):
        async with Traffic(pool, path) as traffic:
            assert await rotation.add_master_key(pool, path, actor="operator") == newest
            assert await rewrap.rewrap(pool, keys, workers=2) == 0
            await rotation.retire_master_key(pool, path, newest - 1, actor="operator")
            assert await rotation.add_index_key(pool, path, actor="operator") == newest
            assert await rewrap.rehash(pool, keys, workers=2) == 0
            await rotation.retire_index_key(pool, path, newest - 1, actor="operator")
        assert traffic.failures == []
        assert min(traffic.done.values()) > 20, traffic.done
        assert await master_ids(pool) == await index_ids(pool) == {newest}
        assert await unreadable(pool, LocalKeyService.open(path)) == 0
    ring = key_file.read(path)
    assert (list(ring.master_keys), list(ring.index_keys)) == ([3], [3])
    assert await verify.run(pool) == []
    actions = await pool.fetch("SELECT action, count(*) FROM operation GROUP BY 1")
    assert {a for a, _ in actions} >= {
        "AddMasterKey", "RetireMasterKey", "AddIndexKey", "RetireIndexKey", "RewrapKeys",
        "RehashDirectory",
    }  # fmt: skip


@pytest.mark.usefixtures("small_portions")
async def test_two_workers_share_the_work(pool: Pool, path: Path, database: str) -> None:
    """Everybody is wrapped anew once: the portions of both add up."""
    borrowers, keys = await house(pool, path)
    await borrowers.register_many(people(600), actor="demo")
    await rotation.add_master_key(pool, path, actor="operator")
    other = await open_pool(database, 3)
    try:
        left = await asyncio.gather(
            rewrap.rewrap(pool, keys, workers=2),
            rewrap.rewrap(other, LocalKeyService.open(path), workers=2),
        )
    finally:
        await other.close()
    assert left == [0, 0]
    rows = "SELECT sum((detail->>'rows')::int) FROM operation WHERE action = 'RewrapKeys'"
    assert await pool.fetchval(rows) == 600
    assert await master_ids(pool) == {2}
    assert await unreadable(pool, keys) == 0


@pytest.mark.usefixtures("small_portions")
async def test_what_was_killed_in_the_middle_goes_on(
    pool: Pool, path: Path, database: str
) -> None:
    """SIGKILL to the worker, three times; then another finishes, and nobody is lost."""
    borrowers, keys = await house(pool, path)
    await borrowers.register_many(people(400), actor="demo")
    await rotation.add_master_key(pool, path, actor="operator")
    column = WRAPPED["borrower.data_key"]
    counts = [await keys_sql.count_stale(pool, column, 2)]
    for _ in range(3):
        await asyncio.to_thread(run_and_kill, database, path)
        counts.append(await keys_sql.count_stale(pool, column, 2))
    assert counts[0] == 400
    assert 0 < counts[-1] < counts[0], counts
    assert await unreadable(pool, keys) == 0
    assert await rewrap.rewrap(pool, keys, patience=QUICK) == 0
    assert await master_ids(pool) == {2}
    assert await unreadable(pool, keys) == 0


def run_and_kill(url: str, path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    victim = context.Process(target=rewrap_until_killed, args=(url, str(path)))
    victim.start()
    deadline = time.monotonic() + 30
    before = asyncio.run(jobs_done(url))
    while asyncio.run(jobs_done(url)) < before + 2:
        assert time.monotonic() < deadline, "the worker does nothing"
        time.sleep(0.02)
    victim.kill()
    victim.join()


async def jobs_done(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        found: int = await connection.fetchval("SELECT count(*) FROM job WHERE state = 1")
        return found
    finally:
        await connection.close()


async def test_only_an_old_key_that_wraps_nothing_is_retired(pool: Pool, path: Path) -> None:
    """R-KEY-03 and R-KEY-04: the file stays as it is."""
    borrowers, keys = await house(pool, path)
    await borrowers.register_many(people(3), actor="demo")
    with pytest.raises(Refused, match="R-KEY-03"):
        await rotation.retire_master_key(pool, path, 1, actor="operator")
    await rotation.add_master_key(pool, path, actor="operator")
    before = key_file.read(path)
    for number, rule in ((1, "R-KEY-04"), (2, "R-KEY-03"), (7, "R-KEY-03")):
        with pytest.raises(Refused, match=rule):
            await rotation.retire_master_key(pool, path, number, actor="operator")
    assert key_file.read(path) == before
    await rewrap.rewrap(pool, keys)
    apart = path.with_name("old.key")
    await rotation.retire_master_key(pool, path, 1, actor="operator", kept_in=apart)
    assert f"key 1 {before.master_keys[1].hex()}" in apart_text(apart)
    assert 1 not in key_file.read(path).master_keys
    assert await rotation.add_master_key(pool, path, actor="operator") == 3


def apart_text(path: Path) -> str:
    return path.read_text()


async def test_retiring_waits_for_who_has_wrapped_and_not_committed(
    pool: Pool, path: Path
) -> None:
    """R-KEY-04: the wrapped key that nobody sees yet is seen before the key goes."""
    borrowers, keys = await house(pool, path)
    (person,) = people(1)
    async with transaction(pool, keys_sql.TOGETHER) as connection:
        await borrowers._insert(connection, [person], "demo")  # under key 1
        ring = key_file.change(path, key_file.with_master_key)
        assert max(ring.master_keys) == 2
        retiring = asyncio.create_task(
            rotation.retire_master_key(pool, path, 1, actor="operator")
        )
        await asyncio.sleep(0.3)
        assert not retiring.done()
    with pytest.raises(Refused, match="R-KEY-04"):
        await retiring
    assert await rewrap.rewrap(pool, keys) == 0
    assert await unreadable(pool, keys) == 0


async def test_a_process_with_an_old_file_stores_nothing(pool: Pool, path: Path) -> None:
    """R-KEY-02: on another machine, whose copy of the file nobody has renewed."""
    borrowers, keys = await house(pool, path)
    await borrowers.register_many(people(3), actor="demo")
    copy = path.with_name("copy.key")
    shutil.copy(path, copy)
    elsewhere = Borrowers(pool, LocalKeyService.open(copy))
    await rotation.add_master_key(pool, path, actor="operator")
    await rewrap.rewrap(pool, keys)
    (read,) = [each.borrower_id for each in await borrowers.page(0, 1)]
    with pytest.raises(MissingKeyError):
        await elsewhere.read(read)
    await rotation.retire_master_key(pool, path, 1, actor="operator")
    people_before = await pool.fetchval("SELECT count(*) FROM borrower")
    with pytest.raises(MissingKeyError):
        await elsewhere.register(*people(1), actor="machine:1")
    assert await pool.fetchval("SELECT count(*) FROM borrower") == people_before
    await rotation.add_index_key(pool, path, actor="operator")
    await rewrap.rehash(pool, keys)
    await rotation.retire_index_key(pool, path, 1, actor="operator")
    with pytest.raises(MissingKeyError):
        await elsewhere.by_phone("+8613900000000")
    shutil.copy(path, copy)
    assert (await elsewhere.register(*people(1), actor="machine:1")).status == 201
    assert await unreadable(pool, elsewhere._keys) == 0


async def test_a_key_that_does_not_open_is_left_and_counted(
    pool: Pool, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One damaged row stops neither the others nor the command; the log names it by its number."""
    borrowers, keys = await house(pool, path)
    found = await borrowers.register_many(people(30), actor="demo")
    await pool.execute(
        "UPDATE borrower SET data_key = set_byte(data_key, 20, 255 - get_byte(data_key, 20))"
        " WHERE borrower_id = $1",
        found[7],
    )
    await rotation.add_master_key(pool, path, actor="operator")
    assert await rewrap.rewrap(pool, keys) == 1
    assert [r.owner for r in caplog.records if "does not open" in r.message][-1] == found[7]
    assert await master_ids(pool) == {1, 2}
    with pytest.raises(Refused, match="R-KEY-04"):
        await rotation.retire_master_key(pool, path, 1, actor="operator")
    await rotation.add_index_key(pool, path, actor="operator")
    assert await rewrap.rehash(pool, keys) == 2  # the phone and the identity number of one person
    with pytest.raises(Refused, match="R-KEY-05"):
        await rotation.retire_index_key(pool, path, 1, actor="operator")


async def test_status_says_what_each_key_holds(pool: Pool, path: Path) -> None:
    borrowers, keys = await house(pool, path)
    await borrowers.register_many(people(4), actor="demo")
    await rotation.add_master_key(pool, path, actor="operator")
    await rotation.add_index_key(pool, path, actor="operator")
    await borrowers.register_many(people(2), actor="demo")
    lines = rotation.in_words(await rotation.status(pool, keys))
    assert lines == [
        "master key 1: 4 of borrower.data_key",
        "master key 2 (in use): 2 of borrower.data_key",
        "index key 1: 12 entries of the directory",
        "index key 2 (in use): 4 entries of the directory",
    ]
    key_file.change(path, lambda ring: key_file.without_master_key(ring, 1))
    lines = rotation.in_words(await rotation.status(pool, keys))
    assert lines[0] == "master key 1 (NOT HERE): 4 of borrower.data_key"


async def test_without_a_book_no_key_is_added(pool: Pool, path: Path) -> None:
    key_file.create(path)
    before = key_file.read(path)
    for add in (rotation.add_master_key, rotation.add_index_key):
        with pytest.raises(Refused, match="R-BOOK-01"):
            await add(pool, path, actor="operator")
    assert key_file.read(path) == before


async def test_another_room_enters_its_wrapped_keys(
    pool: Pool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table without cells, whose keys are bound to its own rows and its own name."""
    _, keys = await house(pool, path)
    monkeypatch.setattr("usance.platform.personal.WRAPPED", WRAPPED)
    monkeypatch.setitem(WRAPPED, "secret.wrapped", WRAPPED["borrower.data_key"])
    wrapped_keys("secret", "wrapped", "number", has_cells=False)
    await pool.execute("CREATE TABLE secret (number int PRIMARY KEY, wrapped bytea NOT NULL)")
    rows = [(n, keys.wrap(bytes([n]) * 32, n, "secret")) for n in range(5)]
    await pool.executemany("INSERT INTO secret VALUES ($1, $2)", [*rows, (9, b"")])
    await rotation.add_master_key(pool, path, actor="operator")
    assert await rewrap.rewrap(pool, keys) == 0
    for number, wrapped in await pool.fetch("SELECT * FROM secret WHERE number < 9"):
        assert wrapped[:4] == b"\0\0\0\2"
        assert keys.unwrap(wrapped, number, "secret") == bytes([number]) * 32
    await rotation.retire_master_key(pool, path, 1, actor="operator")


# -- index keys ------------------------------------------------------------------------------------


async def test_a_person_is_registered_once_while_the_index_key_changes(
    pool: Pool, path: Path
) -> None:
    """R-BORR-02: known only under the old key, under both, or only under the new one."""
    borrowers, keys = await house(pool, path)
    first, second = people(2)
    await borrowers.register(first, actor="machine:1")
    await rotation.add_index_key(pool, path, actor="operator")
    await borrowers.register(second, actor="machine:1")
    for _ in range(3):
        for person in (first, second):
            again = await borrowers.register(person, actor="machine:1")
            assert again.document["rule"] == "R-BORR-02"
            assert await borrowers.by_phone(person.phone) is not None
            assert await verify.run(pool) == []
        await rewrap.rehash(pool, keys)
        if len(key_file.read(path).index_keys) == 2 and await index_ids(pool) == {1, 2}:
            with suppress(Refused):
                await rotation.retire_index_key(pool, path, 1, actor="operator")
    assert await index_ids(pool) == {2}
    assert await pool.fetchval("SELECT count(*) FROM directory") == 4


async def test_an_index_key_is_retired_when_everybody_is_under_the_newest(
    pool: Pool, path: Path
) -> None:
    """R-KEY-05 and R-KEY-03; what a crash left of a retired key is taken out the next time."""
    borrowers, keys = await house(pool, path)
    await borrowers.register_many(people(3), actor="demo")
    with pytest.raises(Refused, match="R-KEY-03"):
        await rotation.retire_index_key(pool, path, 1, actor="operator")
    await rotation.add_index_key(pool, path, actor="operator")
    for number, rule in ((1, "R-KEY-05"), (2, "R-KEY-03"), (9, "R-KEY-03")):
        with pytest.raises(Refused, match=rule):
            await rotation.retire_index_key(pool, path, number, actor="operator")
    await rewrap.rehash(pool, keys)
    left = await pool.fetch("SELECT * FROM directory WHERE length(lookup) = 32")
    assert await rotation.retire_index_key(pool, path, 1, actor="operator") == 6
    await pool.executemany("INSERT INTO directory VALUES ($1, $2, $3)", left[:2])
    assert await rotation.retire_index_key(pool, path, 1, actor="operator") == 2
    assert await verify.run(pool) == []


async def test_who_is_erased_meanwhile_is_not_entered_again(
    pool: Pool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading a person and entering the hash, the row is held."""
    borrowers, keys = await house(pool, path)
    (one,) = await borrowers.register_many(people(1), actor="demo")
    await rotation.add_index_key(pool, path, actor="operator")
    inner, seen = rewrap.hashed_anew, []

    def later(*given: object) -> object:
        seen.append(erasing.done())
        return inner(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(rewrap, "hashed_anew", later)

    async def erase() -> None:
        from usance.identity import erasure

        await asyncio.sleep(0.01)
        list_file = path.with_name("list")
        await erasure.erase(pool, one, "request", actor="staff:1", list_file=list_file)

    async with transaction(pool) as connection:
        rows = await keys_sql.people_of_cells(connection, 0, 1023)
        erasing = asyncio.create_task(erase())
        await asyncio.sleep(0.3)
        assert len(rows) == 1
        assert not erasing.done(), "an erasure does not wait for who is being hashed"
        await rewrap.rehash_portion(connection, keys, 0, 1023)
    await erasing
    assert seen == [False]
    assert await pool.fetchval("SELECT count(*) FROM directory") == 0
    assert await rewrap.rehash(pool, keys) == 0
    assert await pool.fetchval("SELECT count(*) FROM directory") == 0


async def test_another_room_is_found_by_more(
    pool: Pool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    borrowers, keys = await house(pool, path)
    (one,) = await borrowers.register_many(people(1), actor="demo")
    lookup = keys.blind_index("p@example.cn", "email")
    await pool.execute("INSERT INTO directory VALUES ('email', $1, $2)", lookup, one)
    await rotation.add_index_key(pool, path, actor="operator")
    assert await rewrap.rehash(pool, keys) == 1  # nobody has said what it is the hash of

    async def further(*_: object) -> list[tuple[str, str]]:
        return [("email", "p@example.cn"), ("email", "not@entered.example")]

    monkeypatch.setattr(rewrap, "LOOKED_UP", [*LOOKED_UP, further])
    assert await rewrap.rehash(pool, keys) == 0
    found = await pool.fetch("SELECT lookup FROM directory WHERE purpose = 'email'")
    assert sorted(row[0] for row in found) == sorted(keys.blind_indexes("p@example.cn", "email"))


# -- a person's own key ----------------------------------------------------------------------------


async def test_a_person_gets_a_new_data_key(
    pool: Pool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-KEY-06: every field under the fresh key, also another room's; the old one opens nothing."""
    borrowers, keys = await house(pool, path)
    person, other = people(2)
    one, two = await borrowers.register_many([person, other], actor="demo")
    before = await pool.fetchrow("SELECT * FROM borrower WHERE borrower_id = $1", one)
    untouched = await pool.fetchrow("SELECT * FROM borrower WHERE borrower_id = $1", two)
    old = keys.unwrap(before["data_key"], one)
    await pool.execute(
        "CREATE TABLE note (cell smallint, borrower_id bigint, note_id int, words bytea)"
    )
    place = {"table": "note", "column": "words", "row_id": 4}
    rows = [(one % 1024, one, 4, _sealed(old, "秘密", place)), (one % 1024, one, 5, b"")]
    await pool.executemany("INSERT INTO note VALUES ($1, $2, $3, $4)", rows)
    monkeypatch.setitem(SEALED, "note", SEALED["borrower"])
    sealed_fields("note", ("words",), ("cell", "borrower_id", "note_id"), "note_id")
    operation_id = await rotation.renew_borrower(pool, keys, one, actor="operator")
    after = await pool.fetchrow("SELECT * FROM borrower WHERE borrower_id = $1", one)
    fresh = keys.unwrap(after["data_key"], one)
    assert fresh != old
    for field in ("name", "phone", "identity_number", "email"):
        assert after[field] != before[field]
        with pytest.raises(DecryptionError):
            decrypt_field(old, after[field], table="borrower", column=field, row_id=one)
    found = await borrowers.read(one)
    assert found is not None
    assert (found.name, found.email) == (person.name, person.email)
    words = await pool.fetch("SELECT words FROM note ORDER BY note_id")
    assert decrypt_field(fresh, words[0][0], **place) == "秘密"
    assert words[1][0] == b""
    row = await pool.fetchrow("SELECT * FROM borrower WHERE borrower_id = $1", two)
    assert row == untouched
    audit = await pool.fetchrow("SELECT * FROM operation WHERE operation_id = $1", operation_id)
    assert (audit["action"], audit["borrower_id"]) == ("RenewBorrowerKey", one)
    await pool.execute("DROP TABLE note")
    monkeypatch.delitem(SEALED, "note")
    assert await verify.run(pool) == []


def _sealed(key: bytes, text: str, place: dict[str, object]) -> bytes:
    from usance.platform.crypto import encrypt_field

    return encrypt_field(key, text, **place)  # type: ignore[arg-type]


async def test_who_has_no_data_gets_no_key(pool: Pool, path: Path) -> None:
    """R-KEY-06."""
    borrowers, keys = await house(pool, path)
    (one,) = await borrowers.register_many(people(1), actor="demo")
    await pool.execute("UPDATE borrower SET data_key = ''")
    with pytest.raises(Refused, match="R-KEY-06"):
        await rotation.renew_borrower(pool, keys, one, actor="operator")
    with pytest.raises(Refused, match="R-FOUND-01"):
        await rotation.renew_borrower(pool, keys, one + 1024, actor="operator")


async def test_readers_never_see_half_a_renewal(pool: Pool, path: Path) -> None:
    borrowers, keys = await house(pool, path)
    (one,) = await borrowers.register_many(people(1), actor="demo")
    stopped = False

    async def read() -> int:
        count = 0
        while not stopped:
            found = await borrowers.read(one)
            assert found is not None
            assert found.name
            count += 1
        return count

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for _ in range(20):
        await rotation.renew_borrower(pool, keys, one, actor="operator")
    stopped = True
    assert sum(await asyncio.gather(*readers)) > 20
