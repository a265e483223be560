"""What of alerts concerns a person who is told everything, and one who is forgotten."""

from __future__ import annotations

from typing import Any

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.platform.personal import forget, part
from usance.risk import alerts_sql as sql
from usance.risk.early_warning import STATES, read_row
from usance.risk.warning_policy import LEVELS


@forget
@rule("R-WARN-06")
async def forget_alerts(connection: Connection, borrower_id: int) -> None:
    """Nothing is left of what was noticed of them."""
    await connection.execute(sql.FORGET, borrower_id)


@part("alerts", "alert")
@rule("R-WARN-06")
async def alerts(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """What was noticed of them, from what, by which policy, and what a person found it to be."""
    return [shown(read_row(row)) for row in await connection.fetch(sql.OF_BORROWER, borrower_id)]


def shown(row: Any) -> dict[str, Any]:
    """One alert, without who looked after it."""
    return {
        "alert_id": written("alert", row["alert_id"]), "signal": row["signal"],
        "level": LEVELS[row["level"]], "raised_on": row["raised_on"].isoformat(),
        "evidence": row["evidence"], "policy": row["policy"], "state": STATES[row["state"]],
        "outcome": row["outcome"], "reason": row["reason"],
    }  # fmt: skip
