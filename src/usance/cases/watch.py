"""What happens to cases by itself: marks of lateness, approvals that came, ends that nobody set.

Every process that serves the book looks now and then. What is to be done is found by a query and
done under the lock of its case, so however many look, it happens once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from usance.cases import deciding, rules, store
from usance.cases.ends import closed
from usance.cases.records import Case, Outcome
from usance.cases.remedies import Follows
from usance.cases.view import summary
from usance.cases.work import SYSTEM, Acting, Change, once
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import CONNECTION_LOST
from usance.platform.logs import get_logger
from usance.platform.looks import Looks

logger = get_logger(__name__)

AT_ONCE = 200
BROKEN_OFF = timedelta(seconds=60)
"""After so long, nobody is still carrying an outcome out: it broke off."""
ITSELF = Acting(SYSTEM)
Step = Callable[[Change], Awaitable[dict[str, Any]]]


class Watch(Looks):
    """Looks after the cases of a book, in the background or when asked."""

    every_seconds = 30

    def __init__(self, decisions: deciding.Deciding, follows: Follows | None = None) -> None:
        self._decisions = decisions
        self._desk = decisions.desk
        self._follows = follows

    async def look(self) -> int:
        """Do whatever is to be done now; how many cases it was done to."""
        return await self._mark() + await self._follow() + await self._close()

    @rule("R-CASE-17")
    async def _mark(self) -> int:
        """Mark clocks that ran out."""
        today = self._desk.policy.days_at(self._desk.clock.now())
        found = await store.run_out(self._desk.pool, today, AT_ONCE)
        return sum([await self._done(case_id, mark) for case_id in found])

    async def _close(self) -> int:
        """Close what was decided long ago and is left alone."""
        policy = self._desk.policy
        days = policy.days_at(self._desk.clock.now())
        before = {code: day - timedelta(policy.close_after_days) for code, day in days.items()}
        found = await store.left_alone(self._desk.pool, before, AT_ONCE)
        return sum([await self._done(case_id, close) for case_id in found])

    async def _done(
        self, case_id: int, step: Callable[[Change, Case], Awaitable[None]]
    ) -> int:
        """One step on one case; 0 where another process was faster."""

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id)
            await step(change, case)
            return summary(case)

        try:
            await once(self._desk, ITSELF, act)
        except Refused:
            return 0
        return 1

    async def _follow(self) -> int:
        """Go on with outcomes that wait for approval, or whose being carried out broke off."""
        before = self._desk.clock.now() - BROKEN_OFF
        found = await store.under_way(self._desk.pool, before, AT_ONCE)
        moved = 0
        for _, outcome in found:
            try:
                moved += await self._follow_one(outcome)
            except Refused:
                continue  # another process was faster
            except CONNECTION_LOST:
                raise
            except Exception:
                logger.exception("an outcome could not be carried out")
        return moved

    @rule("R-CASE-13")
    async def _follow_one(self, outcome: Outcome) -> int:
        if outcome.state == rules.CARRIED_OUT:
            await self._decisions.carry_on(outcome, ITSELF)
            return 1
        approval = await self._follows.approval(outcome.waits_for) if self._follows else None
        if approval is None or approval.waits:
            return 0

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(outcome.case_id, outcome.borrower_id)
            now = await deciding.outcome_of(change, case, outcome.number)
            if now.state != rules.AWAITS:
                raise Refused("R-CASE-11", "the outcome is decided already", "proposal")
            if approval.refused_by:
                await deciding.fell_through(change, case, now, approval.refused_by)
            else:
                await deciding.finished(change, case, now, approval.operation_id)
            await store.save_case(change.connection, case)
            return summary(case)

        await once(self._desk, ITSELF, act)
        return 1


@rule("R-CASE-17")
async def mark(change: Change, case: Case) -> None:
    """Note each clock that ran out, once."""
    rules.check_under_way(case.state)
    today = change.today(case)
    unanswered = case.acknowledged_on is None and today > case.acknowledge_by
    first, second = unanswered and not case.acknowledged_late, today > case.decide_by
    second = second and not case.decided_late
    if not (first or second):
        raise Refused("R-CASE-17", "no clock of the case has run out")
    case.acknowledged_late = case.acknowledged_late or first
    case.decided_late = case.decided_late or second
    if first:
        await change.note(case, "acknowledged_late", "MarkCaseLate")
    if second:
        await change.note(case, "decided_late", "MarkCaseLate")
    await store.save_case(change.connection, case)


@rule("R-CASE-07")
async def close(change: Change, case: Case) -> None:
    """The end that comes by itself, unless somebody was faster."""
    left = change.today(case) - (case.decided_on or change.today(case))
    if left <= timedelta(change.desk.policy.close_after_days):
        raise Refused("R-CASE-07", "only a decided case is closed")
    await closed(change, case)
