"""Migrations are frozen: what they make is what ``schema`` says, whatever ``schema`` becomes."""

from __future__ import annotations

import re

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from usance.platform import locks
from usance.platform.database import Pool
from usance.platform.migrate import MIGRATIONS
from usance.platform.schema import metadata

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


async def test_the_guard_of_the_database_takes_the_lock_of_those_that_book(pool: Pool) -> None:
    """The number in revision 0006 is frozen: it and ours are one."""
    source = await pool.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'still_as_read'")
    assert re.findall(r"pg_advisory_xact_lock_shared\((\d+)\)", source) == [str(locks.BOOKING)]


def test_no_two_locks_have_one_number() -> None:
    numbers = [value for name, value in vars(locks).items() if name.isupper()]
    assert len(numbers) == len(set(numbers)) == 5
