"""Once a year both sides are told that it is on, and how it is ended."""

from __future__ import annotations

from datetime import timedelta

from usance.consents import store as consents
from usance.consents.records import Record
from usance.core.rules import rule
from usance.family import store
from usance.family.links import Kit
from usance.family.records import ACTIVE, MEMBER, Link, member_of
from usance.notices.outbox import Telling, tell
from usance.platform.database import transaction

YEAR = timedelta(days=365)
AT_ONCE = 100


@rule("R-FAMILY-15")
async def remind(kit: Kit) -> int:
    """Tell everybody who is due; how many agreements that were."""
    done = 0
    while True:
        async with transaction(kit.pool) as connection:
            found = await consents.to_remind(connection, kit.now, AT_ONCE, ("family",))
            for record in found:
                await consents.mark_reminded(connection, record, kit.now)
                link = await store.one(connection, record.borrower_id, member_of(record))
                if link is not None and link.state == ACTIVE:
                    await tell(connection, [telling(kit, record, link)], kit.now)
        done += len(found)
        if len(found) < AT_ONCE:
            return done


def telling(kit: Kit, record: Record, link: Link) -> Telling:
    """One word a side and year, however many agreements there are."""
    since = (link.accepted_at or link.asked_at).date().isoformat()
    key = f"family yearly {link.member_id} {kit.now.date()}"
    if record.grantor.kind == MEMBER:
        return Telling(
            link.borrower_id, f"{key} {MEMBER}", "family-yearly", {"day": since},
            member_id=link.member_id,
        )
    facts = {"what": "family", "from_on": since}
    return Telling(link.borrower_id, key, "consent-yearly", facts)
