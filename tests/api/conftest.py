"""The application over a book of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.web.api_site import Site, opened


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found
