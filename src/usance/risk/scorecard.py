"""A scorecard: for each feature bins with points, all whole numbers; nothing else runs.

A score is the base and the points of each bin that somebody is in. What they lost against the best
bin of each feature are the reasons: they add back to the score exactly.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule
from usance.policy.reasons import MOST

FORM = "R-SCORE-01"


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


Lost: TypeAlias = tuple[str, int]
"""A feature, and how many points less than its best bin it gave."""


class Score(NamedTuple):
    """The points, and what was lost on the way, the most first."""

    points: int
    lost: tuple[Lost, ...]

    @property
    def reasons(self) -> tuple[Lost, ...]:
        """The heaviest, at most four."""
        return self.lost[:MOST]


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


class Scorer:
    """Scores by one scorecard."""

    def __init__(self, card: Scorecard) -> None:
        self.card = card
        self.best = card.base + sum(max(each.points) for each in card.characteristics)
        self._parts = [
            (each.name, each.edges, each.points, each.missing, max(each.points))
            for each in card.characteristics
        ]

    @rule("R-SCORE-02")
    def score(self, values: Sequence[int | None]) -> Score:
        """Somebody's points and what they lost. ``values``: in the order of the scorecard.

        Raises ``Refused``.
        """
        lost = []
        for (name, edges, points, missing, best), value in zip(self._parts, values, strict=True):
            if value is not None:
                got = points[bisect_left(edges, value)]
            elif missing is not None:
                got = missing
            else:
                raise Refused("R-SCORE-02", f"nobody is scored without {name}", name)
            if got < best:
                lost.append((got - best, name))
        lost.sort()
        return Score(
            self.best + sum(missed for missed, _ in lost),
            tuple((name, -missed) for missed, name in lost),
        )
