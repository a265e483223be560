"""Background work of a serving process: payments are booked, waits end.

Every process may run it: the lease runner sees to it that each piece of work is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import TypeAlias

from usance.identity import contact_changes
from usance.payments import intents, notifications, sandbox_bank
from usance.payments.sandbox_bank import SandboxBank
from usance.platform import work
from usance.platform.database import Pool
from usance.platform.work import JOBS, Handler, Patience
from usance.web.services import Services

LATER = Patience(attempts=20, longest_delay=timedelta(hours=1), poll=timedelta(seconds=3))
"""A bank may be away for the better part of a day."""

Queue: TypeAlias = tuple[work.Source, Handler]


class Workers:
    """The tasks of one process."""

    def __init__(self, pool: Pool, queues: Mapping[str, Queue]) -> None:
        self._pool = pool
        self._queues = queues
        self._tasks: list[asyncio.Task[int]] = []

    @classmethod
    def of(cls, services: Services) -> Workers:
        """For everything that the services can do."""
        queues: dict[str, Queue] = {
            contact_changes.QUEUE: (JOBS, services.access.changes.work),
            intents.EXPIRY: (JOBS, services.payments.expire),
            notifications.BOOKING: (JOBS, services.notifications.work),
        }
        if isinstance(services.bank, SandboxBank):
            queues[sandbox_bank.QUEUE] = JOBS, services.bank.work
        return cls(services.pool, queues)

    def start(self) -> None:
        """Work until stopped."""
        for name, (source, handler) in self._queues.items():
            job = work.run(self._pool, name, handler, source=source, patience=LATER)
            self._tasks.append(asyncio.create_task(job))

    async def until_idle(self) -> None:
        """Do what is due now, and come back."""
        for name, (source, handler) in self._queues.items():
            await work.run(self._pool, name, handler, until_idle=True, source=source)

    async def stop(self) -> None:
        """Break off; what is not finished is done by whoever comes next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

