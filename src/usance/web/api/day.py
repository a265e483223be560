"""The business date and its closes: begin one, and see how it stands."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from msgspec import Struct

from usance.identity.once import Answer
from usance.servicing import read as models
from usance.web.api import bodies, views
from usance.web.api.endpoint import PROPOSAL, Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import ordinal
from usance.web.closing import begin_or_go_on
from usance.web.problems import not_found

FIRST, LAST = date.min.toordinal(), date.max.toordinal()


class CloseView(Struct, kw_only=True):
    """One day close: what it has written, with the digest of it once it is finished."""

    business_date: str
    state: Literal["under_way", "finished"]
    started_at: str
    finished_at: str | None
    digest: str | None
    woken: int
    events: int
    statements: int
    notices: int
    transfers: int


class CloseStateView(CloseView, kw_only=True):
    """One day close; ``waiting`` contracts are still to be woken."""

    waiting: int


class DayView(Struct):
    """The open business date, how many contracts its close will wake, the newest day close."""

    business_date: str
    waiting: int
    last_close: CloseView | None
    is_closing: bool


@read("/v1/day", "day:read")
async def day(asked: Asked[Empty]) -> DayView:
    """The open business date, and how the newest day close stands."""
    pool = asked.services.pool
    found = await models.book(pool)
    assert found is not None
    newest = [close_view(row) for row in await models.closes(pool, limit=1)]
    last = newest[0] if newest else None
    closing = last is not None and last.finished_at is None
    waiting = await models.waiting(pool, found.today)
    return DayView(found.business_date.isoformat(), waiting, last, closing)


@read("/v1/day/closes", "day:read")
async def closes(asked: Asked[PageQuery]) -> Page[CloseView]:
    """Day closes, newest first, each with the digest of what it wrote."""
    before = date.fromordinal(max(position(asked.query, LAST, LAST), FIRST))
    rows = await models.closes(asked.services.pool, before, asked.query.limit)
    last = rows[-1]["business_date"].toordinal() if rows else 0
    return page([close_view(row) for row in rows], asked.query, last)


@change("POST", "/v1/day/closes", "day:write", waiting=PROPOSAL)
async def begin_close(asked: Asked[Empty], body: bodies.CloseBody) -> Answer:
    """Begin to close the open business date; the book stays open for the next one meanwhile.

    The answer comes at once: how the close stands is asked of `/v1/day/closes/{business_date}`. A
    close that broke off goes on when it is asked for again.
    """
    on = date.fromordinal(ordinal(body.business_date, "business_date"))
    found = asked.services
    return await begin_or_go_on(found.pool, found.approvals, found.closing, on, asked.asking)


@read("/v1/day/closes/{business_date}", "day:read")
async def close_of_day(asked: Asked[Empty]) -> CloseStateView:
    """How the close of a business date stands."""
    ordinal_day: int = asked.at["business_date"]
    on, pool = date.fromordinal(ordinal_day), asked.services.pool
    rows = await models.closes(pool, on + timedelta(1), 1)
    if not rows or rows[0]["business_date"] != on:
        raise not_found("day close", "business_date")
    waiting = 0 if rows[0]["finished_at"] else await models.waiting(pool, ordinal_day)
    return CloseStateView(waiting=waiting, **fields(rows[0]))


def close_view(row: views.Row) -> CloseView:
    """One day close."""
    return CloseView(**fields(row))


def fields(row: views.Row) -> dict[str, Any]:
    """What there is to say of a day close."""
    return {
        "business_date": row["business_date"].isoformat(),
        "state": "finished" if row["finished_at"] else "under_way",
        "started_at": row["started_at"].isoformat(),
        "finished_at": row["finished_at"].isoformat() if row["finished_at"] else None,
        "digest": row["digest"].hex() if row["digest"] else None,
        **{name: row[name] for name in ("woken", "events", "statements", "notices", "transfers")},
    }
