"""Scores of many at once; the same points as ``scorecard.Scorer`` gives each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from usance.core.rules import rule
from usance.policy.cells import MISSING
from usance.risk.scorecard import Characteristic, Scorecard

Numbers = NDArray[np.int64]


@rule("R-SCORE-02")
def scores_of(card: Scorecard, columns: Mapping[str, Numbers], size: int) -> Numbers:
    """Points of each row; ``MISSING`` where somebody lacks what the scorecard has no points for."""
    total = np.full(size, card.base, np.int64)
    lacks = np.zeros(size, np.bool_)
    for each in card.characteristics:
        values = columns.get(each.name)
        if values is None:
            values = np.full(size, MISSING, np.int64)
        got, unknown = points_in(each, values), values == MISSING
        if each.missing is None:
            lacks |= unknown
        else:
            got = np.where(unknown, each.missing, got)
        total += got
    return np.where(lacks, MISSING, total)


def points_in(each: Characteristic, values: Numbers) -> Numbers:
    """Points of the bin that each value is in."""
    places = np.searchsorted(np.array(each.edges, np.int64), values, side="left")
    return np.array(each.points, np.int64)[places]
