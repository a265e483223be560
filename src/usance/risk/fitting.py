"""A file becomes a scorecard and a report: bins, weights, points, and how well they tell.

Rows that are held out by a hash of their number take no part in any choice. The rest is also
tried in five folds with a seed drawn for the run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.risk.binning import Bins, Share, Yes, bins_of
from usance.risk.columns import FILE, Columns, Numbers
from usance.risk.scorecard import Characteristic, Scorecard
from usance.risk.scoring import scores_of
from usance.risk.weights import bound_weights

FOLDS = 5
COUNTS_LEAST = 0.01
"""A weight below it moves no point."""
POINTS_AT, ODDS_AT, POINTS_DOUBLE = 600, 20, 40


@dataclass(frozen=True, slots=True)
class Model:
    """Bins with their weights, as they were found on some rows."""

    bins: tuple[Bins, ...]
    intercept: float
    weights: tuple[float, ...]


@rule("R-SCORE-04")
def model_of(values: dict[str, Numbers], bad: Yes) -> Model:
    """What some rows say. Raises ``Refused`` where no column tells anything."""
    bins = [bins_of(name, column, bad) for name, column in values.items()]
    bins = [each for each in bins if each.tells]
    if not bins:
        raise Refused(FILE, "no column tells the good from the bad", "FILE")
    evidence = np.column_stack([each.evidence[each.places(values[each.name])] for each in bins])
    intercept, weights = bound_weights(evidence, ~bad)
    kept = [n for n, weight in enumerate(weights) if weight >= COUNTS_LEAST]
    if not kept:
        raise Refused(FILE, "no column tells the good from the bad", "FILE")
    if len(kept) < len(bins):
        intercept, some = bound_weights(evidence[:, kept], ~bad)
        weights = np.zeros(len(bins))
        weights[kept] = some
    return Model(
        tuple(bins[n] for n in kept), intercept, tuple(float(weights[n]) for n in kept)
    )


@rule("R-SCORE-04")
def scorecard_of(
    name: str, target: str, model: Model, columns: Columns, seed: int
) -> Scorecard:
    """A model as points."""
    factor = POINTS_DOUBLE / np.log(2)
    base = POINTS_AT - factor * np.log(ODDS_AT) + factor * model.intercept
    characteristics = tuple(
        Characteristic(
            each.name, each.edges,
            tuple(int(p) for p in np.rint(factor * weight * each.evidence)),
            columns.scale[each.name],
        )
        for each, weight in zip(model.bins, model.weights, strict=True)
    )  # fmt: skip
    return Scorecard(
        name=name, target=target, base=round(base), points_at=POINTS_AT, odds_at=ODDS_AT,
        points_double=POINTS_DOUBLE, characteristics=characteristics, trained_on=columns.digest,
        seed=seed,
    )  # fmt: skip


def points_of(card: Scorecard, values: dict[str, Numbers]) -> Numbers:
    """Scores of many rows, of whom everything is known."""
    return scores_of(card, values, len(next(iter(values.values()))))


def chance_of_bad(card: Scorecard, points: NDArray[np.int64]) -> Share:
    """What a score stands for."""
    odds = card.odds_at * 2.0 ** ((points - card.points_at) / card.points_double)
    return np.asarray(1 / (1 + odds))


def held_out(ids: Sequence[int], share: int = FOLDS) -> Yes:
    """One in so many, by a hash of its number: the same rows whatever else is in the file."""
    return np.array([
        hashlib.sha256(str(each).encode()).digest()[0] % share == 0 for each in ids
    ])  # fmt: skip


def folds(rows: int, seed: int) -> NDArray[np.intp]:
    """The fold of each row."""
    places = np.arange(rows) % FOLDS
    np.random.default_rng(seed).shuffle(places)
    return places
