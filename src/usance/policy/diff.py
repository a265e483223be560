"""Two versions of a policy in words, and who would be decided otherwise, by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from usance.core.rules import rule
from usance.policy.cells import Cell, said, value_said
from usance.policy.compiled import Numbers, array_function
from usance.policy.dictionary import INTEGER, Feature
from usance.policy.documents import Policy
from usance.policy.tables import NO_ROW, Row, Table


@rule("R-POLICY-14")
def in_words(old: Policy, new: Policy) -> list[str]:
    """What differs, a line each; a row is called by the number that it has in the new version."""
    return [*_head(old, new), *_rows(old, new)]


def _head(old: Policy, new: Policy) -> Iterator[str]:
    before, after = old.says, new.says
    if before.effective_on != after.effective_on:
        yield f"holds from {after.effective_on} (was {before.effective_on})"
    for what in ("inputs", "sources"):
        had, has = set(getattr(before, what)), set(getattr(after, what))
        yield from (f"{what}: {name} is new" for name in sorted(has - had))
        yield from (f"{what}: {name} is gone" for name in sorted(had - has))
    if before.outputs != after.outputs:
        yield "what rows give is described otherwise"
    if before.guards != after.guards:
        yield "guards differ"


def _rows(old: Policy, new: Policy) -> Iterator[str]:
    """Rows that are the same are paired first, then those in between by their places."""
    before = [row_said(old, row) for row in old.table.rows]
    after = [row_said(new, row) for row in new.table.rows]
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    gone, came = before[start : len(before) - end], after[start : len(after) - end]
    for place in range(max(len(gone), len(came))):
        number = start + place + 1
        if place >= len(gone):
            yield f"row {number} is new: {came[place]}"
        elif place >= len(came):
            yield f"row {number} of before is gone: {gone[place]}"
        elif gone[place] != came[place]:
            yield f"row {number} was: {gone[place]}; is: {came[place]}"


def row_said(policy: Policy, row: Row) -> str:
    """A row in one line."""
    table, currency = policy.table, policy.says.currency
    when = " and ".join(
        _condition(feature, cell, currency)
        for feature, cell in zip(table.inputs, row.cells, strict=True) if cell is not None
    )  # fmt: skip
    then = ", ".join(
        f"{feature.name} {value_said(value, feature, currency)}"
        for feature, value in zip(table.outputs, row.then, strict=True)
    )
    return f"if {when or 'nothing before holds'}: {then}"


def _condition(feature: Feature, cell: Cell, currency: str) -> str:
    return f"{feature.name} {said(cell, feature, currency)}"


@dataclass(frozen=True, slots=True)
class Moved:
    """How many go from one outcome to another. ``change``: of each numeric output, summed."""

    before: str
    after: str
    count: int
    change: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Backtest:
    """Both versions on the same stored cases."""

    cases: int
    same: int
    moved: tuple[Moved, ...]


@rule("R-POLICY-14")
def backtest(old: Policy, new: Policy, columns: Mapping[str, Numbers]) -> Backtest:
    """Who would be decided otherwise. ``columns``: all inputs of both, as they were stored."""
    first, second = array_function(old.table)(columns), array_function(new.table)(columns)
    told_old, told_new = _outcomes(old), _outcomes(new)
    pairs, counts = np.unique(np.stack([first, second]), axis=1, return_counts=True)
    found: Counter[tuple[str, str]] = Counter()
    changes: dict[tuple[str, str], Counter[str]] = {}
    same = 0
    for (one, other), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        before, after = told_old[one], told_new[other]
        if before == after:
            same += count
            continue
        found[before, after] += count
        change = changes.setdefault((before, after), Counter())
        for name, size in _change(old.table, new.table, one, other).items():
            change[name] += size * count
    moved = tuple(
        Moved(before, after, count, dict(changes[before, after]))
        for (before, after), count in found.most_common()
    )
    return Backtest(len(first), same, moved)


def _outcomes(policy: Policy) -> dict[int, str]:
    table, currency = policy.table, policy.says.currency
    found = {
        place: ", ".join(
            f"{feature.name} {value_said(value, feature, currency)}"
            for feature, value in zip(table.outputs, row.then, strict=True)
        )
        for place, row in enumerate(table.rows)
    }
    return found | {NO_ROW: "no row"}


def _change(old: Table, new: Table, one: int, other: int) -> dict[str, int]:
    if NO_ROW in (one, other):
        return {}
    after = dict(zip((e.name for e in new.outputs), new.rows[other].then, strict=True))
    return {
        feature.name: after[feature.name] - value
        for feature, value in zip(old.outputs, old.rows[one].then, strict=True)
        if feature.type == INTEGER and feature.name in after
    }
