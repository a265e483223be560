"""The connection pool and the unit of work."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias, TypeVar

import asyncpg

Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection

T = TypeVar("T")

SESSION_SETTINGS = {
    "application_name": "usance",
    "timezone": "UTC",
    "jit": "off",
    "idle_in_transaction_session_timeout": "300s",
}
RETRIED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
)
"""SQLSTATE 40001, 40P01 and 23505 (somebody else took the key or the id first): nothing was
changed, and the same call finds another state now."""
CONNECTION_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""The server went away, or is not ready yet. A commit under way may or may not have happened.
The last one is what the driver says of a connection whose server died in the middle of an answer.
"""


async def open_pool(url: str, size: int = 10) -> Pool:
    """Open a pool of at most ``size`` connections; prepared statements stay prepared."""
    return await asyncpg.create_pool(
        url,
        min_size=min(2, size),
        max_size=size,
        statement_cache_size=1024,
        max_cached_statement_lifetime=0,
        max_inactive_connection_lifetime=0,
        max_queries=2**40,
        server_settings=SESSION_SETTINGS,
        reset=_nothing_to_reset,
    )


@asynccontextmanager
async def transaction(pool: Pool, first: str = "SELECT") -> AsyncIterator[Connection]:
    """The unit of work: everything done on the connection happens, or nothing does.

    ``first`` is sent along with the BEGIN. A connection that broke under way is not given to
    anybody else.
    """
    async with pool.acquire() as connection:
        try:
            await connection.execute(f"BEGIN; {first}")
            yield connection
            await connection.execute("COMMIT")
        except BaseException as error:
            await _give_up(connection, error)
            raise


async def _give_up(connection: Connection, error: BaseException) -> None:
    """Nothing of the transaction stays."""
    if not isinstance(error, CONNECTION_LOST):
        try:
            await connection.execute("ROLLBACK")
            return
        except CONNECTION_LOST:
            pass
    connection.terminate()


@asynccontextmanager
async def one_moment(pool: Pool) -> AsyncIterator[Connection]:
    """Only to read: every statement sees what the first one saw."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def retrying(operation: Callable[[], Awaitable[T]], attempts: int = 5) -> T:
    """Run a whole unit of work again when it lost against another one (``RETRIED``)."""
    for attempt in range(1, attempts):
        try:
            return await operation()
        except RETRIED:
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
    return await operation()


async def _nothing_to_reset(connection: Connection) -> None:
    """Sessions carry no state of ours between uses, so giving one back costs no round trip."""
