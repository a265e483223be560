"""The first tier of somebody about whom something is decided before a day was closed on them."""

from __future__ import annotations

from usance.core.rules import rule
from usance.identity import store as identity
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.risk import tiering_sql
from usance.risk.deciding_policy import TIER
from usance.risk.stored import Stored
from usance.risk.tiers import patience

ACTION = "EvaluateTiers"
NOBODY = -1


@rule("R-TIER-02")
async def stand_first(connection: Connection, found: Stored) -> None:
    """A decision about a tier is where somebody begins; who stands already moves when a day closes.

    Within the caller's transaction, with an audit event of its own.
    """
    on, tier, operation_id = found.business_date, found.outcome[TIER], new_operation_id()
    day, score = on.toordinal(), NOBODY if found.score is None else found.score
    head = found.cell, found.borrower_id
    row = (*head, tier, day, 0, tier, score, day, day + patience().every)
    if await tiering_sql.stand_first(connection, row):
        step = (*head, day, NOBODY, tier, score, found.decision_id, operation_id)
        await tiering_sql.step_once(connection, step)
        await identity.insert_operation(
            connection, operation_id, actor=found.actor, action=ACTION, on=on,
            digest=await tiering_sql.digest_of(connection, operation_id),
            borrower_id=found.borrower_id, detail={"borrowers": 1, "changed": 1},
        )  # fmt: skip
