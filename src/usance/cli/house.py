"""Opens what a command works with: settings, the database, the keys; and says why it cannot."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from usance.platform.config import Settings
    from usance.platform.database import Pool

T = TypeVar("T")
REFUSED = 2


@contextmanager
def explained() -> Iterator[None]:
    """Errors that a person can mend are one line on standard error; all others are tracebacks."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        text = explanation(error)
        if text is None:
            raise
        print(f"usance: {text}", file=sys.stderr)
        sys.exit(REFUSED)


def explanation(error: Exception) -> str | None:
    """What a person can do something about; None for a bug."""
    from usance.core.refusals import Refused
    from usance.platform.config import ConfigurationError
    from usance.platform.crypto import DecryptionError, KeysAway, MissingKeyError
    from usance.platform.migrate import SchemaError
    from usance.platform.postgres_place import PostgresError

    if isinstance(error, Refused):
        where = f" ({error.refusal.path})" if error.refusal.path else ""
        return f"{error.refusal.rule}: {error.refusal.detail}{where}"
    if isinstance(error, KeysAway | MissingKeyError):
        return f"{'R-KEY-01' if isinstance(error, KeysAway) else 'R-KEY-02'}: {error}"
    if isinstance(error, DecryptionError):
        return f"personal data does not open: {error}"
    if isinstance(error, ConfigurationError | SchemaError | PostgresError | OSError):
        return str(error)
    return None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop; whoever is told to end (SIGTERM) ends in order."""
    import uvloop

    async def ending() -> T:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return uvloop.run(ending())
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Settings, Pool]]:
    """Settings, and a pool on the migrated database; the embedded server runs meanwhile."""
    from usance.platform import logs
    from usance.platform.config import Settings
    from usance.platform.database import open_pool
    from usance.platform.migrate import migrate
    from usance.platform.postgres import database_url

    settings = Settings.from_environment()
    logs.configure(settings)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    async with database_url(settings) as url:
        await migrate(url)
        pool = await open_pool(url, settings.pool_size)
        try:
            yield settings, pool
        finally:
            await closed(pool)


async def closed(pool: Pool) -> None:
    """Close a pool; connections that do not end are cut."""
    try:
        await asyncio.wait_for(pool.close(), 10)
    except TimeoutError:
        pool.terminate()


def operator() -> str:
    """Who is at the command line, for the audit log."""
    return f"operator:{os.environ.get('SUDO_USER') or getpass.getuser()}"
