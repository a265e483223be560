"""The policies that a book begins with: those of ``policies/risk``, adopted by ``usance``."""

from __future__ import annotations

from datetime import date

import msgspec

from usance.core.rules import rule
from usance.identity import store as identity
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.policy import shipped
from usance.policy.documents import Policy
from usance.risk import store
from usance.risk.register import write
from usance.risk.scorecards import AdoptScorecard, check_card
from usance.risk.scorecards import write as write_scorecard

ACTOR = "usance"


@rule("R-POLICY-17")
async def adopt_shipped(connection: Connection, on: date) -> int:
    """Adopt what the book has no version of; how many.

    Each begins on the day that it names, or on the open one if that is later: it has decided
    nothing before it was adopted.
    """
    known = await store.policy_ids(connection)
    if known >= shipped.names():  # each is called as its file: nothing need be parsed
        return 0
    missing = [each for each in shipped.policies() if each.says.id not in known]
    operation_id = new_operation_id()
    for each in missing:
        await write(connection, not_before(each, on), ACTOR, operation_id)
    await identity.insert_operation(
        connection, operation_id, actor=ACTOR, action=store.ADOPT_SHIPPED, on=on,
        digest=await store.digest_of(connection, operation_id),
        detail={"policies": len(missing)},
    )  # fmt: skip
    return len(missing)


def not_before(policy: Policy, on: date) -> Policy:
    """A policy that begins on a day at the earliest."""
    if policy.says.effective_on >= on:
        return policy
    return shipped.policy_of(msgspec.structs.replace(policy.says, effective_on=on))


@rule("R-POLICY-17")
async def begin_with(connection: Connection, act: AdoptScorecard, on: date) -> None:
    """A scorecard that a book is made with, as its policies are: adopted by ``usance``."""
    operation_id = new_operation_id()
    check_card(act.scorecard)
    await write_scorecard(connection, act, ACTOR, operation_id)
    await identity.insert_operation(
        connection, operation_id, actor=ACTOR, action=store.ADOPT_SHIPPED, on=on,
        digest=await store.digest_of(connection, operation_id), detail={"scorecards": 1},
    )  # fmt: skip
