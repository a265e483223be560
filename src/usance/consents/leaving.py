"""What of consents concerns keys, a person who is told everything, and one who is forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from usance.consents import receipts, saying, store
from usance.consents.rules import GIVEN
from usance.core.rules import rule
from usance.platform.clock import SystemClock
from usance.platform.crypto import KeyService, beside, decrypt_field
from usance.platform.database import Connection
from usance.platform.personal import forget, opened_part, sealed_fields

sealed_fields(
    "consent_event", ("evidence",), ("cell", "borrower_id", "record_id", "number"), "operation_id"
)


@forget
@rule("R-CONSENT-09")
async def forget_consents(connection: Connection, borrower_id: int) -> None:
    """What was given justifies nothing any more, and evidence is gone."""
    for record in await store.of_borrower(connection, borrower_id, lock=True):
        if record.state == GIVEN:
            await saying.invalidate(connection, record, SystemClock().now())
    await store.forget_evidence(connection, borrower_id)


@opened_part("consents", "consent", "consent_event")
@rule("R-CONSENT-09")
async def consents(
    connection: Connection, keys: KeyService, borrower_id: int
) -> list[dict[str, Any]]:
    """All agreements with a receipt of everything that was said, and what was kept as evidence."""
    return await in_clear(connection, keys, borrower_id, SystemClock().now())


@rule("R-CONSENT-09")
async def in_clear(
    connection: Connection, keys: KeyService, borrower_id: int, now: datetime
) -> list[dict[str, Any]]:
    """The same as of a moment; who is shown it has given a reason, or is the person."""
    rows = [row for row in await store.events(connection, borrower_id) if row["evidence"]]
    words = await opened(connection, keys, borrower_id, rows) if rows else {}
    return await receipts.told(connection, borrower_id, now, words)


async def opened(
    connection: Connection, keys: KeyService, borrower_id: int, rows: list[store.Row]
) -> dict[int, str]:
    """Evidence in clear, by operation."""
    who = await store.who(connection, borrower_id)
    assert who is not None, "evidence is forgotten with its person"
    key = await beside(keys, lambda: keys.unwrap(who["data_key"], borrower_id))
    texts = {
        row["operation_id"]: decrypt_field(
            key, row["evidence"], table="consent_event", column="evidence",
            row_id=row["operation_id"],
        ) for row in rows
    }  # fmt: skip
    return {number: saying.unsalted(text) for number, text in texts.items()}
