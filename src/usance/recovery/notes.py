"""Backups, restores and drills are audit events of the book that they concern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usance.identity.store import business_date, insert_operation
from usance.ledger.digest import digest
from usance.platform.database import Pool, transaction
from usance.platform.identifiers import new_operation_id


async def note(pool: Pool, action: str, *, actor: str, detail: Mapping[str, Any]) -> int:
    """The number of the event, committed; 0 where there is no book yet."""
    async with transaction(pool) as connection:
        on = await business_date(connection)
        if on is None:
            return 0
        operation_id = new_operation_id()
        await insert_operation(
            connection, operation_id, actor=actor, action=action, on=on,
            digest=digest([(action, [])]), detail=detail,
        )  # fmt: skip
    return operation_id
