"""Fixtures for backup and recovery: a book made once, and a copy of its home for each test."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.house import House, backed_up, copied, furnish, new_home
from usance.platform import postgres, wal_receiver


@pytest.fixture(scope="session")
def furnished(memory: Path) -> Path:
    """A home with a lived-in book; nobody serves it."""
    home = memory / "furnished"
    asyncio.run(furnish(home))
    return home


@pytest.fixture(scope="session")
def backed_up_once(furnished: Path, memory: Path) -> Path:
    """The folder of a house with a backup and a log after it; nobody serves it."""
    place = memory / "backed-up"
    place.mkdir(mode=0o711)
    asyncio.run(backed_up(House(copied(furnished, place / "home"), place / "backups")))
    return place


@pytest.fixture
def house(furnished: Path, memory: Path) -> Iterator[House]:
    """A copy of the home, and a place for its backups."""
    place = memory / f"house-{time.monotonic_ns()}"
    place.mkdir(mode=0o711)
    yield from lent(House(copied(furnished, place / "home"), place / "backups"))


@pytest.fixture
def stored(backed_up_once: Path, memory: Path) -> Iterator[House]:
    """A copy of the home with its backup."""
    place = copied(backed_up_once, memory / f"stored-{time.monotonic_ns()}")
    yield from lent(House(place / "home", place / "backups"))


def lent(house: House) -> Iterator[House]:
    """Nothing of it runs afterwards, and nothing is left."""
    yield house
    for home in (house.home, new_home(house)):
        if home.exists():
            postgres.stop(postgres.locate(home))
            wal_receiver.stop(home)
    shutil.rmtree(house.home.parent)
