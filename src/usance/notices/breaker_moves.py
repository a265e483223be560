"""Moves breakers in their table: from the state that they were seen in, with their history."""

from __future__ import annotations

from datetime import datetime

from usance.notices import health_sql as sql
from usance.notices.breakers import CLOSED, OPEN, WARNING, Breaker
from usance.notices.watches import WATCHED
from usance.platform import metrics
from usance.platform.database import Connection
from usance.platform.logs import get_logger

logger = get_logger(__name__)

ITSELF = "system:notices"
SHOWN = 10
Place = tuple[str, str]
"""A breaker: its kind and its name."""


def short(place: Place) -> str:
    """A breaker's name as it is shown: of a keyed hash only its end."""
    kind, name = place
    return f"…{name[-SHOWN:]}" if kind in WATCHED else name


async def moved(
    connection: Connection, place: Place, before: Breaker, after: Breaker, now: datetime
) -> bool:
    """Whether this was the one who moved it."""
    found: int | None = await connection.fetchval(
        sql.MOVE, *place, after.state, after.because, now, before.state
    )
    return found is not None


async def move(
    connection: Connection, place: Place, before: Breaker, after: Breaker, now: datetime
) -> bool:
    """Move it by itself, and note that; whether this was the one who opened it."""
    if not await moved(connection, place, before, after, now):
        return False
    await connection.execute(sql.NOTE, *place, after.state, after.because, now, ITSELF, "")
    if after.state == OPEN:
        said(place)
    return after.state == OPEN


def said(place: Place) -> None:
    """Somebody should look."""
    logger.error("a breaker opened", extra={"kind": place[0], "breaker": short(place)})
    metrics.breakers_opened.labels(place[0]).inc()


async def open_now(connection: Connection, place: Place, because: str, now: datetime) -> None:
    """Open a breaker at once, for what must not happen even once."""
    for state in (CLOSED, WARNING):
        if await move(connection, place, Breaker(state), Breaker(OPEN, because), now):
            return


async def warn_now(connection: Connection, place: Place, because: str, now: datetime) -> None:
    """Warn, unless it does already."""
    await move(connection, place, Breaker(), Breaker(WARNING, because), now)
