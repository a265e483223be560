"""R-PROOF-09: a book from before the tree keeps its digests, gets its leaves, and goes on."""

from __future__ import annotations

from pathlib import Path

import asyncpg
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.audit.trees import KEY
from tests.day.test_verify import live
from tests.servicing.books import fresh
from usance.audit.check import Trust
from usance.audit.sequencer import Sequencer
from usance.day import verify
from usance.day.verify_sql import EVENT_BYTES, TRANSFER_BYTES
from usance.platform.database import Pool
from usance.platform.migrate import MIGRATIONS, migrate
from usance.servicing import columns as sql
from usance.servicing import commands as asked

ALLOCATED = f"""
UPDATE operation o SET digest = (
    WITH e AS (SELECT count(*) AS rows, string_agg({EVENT_BYTES}, ''::bytea ORDER BY seq) AS bytes
        FROM event e WHERE e.operation_id = o.operation_id),
    t AS (SELECT count(*) AS rows, string_agg({TRANSFER_BYTES}, ''::bytea ORDER BY number) AS bytes
        FROM transfer t JOIN event e USING (cell, contract_id)
        WHERE e.seq = t.event_seq AND e.operation_id = o.operation_id)
    SELECT sha256({sql.table_bytes("event", "e.rows", "e.bytes")}
        || {sql.table_bytes("transfer", "t.rows", "t.bytes")}) FROM e, t)
WHERE action = 'AllocateReceipt'
"""
BEFORE = "0006"
"""A revision from before operations had a transaction and a form."""
AGED = (
    "UPDATE operation SET form = 1, xid = '0'",
    "DELETE FROM operation WHERE action IN ('FinishDay', 'HoldReceipts')",
    "UPDATE receipt SET held_by = 0",
    ALLOCATED,
)
"""What a book looks like that was kept before there were these columns and audit events."""


async def test_a_book_from_before_the_tree(pool: Pool, tmp_path: Path) -> None:
    async with fresh(pool) as book:
        await book.close_days(1)
        await live(book)
        await book.close_days(1)
        for statement in AGED:
            await pool.execute(statement)
        await book.holds()
        sequencer = Sequencer(pool, KEY, tmp_path)
        old = await sequencer.catch_up()
        assert old == await pool.fetchval("SELECT count(*) FROM operation") > 100
        trust = Trust([KEY.public], tmp_path, 0)
        assert await verify.run(pool, trust=trust) == []
        (waits,) = await pool.fetchrow("SELECT receipt_id FROM receipt WHERE status = 1")
        await book.do(asked.ReturnReceipt(receipt_id=waits))
        await book.close_days(2)
        await sequencer.catch_up()
        assert await verify.run(pool, trust=trust) == []
        forms = dict(await pool.fetch("SELECT form, count(*) FROM operation GROUP BY form"))
        assert forms[1] == old < forms[1] + forms[2]
        (first,) = await pool.fetchrow("SELECT digest FROM operation WHERE form = 1 LIMIT 1")
        damage = "UPDATE transfer SET amount = amount + 1 WHERE event_seq = $1 AND number = 1"
        await pool.execute(damage, -waits)  # bound by the new digest
        found = {each.invariant: each.key for each in await verify.run(pool, trust=trust)}
        assert "ReturnReceipt: cell" in found["INV-AUDIT-02"]
        assert first


def upgrade(connection: Connection, revision: str) -> None:
    """Migrate up to a revision, as an older version of usance had."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def test_rows_that_are_there_are_not_written_anew(pool: Pool, database: str) -> None:
    """The migration gives old rows form 1 and no transaction, and leaves them where they are."""
    await pool.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(database), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(upgrade, BEFORE)
    await engine.dispose()
    insert = (
        "INSERT INTO operation (operation_id, actor, action, business_date, digest) SELECT n, "
        "'staff:1', 'Repay', '2026-01-05', '' FROM generate_series($1::int, $2::int) n"
    )
    await pool.execute(insert, 1, 2000)
    where = await pool.fetch("SELECT ctid, xmin::text, operation_id FROM operation ORDER BY 3")
    assert await migrate(database)
    found = await pool.fetch(
        "SELECT ctid, xmin::text, operation_id FROM operation WHERE form = 1 AND xid = '0' "
        "ORDER BY 3"
    )
    assert found == where
    await pool.execute(insert, 2001, 2001)
    new = await pool.fetchrow("SELECT form, xid::text <> '0' FROM operation WHERE form > 1")
    assert tuple(new) == (2, True)
    assert await Sequencer(pool, KEY).catch_up() == 2001
