"""Sections of a borrower's profile: the tier with the steps that led there, behaviour by time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from usance.core.rules import rule
from usance.identity.store import business_date
from usance.policy.shipped import dictionary
from usance.risk import tiering_sql
from usance.risk.features import BOOK, ROOM, features_of
from usance.web.console.access import Shown
from usance.web.console.render import Asked, services

BACK = (0, 90, 180, 360)
"""As of how many days ago behaviour is shown."""
TIERS = dictionary()["tier"].of


@rule("R-TIER-02")
async def tier(request: Asked, borrower_id: int, _shown: Shown) -> Mapping[str, Any]:
    """Where the borrower stands, and every step with the decision that says why."""
    pool = services(request).pool
    steps = await tiering_sql.changes_of(pool, borrower_id)
    stands = await tiering_sql.one(pool, borrower_id)
    return {
        "stands": stands and {
            "tier": TIERS[stands["tier"]], "found": TIERS[stands["found"]],
            "since": day(stands["since"]), "score": stands["score"],
            "better_since": day(stands["better_since"]), "next_on": day(stands["next_on"]),
        },
        "steps": [
            {
                "on": day(each["changed_on"]), "decision_id": each["decision_id"],
                "before": TIERS[each["tier_from"]] if each["tier_from"] >= 0 else "",
                "after": TIERS[each["tier_to"]], "score": each["score"],
            }
            for each in steps
        ],
    }  # fmt: skip


def day(ordinal: int) -> date | None:
    """None for no day."""
    return date.fromordinal(ordinal) if ordinal else None


@rule("R-FEATURE-01")
async def behaviour(request: Asked, borrower_id: int, _shown: Shown) -> Mapping[str, Any]:
    """What the book knew at the end of some days, the newest first."""
    pool = services(request).pool
    async with pool.acquire() as connection:
        today = await business_date(connection)
        assert today is not None, "there is no book yet"
        days = [today - timedelta(days=back) for back in BACK]
        found = [await features_of(connection, borrower_id, each) for each in days]
    features = [
        each for each in dictionary().values() if each.source == BOOK and each.name != ROOM
    ]
    return {
        "days": days,
        "rows": [(each, [known[each.name] for known in found]) for each in features],
    }  # fmt: skip
