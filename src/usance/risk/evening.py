"""``Evening``: what the close of a day does about people, once everything of the day is booked.

More for a while ends; tiers are looked at; whoever was looked at is offered a step up, or a cut is
proposed for them. Each part does nothing twice, so a close that broke off begins again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from usance.platform.clock import Clock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.risk.cutting import Cutting, Proposes
from usance.risk.deciding import Deciding
from usance.risk.limit_answers import LimitAnswers
from usance.risk.limit_raises import Raising
from usance.risk.tiering import Tiering


@dataclass(frozen=True, slots=True)
class Done:
    """How much was done: ended, looked at, changed their tier, offered, proposed."""

    ended: int
    looked_at: int
    changed: int
    offered: int
    proposed: int


@dataclass(frozen=True, slots=True)
class Evening:
    """Everything in its order."""

    answers: LimitAnswers
    tiers: Tiering
    raising: Raising
    cutting: Cutting
    approvals: Proposes

    async def close(self, on: date) -> Done:
        """``usance.day.close.Also``."""
        ended = await self.answers.fall_back(on)
        looked = await self.tiers.close(on)
        offered = await self.raising.close(on)
        proposed = await self.cutting.close(on, self.approvals)
        return Done(ended, looked.borrowers, looked.changed, offered, proposed)


def evening_of(
    pool: Pool, keys: KeyService, deciding: Deciding, approvals: Proposes, clock: Clock
) -> Evening:
    """The evening of a book, with the versions and the sources by which it decides."""
    tiers = Tiering(pool, keys, deciding.versions, deciding.snapshots, clock=clock)
    return Evening(
        LimitAnswers(pool, deciding), tiers, Raising(pool, deciding), Cutting(pool, clock=clock),
        approvals,
    )  # fmt: skip
