"""The sequencer misses nothing that is committed, however late, and signs nothing that is wrong."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from usance.audit import check, merkle, outside, store
from usance.audit import sequencer as module
from usance.audit.check import Trust
from usance.audit.note import PrivateKey, checkpoint_of
from usance.audit.sequencer import CHECKPOINT_EVERY, MAX_DELAY, Sequencer
from usance.platform import metrics
from usance.platform.clock import FixedClock
from usance.platform.database import Pool, transaction

KEY = PrivateKey("usance/test", b"k" * 32)
INSERT = """
INSERT INTO operation (operation_id, actor, action, business_date, digest)
SELECT n, 'staff:1', $2, $3, sha256(n::text::bytea) FROM unnest($1::bigint[]) AS n
"""
TODAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


async def commit(pool: Pool | asyncpg.Connection, *ids: int, action: str = "Repay") -> None:
    """Operations in one transaction."""
    await pool.execute(INSERT, list(ids), action, TODAY)


async def leaves(pool: Pool) -> list[int]:
    """Operations in the order of the tree."""
    rows = await pool.fetch("SELECT operation_id FROM audit_leaf ORDER BY leaf_index")
    return [row[0] for row in rows]


async def holds(pool: Pool, directory: Path | None = None, patience: float | None = 0) -> None:
    """The tree is whole."""
    async with pool.acquire() as connection:
        checked = await check.run(connection, Trust([KEY.public], directory, patience))
    assert checked.flaws == []


async def test_a_late_commit_is_not_missed_and_holds_nobody_up(pool: Pool) -> None:
    """R-PROOF-01: ids and commits come in different orders."""
    sequencer = Sequencer(pool, KEY)
    await commit(pool, 10)
    async with pool.acquire() as slow, pool.acquire() as slower:
        await slow.execute("BEGIN")
        await commit(slow, 5)
        await slower.execute("BEGIN")
        await commit(slower, 1, 20)
        await commit(pool, 30)
        assert await sequencer.catch_up() == 2
        assert await leaves(pool) == [10, 30]
        await slower.execute("COMMIT")
        await commit(pool, 40)
        assert await sequencer.catch_up() == 3
        assert await leaves(pool) == [10, 30, 1, 20, 40]
        await slow.execute("COMMIT")
    assert await sequencer.catch_up() == 1
    assert await leaves(pool) == [10, 30, 1, 20, 40, 5]
    assert await sequencer.catch_up() == 0
    await holds(pool)


async def test_what_was_rolled_back_never_was(pool: Pool) -> None:
    sequencer = Sequencer(pool, KEY)
    with pytest.raises(ZeroDivisionError):
        async with transaction(pool) as connection:
            await commit(connection, 1)
            await connection.execute("SAVEPOINT s")
            await commit(connection, 2)
            raise ZeroDivisionError
    async with transaction(pool) as connection:  # parts of a transaction count as the whole
        await connection.execute("SAVEPOINT s")
        await commit(connection, 3)
        await connection.execute("RELEASE s; SAVEPOINT s")
        with pytest.raises(asyncpg.UniqueViolationError):
            await commit(connection, 3)
        await connection.execute("ROLLBACK TO s")
        await commit(connection, 4)
        assert await sequencer.catch_up() == 0
    assert await sequencer.catch_up() == 2
    assert await leaves(pool) == [3, 4]
    await holds(pool)


@pytest.mark.parametrize("portion", [3, 10_000])
async def test_many_writers_and_two_sequencers_at_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    """Each committed event once, whichever process was at it, in portions of any size."""
    monkeypatch.setattr(module, "PORTION", portion)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    numbers, rng = itertools.count(1), random.Random(3)
    committed: set[int] = set()

    async def write(times: int) -> None:
        for _ in range(times):
            mine = [next(numbers) for _ in range(rng.randrange(1, 4))]
            async with pool.acquire() as connection:
                await connection.execute("BEGIN")
                await commit(connection, *mine)
                await asyncio.sleep(rng.choice((0, 0, 0.002, 0.03)))
                good = rng.random() < 0.9
                await connection.execute("COMMIT" if good else "ROLLBACK")
                committed.update(mine if good else [])

    sequencers = [Sequencer(pool, KEY), Sequencer(pool, KEY)]
    for each in sequencers:
        await each.start()
    await asyncio.gather(*(write(40) for _ in range(6)))
    await Sequencer(pool, KEY).catch_up()
    for each in sequencers:
        await each.stop()
    found = await leaves(pool)
    assert len(found) == len(set(found))
    assert set(found) == committed
    await holds(pool)


async def test_a_failure_in_the_middle_leaves_nothing_behind(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was computed ahead of a commit that did not happen is forgotten."""
    sequencer, other = Sequencer(pool, KEY), Sequencer(pool, KEY)
    await commit(pool, 1, 2, 3)
    await sequencer.catch_up()
    await commit(pool, 4, 5)
    write = store.write_head

    async def fails(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(store, "write_head", fails)
    with pytest.raises(ConnectionError):
        await sequencer.advance()
    monkeypatch.setattr(store, "write_head", write)
    await commit(pool, 0)
    assert await other.catch_up() == 3
    await commit(pool, 6)
    assert await sequencer.catch_up() == 1
    await holds(pool)


async def test_a_book_in_another_cluster_goes_on(pool: Pool) -> None:
    """R-PROOF-01: after a dump and a restore, transactions are numbered anew, from below."""
    sequencer = Sequencer(pool, KEY)
    await commit(pool, 1, 2)
    await sequencer.catch_up()
    head, _ = await store.head_of(pool)
    now = int(await pool.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    for far in (now + 1_000_000, now + 5):  # a younger cluster; one that has nearly caught up
        ahead = f"{far}:{far}:"
        await commit(pool, far)  # committed in the old cluster and not yet sequenced there
        await pool.execute("UPDATE operation SET xid = $1::text::xid8 WHERE operation_id = $2",
                           str(far), far)  # fmt: skip
        head = store.Head(head.size, head.checkpoints, ahead, "another cluster")
        await pool.execute("UPDATE audit_tree SET snapshot = $1, cluster = $2, seal = $3",
                           head.snapshot, head.cluster, head.seal)  # fmt: skip
        await commit(pool, far + 1)
        restored = Sequencer(pool, KEY)
        assert await restored.catch_up() == 2
        for n in range(10):  # past the number that the restored row carries
            await commit(pool, far + 2 + n)
            assert await restored.catch_up() == 1
        head, _ = await store.head_of(pool)
    assert len(set(await leaves(pool))) == head.size == 2 + 2 * 12
    await holds(pool)


async def test_the_same_cluster_with_a_younger_counter(pool: Pool) -> None:
    """The numbers alone betray it where the cluster's name is the same."""
    await commit(pool, 1)
    await Sequencer(pool, KEY).catch_up()
    head, _ = await store.head_of(pool)
    ahead = store.Head(head.size, head.checkpoints, "90000000:90000000:", head.cluster)
    await pool.execute("UPDATE audit_tree SET snapshot = $1, seal = $2", ahead.snapshot, ahead.seal)
    await commit(pool, 2)
    assert await Sequencer(pool, KEY).catch_up() == 1
    await holds(pool)


# -- delay -----------------------------------------------------------------------------------------


async def test_an_event_has_its_place_within_the_stated_delay(pool: Pool) -> None:
    """R-PROOF-01, with a transaction that stays open all the time."""
    sequencer = Sequencer(pool, KEY)
    await sequencer.start()
    async with pool.acquire() as slow:
        await slow.execute("BEGIN")
        await commit(slow, 1)
        for n in range(2, 6):
            await commit(pool, n)
            await sequenced(pool, n)
        await slow.execute("COMMIT")
        await sequenced(pool, 1)
    await sequencer.stop()
    assert metrics.audit_leaves._value.get() == 5
    assert 0 <= metrics.audit_delay_seconds._value.get() < 60


async def sequenced(pool: Pool, operation_id: int) -> None:
    """Within the delay that is stated."""
    async with asyncio.timeout(MAX_DELAY):
        while operation_id not in await leaves(pool):  # noqa: ASYNC110 - it is another process's
            await asyncio.sleep(0.02)


async def test_it_outlasts_an_error(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTAGE_SECONDS", 0.01)
    calls = []
    real = store.take_turn

    async def fails_twice(connection: asyncpg.Connection) -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError
        if len(calls) == 2:
            raise ZeroDivisionError
        return await real(connection)

    monkeypatch.setattr(store, "take_turn", fails_twice)
    sequencer = Sequencer(pool, KEY)
    await commit(pool, 1)
    await sequencer.start()
    await sequenced(pool, 1)
    await sequencer.stop()


# -- checkpoints -----------------------------------------------------------------------------------


async def sizes(pool: Pool) -> list[int]:
    return [each.size for each in (await store.checkpoints(pool))[::-1]]


async def test_when_a_checkpoint_is_made(pool: Pool, tmp_path: Path) -> None:
    """R-PROOF-03, R-PROOF-04: at first, every minute if there is something new, at a day's end."""
    clock = FixedClock(NOON)
    sequencer = Sequencer(pool, KEY, tmp_path / "kept", clock)
    await sequencer.advance()
    assert await sizes(pool) == []
    await commit(pool, 1)
    await sequencer.advance()
    await commit(pool, 2)
    await sequencer.advance()
    assert await sizes(pool) == [1]
    clock.advance(CHECKPOINT_EVERY)
    await sequencer.advance()
    await sequencer.advance()
    assert await sizes(pool) == [1, 2]
    clock.advance(CHECKPOINT_EVERY)
    await sequencer.advance()
    assert await sizes(pool) == [1, 2]
    await commit(pool, 3, action="FinishDay")
    await commit(pool, 4)
    await sequencer.advance()
    await commit(pool, 5)
    await sequencer.advance()
    assert await sizes(pool) == [1, 2, 4]
    assert await sequencer.catch_up() == 0
    assert await sizes(pool) == [1, 2, 4, 5]
    files = outside.files(tmp_path / "kept")
    assert [path.name for path in files] == [outside.name_of(size) for size in (1, 2, 4, 5)]
    for kept, path in zip((await store.checkpoints(pool))[::-1], files, strict=True):
        said = checkpoint_of(path.read_text(), KEY.public)
        assert (said.note, said.size, said.root) == (kept.note, kept.size, kept.root)
        assert said.made_at == kept.made_at
        assert said.root == (await store.peaks(pool, said.size)).root()
    await holds(pool, tmp_path / "kept")


async def test_without_a_key_nothing_is_signed(pool: Pool) -> None:
    await commit(pool, 1)
    assert await Sequencer(pool, None).catch_up() == 1
    assert await sizes(pool) == []


async def test_nothing_is_signed_that_contradicts_what_was(pool: Pool, tmp_path: Path) -> None:
    """R-PROOF-03: leaves that were rewritten, or are gone, get no signature."""
    sequencer = Sequencer(pool, KEY, tmp_path)
    await commit(pool, *range(1, 9))
    await sequencer.catch_up()
    refused = metrics.audit_refusals._value.get()
    await pool.execute("UPDATE audit_leaf SET subtrees = $1 WHERE leaf_index = 7", b"x" * 96)
    await commit(pool, 9)
    await Sequencer(pool, KEY).catch_up()
    assert await sizes(pool) == [8]
    assert metrics.audit_refusals._value.get() == refused + 1


async def test_an_edited_tree_is_not_carried_on(pool: Pool) -> None:
    """Before a person has looked at it."""
    await commit(pool, 1)
    await Sequencer(pool, KEY).catch_up()
    await pool.execute("UPDATE audit_tree SET snapshot = '9:1:'")
    await commit(pool, 2)
    with pytest.raises(module.TreeEditedError):
        await Sequencer(pool, KEY).advance()
    assert await leaves(pool) == [1]


async def test_a_book_that_lost_events_is_not_signed_again(pool: Pool, tmp_path: Path) -> None:
    """R-PROOF-04: what is kept outside remembers what a restored database does not."""
    await commit(pool, 1, 2)
    await Sequencer(pool, KEY, tmp_path).catch_up()
    await commit(pool, 3)
    await Sequencer(pool, KEY, tmp_path).catch_up()
    await pool.execute("DELETE FROM audit_leaf WHERE leaf_index = 2")
    await pool.execute("DELETE FROM operation WHERE operation_id = 3")
    await pool.execute("DELETE FROM audit_checkpoint WHERE size = 3")
    head = store.Head(2, 1, *(await pool.fetchrow("SELECT snapshot, cluster FROM audit_tree")))
    await pool.execute("UPDATE audit_tree SET size = 2, checkpoints = 1, seal = $1", head.seal)
    await holds(pool)
    for found in await flaws(pool, tmp_path):
        assert (found.invariant, found.key) == ("INV-PROOF-06", outside.name_of(3))
    await commit(pool, 4)
    await Sequencer(pool, KEY, tmp_path).catch_up()
    assert await sizes(pool) == [2]
    assert await flaws(pool, tmp_path)


async def flaws(pool: Pool, directory: Path) -> Sequence[check.Flaw]:
    async with pool.acquire() as connection:
        return (await check.run(connection, Trust([KEY.public], directory))).flaws


def test_a_file_outside_is_never_rewritten(tmp_path: Path) -> None:
    """R-PROOF-04."""
    outside.keep(tmp_path, 7, "note")
    outside.keep(tmp_path, 7, "note")
    with pytest.raises(outside.OtherContentError):
        outside.keep(tmp_path, 7, "another note")
    assert [path.read_text() for path in outside.files(tmp_path)] == ["note"]
    assert [path.name for path in tmp_path.iterdir()] == [outside.name_of(7)]


async def test_files_that_are_missing_are_written_later(pool: Pool, tmp_path: Path) -> None:
    """The directory was out of reach, or set later; and one that cannot be written stops nobody."""
    clock = FixedClock(NOON)
    for n in range(1, 4):
        await commit(pool, n)
        await Sequencer(pool, KEY, clock=clock).catch_up()
        clock.advance(timedelta(minutes=5))
    (tmp_path / "file").write_text("")
    await commit(pool, 4)
    await Sequencer(pool, KEY, tmp_path / "file" / "kept", clock).catch_up()
    await Sequencer(pool, KEY, tmp_path / "kept", clock).catch_up()
    kept = [path.name for path in outside.files(tmp_path / "kept")]
    assert kept == [outside.name_of(size) for size in await sizes(pool)]
    assert len(kept) >= 3


async def test_a_new_key_goes_on_with_the_same_log(pool: Pool) -> None:
    """The log keeps its name; both keys are needed to believe all of it."""
    new = PrivateKey("usance/new", b"n" * 32)
    await commit(pool, 1)
    await Sequencer(pool, KEY).catch_up()
    await commit(pool, 2)
    await Sequencer(pool, new).catch_up()
    last = await store.newest_checkpoint(pool)
    assert last is not None
    assert checkpoint_of(last.note, new.public).origin == "usance/test"
    async with pool.acquire() as connection:
        both = await check.run(connection, Trust([KEY.public, new.public]))
        one = await check.run(connection, Trust([new.public]))
    assert both.flaws == []
    assert [(each.invariant, each.key) for each in one.flaws] == [("INV-PROOF-05", "checkpoint 1")]


async def test_a_leaf_is_the_hash_of_every_column(pool: Pool) -> None:
    """R-PROOF-02: on one line of JSON; what the server hashes is what is handed out."""
    await pool.execute(INSERT, [7], 'Say "x"\n\u2028\\', TODAY)
    await pool.execute("""UPDATE operation SET detail = '{"b": [1.50, "\u00e9\\n"], "a": null}'""")
    await Sequencer(pool, KEY).catch_up()
    text = await store.event_text(pool, 7)
    assert text is not None
    assert "\n" not in text
    (hashed,) = await pool.fetchrow("SELECT hash FROM audit_leaf")
    assert merkle.leaf_hash(text.encode()) == hashed
    columns = await pool.fetch("SELECT column_name FROM information_schema.columns "
                               "WHERE table_name = 'operation'")  # fmt: skip
    assert all(f'"{row[0]}":' in text for row in columns)
