"""Whether a scorecard still holds: who is scored now, against whom it was made on. Pure.

A day is kept as counts by bands of the score and by bins of each feature, never as people. PSI and
CSI are in ten thousandths, shares in hundredths of a percent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from usance.core.rules import rule
from usance.risk import figures
from usance.risk.scorecard import Characteristic, Scorecard

Counts: TypeAlias = tuple[int, ...]
Scored: TypeAlias = tuple[int, Mapping[str, int | None], Sequence[str]]
"""The score, what was known, the reasons that were told."""
STEPS = 4
"""Bands on each side of the points at which the odds are told, two for each doubling."""
SCALE = 10_000


class Day(Struct, frozen=True):
    """How many were scored, by band of the score, by bin of each feature, by reason.

    The last bin of a feature is of those of whom nobody knew it.
    """

    decisions: int
    score: Counts
    features: dict[str, Counts]
    reasons: dict[str, int]


class FeatureMoved(Struct, frozen=True):
    """A feature then and now by bins, and its CSI; none where there is nothing to compare."""

    name: str
    csi: int | None
    before: Counts
    now: Counts


class Moved(Struct, frozen=True):
    """A scorecard against what it was made on. ``first_days``: against its own first days."""

    decisions: int
    psi: int | None
    edges: Counts
    before: Counts
    now: Counts
    first_days: bool
    features: tuple[FeatureMoved, ...]


def edges_of(card: Scorecard) -> Counts:
    """Where bands of the score end, the same for everybody who is scored by a table."""
    half = max(card.points_double // 2, 1)
    return tuple(card.points_at + half * n for n in range(-STEPS, STEPS + 1))


def spread_of(card: Scorecard, points: NDArray[np.int64]) -> Counts:
    """How many scores are in each band."""
    edges = np.array(edges_of(card), np.int64)
    places = np.searchsorted(edges, points, side="left")
    return tuple(np.bincount(places, minlength=len(edges) + 1).tolist())


def bin_of(each: Characteristic, value: int | None) -> int:
    """The bin of a value; of none the last."""
    return len(each.points) if value is None else bisect_left(each.edges, value)


@rule("R-MONITOR-01")
def day_of(card: Scorecard, scored: Iterable[Scored]) -> Day:
    """A day's decisions as counts; each (score, what was known, reasons)."""
    edges = edges_of(card)
    score = [0] * (len(edges) + 1)
    bins = {each.name: [0] * (len(each.points) + 1) for each in card.characteristics}
    reasons: dict[str, int] = {}
    count = 0
    for points, facts, because in scored:
        count += 1
        score[bisect_left(edges, points)] += 1
        for each in card.characteristics:
            bins[each.name][bin_of(each, facts.get(each.name))] += 1
        for name in because:
            reasons[name] = reasons.get(name, 0) + 1
    return Day(count, tuple(score), {name: tuple(each) for name, each in bins.items()}, reasons)


def added(days: Sequence[Day]) -> Day | None:
    """Days of one scorecard together; None of none."""
    if not days:
        return None
    reasons: dict[str, int] = {}
    for each in days:
        for name, count in each.reasons.items():
            reasons[name] = reasons.get(name, 0) + count
    return Day(
        sum(each.decisions for each in days), _sum(each.score for each in days),
        {name: _sum(each.features[name] for each in days) for name in days[0].features}, reasons,
    )  # fmt: skip


def _sum(counts: Iterable[Counts]) -> Counts:
    return tuple(sum(column) for column in zip(*counts, strict=True))


def index_of(before: Counts, now: Counts) -> int | None:
    """PSI or CSI in ten thousandths; None where one side is empty."""
    if not sum(before) or not sum(now):
        return None
    return round(figures.moved(np.array(before), np.array(now)) * SCALE)


@rule("R-MONITOR-02")
def moved(
    card: Scorecard, lately: Day, report: Mapping[str, Any] | None, first: Day | None
) -> Moved:
    """How far scores and features moved.

    They are held against the rows that the scorecard was made on, as its ``report`` counts them;
    without one against its own ``first`` days.
    """
    trained = trained_of(card, report)
    base = trained or first
    features = []
    for each in card.characteristics:
        before: Counts = base.features[each.name] if base else ()
        now = lately.features[each.name]
        features.append(FeatureMoved(each.name, index_of(before, now), before, now))
    before = base.score if base else ()
    return Moved(
        lately.decisions, index_of(before, lately.score), edges_of(card), before, lately.score,
        trained is None, tuple(features),
    )  # fmt: skip


def trained_of(card: Scorecard, report: Mapping[str, Any] | None) -> Day | None:
    """The rows that a report is about, as a day; None if it does not count them all."""
    spread = tuple((report or {}).get("spread", ()))
    if report is None or len(spread) != len(edges_of(card)) + 1:
        return None
    counted = {
        each["name"]: (*(g + b for g, b in zip(each["good"], each["bad"], strict=True)), 0)
        for each in report["features"]
    }
    if any(len(counted.get(c.name, ())) != len(c.points) + 1 for c in card.characteristics):
        return None
    return Day(sum(spread), spread, counted, {})


@rule("R-MONITOR-04")
def reason_shares(day: Day) -> list[tuple[str, int]]:
    """Of all reasons that were given, the share of each, the most frequent first."""
    total = sum(day.reasons.values())
    found = [(name, count * SCALE // total) for name, count in day.reasons.items()]
    return sorted(found, key=lambda each: (-each[1], each[0]))
