"""A book with a client that listens and a worker, on a clock that moves only when told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.servicing.books import KEYS, TestBook, fresh
from usance.identity.changing import Asking
from usance.identity.machine import MachineClients
from usance.identity.permissions import SCOPES
from usance.platform.clock import FixedClock
from usance.platform.database import Pool
from usance.webhooks import secrets, store, types
from usance.webhooks.acts import ChangeWebhook, DeleteWebhook, RetireWebhookSecret
from usance.webhooks.endpoints import Endpoints
from usance.webhooks.policy import Policy, Reach, default_policy
from usance.webhooks.worker import Worker

LOOPBACK = Reach(allow_http=True, networks=("127.0.0.0/8",))
ALL = tuple(sorted(types.CHOICES))
ACTOR = Asking("machine:1")


@dataclass
class House:
    """Everything at hand; ``told`` feeds and sends what is due now."""

    pool: Pool
    book: TestBook
    clock: FixedClock
    endpoints: Endpoints
    worker: Worker
    client_id: int

    async def register(self, url: str, names: Iterable[str] = ALL) -> int:
        """A new endpoint of the client."""
        answer = await self.endpoints.register(self.client_id, url, list(names), ACTOR)
        return int(answer.document["webhook_id"])

    async def change(self, *where: Any, **what: Any) -> None:
        """Another address, other types, stopped or started."""
        endpoint_id, client_id, asking = where
        await self.endpoints.perform(ChangeWebhook(endpoint_id, client_id, **what), asking)

    async def delete(self, *where: Any) -> None:
        """It is gone."""
        endpoint_id, client_id, asking = where
        await self.endpoints.perform(DeleteWebhook(endpoint_id, client_id), asking)

    async def retire(self, *where: Any) -> None:
        """The older secret signs no more."""
        endpoint_id, client_id, asking = where
        await self.endpoints.perform(RetireWebhookSecret(endpoint_id, client_id), asking)

    async def secrets(self, endpoint_id: int) -> list[str]:
        """The secrets that sign."""
        rows = await store.secrets_of(self.pool, endpoint_id)
        return list(secrets.opened(KEYS, endpoint_id, rows).values())

    async def told(self) -> None:
        """Feed and send until nothing is due."""
        await self.worker.drain()

    async def after(self, seconds: float) -> None:
        """So much later, feed and send."""
        self.clock.advance(timedelta(seconds=seconds))
        await self.told()

    async def queued(self, endpoint_id: int) -> list[Any]:
        """All messages, oldest first."""
        rows = await store.deliveries(self.pool, endpoint_id, None, 2**62, 10_000)
        return list(reversed(rows))

    async def attempts(self, endpoint_id: int, sequence: int = 1) -> list[tuple[int, str]]:
        """(status, error) of each attempt, oldest first."""
        rows = await store.attempts(self.pool, endpoint_id, sequence)
        return [(row["status"], row["error"]) for row in reversed(rows)]


@asynccontextmanager
async def house(
    pool: Pool, *, policy: Policy | None = None, reach: Reach = LOOPBACK
) -> AsyncIterator[House]:
    """A book with one client of all scopes."""
    async with fresh(pool) as book:
        clock = FixedClock(datetime.now(UTC))
        await MachineClients(pool).create("shop", SCOPES)
        client_id = await pool.fetchval("SELECT max(client_id) FROM machine_client")
        endpoints = Endpoints(
            pool, KEYS, clock=clock, reach=reach, policy=policy or default_policy()
        )
        yield House(pool, book, clock, endpoints, Worker(endpoints), client_id)
