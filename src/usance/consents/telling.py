"""What a person is told of their own consents: that one was given or taken back, and yearly.

Documents that concern somebody else have words of their own, in the room that they are of: a word
from here of an agreement about a relative might say more than R-FAMILY-04 lets anybody know.
"""

from __future__ import annotations

from datetime import datetime

from usance.consents import store
from usance.consents.records import BORROWER, Record
from usance.consents.rules import GIVEN, WITHDRAWN
from usance.core.rules import rule
from usance.notices.outbox import Telling, tell
from usance.platform.database import Connection

WHAT = {
    "service-notices": "service", "marketing": "marketing", "debit-mandate": "debit",
    "credit-report": "bureau",
}  # fmt: skip
"""What templates call the purposes of documents that concern nobody else."""
BY_STATE = {GIVEN: "consent-given", WITHDRAWN: "consent-withdrawn"}
YEARLY = "consent-yearly"


@rule("R-CONSENT-10")
async def of_saying(connection: Connection, record: Record) -> None:
    """What was just said of an agreement is told to whom it is of, once."""
    template = BY_STATE.get(record.state)
    if template is None or not _own(record):
        return
    facts = {"day": record.at.date().isoformat()}
    key = f"consent:{record.record_id}:{record.events}"
    await _told(connection, record, key, template, facts, record.at)


@rule("R-CONSENT-06")
async def of_a_year(connection: Connection, record: Record, now: datetime) -> None:
    """It is on, and nobody said so for a year."""
    key = f"consent:{record.record_id}:yearly:{now.date()}"
    facts = {"from_on": record.at.date().isoformat()}
    await _told(connection, record, key, YEARLY, facts, now)


def _own(record: Record) -> bool:
    """Whether it is a borrower's alone."""
    return record.grantor.kind == BORROWER and not record.counterparty.kind


async def _told(
    connection: Connection, record: Record, key: str, template: str, facts: dict[str, str],
    now: datetime,
) -> None:  # fmt: skip
    what = WHAT.get(await store.purpose_of(connection, record))
    if what:
        telling = Telling(record.borrower_id, key, template, facts | {"what": what})
        await tell(connection, [telling], now)
