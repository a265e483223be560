"""A person looks at an automated decision: it is paused, and then confirmed or overturned.

The room of cases says when: a review is opened, decided, taken back, taken up again there, and all
of it happens in the transaction of the case. A decision itself is never changed by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as identity
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.risk import decision_store as store
from usance.risk.stored import CONFIRMED, OVERTURNED, PAUSED, TAKEN_BACK, Stored

ACTIONS = {
    PAUSED: "PauseDecision", CONFIRMED: "ConfirmDecision", OVERTURNED: "OverturnDecision",
    TAKEN_BACK: "ResumeDecision",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looking:
    """Who does something about a review of what an operation decided; the case says why."""

    connection: Connection
    operation_id: int
    case_id: int
    actor: str
    at: datetime


@rule("R-DECIDE-06")
async def pause(looking: Looking) -> None:
    """A person looks at what an operation decided; it may not be looked at already.

    Of an operation that decided nothing, nothing is paused. Raises ``Refused``.
    """
    found = await decided_by(looking)
    if any(each.state == PAUSED for each in found):
        raise Refused("R-DECIDE-06", "a person looks at this decision already", "subject")
    await _note(looking, found, PAUSED)


@rule("R-DECIDE-06")
async def conclude(looking: Looking, *, overturned: bool) -> None:
    """The person has decided: the automated outcome stands, or does not."""
    found = [each for each in await decided_by(looking) if each.case_id == looking.case_id]
    await _note(looking, found, OVERTURNED if overturned else CONFIRMED)


@rule("R-DECIDE-06")
async def take_back(looking: Looking) -> None:
    """Nobody is asked to look any more: it is as it was before."""
    found = [each for each in await decided_by(looking) if each.case_id == looking.case_id]
    await _note(looking, found, TAKEN_BACK)


async def decided_by(looking: Looking) -> list[Stored]:
    """What the operation decided, but for what nobody acts on."""
    found = await store.of_operation(looking.connection, looking.operation_id)
    return [each for each in found if not each.shadow]


async def _note(looking: Looking, found: list[Stored], state: int) -> None:
    """Write it down with an audit event of its own."""
    if not found:
        return
    connection, operation_id = looking.connection, new_operation_id()
    digest = await store.insert_reviews(
        connection, found, state, looking.case_id, looking.actor, looking.at, operation_id
    )
    on: date | None = await identity.business_date(connection)
    assert on is not None, "there is no decision without a book"
    detail = {
        "decisions": [written("decision", each.decision_id) for each in found],
        "case": written("case", looking.case_id),
    }
    await identity.insert_operation(
        connection, operation_id, actor=looking.actor, action=ACTIONS[state], on=on, digest=digest,
        borrower_id=found[0].borrower_id, detail=detail,
    )  # fmt: skip
