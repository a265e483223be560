"""A scorecard: for each feature bins with points, all whole numbers; nothing else runs.

A score is the base and the points of each bin that somebody is in. What they lost against the best
bin of each feature are the reasons: they add back to the score exactly.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule

FORM = "R-SCORE-01"
LOWEST, HIGHEST = 0, 1000
REASONS_MOST = 4


class Characteristic(Struct, frozen=True, forbid_unknown_fields=True):
    """One feature. Bin ``n`` takes values up to ``edges[n]``, the last one what lies above.

    ``scale``: by what a value of the file is multiplied to be a whole number. ``missing``: points
    where nobody has a value; None: nobody is scored without it.
    """

    name: str
    edges: tuple[int, ...]
    points: tuple[int, ...]
    scale: int = 1
    missing: int | None = None

    def points_of(self, value: int | None) -> int:
        """Of the bin that a value is in. Raises ``Refused``."""
        if value is not None:
            return self.points[bisect_left(self.edges, value)]
        if self.missing is None:
            raise Refused("R-SCORE-02", f"nobody is scored without {self.name}", self.name)
        return self.missing

    @property
    def best(self) -> int:
        """The most points that it gives."""
        return max(self.points)


class Scorecard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table.

    At ``points_at`` points ``odds_at`` are good for each who is not, and with ``points_double``
    more twice as many. ``trained_on``: SHA-256 of the file.
    """

    name: str
    target: str
    base: int
    points_at: int
    odds_at: int
    points_double: int
    characteristics: tuple[Characteristic, ...]
    trained_on: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """So many points less than the best bin of a feature gives."""

    name: str
    points: int


@dataclass(frozen=True, slots=True)
class Score:
    """The points, and what was lost on the way, the most first."""

    points: int
    lost: tuple[Lost, ...]

    @property
    def reasons(self) -> tuple[Lost, ...]:
        """The heaviest, at most four."""
        return self.lost[:REASONS_MOST]


@rule(FORM)
def scorecard_in(content: bytes) -> Scorecard:
    """A scorecard, as its file says it. Raises ``Refused``."""
    try:
        found = msgspec.json.decode(content, type=Scorecard)
    except msgspec.DecodeError as error:
        raise Refused(FORM, without_values(str(error)), "") from error
    names = [each.name for each in found.characteristics]
    if not names or len(set(names)) < len(names):
        raise Refused(FORM, "a scorecard has features, each once", "characteristics")
    if found.points_double < 1 or found.odds_at < 1:
        raise Refused(FORM, "points double the odds, and odds are one at least", "points_double")
    for each in found.characteristics:
        in_order = all(low < high for low, high in zip(each.edges, each.edges[1:], strict=False))
        if not in_order or len(each.points) != len(each.edges) + 1 or each.scale < 1:
            detail = f"{each.name} has edges in order, and points for each bin"
            raise Refused(FORM, detail, each.name)
    return found


def written(card: Scorecard) -> bytes:
    """The file of a scorecard."""
    return msgspec.json.format(msgspec.json.encode(card, order="deterministic")) + b"\n"


def digest_of(card: Scorecard) -> str:
    """SHA-256 of what it says, however the file is set."""
    return hashlib.sha256(msgspec.json.encode(card, order="deterministic")).hexdigest()


@rule("R-SCORE-02")
def scored(card: Scorecard, values: Sequence[int | None]) -> Score:
    """The score of somebody, and what they lost. ``values``: in the order of the scorecard."""
    points, lost = card.base, []
    for each, value in zip(card.characteristics, values, strict=True):
        got = each.points_of(value)
        points += got
        if got < each.best:
            lost.append((got - each.best, each.name))
    lost.sort()
    return Score(points, tuple(Lost(name, -missed) for missed, name in lost))


def best_score(card: Scorecard) -> int:
    """What somebody has who lost nothing."""
    return card.base + sum(each.best for each in card.characteristics)
