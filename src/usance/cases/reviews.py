"""A review of an automated decision: what the case does to the decision, in one transaction.

While the case is under way the decision is paused. Its outcome is the person's word: what is not
upheld confirms the decision, anything else overturns it.
"""

from __future__ import annotations

from usance.cases import rules
from usance.cases.records import Case, Outcome
from usance.cases.work import Change
from usance.core.rules import rule
from usance.risk import reviewing
from usance.risk.reviewing import Looking


def is_review(case: Case) -> bool:
    """Whether a person is asked to look at what an operation decided."""
    return case.kind == rules.REVIEW and case.subject == rules.OPERATION


def looking(change: Change, case: Case, actor: str = "") -> Looking:
    """Who does something about it."""
    return Looking(
        change.connection, case.subject_id, case.case_id, actor or change.acting.actor, change.now
    )


@rule("R-DECIDE-06")
async def asked(change: Change, case: Case) -> None:
    """A review comes in, or is taken up again. Raises ``Refused``."""
    if is_review(case):
        await reviewing.pause(looking(change, case))


@rule("R-DECIDE-06")
async def decided(change: Change, case: Case, outcome: Outcome) -> None:
    """A review is decided, by whoever followed the proposal."""
    if is_review(case):
        overturned = outcome.result != rules.NOT_UPHELD
        await reviewing.conclude(looking(change, case, outcome.decided_by), overturned=overturned)


@rule("R-DECIDE-06")
async def withdrawn(change: Change, case: Case) -> None:
    """A review is taken back."""
    if is_review(case):
        await reviewing.take_back(looking(change, case))
