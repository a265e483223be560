"""What of facts concerns keys, a person who is told everything, and one who is forgotten."""

from __future__ import annotations

from typing import Any

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.identity.borrowers import ACTIVE
from usance.platform.clock import SystemClock
from usance.platform.crypto import KeyService, beside, decrypt_field
from usance.platform.database import Connection
from usance.platform.personal import forget, opened_part, sealed_fields
from usance.risk import bureau_store, facts_store
from usance.risk.fact_keeping import Told, told
from usance.risk.facts_store import SALT_BYTES

sealed_fields("fact", ("value",), ("cell", "borrower_id", "fact_id"), "fact_id")
sealed_fields("bureau_pull", ("answer",), ("cell", "borrower_id", "pull_id"), "pull_id")


@forget
@rule("R-FACT-12")
async def forget_facts(connection: Connection, borrower_id: int) -> None:
    """What facts say, and what bureaus answered, is gone."""
    await facts_store.forget(connection, borrower_id)


@opened_part("facts", "fact")
@rule("R-FACT-12")
async def facts(
    connection: Connection, keys: KeyService, borrower_id: int
) -> list[dict[str, Any]]:
    """Every fact with its source, its time and its end, the newest first."""
    who = await facts_store.person(connection, borrower_id)
    if who is None or who["status"] != ACTIVE:
        return []
    return [shown(each) for each in await told(connection, keys, borrower_id, SystemClock().now())]


def shown(fact: Told) -> dict[str, Any]:
    """A fact as a document; its value in the least unit, null where nothing is known after all.

    What follows from rows of the book is reckoned whenever it is asked: it has no moment.
    """
    return {
        "fact_id": written("fact", fact.fact_id) if fact.fact_id else None,
        "name": fact.feature.name, "meaning": fact.feature.meaning, "unit": fact.feature.unit,
        "value": fact.value, "source": fact.source, "reference": fact.reference,
        "state": fact.state, "observed_at": fact.observed_at.isoformat() if fact.fact_id else None,
        "recorded_at": fact.recorded_at.isoformat() if fact.recorded_at else None,
        "valid_until": fact.valid_until.isoformat() if fact.valid_until else None,
        "corrects": written("fact", fact.corrects) if fact.corrects else None,
    }  # fmt: skip


@opened_part("bureau_reports", "bureau_pull")
@rule("R-BUREAU-03", "R-FACT-12")
async def bureau_reports(
    connection: Connection, keys: KeyService, borrower_id: int
) -> list[dict[str, Any]]:
    """Every report that was asked for, with what the bureau answered word for word."""
    rows = await bureau_store.answers(connection, borrower_id)
    who = await facts_store.person(connection, borrower_id)
    if who is None or who["status"] != ACTIVE:
        return [_report(row, b"") for row in rows]
    data_key = await beside(keys, lambda: keys.unwrap(who["data_key"], borrower_id))
    return [_report(row, data_key) for row in rows]


def _report(row: bureau_store.Row, data_key: bytes) -> dict[str, Any]:
    answer = ""
    if row["answer"]:
        answer = decrypt_field(
            data_key, row["answer"], table="bureau_pull", column="answer", row_id=row["pull_id"]
        )[2 * SALT_BYTES :]
    return {
        "pull_id": written("pull", row["pull_id"]), "bureau": row["bureau"],
        "state": bureau_store.STATES[row["state"]], "because": row["because"],
        "asked_at": row["asked_at"].isoformat(),
        "ended_at": row["ended_at"].isoformat() if row["ended_at"] else None, "answer": answer,
    }  # fmt: skip
