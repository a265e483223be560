"""The audit event of what staff do with their accounts: by whom, what, on which business date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usance.identity import store
from usance.ledger.digest import digest
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id


async def noted(
    connection: Connection, actor: str, action: str, detail: Mapping[str, Any],
    staff_id: int | None = None,
) -> int:  # fmt: skip
    """Write an audit event on an account (by default the actor's own); its number."""
    account = int(actor.partition(":")[2]) if staff_id is None else staff_id
    on = await store.business_date(connection)
    assert on is not None  # there is no account without a book
    operation_id = new_operation_id()
    await store.insert_operation(
        connection, operation_id, actor=actor, action=action, on=on,
        digest=digest([("staff", [(account,)])]), detail={"staff_id": account, **detail},
    )  # fmt: skip
    return operation_id
