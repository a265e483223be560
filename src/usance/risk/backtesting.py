"""A draft of a policy on the cases that were decided: who would have been decided otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.cells import value_said
from usance.policy.dictionary import Feature
from usance.policy.documents import Policy
from usance.policy.tables import taken_of
from usance.risk.decisions import Facts

CASES_MOST = 100_000
"""More are not looked at in one back-test; the oldest since the moment asked for are."""
DAYS = 90
"""How far back it looks unless it is told."""


class History(Protocol):
    """Where stored cases come from."""

    def facts(self, policy_id: str, since: datetime) -> AsyncIterator[Sequence[Facts]]:
        """What decisions of a policy were made of since a moment, some at a time."""
        ...


class Move(Struct, frozen=True):
    """How many go from one outcome to another; by how much each number changes in all."""

    before: str
    after: str
    count: int
    change: dict[str, str]


class Trial(Struct, frozen=True):
    """A draft against the version that is compared.

    ``same`` of ``cases`` are decided alike. ``unanswered``: cases left out, because what one of the
    two asks for was not known of them. ``cut``: there were more than are looked at.
    """

    cases: int
    same: int
    unanswered: int
    cut: bool
    moved: tuple[Move, ...]


Columns: TypeAlias = dict[str, list[int]]


class Cases:
    """Stored cases as columns of what both versions ask for."""

    def __init__(self, old: Policy, new: Policy) -> None:
        self.old, self.new = old, new
        inputs = {each.name: each for each in (*old.table.inputs, *new.table.inputs)}
        self._inputs: tuple[Feature, ...] = tuple(inputs.values())
        self.columns: Columns = {each.name: [] for each in self._inputs}
        self.count = self.unanswered = 0
        self.cut = False

    def take(self, some: Iterable[Facts]) -> None:
        """More cases; one of which too little is known is counted, and left out."""
        for facts in some:
            if self.count >= CASES_MOST:
                self.cut = True
                return
            self._take(facts)

    def _take(self, facts: Facts) -> None:
        try:
            values = [taken_of(each, facts) for each in self._inputs]
        except Refused:
            self.unanswered += 1
            return
        self.count += 1
        for column, value in zip(self.columns.values(), values, strict=True):
            column.append(value)

    @rule("R-POLICY-18")
    def trial(self) -> Trial:
        """Who would have been decided otherwise, the most first."""
        import numpy as np  # only who tests needs it

        from usance.policy.diff import backtest

        columns = {name: np.array(each, np.int64) for name, each in self.columns.items()}
        found = backtest(self.old, self.new, columns)
        moved = tuple(
            Move(each.before, each.after, each.count, self._said(each.change))
            for each in found.moved
        )
        return Trial(found.cases, found.same, self.unanswered, self.cut, moved)

    def _said(self, change: Mapping[str, int]) -> dict[str, str]:
        features = {each.name: each for each in self.new.table.outputs}
        currency = self.new.says.currency
        return {
            name: value_said(size, features[name], currency)
            for name, size in change.items() if size
        }  # fmt: skip


async def tried_on(history: History, old: Policy, new: Policy, since: datetime) -> Trial:
    """A draft against another version on what was decided since a moment."""
    cases = Cases(old, new)
    async for some in history.facts(old.says.id, since):
        cases.take(some)
        if cases.cut:
            break
    return cases.trial()
