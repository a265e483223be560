"""Policies and scorecards for a register in a test, and two people who adopt them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from tests.policy.documents import document
from tests.servicing.books import OPENED_ON, TestBook
from usance.approvals.proposal import Proposal
from usance.approvals.rules import policy
from usance.approvals.service import Approvals
from usance.core.identifiers import parse
from usance.identity.changing import Asking
from usance.identity.staff import Staff
from usance.policy.documents import PolicySays
from usance.risk.register import AdoptPolicy
from usance.risk.scorecard import Characteristic, Scorecard
from usance.risk.scorecards import AdoptScorecard
from usance.web.acts import acts_on_policies

DAY = timedelta(days=1)
BEGINS = date(2026, 1, 1)
"""On which day the policies of a new book begin."""
ANNA = Asking("staff:1")
CARD = Scorecard(
    name="behaviour", target="bad", base=500, points_at=600, odds_at=20, points_double=40,
    characteristics=(Characteristic("days_late_12m", (0, 29), (60, -10, -80), missing=0),),
)  # fmt: skip
OTHER = msgspec.structs.replace(CARD, base=510)


def says(version: int = 2, on: date = BEGINS, name: str = "cn-tier", **changed: Any) -> PolicySays:
    """A version of a shipped policy."""
    more = {"version": version, "effective_on": on}
    return msgspec.convert(document(name) | more | changed, PolicySays)


def adopt(version: int = 2, on: date = BEGINS, name: str = "cn-tier", **more: Any) -> AdoptPolicy:
    return AdoptPolicy(says(version, on, name, **more))


def register(
    version: int = 1, role: Any = "champion", card: Scorecard = CARD, on: date = OPENED_ON,
    share: int = 0, report: dict[str, Any] | None = None,
) -> AdoptScorecard:  # fmt: skip
    return AdoptScorecard(
        scorecard=card, version=version, role=role, effective_on=on, share=share, report=report
    )


@dataclass
class Office:
    """Who proposes and who decides."""

    book: TestBook
    approvals: Approvals
    anna: str
    bert: int

    async def proposed(self, act: Any) -> Proposal:
        """What waits now."""
        answer = await self.approvals.submit(act, actor=self.anna)
        assert (answer.status, answer.document["weight"]) == (202, "heavy"), answer.document
        return await self.approvals.found(parse("proposal", answer.document["proposal_id"]))

    async def adopted(self, act: Any) -> Proposal:
        """Anna asks, Bert agrees."""
        waiting = await self.proposed(act)
        return await self.approvals.approve(waiting.proposal_id, self.bert, waiting.digest, "")


async def office_of(book: TestBook) -> Office:
    """Anna of risk, and Bert of compliance."""
    staff = Staff(book.pool)
    anna = await staff.create("anna", "correct horse battery", ["risk"])
    bert = await staff.create("bert", "correct horse battery", ["compliance"])
    approvals = Approvals(book.pool, policy(2), acts_on_policies(book.pool))
    return Office(book, approvals, f"staff:{anna}", bert)
