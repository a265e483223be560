"""What is held of a person's payments: told on request; one that is on its way bars an erasure."""

from __future__ import annotations

from typing import Any

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.payments import store
from usance.platform.database import Connection
from usance.platform.personal import obstacle, part


@part("payments", "payment_intent", "bank_notification")
async def payments(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """Payments that were begun in the portal, and what the bank said of them."""
    return [
        {
            "payment_id": written("payment", row["intent_id"]), "amount": row["amount"],
            "paid": row["paid"], "status": row["status"], "outcome": row["outcome"],
            "created_at": row["created_at"].isoformat(), "bank_said": row["said"],
        }
        for row in await store.held(connection, borrower_id)
    ]  # fmt: skip


@obstacle
@rule("R-ERASE-01")
async def on_its_way(connection: Connection, borrower_id: int) -> str | None:
    """Money of the person may still arrive."""
    found = await store.unsettled(connection, borrower_id)
    return "a payment is on its way" if found else None
