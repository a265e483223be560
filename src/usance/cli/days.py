"""``usance day close`` and ``usance verify``."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from usance.cli.audit import sequencer_of, trust_of
from usance.cli.house import opened, operator, run

if TYPE_CHECKING:
    from usance.day.close import Also
    from usance.platform.config import Settings
    from usance.platform.database import Pool


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
            also=await evening(settings, pool),
        )  # fmt: skip
        await sequencer_of(settings, pool).catch_up()


async def evening(settings: Settings, pool: Pool) -> Also:
    """What the close does about people: tiers, offers of limits, proposals of cuts."""
    from usance.approvals.rules import policy
    from usance.approvals.service import Approvals
    from usance.core.money import DECIMALS
    from usance.platform.clock import SystemClock
    from usance.platform.key_client import open_keys
    from usance.risk.evening import evening_of
    from usance.risk.fact_source import FactSource
    from usance.servicing import read
    from usance.web.acts import acts_on_limits
    from usance.web.app import decision_room

    found, keys, clock = await read.book(pool), open_keys(settings), SystemClock()
    assert found is not None, "a close looks for the book first"
    rules = policy(DECIMALS[found.currency])
    approvals = Approvals(pool, rules, acts_on_limits(pool, clock), clock)
    deciding = decision_room(pool, keys, clock, (FactSource(keys, clock),)).deciding
    return evening_of(pool, keys, deciding, approvals, clock).close


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
