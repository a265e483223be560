"""How much each bin counts: logistic regression whose weights may not go against their direction.

An ordinary one gives some features a weight of the wrong sign, and its reasons then point the wrong
way. Newton's steps, each solved under the bound; features that would go against it count nothing.
"""

from __future__ import annotations

import numpy as np

from usance.core.rules import rule
from usance.risk.binning import Share, Yes

STEPS_MOST, SWEEPS_MOST = 50, 2_000
CLOSE = 1e-8
RIDGE = 1.0
"""A pull to nothing, so that two features that say the same share what they say."""


@rule("R-SCORE-04")
def bound_weights(evidence: Share, good: Yes) -> tuple[float, Share]:
    """(intercept, a weight of at least 0 for each column) for the log of the odds of the good."""
    rows, columns = evidence.shape
    one = np.column_stack([np.ones(rows), evidence])
    lowest = np.concatenate([[-np.inf], np.zeros(columns)])
    pull = np.concatenate([[0.0], np.full(columns, RIDGE)])
    weights = np.zeros(columns + 1)
    weights[0] = np.log(good.sum() / (rows - good.sum()))
    for _ in range(STEPS_MOST):
        chance = 1 / (1 + np.exp(-(one @ weights)))
        slope = one.T @ (good - chance) - pull * weights
        bend = (one * (chance * (1 - chance))[:, None]).T @ one + np.diag(pull)
        found = _bounded(bend, slope + bend @ weights, weights, lowest)
        moved = float(np.abs(found - weights).max())
        weights = found
        if moved < CLOSE:
            break
    return float(weights[0]), weights[1:]


def _bounded(bend: Share, pull: Share, start: Share, lowest: Share) -> Share:
    """The lowest point of ``x bend x / 2 - pull x`` with each of ``x`` no lower than its bound."""
    found: Share = start.copy()
    for _ in range(SWEEPS_MOST):
        moved = 0.0
        for n in range(len(found)):
            best = found[n] + (pull[n] - bend[n] @ found) / bend[n, n]
            best = max(best, lowest[n])
            moved = max(moved, abs(best - found[n]))
            found[n] = best
        if moved < CLOSE:
            break
    return found
