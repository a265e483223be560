"""A listening house, and a receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.webhooks.hooks import House, house
from tests.webhooks.receiver import Receiver, receiving
from usance.platform.database import Pool


@pytest_asyncio.fixture
async def home(pool: Pool) -> AsyncIterator[House]:
    async with house(pool) as found:
        yield found


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found
