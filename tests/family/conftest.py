"""A house for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.family.house import House, house
from usance.platform.database import Pool


@pytest_asyncio.fixture
async def home(pool: Pool) -> AsyncIterator[House]:
    async with house(pool) as found:
        yield found
