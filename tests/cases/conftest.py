"""A house for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.cases.house import House, Keyed, opened
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool


@pytest_asyncio.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    """A new book, its staff, and no case yet."""
    async with opened(pool) as found:
        yield found


@pytest_asyncio.fixture
async def keyed(pool: Pool, tmp_path: Path) -> AsyncIterator[Keyed]:
    """The same with keys in a file."""
    path = tmp_path / "master.key"
    keys = LocalKeyService.open(path)
    async with opened(pool, keys=keys) as found:
        yield Keyed(found, keys, path)
