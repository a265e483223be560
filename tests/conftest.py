"""Fixtures for the whole suite: one embedded server a session, a fresh database a test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from usance.platform import postgres
from usance.platform.database import Pool, open_pool
from usance.platform.migrate import migrate

TEMPLATE = "usance_template"
_numbers = itertools.count(1)
ROOM = 3 << 30

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as for a suite that runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # commands inherit what they get here


@pytest.fixture(scope="session")
def short_directory() -> Iterator[Path]:
    """A directory for the session that a server running as another user can reach."""
    path = Path(tempfile.mkdtemp(prefix="usance-tests-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A folder in memory where there is room: servers are copied here by the dozen."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ROOM
    path = Path(tempfile.mkdtemp(prefix="usance-tests-", dir=shared if roomy else None))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def server(short_directory: Path) -> Iterator[postgres.Cluster]:
    """The embedded server of this test session, with a migrated template database."""
    with postgres.using(short_directory / "home") as cluster:
        asyncio.run(_administer(cluster, f"CREATE DATABASE {TEMPLATE}"))
        asyncio.run(migrate(cluster.url(TEMPLATE)))
        yield cluster


@pytest.fixture(scope="session")
def new_database(server: postgres.Cluster) -> Callable[[], str]:
    """Makes a fresh migrated database by copying the template; returns its address."""

    def make() -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        copy = f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"
        asyncio.run(_administer(server, copy))
        return server.url(name)

    return make


@pytest.fixture
def database(new_database: Callable[[], str]) -> Iterator[str]:
    """Address of a fresh migrated database for one test."""
    url = new_database()
    yield url
    _drop(url)


@pytest.fixture(scope="module")
def module_database(new_database: Callable[[], str]) -> Iterator[str]:
    """Address of a fresh migrated database that the tests of one module share."""
    url = new_database()
    yield url
    _drop(url)


@pytest_asyncio.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool on the test's own database, in the test's own event loop."""
    pool = await open_pool(database, 10)
    yield pool
    await pool.close()


async def _administer(cluster: postgres.Cluster, statement: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _drop(url: str) -> None:
    async def drop() -> None:
        name = url.rpartition("?")[0].rpartition("/")[2]
        connection = await asyncpg.connect(url.replace(f"/{name}?", "/postgres?"))
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()

    asyncio.run(drop())
