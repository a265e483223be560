"""``Decided``: the cases of a back-test, out of the decisions that this book has stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from usance.risk.decisions import SCORE, Facts
from usance.risk.opening import Archive, Opened


@dataclass(frozen=True, slots=True)
class Decided:
    """``History`` over the archive: what is sealed is opened, counted, and kept nowhere."""

    archive: Archive

    async def facts(self, policy_id: str, since: datetime) -> AsyncIterator[Sequence[Facts]]:
        """What decisions of a policy were made of since a moment, with their scores."""
        async for page in self.archive.snapshots(policy_id, since):
            yield [facts_of(each) for each in page]


def facts_of(opened: Opened) -> Facts:
    """As the table was asked: a score that was made of other facts stands beside them."""
    stored, snapshot = opened
    facts = dict(snapshot.facts) if snapshot else {}
    return facts | {SCORE: stored.score} if stored.score is not None else facts
