"""Migrations are frozen: what they make is what ``schema`` says, whatever ``schema`` becomes."""

from __future__ import annotations

import re
import runpy
from datetime import date

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from usance.day.verify_sql import LOOKS
from usance.platform import locks
from usance.platform.database import Pool
from usance.platform.migrate import MIGRATIONS
from usance.platform.schema import metadata
from usance.servicing.setup import create_book

CATALOGUE = {
    "columns": """
        SELECT table_name, ordinal_position, column_name, data_type, numeric_precision, is_nullable,
            coalesce(column_default, ''), is_identity, coalesce(identity_generation, '')
        FROM information_schema.columns WHERE table_schema = 'public'
        AND table_name <> 'alembic_version'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        AND conrelid <> 'public.alembic_version'::regclass""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        AND tablename <> 'alembic_version'""",
    "others": """
        SELECT relkind::text, relname, coalesce(reloptions::text, '') FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
        AND relname !~ '^alembic_version'""",
}  # fmt: skip
"""What a schema is, for the catalogue of the server."""


async def schema_of(connection: asyncpg.Connection) -> set[tuple[object, ...]]:
    """Every column, constraint, index, table and sequence."""
    return {
        (kind, *row)
        for kind, query in CATALOGUE.items()
        for row in await connection.fetch(query)
    }


async def create_all(url: str) -> None:
    """Put the tables of ``metadata`` in the place of the migrated ones."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
    await engine.dispose()


async def test_a_migrated_database_has_the_schema_of_the_metadata(
    pool: Pool, database: str
) -> None:
    async with pool.acquire() as connection:
        migrated = await schema_of(connection)
    await create_all(database)
    async with pool.acquire() as connection:
        wanted = await schema_of(connection)
    assert len(wanted) > 300
    assert migrated == wanted, "platform.schema and the migrations differ: write the next revision"


@pytest.mark.parametrize(
    "change",
    ["ALTER TABLE due ALTER fee SET DEFAULT 1", "ALTER TABLE due ALTER fee TYPE integer",
     "ALTER TABLE due ADD more text", "ALTER TABLE line ALTER opened_on DROP NOT NULL",
     "DROP INDEX contract_alarm", "ALTER TABLE terms DROP CONSTRAINT terms_digest_key",
     "CREATE SEQUENCE numbers", "ALTER TABLE due RESET (fillfactor)"],
)  # fmt: skip
async def test_the_comparison_sees_a_change(pool: Pool, change: str) -> None:
    async with pool.acquire() as connection:
        before = await schema_of(connection)
        await connection.execute(change)
        assert await schema_of(connection) != before


def test_no_revision_asks_what_the_schema_is_today() -> None:
    for file in sorted((MIGRATIONS / "versions").glob("*.py")):
        assert "metadata" not in file.read_text(), file.name


async def test_looks_of_before_are_bound(pool: Pool) -> None:
    """Revision 0015: what was noted without an audit event has one afterwards, and is proved."""
    await create_book(pool, name="Test", opened_on=date(2026, 1, 5))
    rows = [(n, f"machine:{n}", 'a "shop" é') for n in range(1, 4)]
    insert = (
        "INSERT INTO access (cell, borrower_id, access_id, actor, acted_as, reason, note, what,"
        " session) VALUES (1, 1025, $1, $2, $3, 'case', 'x', 'details', 'y')"
    )
    revision = runpy.run_path(str(MIGRATIONS / "versions" / "0015_looks.py"))
    async with pool.acquire() as connection:
        await connection.executemany(insert, rows)
        assert await connection.fetchrow(LOOKS) is not None
        await connection.execute("ALTER TABLE access DROP COLUMN operation_id")
        for statement in revision["STATEMENTS"]:
            await connection.execute(statement)
        assert await connection.fetchrow(LOOKS) is None
        event = await connection.fetchrow("SELECT * FROM operation WHERE action = 'BindLooks'")
        assert (event["operation_id"], event["detail"]) == (3, '{"looks": 3}')
        await connection.execute("UPDATE access SET actor = 'machine:9' WHERE access_id = 2")
        assert await connection.fetchrow(LOOKS) is not None


async def test_the_guard_of_the_database_takes_the_lock_of_those_that_book(pool: Pool) -> None:
    """The number in revision 0006 is frozen: it and ours are one."""
    source = await pool.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'still_as_read'")
    assert re.findall(r"pg_advisory_xact_lock_shared\((\d+)\)", source) == [str(locks.BOOKING)]


def test_no_two_locks_have_one_number() -> None:
    numbers = [value for name, value in vars(locks).items() if name.isupper()]
    assert len(numbers) == len(set(numbers)) == 7
