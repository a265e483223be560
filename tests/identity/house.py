"""People and keys to test on, and a worker process that can be killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path

from usance.identity import rewrap
from usance.identity.borrowers import Borrowers
from usance.identity.people import Person
from usance.platform import work
from usance.platform.crypto import KeyService, LocalKeyService
from usance.platform.database import Pool, open_pool
from usance.servicing.setup import create_book
from usance.web import personal  # noqa: F401 (enters what every room holds of a person)

OPENED_ON = date(2026, 1, 5)
QUICK = work.Patience(
    lease=timedelta(milliseconds=300), attempts=1000, first_delay=timedelta(milliseconds=10)
)
_numbers = count(1)


def people(many: int) -> list[Person]:
    """So many people whom nobody knows yet."""
    return [
        Person(f"张小{n}", f"+86139{n:08}", f"ID{n:08}", f"p{n}@example.cn")
        for n in next_numbers(many)
    ]


def next_numbers(many: int) -> Iterator[int]:
    """Numbers that no other test has used."""
    return (next(_numbers) for _ in range(many))


async def house(pool: Pool, path: Path) -> tuple[Borrowers, LocalKeyService]:
    """A book, and its borrowers with the keys of a file."""
    await create_book(pool, name="Test", opened_on=OPENED_ON)
    keys = LocalKeyService.open(path)
    return Borrowers(pool, keys), keys


async def unreadable(pool: Pool, keys: KeyService) -> int:
    """How many active borrowers cannot be decrypted or found by phone and identity number."""
    borrowers, bad, after = Borrowers(pool, keys), 0, 0
    while found := await borrowers.page(after, 500):
        for each in found:
            by_phone = await borrowers.by_phone(each.phone)
            by_number = await borrowers.by_identity_number(each.identity_number)
            bad += not each.name or {by_phone, by_number} != {each.borrower_id}
        after = found[-1].borrower_id
    return bad


def rewrap_until_killed(url: str, path: str) -> None:
    """Entry of a process: re-wrap slowly, so that it can be killed in the middle."""
    asyncio.run(_rewrap(url, Path(path)))


async def _rewrap(url: str, path: Path) -> None:
    pool = await open_pool(url, 3)
    inner = rewrap.rewrap_portion

    async def slowly(*given: object) -> int:
        done = await inner(*given)  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        return done

    rewrap.rewrap_portion = slowly  # type: ignore[assignment]
    rewrap.PORTION = 10
    await rewrap.rewrap(pool, LocalKeyService.open(path), workers=1, patience=QUICK)
    await pool.close()
