"""The application over a small book, asked in process."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar

from tests.reading import Patient
from usance.approvals.rules import DONE
from usance.core.identifiers import parse
from usance.day import close
from usance.identity.permissions import SCOPES
from usance.identity.staff_policy import StaffPolicy, staff_policy
from usance.platform.clock import Clock
from usance.platform.config import Settings
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Connection, Pool, open_pool
from usance.risk.snapshots import Given
from usance.servicing import read
from usance.servicing.service import Book
from usance.servicing.setup import create_book
from usance.web.app import create_app, open_services
from usance.web.services import Services

_numbers = itertools.count(1)
NOT_FORCED = replace(staff_policy(), required_for_roles=frozenset())
"""A second factor is asked only of who has enrolled one."""


class Known:
    """What is known of everybody here beside what the book knows, unless a test says otherwise."""

    def __init__(self) -> None:
        self.facts: dict[str, int | None] = {
            "identity_checked": 1, "of_age": 1, "income": 1_000_000, "debt_service": 2_000,
            "bureau_late": 0, "score": 600, "paid_share_6m": 10_000, "utilisation": 1_000,
            "new_device_days": 400,
        }  # fmt: skip

    async def read(self, _: Connection, borrower_id: int, on: date) -> dict[str, Given]:
        at = datetime.combine(on, time(), UTC)
        return {name: Given(each, "income", at, borrower_id) for name, each in self.facts.items()}


@dataclass
class Site:
    """An application, and a client that may do everything."""

    app: Litestar
    services: Services
    pool: Pool
    client: httpx.AsyncClient
    known: Known = field(default_factory=Known)

    async def key(self, scopes: Iterable[str]) -> str:
        """The key of a new machine client."""
        return await self.services.clients.create(f"client {next(_numbers)}", scopes)

    async def post(self, path: str, body: Any, key: str = "", **more: Any) -> httpx.Response:
        """A mutation under a key of its own."""
        headers = {"idempotency-key": key or f"key-{next(_numbers)}"} | more.pop("headers", {})
        return await self.client.post(path, json=body, headers=headers, **more)

    async def approved(self, answer: httpx.Response) -> dict[str, Any]:
        """What waits happens: a second person agrees with what was answered."""
        assert answer.status_code == 202, answer.text
        staff, asked = self.services.staff, answer.json()
        number = await staff.create(f"second {next(_numbers)}", "correct horse battery",
                                    ["supervisor"])  # fmt: skip
        done = await self.services.approvals.approve(
            parse("proposal", asked["proposal_id"]), number, bytes.fromhex(asked["digest"]), ""
        )
        assert done.state == DONE, done.outcome
        return done.outcome

    async def borrower(self) -> str:
        """A new borrower."""
        n = next(_numbers)
        person = {"name": "王小明", "phone": f"138{n:08}", "identity_number": f"ID{n:08}"}
        return str((await self.post("/v1/borrowers", person)).json()["borrower_id"])

    async def account(self) -> str:
        """A new borrower's pay-later account, with a purchase of 1000.00."""
        line = {"product": "pay_later", "limit": "50000.00"}
        answer = await self.post(f"/v1/borrowers/{await self.borrower()}/lines", line)
        contract = str(answer.json()["contract_id"])
        await self.post(f"/v1/contracts/{contract}/purchases", {"amount": "1000.00"})
        return contract

    async def close_days(self, count: int) -> None:
        """Close so many days, without the API."""
        last = await self.pool.fetchval("SELECT business_date FROM book") + timedelta(count - 1)
        await close.run(self.pool, through=last, workers=1)

    async def written(self) -> list[int]:
        """How many rows the tables hold that a mutation writes to."""
        tables = "transfer", "event", "operation", "idempotency", "borrower", "line", "offer"
        return [await self.pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


@asynccontextmanager
async def opened(
    url: str, home: Path, *, staff: StaffPolicy = NOT_FORCED, clock: Clock | None = None,
    environment: dict[str, str] | None = None, sandbox: bool = False, reading: Clock | None = None,
) -> AsyncIterator[Site]:  # fmt: skip
    """The application on a database; the book is made if there is none."""
    pool = await open_pool(url, 10)
    if await read.book(pool) is None:
        await create_book(pool, name="Test", opened_on=date(2026, 1, 5))
    book = Book(pool, clock=reading or Patient())
    await book.start()
    settings = Settings.from_environment(
        {"USANCE_HOME": str(home), "USANCE_SANDBOX": str(int(sandbox))} | (environment or {})
    )
    keys = LocalKeyService.open(settings.master_key_file)
    known = Known()
    services = await open_services(
        settings, pool, keys, book, staff_policy=staff, clock=clock, sources=(known,)
    )
    app = create_app(services)
    secret = await services.clients.create(f"all {next(_numbers)}", SCOPES)
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://usance.test",
            headers={"authorization": f"Bearer {secret}"},
        ) as client:
            yield Site(app, services, pool, client, known)
    finally:
        await services.closing.stop()
        await book.stop()
        await pool.close()
