"""The audit event of what happens at the door of the portal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store
from usance.ledger.digest import digest
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id


@rule("R-AUDIT-01")
async def note(
    connection: Connection, actor: str, action: str, borrower_id: int,
    rows: Iterable[tuple[str, int]], detail: dict[str, Any], operation_id: int = 0,
) -> int:  # fmt: skip
    """Write the event in the transaction that makes the change; gives its operation id.

    ``rows`` are (table, number) of what was written; ``detail`` holds no personal data and is
    never empty. Without ``operation_id`` a new one is taken.
    """
    on = await store.business_date(connection)
    if on is None:
        raise Refused("R-BOOK-01", "there is no book yet; make one first")
    operation_id = operation_id or new_operation_id()
    await store.insert_operation(
        connection, operation_id, actor=actor, action=action, on=on, borrower_id=borrower_id,
        digest=digest([(table, [(borrower_id, number)]) for table, number in rows]), detail=detail,
    )  # fmt: skip
    return operation_id
