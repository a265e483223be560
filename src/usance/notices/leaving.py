"""What of notices concerns keys, a person who is told everything, and one who is forgotten."""

from __future__ import annotations

from typing import Any

import msgspec

from usance.core.identifiers import cell_of_borrower
from usance.notices import own_sql
from usance.notices.own import LAST
from usance.notices.preferences import chosen_by
from usance.platform.database import Connection
from usance.platform.personal import forget, part, sealed_fields

EXPORTED = 100_000

sealed_fields("notice", ("box",), ("cell", "borrower_id", "notice_id"), "borrower_id")


@part("notices", "notice", "notice_step")
async def notices(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """Everything that was told to the person, or about them, and what became of it."""
    place = cell_of_borrower(borrower_id), borrower_id
    rows = await connection.fetch(own_sql.ALL, *place, LAST, EXPORTED)
    found = []
    for row in rows:
        steps = await connection.fetch(own_sql.STEPS, *place, row["notice_id"])
        told = shown(row)
        told["facts"] = msgspec.json.decode(row["facts"])
        told["steps"] = [
            {name: each for name, each in shown(step).items() if name != "trace"}
            for step in steps
        ]  # fmt: skip
        found.append(told)
    return found


@part("notice_preferences", "notice_preference")
async def preferences(connection: Connection, borrower_id: int) -> dict[str, Any]:
    """What the person chose."""
    return dict(msgspec.to_builtins(await chosen_by(connection, borrower_id)))


def shown(row: Any) -> dict[str, Any]:
    """A row with its moments and days in ISO form."""
    return {
        name: each.isoformat() if hasattr(each, "isoformat") else each
        for name, each in row.items()
    }  # fmt: skip


@forget
async def forget_notices(connection: Connection, borrower_id: int) -> None:
    """Nothing goes to the person any more; what was told stays without what leads to them."""
    place = cell_of_borrower(borrower_id), borrower_id
    for statement in own_sql.FORGET:
        await connection.execute(statement, *place)
