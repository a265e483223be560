"""What a table does with every case that there can be: which rows are reached, what none answers.

Between two borders of its cells an input changes nothing, so a few cases stand for all. They are
walked input by input; rows that may still decide are the bits of a number, and what was walked with
the same rows left is not walked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.cells import MISSING, Cell, borders, has, within
from usance.policy.tables import Table

STEPS_MOST = 1_000_000
Case: TypeAlias = tuple[int, ...]
Rows: TypeAlias = tuple[int, ...]
"""Rows that may still decide, as bits; a number for each case that is walked with the others."""
Segment: TypeAlias = tuple[int, int]
"""A value that stands for all like it, and the rows that take it, as bits."""


@dataclass
class Walk:
    """One proof. ``settled``: by place, the rows that ask nothing from there on."""

    segments: Sequence[Sequence[Segment]]
    settled: Sequence[int]
    seen: dict[tuple[int, Rows], Mapping[Rows, Case]] = field(default_factory=dict)

    def reached(self, place: int, rows: Rows) -> Mapping[Rows, Case]:
        """The rows that decide, by what is left of a case for which they do."""
        rows = tuple(self._possible(each, place) for each in rows)
        if all(not each or each & -each & self.settled[place] for each in rows):
            decided = tuple((each & -each).bit_length() - 1 for each in rows)
            return {decided: tuple(each[0][0] for each in self.segments[place:])}
        known = self.seen.get((place, rows))
        if known is None:
            known = self.seen[place, rows] = self._further(place, rows)
            if len(self.seen) > STEPS_MOST:
                raise Refused("R-POLICY-06", "the table is too entangled to be proved", "rows")
        return known

    def _possible(self, rows: int, place: int) -> int:
        """Without what stands behind a row that asks nothing more."""
        sure = rows & self.settled[place]
        return rows & (2 * (sure & -sure) - 1) if sure else rows

    def _further(self, place: int, rows: Rows) -> Mapping[Rows, Case]:
        found: dict[Rows, Case] = {}
        done: set[Rows] = set()
        for value, takes in self.segments[place]:
            left = tuple(each & takes for each in rows)
            if left not in done:
                done.add(left)
                for decided, rest in self.reached(place + 1, left).items():
                    found.setdefault(decided, (value, *rest))
        return found


@rule("R-POLICY-06")
def reached(table: Table, box: Sequence[Cell | None] = ()) -> Mapping[int, Case]:
    """Every row that decides some case, with one such case; ``NO_ROW``: a case that none answers.

    ``box``: only cases within these conditions, one for each input. Raises ``Refused`` for a table
    that takes too many steps.
    """
    limits = box or (None,) * len(table.inputs)
    parts = [segments(table, place, limit) for place, limit in enumerate(limits)]
    if not all(parts):
        return {}
    found = Walk(parts, settled(table)).reached(0, (every(table),))
    return {row: case for (row,), case in found.items()}


@rule("R-POLICY-13")
def pairs(table: Table, place: int, one: int, other: int) -> Mapping[tuple[int, int], Case]:
    """The rows that decide two cases which differ in one input alone, with such a case each."""
    parts = [
        [(other, every(table))] if each == place else segments(table, each, None)
        for each in range(len(table.inputs))
    ]
    rows = takes(table, place, one), takes(table, place, other)
    found = Walk(parts, settled(table)).reached(0, rows)
    return {(first, second): case for (first, second), case in found.items()}


def segments(table: Table, place: int, limit: Cell | None) -> list[Segment]:
    """The values of an input, one for each way that the rows take them."""
    found: dict[int, int] = {}
    for value in steps(table, place, limit):
        found.setdefault(takes(table, place, value), value)
    return [(value, rows) for rows, value in found.items()]


def steps(table: Table, place: int, limit: Cell | None = None) -> list[int]:
    """The values of an input between which it changes nothing, the lowest first."""
    domain = table.domain(place)
    room = domain if limit is None else within(domain, limit)
    asked = [row.cells[place] for row in table.rows]
    edges = borders([room, *(each for each in asked if each is not None)])
    return [each for each in edges if has(room, each)]


def known_steps(table: Table, place: int) -> list[int]:
    """The same, less the value that nobody has."""
    return [each for each in steps(table, place) if each != MISSING]


def takes(table: Table, place: int, value: int) -> int:
    """The rows that a value of an input leaves possible, as bits."""
    return sum(
        1 << row for row, each in enumerate(table.rows)
        if (cell := each.cells[place]) is None or has(cell, value)
    )  # fmt: skip


def every(table: Table) -> int:
    """All rows, as bits."""
    return (1 << len(table.rows)) - 1


def settled(table: Table) -> list[int]:
    """By place, the last after all inputs: the rows that ask nothing from there on, as bits."""
    asks = [
        max((place + 1 for place, cell in enumerate(row.cells) if cell is not None), default=0)
        for row in table.rows
    ]
    return [
        sum(1 << row for row, last in enumerate(asks) if last <= place)
        for place in range(len(table.inputs) + 1)
    ]
