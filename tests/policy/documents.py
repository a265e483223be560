"""Policies for tests: what is shipped, as documents that a test may spoil; tables at random."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np
import yaml

from usance.policies import texts_of
from usance.policy import shipped
from usance.policy.cells import MISSING, Cell, united
from usance.policy.compiled import Numbers
from usance.policy.dictionary import Feature
from usance.policy.tables import Row, Table

MEANING = {"en": "a number", "zh": "数"}


@cache
def texts() -> dict[str, str]:
    known = (shipped.FEATURES, shipped.REASONS, shipped.SOURCES)
    return {name: text for name, text in texts_of(shipped.FOLDER).items() if name not in known}


def document(name: str) -> dict[str, Any]:
    """A shipped policy, fresh."""
    found: dict[str, Any] = yaml.safe_load(texts()[name])
    return found


def number(name: str, least: int = 0, most: int = 20, **more: Any) -> Feature:
    given = {"missing": "table", "unit": "count"} | more
    return Feature(name, "integer", "book", MEANING, least=least, most=most, **given)


def random_table(chance: random.Random, *, inputs: int = 3, rows: int = 6, most: int = 12) -> Table:
    """Small enough that every case can be looked at."""
    features = tuple(
        number(f"f{n}", most=most, missing=chance.choice(["table", "refuse"]))
        for n in range(inputs)
    )
    output = number("out", missing="refuse")
    made = tuple(
        Row(tuple(random_cell(chance, each) for each in features), (chance.randrange(5),))
        for _ in range(rows)
    )
    return Table(features, (output,), made)


def random_cell(chance: random.Random, feature: Feature) -> Cell | None:
    if chance.random() < 0.4:
        return None
    spans = []
    for _ in range(chance.choice([1, 1, 2])):
        low = chance.randint(feature.least, feature.most)
        spans.append((low, chance.randint(low, feature.most)))
    if feature.missing == "table" and chance.random() < 0.3:
        spans.append((MISSING, MISSING))
    return united(spans)


def stacked(table: Table, cases: list[tuple[int, ...]]) -> dict[str, Numbers]:
    """Cases as columns, by names of inputs."""
    numbers = np.array(cases, np.int64).reshape(len(cases), len(table.inputs))
    return {feature.name: numbers[:, n].copy() for n, feature in enumerate(table.inputs)}


def random_case(chance: random.Random, table: Table) -> tuple[int, ...]:
    """Near the borders of cells, where tables err."""
    return tuple(_value(chance, table, place) for place in range(len(table.inputs)))


def _value(chance: random.Random, table: Table, place: int) -> int:
    feature = table.inputs[place]
    if feature.missing == "table" and chance.random() < 0.1:
        return MISSING
    low, high = feature.values[0]
    edges = [e for row in table.rows for span in row.cells[place] or () for e in span]
    near = [v for e in edges for v in (e - 1, e, e + 1) if low <= v <= high]
    return chance.choice(near) if near and chance.random() < 0.7 else chance.randint(low, high)
