"""A fresh book for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.servicing.books import TestBook, fresh
from usance.platform.database import Pool


@pytest_asyncio.fixture
async def book(pool: Pool) -> AsyncIterator[TestBook]:
    """A new book with nobody in it."""
    async with fresh(pool) as found:
        yield found
