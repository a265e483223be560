"""How well a score tells the good from the bad, and whether it still does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from usance.risk.binning import Share, Yes

BANDS = 10
LEAST = 1e-4
"""A share that is none counts as this: what never was cannot be compared."""


def auc(score: NDArray[np.generic], bad: Yes) -> float:
    """The chance that a good one scores higher than a bad one; ties count half."""
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    rank = (ends - (counts - 1) / 2)[place]
    good = ~bad
    ahead = rank[good].sum() - good.sum() * (good.sum() + 1) / 2
    return float(ahead / (good.sum() * bad.sum()))


def ks(score: NDArray[np.generic], bad: Yes) -> float:
    """The widest gap between the shares of bad and good up to a score (Kolmogorov-Smirnov)."""
    _, place = np.unique(score, return_inverse=True)
    bad_up_to = np.cumsum(np.bincount(place, weights=bad)) / bad.sum()
    good_up_to = np.cumsum(np.bincount(place, weights=~bad)) / (~bad).sum()
    return float(np.abs(bad_up_to - good_up_to).max())


def brier(chance: Share, bad: Yes) -> float:
    """Mean square of what was expected less what came."""
    return float(np.mean((chance - bad) ** 2))


def calibration(chance: Share, bad: Yes) -> list[tuple[int, float, float]]:
    """By tenths of what was expected: how many, what was expected, what came."""
    parts = np.array_split(np.argsort(chance, kind="stable"), BANDS)
    return [(len(p), float(chance[p].mean()), float(bad[p].mean())) for p in parts if len(p)]


def stability(before: NDArray[np.intp], now: NDArray[np.intp], bins: int) -> float:
    """Population stability index of places in bins: below 0.1 nothing moved, above 0.25 much."""
    return moved(*(np.bincount(each, minlength=bins) for each in (before, now)))


def moved(before: NDArray[np.intp], now: NDArray[np.intp]) -> float:
    """The same of how many there are in each bin."""
    was, has = (np.maximum(each / max(each.sum(), 1), LEAST) for each in (before, now))
    return float(((has - was) * np.log(has / was)).sum())


def bands(score: NDArray[np.int64], like: NDArray[np.int64]) -> NDArray[np.intp]:
    """The tenth of ``like`` that each score falls into."""
    edges = np.unique(np.quantile(like, np.linspace(0, 1, BANDS + 1)[1:-1]))
    return np.searchsorted(edges, score, side="left")
