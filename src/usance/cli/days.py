"""``usance day close`` and ``usance verify``."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated

from cyclopts import Parameter

from usance.cli.audit import sequencer_of, trust_of
from usance.cli.house import opened, operator, run


def close(*, through: date | None = None, workers: Annotated[int, Parameter()] = 2) -> None:
    """Close the open business date, and further days up to and with a given one.

    Parameters
    ----------
    through
        The last day to close (YYYY-MM-DD); the open business date if not given.
    workers
        How many ranges of contracts are worked on at once.
    """
    run(_close(through, workers))


async def _close(through: date | None, workers: int) -> None:
    from usance.core.refusals import Refused
    from usance.day import close as day_close
    from usance.identity.store import business_date
    from usance.platform.key_client import open_keys
    from usance.risk.tiering import tiering

    if not 1 <= workers <= 64:
        raise Refused("R-RANGE-01", "workers lie between 1 and 64", "--workers")
    async with opened() as (settings, pool):
        on = await business_date(pool)
        if on is None:
            raise Refused("R-BOOK-01", "there is no book yet: `usance book create` makes one")
        if through is not None and through < on:
            raise Refused("R-DATE-01", f"the open business date is {on}", "--through")
        await day_close.run(
            pool, through=through, workers=workers, progress=print, actor=operator(),
            also=tiering(pool, open_keys(settings)).close,
        )  # fmt: skip
        await sequencer_of(settings, pool).catch_up()


def verify() -> None:
    """Prove every invariant of the book; exit status 1 with the first offender named."""
    sys.exit(run(_verify()))


async def _verify() -> int:
    from usance.day import verify as proof

    async with opened() as (settings, pool):
        findings = await proof.run(pool, progress=print, trust=trust_of(settings))
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings" if findings else "every invariant holds")
    return 1 if findings else 0
