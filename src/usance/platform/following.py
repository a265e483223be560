"""``Follower``: reads what was committed, in order and whole, from a place of its own on.

An event is written in the transaction of its business; whoever follows reads behind the oldest
transaction that still runs, and moves its place on together with what it makes of it. So nothing is
lost and nothing done twice, whatever dies, and nothing that is booked waits
(docs/decisions/0021).
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Protocol

from usance.platform.database import Connection, Pool, transaction
from usance.platform.logs import get_logger
from usance.platform.looks import Looks

logger = get_logger(__name__)

HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())"
"""Everything below has ended."""
LAST_OF = """
SELECT max(xid::text::numeric)::text, count(*) FROM (
    SELECT xid FROM operation WHERE xid > $1 AND xid < $2
    ORDER BY xid FETCH FIRST $3 ROWS WITH TIES
) AS next
"""
COMMITTED = """EXISTS (SELECT FROM operation WHERE xid > through
        AND xid < pg_snapshot_xmin(pg_current_snapshot()))"""
"""Whether anything has ended behind the place of a feed."""


def take_turn(feed: str) -> str:
    """The place of a feed, held; no row where another process has the turn."""
    return f"SELECT through, day_through FROM {feed} FOR UPDATE SKIP LOCKED"


def move_on(feed: str) -> str:
    """The place moves on to a transaction and a day."""
    return f"UPDATE {feed} SET through = $1, day_through = $2"


def bring_back(feed: str) -> str:
    """The numbers are those of another cluster, as after a logical restore."""
    return f"""
UPDATE {feed} SET through = pg_snapshot_xmin(pg_current_snapshot())
WHERE through > pg_snapshot_xmax(pg_current_snapshot()) RETURNING 1
"""


class Statements(Protocol):
    """A module of statements over one feed."""

    TAKE_TURN: str
    MOVE_ON: str
    BRING_BACK: str
    ANYTHING: str


class Follower(Looks):
    """Follows in the background."""

    step_of: ClassVar[int] = 2_000
    """Operations of one transaction."""
    what: ClassVar[str]
    """What it makes, for who reads the log."""

    def __init__(self, pool: Pool, statements: Statements) -> None:
        self._pool = pool
        self._feed = statements
        self._has_place = False

    async def look(self) -> None:
        """Go on until nothing is left to do now."""
        while await self.step() is not None:
            pass

    async def step(self) -> int | None:
        """Do some; how many. None: there is nothing, or another process has the turn."""
        if not self._has_place:
            if await self._pool.fetchval(self._feed.BRING_BACK):
                logger.error(f"{self.what} had been made of transactions that are not there yet")
            self._has_place = True
        if not await self._pool.fetchval(self._feed.ANYTHING):
            return None
        async with transaction(self._pool) as connection:
            place = await connection.fetchrow(self._feed.TAKE_TURN)
            if place is None:
                return None
            through, found = await self._operations(connection, place["through"])
            day_through, of_days = await self._days(connection, place["day_through"])
            await connection.execute(self._feed.MOVE_ON, through, day_through)
        return found + of_days

    async def _operations(self, connection: Connection, through: int) -> tuple[int, int]:
        """The next transactions that have ended: through which one, and how many were made."""
        lowest = await connection.fetchval(HORIZON)
        last, count = await connection.fetchrow(LAST_OF, through, lowest, self.step_of)
        end = int(last) if count >= self.step_of else max(through, lowest - 1)
        return end, await self._of_operations(connection, through, end) if count else 0

    async def _of_operations(self, connection: Connection, through: int, end: int) -> int:
        """What is made of the operations after one transaction, up to and with another."""
        raise NotImplementedError

    async def _days(self, connection: Connection, day_through: Any) -> tuple[date | None, int]:
        """Days that have been closed since: through which one, and how many were made."""
        raise NotImplementedError
