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


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    ``what``: ``day``, ``title``, ``hit``, ``outputs`` or ``guards``; ``inputs`` or ``sources`` with
    a ``name``; or ``row``. A ``row`` is called by the number that it has in the new version, one
    that is gone by the number that it had. ``before`` and ``after``: None where it is not there.
    """

    what: str
    name: str = ""
    row: int = 0
    before: Row | None = None
    after: Row | None = None
    gone: bool = False


@rule("R-POLICY-14")
def differences(old: Policy, new: Policy) -> list[Difference]:
    """Everything that differs but the number of the version."""
    return [*_head(old, new), *_rows(old, new)]


@rule("R-POLICY-14")
def in_words(old: Policy, new: Policy) -> list[str]:
    """What differs, a line each."""
    return [_said(old, new, each) for each in differences(old, new)]


def _said(old: Policy, new: Policy, found: Difference) -> str:
    if found.what == "row":
        return _row_said(old, new, found)
    if found.name:
        return f"{found.what}: {found.name} is {'gone' if found.gone else 'new'}"
    if found.what == "day":
        return f"holds from {new.says.effective_on} (was {old.says.effective_on})"
    return {
        "title": "is called otherwise", "hit": "which row decides is said otherwise",
        "outputs": "what rows give is described otherwise", "guards": "guards differ",
    }[found.what]  # fmt: skip


def _row_said(old: Policy, new: Policy, found: Difference) -> str:
    before = row_said(old, found.before) if found.before else ""
    after = row_said(new, found.after) if found.after else ""
    if not before:
        return f"row {found.row} is new: {after}"
    if not after:
        return f"row {found.row} of before is gone: {before}"
    if before == after and found.before and found.after:
        reasons = [", ".join(each.because) for each in (found.before, found.after)]
        return f"row {found.row} gave the reasons {reasons[0]}; gives: {reasons[1]}"
    return f"row {found.row} was: {before}; is: {after}"


def _head(old: Policy, new: Policy) -> Iterator[Difference]:
    before, after = old.says, new.says
    if before.effective_on != after.effective_on:
        yield Difference("day")
    for what in ("inputs", "sources"):
        had, has = set(getattr(before, what)), set(getattr(after, what))
        yield from (Difference(what, name) for name in sorted(has - had))
        yield from (Difference(what, name, gone=True) for name in sorted(had - has))
    for what in ("title", "hit", "outputs", "guards"):
        if getattr(before, what) != getattr(after, what):
            yield Difference(what)


def _rows(old: Policy, new: Policy) -> Iterator[Difference]:
    """Rows that are the same are paired first, then those in between by their places."""
    before = [(row_said(old, row), row.because) for row in old.table.rows]
    after = [(row_said(new, row), row.because) for row in new.table.rows]
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    gone, came = old.table.rows[start : len(before) - end], new.table.rows[start : len(after) - end]
    for place in range(max(len(gone), len(came))):
        had = gone[place] if place < len(gone) else None
        has = came[place] if place < len(came) else None
        number = start + place
        if had is None or has is None or before[number] != after[number]:
            yield Difference("row", row=number + 1, before=had, after=has)


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
