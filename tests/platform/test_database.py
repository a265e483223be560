"""The unit of work, and fixtures that give each test a database of its own."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from usance.platform.database import Pool, retrying, transaction
from usance.platform.migrate import current_revision, known_revisions, migrate

INSERT = "INSERT INTO job (queue, key, payload) VALUES ('q', $1, '{}')"
COUNT = "SELECT count(*) FROM job"


async def test_everything_in_a_transaction_happens_or_nothing_does(pool: Pool) -> None:
    async with transaction(pool) as connection:
        await connection.execute(INSERT, "kept")
    with pytest.raises(RuntimeError, match="half way"):
        async with transaction(pool) as connection:
            await connection.execute(INSERT, "lost")
            raise RuntimeError("half way")
    assert await pool.fetchval(COUNT) == 1


async def test_each_test_has_a_database_of_its_own(pool: Pool) -> None:
    assert await pool.fetchval(COUNT) == 0


async def test_a_lost_race_is_run_again(pool: Pool) -> None:
    runs = 0

    async def deadlocked_twice() -> int:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise asyncpg.DeadlockDetectedError("deadlock detected")
        return runs

    assert await retrying(deadlocked_twice) == 3


async def test_other_errors_and_hopeless_races_are_not_hidden() -> None:
    async def always(error: Exception) -> None:
        raise error

    with pytest.raises(asyncpg.UniqueViolationError):
        await retrying(lambda: always(asyncpg.UniqueViolationError("again")))
    with pytest.raises(asyncpg.SerializationError):
        await retrying(lambda: always(asyncpg.SerializationError("no")), attempts=2)


async def test_a_real_deadlock_ends_well_for_both(pool: Pool) -> None:
    for key in "ab":
        await pool.execute(INSERT, key)
    bump = "UPDATE job SET attempts = attempts + 1 WHERE key = $1"

    async def touch(first: str, second: str) -> None:
        async with transaction(pool) as connection:
            await connection.execute(bump, first)
            await asyncio.sleep(0.05)
            await connection.execute(bump, second)

    await asyncio.gather(
        retrying(lambda: touch("a", "b")),
        retrying(lambda: touch("b", "a")),
    )
    assert await pool.fetchval("SELECT sum(attempts) FROM job") == 4


async def test_migrate_is_idempotent_and_says_whether_it_worked(database: str) -> None:
    assert await current_revision(database) == known_revisions()[-1]
    assert await migrate(database) is False


async def test_two_processes_may_migrate_at_once(server, pool: Pool) -> None:
    await pool.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    url = server.url(await pool.fetchval("SELECT current_database()"))
    await asyncio.gather(migrate(url), migrate(url))
    assert await current_revision(url) == known_revisions()[-1]
    assert await pool.fetchval(COUNT) == 0


async def test_an_unknown_revision_is_refused(pool: Pool, database: str) -> None:
    await pool.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RuntimeError, match="9999 is newer"):
        await migrate(database)
