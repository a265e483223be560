"""What a policy would have said, beside what became of those about whom it says it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.cells import MISSING, value_said
from usance.policy.compiled import array_function, taken_column
from usance.policy.dictionary import REFUSE, Feature
from usance.policy.documents import Policy
from usance.policy.reasons import Reasons
from usance.risk.decisions import SCORE, by_feature
from usance.risk.scorecard import Scorecard
from usance.risk.scoring import points_in, scores_of

Numbers = NDArray[np.int64]
RULE = "R-POLICY-19"
MOST = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one outcome: how many, how many of them turned out bad, the reasons most given."""

    said: str
    count: int
    bad: int
    reasons: tuple[tuple[str, int], ...]


@rule(RULE)
def outcomes(
    policy: Policy, card: Scorecard | None, columns: Mapping[str, Numbers],
    bad: NDArray[np.bool_], reasons: Reasons,
) -> list[Outcome]:  # fmt: skip
    """By the first output of the table, in the order of its values. Raises ``Refused``."""
    size = len(bad)
    known = dict(columns)
    known[SCORE] = (
        scores_of(card, columns, size) if card else np.full(size, MISSING, np.int64)
    )
    taken = {each.name: _taken(each, known, size) for each in policy.table.inputs}
    places = array_function(policy.table)(taken)
    output = policy.table.outputs[0]
    values = np.array([row.then[0] for row in policy.table.rows], np.int64)[places]
    told = _told(policy, card, known, places, reasons)
    return [
        Outcome(
            value_said(value, output, policy.says.currency), int(mine.sum()),
            int((mine & bad).sum()), most(told[place] for place in np.flatnonzero(mine)),
        )
        for value in range(output.values[0][0], output.values[-1][1] + 1)
        for mine in [values == value]
        if mine.any()
    ]


def most(told: Iterable[tuple[str, ...]]) -> tuple[tuple[str, int], ...]:
    """The reasons most given, with how often."""
    return tuple(Counter(each for reasons in told for each in reasons).most_common(MOST))


def _taken(feature: Feature, known: Mapping[str, Numbers], size: int) -> Numbers:
    """A column as the table takes it."""
    column = known.get(feature.name, np.full(size, MISSING, np.int64))
    if feature.missing == REFUSE and (column == MISSING).any():
        raise Refused(RULE, f"nothing is decided without {feature.name}", feature.name)
    return taken_column(feature, column)


def _told(
    policy: Policy, card: Scorecard | None, known: Mapping[str, Numbers],
    places: NDArray[np.int16], reasons: Reasons,
) -> list[tuple[str, ...]]:  # fmt: skip
    """The reasons of each; in place of one about the score, the one feature that lost most."""
    because = [row.because for row in policy.table.rows]
    if card is None:
        return [because[place] for place in places.tolist()]
    of_feature = by_feature(reasons)
    names = [each.name for each in card.characteristics]
    lost = np.stack([
        max(each.points) - points_in(each, known[each.name]) for each in card.characteristics
    ])  # fmt: skip
    worst = lost.argmax(axis=0).tolist()
    return [
        tuple(
            of_feature.get(names[most], name) if reasons[name].about == (SCORE,) else name
            for name in because[place]
        )
        for place, most in zip(places.tolist(), worst, strict=True)
    ]
