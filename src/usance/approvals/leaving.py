"""What of the proposals stands in the way of a person's erasure, and what is forgotten."""

from __future__ import annotations

from usance.approvals import store
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.platform.personal import forget, obstacle


@obstacle
@rule("R-ERASE-01")
async def still_waiting(connection: Connection, borrower_id: int) -> str | None:
    """An act on the person that somebody may still agree with."""
    waits = await store.waits_for(connection, borrower_id)
    return "an act still waits for a second person" if waits else None


@forget
@rule("R-ERASE-05")
async def forget_reasons(connection: Connection, borrower_id: int) -> None:
    """Why somebody agreed or did not, in words that may speak of the person."""
    await store.forget_reasons(connection, borrower_id)
