"""A table as boxes of whole numbers, and what decides: the first row whose conditions all hold.

This is the meaning of a table, read row by row. What runs is compiled from it (``compiled``) and
equal to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.cells import MISSING, UNKNOWN, Cell, has, united
from usance.policy.dictionary import TABLE, Feature

NO_ROW = -1


@dataclass(frozen=True, slots=True)
class Row:
    """``cells``: a condition on each input of the table, None where it is not asked.

    ``then``: a value for each output. ``because``: reasons, the weightiest first.
    """

    cells: tuple[Cell | None, ...]
    then: tuple[int, ...]
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Inputs and outputs in the order of every row's conditions and values."""

    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    rows: tuple[Row, ...]

    def domain(self, place: int) -> Cell:
        """All that an input may be when rows are asked."""
        feature = self.inputs[place]
        known = feature.values
        return united((*UNKNOWN, *known)) if feature.missing == TABLE else known


@rule("R-POLICY-04")
def taken(table: Table, facts: Mapping[str, int | None]) -> tuple[int, ...]:
    """The inputs of a table, as it takes them. Raises ``Refused`` where it may not decide."""
    return tuple(taken_of(feature, facts) for feature in table.inputs)


def taken_of(feature: Feature, facts: Mapping[str, int | None]) -> int:
    """One of them."""
    if feature.name not in facts:
        raise Refused("R-POLICY-04", f"{feature.name} was not given", feature.name)
    value = facts[feature.name]
    if value is not None:
        if not has(feature.values, value):
            raise Refused("R-POLICY-04", f"{feature.name} is out of its range", feature.name)
        return value
    if isinstance(feature.missing, int):
        return feature.missing
    if feature.missing == TABLE:
        return MISSING
    raise Refused("R-POLICY-04", f"nothing is decided without {feature.name}", feature.name)


@rule("R-POLICY-05")
def first_row(table: Table, values: Sequence[int]) -> int:
    """The place of the first row whose conditions all hold; ``NO_ROW`` if none does."""
    for place, row in enumerate(table.rows):
        if failing(row, values) == NO_ROW:
            return place
    return NO_ROW


def failing(row: Row, values: Sequence[int]) -> int:
    """The place of the first condition of a row that does not hold; ``NO_ROW`` if all do."""
    for place, cell in enumerate(row.cells):
        if cell is not None and not has(cell, values[place]):
            return place
    return NO_ROW
