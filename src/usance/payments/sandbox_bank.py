"""The bank of the sandbox: takes orders, shows a page to confirm them, and sends notifications.

It is a bank to the rest of the house: it knows an order and a payer's decision, and reaches the
book only by notifications that are signed, delivered over HTTP, and tried again until somebody has
taken them. Its key is derived from the house's own, so there is none to configure.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import msgspec

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.payments import store
from usance.payments.bank import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    Order,
    seconds,
    sign,
)
from usance.payments.notifications import AT_ONCE, Notification, written_amount
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService
from usance.platform.database import Connection, Pool, transaction
from usance.platform.derived import DerivedSecrets
from usance.platform.work import Job, enqueue

QUEUE = "sandbox-bank"
NOTIFY_PATH = "/bank/notifications"
OPEN, PAID, DECLINED = 1, 2, 3

Post: TypeAlias = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Sends a body to a path with headers; the status of the answer."""


def name_of(secret: bytes) -> str:
    """A name for a secret that tells nothing of it."""
    return f"sandbox-{hashlib.sha256(secret).hexdigest()[:8]}"


async def nobody_there(_path: str, _body: bytes, _headers: Mapping[str, str]) -> int:
    """Where notifications go before anybody listens."""
    return 503


class NotTakenError(Exception):
    """The other side did not take a notification; it is sent again later."""


class SandboxBank:
    """A bank that asks nobody for money."""

    def __init__(
        self, pool: Pool, keys: KeyService, clock: Clock, decimals: int, post: Post | None = None
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._decimals = decimals
        self.post = post or nobody_there
        self._derived = DerivedSecrets(keys)

    async def keys(self) -> Mapping[str, bytes]:
        """What its notifications are signed with, the newest first."""
        return {name_of(each): each for each in await self._derived.of("sandbox bank")}

    async def order(
        self, connection: Connection, intent: str, amount: int, currency: str
    ) -> Order:
        """An order, found again when the intent is known."""
        reference = await store.sandbox_order_for(
            connection, (secrets.token_hex(16), intent, amount, currency)
        )
        return Order(reference, f"/sandbox/bank/{reference}")

    async def look(self, reference: str) -> store.Row:
        """An order; raises ``Refused`` when there is none."""
        found = await store.sandbox_order(self._pool, reference)
        if found is None:
            raise Refused("R-FOUND-01", "there is no such payment")
        return found

    @rule("R-PORTAL-04")
    async def decide(
        self, reference: str, *, paid: int, twice: bool = False
    ) -> store.Row:
        """The payer pays (an amount above 0) or declines (0); the other side is told at once.

        Where it does not answer, a job tells it again; ``twice`` tells it twice anyway.
        """
        async with transaction(self._pool) as connection:
            status = PAID if paid else DECLINED
            if await store.decide_sandbox_order(connection, reference, status, paid):
                later = self._clock.now() + AT_ONCE
                await enqueue(connection, QUEUE, reference, {"reference": reference}, later)
        for _ in range(2 if twice else 1):
            await self.tell(reference)
        return await self.look(reference)

    async def work(self, _connection: Connection, job: Job) -> None:
        """The job that tells again what was not taken."""
        order = await self.look(job.payload["reference"])
        if not order["delivered"] and not await self.tell(job.payload["reference"]):
            raise NotTakenError(job.payload["reference"])

    async def tell(self, reference: str) -> bool:
        """Send the notification of an order that was decided; whether it was taken."""
        order = await self.look(reference)
        if order["status"] == OPEN:
            return True
        body, headers = await self.notification(order)
        taken = await self.post(NOTIFY_PATH, body, headers) < 300
        if taken:
            await store.deliver_sandbox_order(self._pool, reference)
        return taken

    async def notification(self, order: store.Row) -> tuple[bytes, dict[str, str]]:
        """The signed notification of an order: its number is the order's, each sending is new."""
        paid = order["status"] == PAID
        said = Notification(
            id=f"n-{order['reference']}", order=order["intent"], reference=order["reference"],
            result="paid" if paid else "declined",
            amount=written_amount(order["paid"] if paid else order["amount"], self._decimals),
            currency=order["currency"], sending=secrets.token_hex(8),
        )  # fmt: skip
        return await self.signed(msgspec.json.encode(said))

    async def signed(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        """A body with the headers that prove where it comes from."""
        now, (secret, *_) = self._clock.now(), await self._derived.of("sandbox bank")
        return body, {
            KEY_HEADER: name_of(secret), TIME_HEADER: str(seconds(now)),
            SIGNATURE_HEADER: sign(secret, now, body),
            "content-type": "application/json",
        }  # fmt: skip
