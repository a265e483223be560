"""What of decisions concerns keys, a person who is told everything, and one who is forgotten."""

from __future__ import annotations

from typing import Any

from usance.core.rules import rule
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Connection
from usance.platform.personal import forget, opened_part, sealed_fields
from usance.risk import decision_store as store
from usance.risk.stored import SEALED, TABLE, Stored, reasons_of, unseal
from usance.risk.telling import summary

sealed_fields(TABLE, (SEALED,), ("cell", "borrower_id", "decision_id"), "decision_id")
HOUSE = ("policy_digest", "scorecard_digest", "fingerprint", "decided_by", "latency_us")
"""Of no use to the person."""


@forget
@rule("R-DECIDE-04")
async def forget_decisions(connection: Connection, borrower_id: int) -> None:
    """Nothing is left of what decisions about them were made of; that they were made stays."""
    await store.forget(connection, borrower_id)


@opened_part("decisions", "decision", "decision_review")
@rule("R-DECIDE-08")
async def decisions(
    connection: Connection, keys: KeyService, borrower_id: int
) -> list[dict[str, Any]]:
    """Every automated decision about them with what it was made of, and what became of it."""
    found = await store.of_borrower(connection, borrower_id, limit=store.LAST, shadows=True)
    wrapped = (await store.keys_of(connection, [borrower_id])).get(borrower_id, b"")
    key = await beside(keys, lambda: keys.unwrap(wrapped, borrower_id)) if wrapped else b""
    return [await shown(connection, each, key) for each in found]


async def shown(connection: Connection, each: Stored, key: bytes) -> dict[str, Any]:
    """One decision."""
    known = reasons_of(await store.words(connection, each.words_digest))
    opened = unseal(key, each) if key and each.snapshot else None
    facts = {
        name: {"value": value, "source": opened.given[name].source if name in opened.given else ""}
        for name, value in opened.facts.items()
    } if opened else {}  # fmt: skip
    own = {name: value for name, value in summary(each).items() if name not in HOUSE}
    return own | {
        "outcome": each.outcome, "facts": facts,
        "reasons": [{"en": known[name].en, "zh": known[name].zh} for name in each.reasons],
        "reviews": [
            {"state": row["state"], "at": row["at"].isoformat()}
            for row in await store.reviews(connection, each)
        ],
    }  # fmt: skip
