"""What of cases concerns keys, a person who is told everything, and one who is forgotten."""

from __future__ import annotations

from datetime import date
from typing import Any

from usance.cases import store, view
from usance.cases.read import EVERY_WAY
from usance.cases.sealing import TABLE, Seal, seal_of
from usance.core.rules import rule
from usance.platform.crypto import KeyService
from usance.platform.database import Connection
from usance.platform.personal import (
    forget,
    last_use,
    obstacle,
    opened_part,
    sealed_fields,
    wrapped_keys,
)

ALL = 2**31 - 1
ROW = ("cell", "borrower_id")

wrapped_keys(TABLE, "data_key", "case_id", has_cells=True)
sealed_fields(TABLE, ("text",), (*ROW, "case_id"), "case_id")
sealed_fields("case_message", ("text",), (*ROW, "message_id"), "message_id")
sealed_fields("case_attachment", ("name", "content"), (*ROW, "attachment_id"), "attachment_id")
sealed_fields("case_outcome", ("reasons", "value", "note"), (*ROW, "outcome_id"), "outcome_id")


@obstacle
@rule("R-ERASE-01")
async def still_open(connection: Connection, borrower_id: int) -> str | None:
    """A case on which somebody still works."""
    return "a case is still open" if await store.open_cases(connection, borrower_id) else None


@last_use
async def last_touched(connection: Connection, borrower_id: int) -> date | None:
    """The last day of the last case."""
    return await store.last_touched(connection, borrower_id)


@forget
async def forget_cases(connection: Connection, borrower_id: int) -> None:
    """Nothing that was said or attached is left."""
    await store.forget(connection, borrower_id)


@opened_part(
    "cases", "case_file", "case_event", "case_message", "case_attachment", "case_outcome"
)  # fmt: skip
async def cases(
    connection: Connection, keys: KeyService, borrower_id: int
) -> list[dict[str, Any]]:
    """All cases with everything that was said, found and done; files by name.

    Notes and findings are shown too: they are about the person. Who wrote them is said by kind.
    """
    found = []
    for each in await store.of_borrower(connection, borrower_id, limit=ALL):
        seal = await seal_of(connection, keys, each)
        found.append(await shown(connection, each, seal))
    return found


async def shown(connection: Connection, case: Any, seal: Seal) -> dict[str, Any]:
    """One case."""
    messages = await store.messages(connection, case, EVERY_WAY, 0, ALL)
    return view.told(case) | {
        "text": seal.text_of(case),
        "messages": [by_kind(view.message_document(each, seal), "by") for each in messages],
        "attachments": [
            by_kind(view.attachment_document(each, seal), "by")
            for each in await store.attachments(connection, case, EVERY_WAY)
        ],
        "outcomes": [
            by_kind(view.outcome_document(each, seal), "proposed_by", "decided_by")
            for each in await store.outcomes(connection, case)
        ],
        "events": [
            by_kind({"kind": row["kind"], "by": row["actor"], "at": row["at"].isoformat()}, "by")
            for row in await store.events(connection, case, 0, ALL)
        ],
    }


def by_kind(document: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same without the numbers of people who did it."""
    kinds = {name: (document[name] or "").partition(":")[0] for name in names}
    return document | kinds
