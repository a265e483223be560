"""The audit events of this room."""

from __future__ import annotations

from typing import Any

from usance.identity import store as identity
from usance.ledger.digest import digest
from usance.platform.database import Connection


async def note(
    connection: Connection, actor: str, action: str, operation_id: int, detail: dict[str, Any], *,
    borrower_id: int = 0, hashed: bytes = b"",
) -> None:  # fmt: skip
    """One audit event."""
    on = await identity.business_date(connection)
    assert on is not None  # nothing is proposed without a book
    await identity.insert_operation(
        connection, operation_id, actor=actor, action=action, on=on, borrower_id=borrower_id,
        digest=hashed or digest([("operation", [(operation_id,)])]), detail=detail,
    )  # fmt: skip
