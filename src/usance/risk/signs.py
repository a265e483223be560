"""What the policy of warnings asks of borrowers, read for many at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.risk import alerts_sql as sql
from usance.risk.alerts import Facts, tier_drop
from usance.risk.features import features_of_some

Move: TypeAlias = tuple[date, int, int]
"""A day, the tier before it, the tier from it on; 0 is the best."""
ReadTiers: TypeAlias = Callable[
    [Connection, Sequence[int], date], Awaitable[Mapping[int, Sequence[Move]]]
]
"""Changes of tiers of borrowers up to a day."""


async def moves_of(
    connection: Connection, borrowers: Sequence[int], on: date
) -> Mapping[int, Sequence[Move]]:
    """As the book has them; the first tier of somebody is no move."""
    cells = sorted({cell_of_borrower(each) for each in borrowers})
    found: dict[int, list[Move]] = {}
    for row in await connection.fetch(sql.TIERS, cells, list(borrowers), on.toordinal()):
        move = date.fromordinal(row[1]), row[2], row[3]
        found.setdefault(row[0], []).append(move)
    return found


class Signs:
    """Reads facts; ``tiers``: who knows how tiers moved."""

    def __init__(self, tiers: ReadTiers = moves_of) -> None:
        self._tiers = tiers

    @rule("R-WARN-01")
    async def facts_of(
        self, connection: Connection, borrowers: Sequence[int], on: date, now: datetime
    ) -> Mapping[int, Facts]:
        """Behaviour as of a business day; devices and numbers as of a moment.

        Of somebody without a contract there is nothing to warn of, and no entry.
        """
        behaviour = await features_of_some(connection, on, list(borrowers))
        rows = await connection.fetch(sql.MOVED, list(borrowers), now)
        moved = {row["borrower_id"]: row for row in rows}
        tiers = await self._tiers(connection, borrowers, on)
        found: dict[int, Facts] = {}
        for borrower in behaviour.borrowers.tolist():
            row = moved.get(borrower)
            found[borrower] = behaviour.of(borrower) | {
                "new_device_days": _days(row["device"] if row else None, now),
                "number_changed_days": _days(row["number"] if row else None, now),
                "tier_drop_90d": tier_drop(tiers.get(borrower, ()), on),
            }
        return found


def _days(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else (now - since).days
