"""What a scorecard is like: how well it tells, by group, against others, and what honesty costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.risk import challenger, figures
from usance.risk.binning import Share, Yes
from usance.risk.columns import FILE, Columns, Numbers, outcome_of
from usance.risk.fitting import (
    FOLDS,
    Model,
    chance_of_bad,
    folds,
    held_out,
    model_of,
    points_of,
    scorecard_of,
)
from usance.risk.monitors import spread_of
from usance.risk.scorecard import Scorecard

GROUPS_MOST = 10
LEAST_OF_A_GROUP = 30
"""Bad and good that a group has, for its figures to say anything."""


class Told(Struct, frozen=True):
    """How well the good are told from the bad."""

    auc: float
    ks: float
    brier: float


class Feature(Struct, frozen=True):
    """One feature of the scorecard: its bins, how much it tells, whether it holds (CSI)."""

    name: str
    value: float
    rises: bool
    weight: float
    edges: tuple[int, ...]
    points: tuple[int, ...]
    good: tuple[int, ...]
    bad: tuple[int, ...]
    stability: float


class Group(Struct, frozen=True):
    """People of one kind. ``above``: their share above the middle score of all."""

    column: str
    group: str
    count: int
    bad_share: float
    mean_points: float
    above: float
    auc: float | None


class Report(Struct, frozen=True):
    """Everything about a fit. Figures are of rows that took part in no choice, unless said."""

    rows: int
    held_out: int
    bad_share: float
    seed: int
    scorecard: Told
    folds: Told
    challenger: Told | None
    with_protected: Told | None
    calibration: tuple[tuple[int, float, float], ...]
    stability: float
    features: tuple[Feature, ...]
    left_out: tuple[str, ...]
    groups: tuple[Group, ...]
    spread: tuple[int, ...] = ()
    """Rows by bands of points (``monitors.edges_of``): what monitors hold later scores against."""


@rule("R-SCORE-04", "R-SCORE-05")
def fitted(
    columns: Columns, target: str, *, name: str, seed: int, protected: Sequence[str] = (),
    number: str = "",
) -> tuple[Scorecard, Report]:  # fmt: skip
    """A scorecard and its report. ``number``: the column of ids. Raises ``Refused``."""
    bad = outcome_of(columns, target)
    for each in (*protected, *([number] if number else [])):
        if each not in columns.values or each == target:
            raise Refused(FILE, f"{each} is no column beside the target", each)
    known = {k: v for k, v in columns.values.items() if k not in (target, number)}
    asked = {k: v for k, v in known.items() if k not in protected}
    ids = columns.values[number].tolist() if number else range(columns.rows)
    out = held_out(ids)
    if min(bad[out].sum(), (~bad)[out].sum(), bad[~out].sum(), (~bad)[~out].sum()) < 1:
        raise Refused(FILE, "there are too few rows to hold some out", "FILE")
    model = model_of(some(asked, ~out), bad[~out])
    card = scorecard_of(name, target, model, columns, seed)
    points = points_of(card, asked)
    chance = chance_of_bad(card, points)
    return card, Report(
        rows=columns.rows, held_out=int(out.sum()), bad_share=float(bad.mean()), seed=seed,
        scorecard=told(points[out], chance[out], bad[out]),
        folds=_in_folds(asked, bad, columns, seed),
        challenger=_challenged(asked, bad, out, seed),
        with_protected=_of_all(known, bad, out, columns) if protected else None,
        calibration=tuple(figures.calibration(chance[out], bad[out])),
        stability=figures.stability(
            figures.bands(points[~out], points[~out]), figures.bands(points[out], points[~out]),
            figures.BANDS,
        ),
        features=tuple(
            _feature(model, card, n, asked[each.name], out) for n, each in enumerate(model.bins)
        ),
        left_out=tuple(k for k in asked if k not in {each.name for each in model.bins}),
        groups=tuple(_groups(columns, protected, points, bad)),
        spread=spread_of(card, points),
    )  # fmt: skip


def some(values: Mapping[str, Numbers], rows: Yes) -> dict[str, Numbers]:
    """The columns of some rows."""
    return {name: column[rows] for name, column in values.items()}


def told(points: Numbers, chance: Share, bad: Yes) -> Told:
    """How well."""
    return Told(figures.auc(points, bad), figures.ks(points, bad), figures.brier(chance, bad))


def _in_folds(asked: Mapping[str, Numbers], bad: Yes, columns: Columns, seed: int) -> Told:
    """The mean of five, each on what the other four did not see."""
    fold = folds(columns.rows, seed)
    found = []
    for n in range(FOLDS):
        out = fold == n
        card = scorecard_of("", "", model_of(some(asked, ~out), bad[~out]), columns, seed)
        points = points_of(card, some(asked, out))
        found.append(told(points, chance_of_bad(card, points), bad[out]))
    auc, ks, brier = (
        float(np.mean([getattr(each, what) for each in found])) for what in ("auc", "ks", "brier")
    )
    return Told(auc, ks, brier)


def _challenged(asked: Mapping[str, Numbers], bad: Yes, out: Yes, seed: int) -> Told | None:
    chance = challenger.chances(some(asked, ~out), bad[~out], some(asked, out), seed)
    if chance is None:
        return None
    ranks = -chance
    return Told(
        figures.auc(ranks, bad[out]), figures.ks(ranks, bad[out]), figures.brier(chance, bad[out])
    )


def _of_all(known: Mapping[str, Numbers], bad: Yes, out: Yes, columns: Columns) -> Told:
    """With what is protected: what leaving it out costs. Nothing else is done with it."""
    card = scorecard_of("", "", model_of(some(known, ~out), bad[~out]), columns, 0)
    points = points_of(card, some(known, out))
    return told(points, chance_of_bad(card, points), bad[out])


def _feature(model: Model, card: Scorecard, place: int, values: Numbers, out: Yes) -> Feature:
    bins, characteristic = model.bins[place], card.characteristics[place]
    places = bins.places(values)
    return Feature(
        bins.name, bins.value, bins.rises, model.weights[place], characteristic.edges,
        characteristic.points, bins.good, bins.bad,
        figures.stability(places[~out], places[out], len(bins.good)),
    )  # fmt: skip


def _groups(
    columns: Columns, protected: Sequence[str], points: Numbers, bad: Yes
) -> list[Group]:
    middle = np.median(points)
    found = []
    for name in protected:
        for group, rows in _kinds(columns.values[name], columns.scale[name]):
            few = min(bad[rows].sum(), (~bad)[rows].sum()) < LEAST_OF_A_GROUP
            found.append(Group(
                name, group, int(rows.sum()), float(bad[rows].mean()), float(points[rows].mean()),
                float((points[rows] > middle).mean()),
                None if few else figures.auc(points[rows], bad[rows]),
            ))  # fmt: skip
    return found


def _kinds(values: Numbers, scale: int) -> list[tuple[str, Yes]]:
    """Each value, or where there are many each fifth of them."""
    kinds = np.unique(values)
    if len(kinds) <= GROUPS_MOST:
        return [(f"{each / scale:g}", values == each) for each in kinds]
    edges = np.unique(np.quantile(values, (0.2, 0.4, 0.6, 0.8), method="lower"))
    place = np.searchsorted(edges, values, side="left")
    return [
        (f"{values[rows].min() / scale:g} .. {values[rows].max() / scale:g}", rows)
        for n in range(len(edges) + 1) if (rows := place == n).any()
    ]  # fmt: skip
