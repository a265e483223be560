"""The door of the portal with two borrowers, and nobody who is made to wait at it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.identity.doors import House, house
from usance.identity import log_in
from usance.platform.database import Pool


@pytest.fixture
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are not held back."""
    monkeypatch.setattr(log_in, "LEAST_SECONDS", 0)


@pytest_asyncio.fixture
async def door(pool: Pool) -> AsyncIterator[House]:
    """A fresh book with the door before it."""
    async with house(pool) as found:
        yield found
