"""What a person is told of their risk tier and of lateness, when they are told everything."""

from __future__ import annotations

from datetime import date
from typing import Any

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.platform.personal import part
from usance.policy.shipped import dictionary
from usance.risk import tiering_sql


def day(ordinal: int) -> str | None:
    """A day as it is written; None for none."""
    return date.fromordinal(ordinal).isoformat() if ordinal else None


def decision_of(number: int) -> str | None:
    """A decision's number as it is written; None for none."""
    return written("decision", number) if number else None


@part("risk_tier", "tier", "tier_change")
@rule("R-TIER-02")
async def tiers(connection: Connection, borrower_id: int) -> dict[str, Any]:
    """Where they stand, and each step with the number of the decision that says why."""
    names = dictionary()["tier"].of
    stands = await tiering_sql.one(connection, borrower_id)
    steps = await tiering_sql.changes_of(connection, borrower_id)
    return {
        "tier": names[stands["tier"]] if stands else None,
        "since": day(stands["since"]) if stands else None,
        "steps": [
            {
                "on": day(each["changed_on"]), "to": names[each["tier_to"]],
                "from": names[each["tier_from"]] if each["tier_from"] >= 0 else None,
                "decision": decision_of(each["decision_id"]),
            }
            for each in steps
        ],
    }  # fmt: skip


@part("lateness", "lateness")
@rule("R-LATE-02")
async def lateness(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """Each change of what was late on their contracts, and when the book learnt of it."""
    return [
        {
            "contract": written("contract", row["contract_id"]),
            "known_on": row["booked_on"].isoformat(), "late_from": day(row["late_from"]),
            "before": day(row["was"]), "told_by_another": row["number"] < 0,
        }
        for row in await tiering_sql.lateness_of(connection, borrower_id)
    ]  # fmt: skip
