"""What the book itself knows of a borrower, and what was decided of them before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from usance.core.days import day_of_month, month_of
from usance.platform.database import Connection
from usance.risk import decision_store as store
from usance.risk.deciding_policy import TIER
from usance.risk.snapshots import Given

BOOK, SCORE = "book", "score"


class BookSource:
    """What is owed, since when anything is late, since when there is a contract."""

    async def read(
        self, connection: Connection, borrower_id: int, on: date
    ) -> Mapping[str, Given]:
        """As of the open business date, whatever day is asked for."""
        row, today = await store.standing(connection, borrower_id), on.toordinal()
        first, late = row["first_on"], row["late_from"]
        values = {
            "owed_in_all": row["owed"], "days_late": max(today - late, 0) if late else 0,
            "tenure": whole_months(first, today) if first else 0,
        }  # fmt: skip
        at = datetime.combine(on, time(), UTC)
        return {name: Given(value, BOOK, at) for name, value in values.items()}


def whole_months(first: int, today: int) -> int:
    """Months between two days (ordinals) that are over."""
    begun = month_of(today) - month_of(first)
    return begun - (day_of_month(today) < day_of_month(first))


class TierSource:
    """The tier that was decided last."""

    async def read(
        self, connection: Connection, borrower_id: int, on: date  # noqa: ARG002
    ) -> Mapping[str, Given]:
        """Its fact is the decision."""
        found = await store.newest(connection, borrower_id, TIER)
        if found is None:
            return {}
        tier = found.outcome[TIER]
        return {TIER: Given(tier, SCORE, found.decided_at, found.decision_id)}
