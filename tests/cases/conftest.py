"""A house for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.cases.house import House, opened
from usance.platform.database import Pool


@pytest_asyncio.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    """A new book, its staff, and no case yet."""
    async with opened(pool) as found:
        yield found
