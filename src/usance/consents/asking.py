"""The one question of who sends something, at the moment of sending: whether there is a consent.

It is asked inside the transaction in which the thing is sent. The answer holds until that ends: who
withdraws waits for it, and what was withdrawn before is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from usance.consents import store
from usance.consents.records import NOBODY, Party, Record
from usance.core.rules import rule
from usance.platform.database import Connection


@dataclass(frozen=True, slots=True)
class What:
    """What is to be justified: why, what of, and by which way."""

    purpose: str
    scope: str
    channel: str


@rule("R-CONSENT-04", "R-CONSENT-07")
async def live(
    connection: Connection, grantor: Party, what: What, now: datetime, counterparty: Party = NOBODY
) -> Record | None:
    """The agreement that justifies it, held until the transaction ends; None: it must not be.

    A document with two sides needs the other side's agreement as well.
    """
    asked = what.purpose, what.scope, what.channel
    for record, two_sided in await store.live(connection, grantor, asked, now, counterparty):
        if not two_sided:
            return record
        others = await store.live(connection, counterparty, asked, now, grantor)
        if any(each.document_id == record.document_id for each, _ in others):
            return record
    return None
