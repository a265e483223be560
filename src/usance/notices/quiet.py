"""Waits until nothing that was decided before is still leaving.

Who takes an agreement back is answered when nothing goes by it any more: what was decided under it
a moment before, and is in the hand of a sender, has gone by then or never will.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from usance.core.identifiers import cell_of_borrower
from usance.core.rules import rule
from usance.notices.queue_sql import UNDER_WAY
from usance.platform.clock import Clock
from usance.platform.database import Pool

PAUSE_SECONDS = 0.02
BY_CONSENT = ("family", "marketing", "consent")
"""Purposes of notices that an agreement may justify."""
Settled: TypeAlias = Callable[[int], Awaitable[None]]


def settled_over(pool: Pool, clock: Clock) -> Settled:
    """For the notices of a book."""
    return partial(_settled, pool, clock)


@rule("R-SEND-06")
async def _settled(pool: Pool, clock: Clock, borrower_id: int) -> None:
    """Until nothing by consent is being handed over.

    A sender that died is waited for no longer than its lease lasts.
    """
    place = cell_of_borrower(borrower_id), borrower_id
    while await pool.fetchval(UNDER_WAY, *place, BY_CONSENT, clock.now()):  # noqa: ASYNC110
        await asyncio.sleep(PAUSE_SECONDS)
