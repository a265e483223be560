"""One table as three functions: one that decides, one that says how, one for many at once.

Their source is made of nothing but whole numbers and names of our own, so a document can bring no
code with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from usance.core.rules import rule
from usance.policy.cells import MISSING, Cell
from usance.policy.dictionary import Feature
from usance.policy.tables import NO_ROW, Row, Table, taken_of

Values: TypeAlias = Sequence[int]
Tried: TypeAlias = tuple[int, ...]
"""Of each row before the one that decided, the place of the condition that did not hold."""
Numbers: TypeAlias = NDArray[np.int64]
PIECE = 16_384
"""Rows of numbers that are decided together: they stay in the processor's cache."""


@rule("R-POLICY-05")
def function(table: Table) -> Callable[[Values], int]:
    """``decide(values)``: the place of the row that decides, or ``NO_ROW``."""
    lines = ["def decide(values):", f" {_unpacked(table)}"]
    for place, row in enumerate(table.rows):
        conditions = [text for _, text in _conditions(table, row)]
        lines.append(f" if {' and '.join(conditions) or 'True'}: return {place}")
    lines.append(f" return {NO_ROW}")
    return _made(lines, "decide")


@rule("R-POLICY-05")
def tracing(table: Table) -> Callable[[Values], tuple[int, Tried]]:
    """``trace(values)``: the row that decides, and of each before it the condition that failed."""
    lines = ["def trace(values):", f" {_unpacked(table)}", " tried = []"]
    for place, row in enumerate(table.rows):
        branches = [
            f"{'elif' if n else 'if'} not ({text}): tried.append({asked})"
            for n, (asked, text) in enumerate(_conditions(table, row))
        ]
        if not branches:
            lines.append(f" return {place}, tuple(tried)")
            break
        lines += [f" {each}" for each in branches]
        lines.append(f" else: return {place}, tuple(tried)")
    lines.append(f" return {NO_ROW}, tuple(tried)")
    return _made(lines, "trace")


@rule("R-POLICY-04")
def taker(table: Table) -> Callable[[Mapping[str, int | None]], tuple[int, ...]]:
    """``taken`` for one table, quick where everything is known and within its range."""
    parts = [(each, each.name, each.values[0][0], each.values[-1][1]) for each in table.inputs]

    def take(facts: Mapping[str, int | None]) -> tuple[int, ...]:
        return tuple([
            value if (value := facts.get(name)) is not None and low <= value <= high
            else taken_of(feature, facts)
            for feature, name, low, high in parts
        ])  # fmt: skip

    return take


def _unpacked(table: Table) -> str:
    names = "".join(f"v{place}, " for place in range(len(table.inputs)))
    return f"{names}= values" if names else "pass"


def _conditions(table: Table, row: Row) -> list[tuple[int, str]]:
    """(place of the input, expression), as they stand in the row."""
    return [
        (place, expression(f"v{place}", cell, table.inputs[place]))
        for place, cell in enumerate(row.cells) if cell is not None
    ]  # fmt: skip


def expression(name: str, cell: Cell, feature: Feature) -> str:
    """Whether a value is in a set; nothing above the feature's highest value is ever asked."""
    parts = []
    highest = feature.values[-1][1]
    for low, high in cell:
        if low == high:
            parts.append(f"{name} == {low}")
        elif high == highest:
            parts.append(f"{name} >= {low}")
        else:
            parts.append(f"{low} <= {name} <= {high}")
    return f"({' or '.join(parts)})" if len(parts) > 1 else (*parts, "False")[0]


def _made(lines: Sequence[str], name: str) -> Callable[..., Any]:
    space: dict[str, Any] = {}
    exec(compile("\n".join(lines), f"<{name}>", "exec"), space)  # noqa: S102 - our own source
    made: Callable[..., Any] = space[name]
    return made


@rule("R-POLICY-04")
def taken_column(feature: Feature, column: Numbers) -> Numbers:
    """A column as a table takes it: a named value where nothing is known, if there is one."""
    if not isinstance(feature.missing, int):
        return column
    return np.where(column == MISSING, feature.missing, column)


@rule("R-POLICY-05")
def array_function(table: Table) -> Callable[[Mapping[str, Numbers]], NDArray[np.int16]]:
    """``decide(columns)``: for each row of numbers the place of the row of the table.

    ``columns``: by names of inputs, all of one length, missing values as ``MISSING``.
    """

    def decide(columns: Mapping[str, Numbers]) -> NDArray[np.int16]:
        given = [columns[feature.name] for feature in table.inputs]
        size = len(given[0]) if given else 0
        found = np.full(size, NO_ROW, np.int16)
        for start in range(0, size, PIECE):
            piece = slice(start, start + PIECE)
            _decide_piece(table, [each[piece] for each in given], found[piece])
        return found

    return decide


def _decide_piece(table: Table, given: Sequence[Numbers], found: NDArray[np.int16]) -> None:
    """From the last row to the first: what an earlier row says stands."""
    for place in range(len(table.rows) - 1, -1, -1):
        holds: NDArray[np.bool_] | None = None
        for values, cell, feature in zip(
            given, table.rows[place].cells, table.inputs, strict=True
        ):
            if cell is not None:
                inside = _inside(values, cell, feature)
                holds = inside if holds is None else np.logical_and(holds, inside, out=holds)
        if holds is None:
            found[:] = place
        else:
            found[holds] = place


def _inside(values: Numbers, cell: Cell, feature: Feature) -> NDArray[np.bool_]:
    inside = np.zeros(len(values), np.bool_)
    highest = feature.values[-1][1]
    for n, (low, high) in enumerate(cell):
        if low == high:
            part = values == low
        else:
            part = values >= low
            if high != highest:
                part &= values <= high
        inside = np.logical_or(inside, part, out=inside) if n else part
    return inside
