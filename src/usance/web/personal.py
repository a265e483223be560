"""Whatever needs all rooms that hold something of a person: telling them, and forgetting them.

Importing this module enters the parts of every room (``platform.personal``); a room that holds
something of a person is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from usance.approvals import leaving as approvals_leaving  # noqa: F401 (an obstacle to erasure)
from usance.cases import leaving as cases_leaving  # noqa: F401 (words, files, obstacles)
from usance.consents import leaving as consents_leaving  # noqa: F401 (agreements, evidence)
from usance.core.rules import rule
from usance.family import leaving as family_leaving  # noqa: F401 (whom they named)
from usance.identity import portal_held  # noqa: F401 (what is known of sessions and numbers)
from usance.identity.accesses import Seen
from usance.identity.borrowers import Borrowers
from usance.notices import (
    asking_leaving,  # noqa: F401 (how often their notices were asked for)
    reporting,  # noqa: F401 (keys of reports)
)
from usance.notices import leaving as notices_leaving  # noqa: F401 (what was told)
from usance.payments import held as payments_held  # noqa: F401 (payments; an obstacle to erasure)
from usance.platform.crypto import KeyService
from usance.platform.database import Pool, one_moment
from usance.platform.personal import OPENED_PARTS, PARTS, OpenedPart
from usance.risk import (
    alerts_leaving,  # noqa: F401 (what was noticed of them)
    decisions_leaving,  # noqa: F401 (what was decided about them)
    facts_leaving,  # noqa: F401 (facts, reports of bureaus)
    limits_leaving,  # noqa: F401 (limits that were offered to them)
    tiers_leaving,  # noqa: F401 (risk tiers, lateness)
)
from usance.servicing import leaving  # noqa: F401 (obstacles to erasure)
from usance.servicing import read as models
from usance.web import export_parts  # noqa: F401 (enters the parts of the export)
from usance.webhooks import secrets  # noqa: F401 (its keys are wrapped by the master key too)

FORMAT = "usance-export-1"


class Export(Struct):
    """Everything held about a borrower."""

    format: str
    as_of: str
    currency: str
    borrower: dict[str, Any]
    parts: dict[str, Any]


@rule("R-ACCESS-01", "R-ACCESS-03")
async def export(
    pool: Pool, keys: KeyService, borrower_id: int, seen: Seen | None, *, own: bool = False
) -> Export | None:
    """Everything held about a borrower, all parts as of one moment; None if there is none.

    ``seen`` says to whom the details are shown, and is noted; without it they are masked, and parts
    that are encrypted stay closed and are left out, unless it is the person who asks (``own``).
    """
    in_clear = own or seen is not None
    who = await Borrowers(pool, keys).read(borrower_id, seen)
    book = await models.book(pool)
    if who is None or book is None:
        return None
    who = who if in_clear else who.masked()
    opened = OPENED_PARTS if in_clear else {}
    parts = await _parts(pool, keys, borrower_id, opened)
    on = book.business_date.isoformat()
    return Export(FORMAT, on, book.currency, who.document(), parts)


async def _parts(
    pool: Pool, keys: KeyService, borrower_id: int, opened: Mapping[str, OpenedPart]
) -> dict[str, Any]:
    async with one_moment(pool) as connection:
        found = {name: await part(connection, borrower_id) for name, part in PARTS.items()}
        for name, opened_part in opened.items():
            found[name] = await opened_part(connection, keys, borrower_id)
        return found
