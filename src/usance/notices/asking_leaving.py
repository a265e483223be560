"""What of asking concerns a person who is told everything, and one who is forgotten."""

from __future__ import annotations

from typing import Any

from usance.core.rules import rule
from usance.notices import verification_sql as sql
from usance.platform.database import Connection
from usance.platform.personal import forget, part


@forget
@rule("R-VERIFY-08")
async def forget_asks(connection: Connection, borrower_id: int) -> None:
    """Nobody asked for notices of this borrower."""
    await sql.forget(connection, borrower_id)


@part("notices_asked_for", "notice_asked")
@rule("R-VERIFY-08")
async def notices_asked_for(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """How often somebody asked rightly whether a notice was genuine."""
    return [
        {"notice": row["notice_id"], "times": row["times"],
         "first_at": row["first_at"].isoformat(), "last_at": row["last_at"].isoformat()}
        for row in await sql.asked_of(connection, borrower_id)
    ]  # fmt: skip
