"""Day closes that this process works on in the background; the book keeps what was done."""

from __future__ import annotations

import asyncio
from datetime import date

from usance.approvals.service import Approvals
from usance.day import begin, close
from usance.day.close import Also
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.platform.database import Pool
from usance.platform.logs import get_logger

logger = get_logger(__name__)


class Closing:
    """At most one task, which finishes every close that has begun.

    ``also`` is what belongs to a close besides the book; set once all parts are put together.
    """

    def __init__(self, also: Also | None = None) -> None:
        self.also = also
        self._task: asyncio.Task[None] | None = None

    def work(self, pool: Pool) -> None:
        """See to it that somebody here works on what has begun."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(finish(pool, self.also))

    async def stop(self) -> None:
        """Break off; what is not finished goes on when it is asked for again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def begin_or_go_on(
    pool: Pool, approvals: Approvals, closing: Closing, day: date, asking: Asking
) -> Answer:
    """The close of a day begins, waits for a second person, or goes on. Raises ``Refused``."""
    if day not in await close.unfinished(pool):
        return await approvals.submit(
            begin.BeginClose(day.isoformat()), actor=asking.actor, key=asking.key,
            request_hash=asking.request_hash,
        )  # fmt: skip
    gone_on = await begin.begin(pool, day, asking)
    closing.work(pool)
    return gone_on


async def finish(pool: Pool, also: Also | None = None) -> None:
    """Close every day whose close has begun, the oldest first."""
    try:
        for day in await close.unfinished(pool):
            await close.close_one(pool, day, workers=2, tell=lambda _: None, also=also)
    except Exception:
        logger.exception("day close failed")
