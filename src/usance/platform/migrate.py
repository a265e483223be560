"""Bring a database to the newest schema.

Revisions are the files of ``migrations/versions``; a file's name begins with its number, so
the newest is known without importing Alembic, and a current database costs one query.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from usance.platform import locks

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaError(RuntimeError):
    """The database is at a revision that this version of usance does not know."""


async def migrate(url: str) -> bool:
    """Migrate the database at ``url``; True when something was to be done."""
    revisions = known_revisions()
    current = await current_revision(url)
    if current == revisions[-1]:
        return False
    if current is not None and current not in revisions:
        raise SchemaError(f"revision {current} is newer than this usance ({revisions[-1]})")
    await _upgrade(url)
    return True


def known_revisions() -> list[str]:
    """Numbers of the revisions that come with this version, oldest first."""
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return sorted(file.name.partition("_")[0] for file in files)


async def current_revision(url: str) -> str | None:
    """Revision of the database, None when it is empty."""
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision
    finally:
        await connection.close()


async def _upgrade(url: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade_on)
    await engine.dispose()


def _upgrade_on(connection: Connection) -> None:
    """All revisions in one transaction. Waiting our turn may take long; locks may not."""
    from alembic import command
    from alembic.config import Config

    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({locks.MIGRATING})")
    connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
