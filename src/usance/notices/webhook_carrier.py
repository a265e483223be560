"""The host application as a carrier: it is told that a borrower is to be told something.

It pushes a message of its own that leads to the borrower's pages. So it learns no more than whom
it is for, what sort of notice it is, and its title; the text stays here.
"""

from __future__ import annotations

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.notices.providers import REFUSED, TAKEN, Order, Outcome
from usance.platform.clock import Clock
from usance.platform.database import Pool, transaction
from usance.webhooks import store
from usance.webhooks.types import NOTICE_PUSH


class WebhookCarrier:
    """Queues a message for every endpoint that listens."""

    name = "webhooks"

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    @rule("R-DELIVERY-07")
    async def carry(self, order: Order) -> Outcome:
        """Hand one notice over; refused where nobody listens. ``title`` has no values in it."""
        borrower_id, _, template = order.about
        data = {
            "notice": order.key, "borrower_id": written("borrower", borrower_id),
            "template": template, "purpose": order.purpose, "language": order.language,
            "title": order.title,
        }  # fmt: skip
        now = self._clock.now()
        async with transaction(self._pool) as connection:
            endpoints = await store.listening_to(connection, NOTICE_PUSH.name)
            on = await store.business_date(connection)
            for each in endpoints:
                await store.queue_one(connection, each, NOTICE_PUSH.name, data, now, on, 0)
        return Outcome(TAKEN, order.key) if endpoints else Outcome(REFUSED, error="nobody listens")

    async def close(self) -> None:
        """Nothing is open."""
