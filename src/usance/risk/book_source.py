"""What the book itself knows of a borrower, and what was decided of them before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

from usance.core.rules import rule
from usance.platform.database import Connection
from usance.risk import tiering_sql
from usance.risk.deciding_policy import TIER
from usance.risk.features import features_of
from usance.risk.snapshots import Given

BOOK, SCORE = "book", "score"


class BookSource:
    """Behaviour: what the book knew at the end of a business day, or knows of the open one."""

    async def read(
        self, connection: Connection, borrower_id: int, on: date
    ) -> Mapping[str, Given]:
        """Everything that ``features`` finds."""
        at = datetime.combine(on, time(), UTC)
        found = await features_of(connection, borrower_id, on)
        return {name: Given(value, BOOK, at) for name, value in found.items()}


class TierSource:
    """The tier in which the borrower stood, and how far they fell within ninety days."""

    async def read(
        self, connection: Connection, borrower_id: int, on: date
    ) -> Mapping[str, Given]:
        """Its fact is the decision that led there."""
        steps = await tiering_sql.changes_of(connection, borrower_id, on)
        if not steps:
            return {}
        at = datetime.combine(date.fromordinal(steps[0]["changed_on"]), time(), UTC)
        tier = Given(steps[0]["tier_to"], SCORE, at, steps[0]["decision_id"])
        return {TIER: tier, "tier_drop_90d": Given(fallen(steps, on), SCORE, at)}


@rule("R-TIER-02")
def fallen(steps: Sequence[Mapping[str, int]], on: date) -> int:
    """By how many tiers somebody stands below the best one of ninety days. Newest step first."""
    since, best = on.toordinal() - 90, steps[0]["tier_to"]
    for each in steps:
        if each["changed_on"] <= since:
            break
        if each["tier_from"] >= 0:
            best = min(best, each["tier_from"])
    return steps[0]["tier_to"] - best
