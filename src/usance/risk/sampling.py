"""Samples: what was known of everybody on a day, beside what became of them, as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.store import business_date
from usance.platform.database import Pool
from usance.policy.cells import MISSING
from usance.risk.features import Features, features_of_all, features_of_some

Numbers = NDArray[np.int64]
RULE = "R-SCORE-08"
TARGET = "bad"


@rule(RULE)
async def sample(
    pool: Pool, on: date, after: int, late: int
) -> tuple[Features, Numbers]:
    """Features on a day, and who was so many days late within so many days after it (1) or not.

    Who was late as long on the day itself is left out: nothing is left to tell of them. Raises
    ``Refused`` where the days after it are not all closed.
    """
    today = await business_date(pool)
    assert today is not None, "there is no book yet"
    until = on + timedelta(days=after)
    if not until < today:
        raise Refused(RULE, f"the days until {until} are not all closed", "ON")
    if not 0 < late <= after <= 90:
        raise Refused(RULE, "somebody is late within 90 days, and not longer than that", "--late")
    known = await features_of_all(pool, on)
    async with pool.acquire() as connection:
        then = await features_of_some(connection, until, known.borrowers.tolist())
    bad = (then.columns["days_late_90d"] >= late).astype(np.int64)
    open_still = known.columns["days_late"] < late
    return (
        Features(
            known.borrowers[open_still],
            {name: column[open_still] for name, column in known.columns.items()},
        ),
        bad[open_still],
    )


def write_sample(path: Path, known: Features, beside: Mapping[str, Numbers]) -> list[str]:
    """Write a file for ``scorecard fit``; the names of features that nobody has, left out.

    A row is told by its number in the file, so that a sample is about nobody. What somebody lacks
    is an empty cell.
    """
    kept = {name: c for name, c in known.columns.items() if not (c == MISSING).all()}
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", *kept, *beside])
        columns = [
            ["" if value == MISSING else value for value in column.tolist()]
            for column in kept.values()
        ]
        rows = zip(*columns, *(each.tolist() for each in beside.values()), strict=True)
        writer.writerows([number, *row] for number, row in enumerate(rows, 1))
    return sorted(known.columns.keys() - kept.keys())
