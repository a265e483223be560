"""A receipt: what somebody agreed to, refused or took back, as ISO/IEC TS 27560:2023 lists it.

Who has it can have it proved: ``usance audit prove`` takes its operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from usance.consents import store
from usance.consents.documents import ConsentDocument, document_of
from usance.consents.records import Record
from usance.consents.rules import STATES, is_live
from usance.core.identifiers import written
from usance.core.rules import rule
from usance.platform.database import Connection, Pool

SCHEMA = "usance-consent-1"
"""The fields of a consent receipt of ISO/IEC TS 27560:2023, by our names."""


@dataclass(frozen=True, slots=True)
class Known:
    """A version that there ever was, and from when on it is retired."""

    document: ConsentDocument
    retired_on: date | None


async def documents(connection: Connection | Pool) -> dict[tuple[str, int], Known]:
    """All of them."""
    rows = await store.documents(connection)
    return {
        (row["document_id"], row["version"]): Known(document_of(row["body"]), row["retired_on"])
        for row in rows
    }


@rule("R-CONSENT-08")
def receipt(record: Record, document: ConsentDocument) -> dict[str, Any]:
    """Of an agreement as it stands, or of one thing that was said."""
    text = document.texts[record.language]
    return {
        "schema": SCHEMA,
        "receipt_id": f"{written('consent', record.record_id)}.{record.events}",
        "record_id": written("consent", record.record_id),
        "state": STATES[record.state],
        "at": record.at.isoformat(),
        "valid_until": record.valid_until.isoformat() if record.valid_until else None,
        "grantor": record.grantor.document(), "counterparty": record.counterparty.document(),
        "controller": document.controller, "purpose": document.purpose,
        "scopes": list(record.scopes), "recipients": list(document.recipients),
        "channels": list(record.channels), "retention_years": document.retention_years,
        "jurisdictions": list(document.jurisdictions),
        "document_id": record.document_id, "version": record.version,
        "document_digest": record.document_digest.hex(), "language": record.language,
        "title": text.title, "text_digest": text.digest.hex(), "method": record.method,
        "withdrawal": list(document.withdrawal),
        "linked_record_id": written("consent", record.linked_id) if record.linked_id else None,
        "operation_id": written("operation", record.operation_id),
    }  # fmt: skip


async def told(
    connection: Connection | Pool, borrower_id: int, now: datetime,
    words: Mapping[int, str] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """A borrower's agreements, each with whether it holds now, and all receipts of it.

    ``words``: evidence in clear, by operation.
    """
    records = await store.of_borrower(connection, borrower_id)
    rows = await store.events(connection, borrower_id)
    known = await documents(connection)  # last: whatever was said was said of one of these
    said: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        event = store.made(row)
        document = receipt(event, known[event.document_id, event.version].document)
        document["by"] = row["actor"].partition(":")[0]
        document["evidence_hash"] = row["evidence_hash"].hex() or None
        if words is not None:
            document["evidence"] = words.get(event.operation_id, "")
        said.setdefault(event.record_id, []).append(document)
    found = []
    for each in records:
        version = known[each.document_id, each.version]
        live = is_live(each, version.retired_on, now)
        document = receipt(each, version.document)
        found.append(document | {"is_live": live, "events": said[each.record_id]})
    return found
