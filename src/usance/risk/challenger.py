"""A challenger: how much better something that nobody can read would tell (LightGBM, monotone).

It decides nothing. Where the library is not installed the report says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from usance.core.rules import rule
from usance.risk.binning import Share, Yes, bins_of
from usance.risk.columns import Numbers

SETTINGS: dict[str, Any] = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 100,
    "feature_fraction": 0.7, "lambda_l2": 10.0, "deterministic": True, "num_threads": 1,
    "verbosity": -1,
}  # fmt: skip
ROUNDS = 250


@rule("R-SCORE-05")
def chances(
    values: dict[str, Numbers], bad: Yes, others: dict[str, Numbers], seed: int
) -> Share | None:
    """Of being bad, for others; risk goes the way of the bins. None: not installed."""
    try:
        import lightgbm
    except ImportError:
        return None
    ways = [1 if bins_of(name, column, bad).rises else -1 for name, column in values.items()]
    known = lightgbm.Dataset(np.column_stack(list(values.values())), label=bad)
    settings = SETTINGS | {"monotone_constraints": ways, "seed": seed}
    model = lightgbm.train(settings, known, num_boost_round=ROUNDS)
    return np.asarray(model.predict(np.column_stack([others[name] for name in values])))
