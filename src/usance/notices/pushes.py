"""What endpoints of the host application answered, as receipts of what was pushed to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from usance.core.rules import rule
from usance.notices.receipt_words import Receipt
from usance.notices.receipts import ReceiptDesk
from usance.notices.webhook_carrier import WebhookCarrier
from usance.platform.database import Connection
from usance.webhooks import store
from usance.webhooks.types import NOTICE_PUSH
from usance.webhooks.worker import Settled


@rule("R-DELIVERY-08")
def receipts_of_pushes(desk: ReceiptDesk) -> Settled:
    """A listener of webhooks: what an endpoint took has arrived, what all gave up has not."""

    async def settled(
        connection: Connection, ended: Sequence[tuple[store.Row, int]], now: datetime
    ) -> None:
        said = [
            Receipt(str(msgspec.json.decode(row["data"])["notice"]),
                    "delivered" if state == store.DELIVERED else "failed")
            for row, state in ended if row["type"] == NOTICE_PUSH.name
        ]  # fmt: skip
        if said:
            await desk.hear(connection, WebhookCarrier.name, said, now)

    return settled
