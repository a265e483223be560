"""Values of a column into bins whose risk goes one way: no reason ever points the wrong way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from usance.core.rules import rule
from usance.risk.columns import Numbers

FIRST_BINS = 40
SHARE_LEAST = 0.02
"""Of all rows, in a bin."""
SMOOTHED = 0.5
"""Good and bad that every bin has beside its own: none is certain."""
SURE = 2.71
"""Chi-square of two neighbours that tell no difference at 10 %; they are one bin."""

TELLS_LEAST = 0.005
"""Information value below which a column is not worth a question."""
CHANCE_MORE = 10
"""On top of three deviations of chi-square: bins were cut where they tell most."""

Share = NDArray[np.float64]
Yes = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bins:
    """``rises``: whether risk rises with the value. ``weights``: of evidence, above 0 is good."""

    name: str
    edges: tuple[int, ...]
    good: tuple[int, ...]
    bad: tuple[int, ...]
    rises: bool

    @property
    def evidence(self) -> Share:
        """Log of how much likelier the good are in a bin than the bad."""
        good, bad = np.array(self.good) + SMOOTHED, np.array(self.bad) + SMOOTHED
        found: Share = np.log(good / good.sum()) - np.log(bad / bad.sum())
        return found

    @property
    def value(self) -> float:
        """Information value: how much it tells."""
        good, bad = np.array(self.good) + SMOOTHED, np.array(self.bad) + SMOOTHED
        return float(((good / good.sum() - bad / bad.sum()) * self.evidence).sum())

    @property
    def tells(self) -> bool:
        """Whether that is more than chance would give, and enough to be worth a question."""
        good, bad, free = sum(self.good), sum(self.bad), len(self.good) - 1
        chance = free + 3 * (2 * free) ** 0.5 + CHANCE_MORE
        return self.value >= TELLS_LEAST and self.value * good * bad / (good + bad) > chance

    def places(self, values: Numbers) -> NDArray[np.intp]:
        """The bin of each value."""
        return np.searchsorted(np.array(self.edges, np.int64), values, side="left")


@rule("R-SCORE-04")
def bins_of(name: str, values: Numbers, bad: Yes) -> Bins:
    """Bins of a column, risk rising or falling with it: whichever tells more."""
    both = (_one_way(name, values, bad, way) for way in (True, False))
    return max(both, key=lambda each: each.value)


def _one_way(name: str, values: Numbers, bad: Yes, rises: bool) -> Bins:  # noqa: FBT001
    edges = first_edges(values)
    place = np.searchsorted(edges, values, side="left")
    size = len(edges) + 1
    all_of = np.bincount(place, minlength=size)
    bad_of = np.bincount(place, weights=bad, minlength=size).astype(np.int64)
    groups = [[int(n), int(b), int(e)] for n, b, e in zip(
        all_of, bad_of, [*edges, np.iinfo(np.int64).max], strict=True)]  # fmt: skip
    groups = _merged(groups, rises, len(values) * SHARE_LEAST)
    return Bins(
        name, tuple(end for _, _, end in groups[:-1]),
        tuple(n - b for n, b, _ in groups), tuple(b for _, b, _ in groups), rises,
    )  # fmt: skip


def first_edges(values: Numbers) -> Numbers:
    """Where a column is cut first: between its values, as evenly as it can be."""
    shares = np.linspace(0, 1, FIRST_BINS + 1)[1:-1]
    cuts = np.quantile(values, shares, method="lower")
    found: Numbers = np.unique(cuts[cuts < values.max()]).astype(np.int64)
    return found


def _merged(groups: list[list[int]], rises: bool, least: float) -> list[list[int]]:  # noqa: FBT001
    """Neighbours become one until risk goes one way, and each tells something by itself."""
    done: list[list[int]] = []
    for group in groups:
        done.append(group)
        while len(done) > 1 and _is_against(done[-2], done[-1], rises):
            _join(done, len(done) - 2)
    while len(done) > 1:
        worst = min(range(len(done) - 1), key=lambda n: _difference(done[n], done[n + 1]))
        small = min(range(len(done)), key=lambda n: done[n][0])
        if done[small][0] < least:
            _join(done, _nearer(done, small))
        elif _difference(done[worst], done[worst + 1]) < SURE:
            _join(done, worst)
        else:
            break
    return done


def _is_against(one: list[int], other: list[int], rises: bool) -> bool:  # noqa: FBT001
    first, second = one[1] * other[0], other[1] * one[0]
    return second <= first if rises else second >= first


def _join(groups: list[list[int]], place: int) -> None:
    after = groups.pop(place + 1)
    groups[place] = [groups[place][0] + after[0], groups[place][1] + after[1], after[2]]


def _nearer(groups: list[list[int]], place: int) -> int:
    """The left one of the pair in which a group that is too small is less of a stranger."""
    pairs = [n for n in (place - 1, place) if 0 <= n < len(groups) - 1]
    return min(pairs, key=lambda n: _difference(groups[n], groups[n + 1]))


def _difference(one: list[int], other: list[int]) -> float:
    """Chi-square of a table of two by two."""
    (all_one, bad_one, _), (all_other, bad_other, _) = one, other
    total, bad = all_one + all_other, bad_one + bad_other
    if not all_one or not all_other or not 0 < bad < total:
        return 0.0
    cross = bad_one * all_other - bad_other * all_one
    return cross * cross * total / (all_one * all_other * bad * (total - bad))
