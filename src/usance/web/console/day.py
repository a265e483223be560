"""Day close: where the book stands, what the last closes did, and the button that closes a day.

What is shown is what the book keeps, so a close that another process was asked for, or that broke
off, is seen here like one that was asked for on this page.
"""

import asyncio
from contextlib import suppress
from datetime import date
from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.day import close
from usance.identity.once import Answer
from usance.platform.database import Pool
from usance.servicing import read
from usance.web.closing import begin_or_go_on
from usance.web.console.actions import asking_of, form_of
from usance.web.console.deeds import accepted, moved_on
from usance.web.console.render import Asked, services, show
from usance.web.security import needs

PAGE = 60
SOON, LOOKS = 0.1, 15
"""A small book is closed within a second or two: the answer waits that long."""


@get("/day", opt=needs("day:read"))
async def day_page(request: Asked) -> Response[str]:
    """Status and history."""
    return await shown(request)


async def shown(request: Asked, refusal: Refusal | None = None) -> Response[str]:
    """The page, with what was refused."""
    before = date.max
    with suppress(ValueError):
        before = date.fromisoformat(request.query_params.get("before", ""))
    pool = services(request).pool
    rows = await read.closes(pool, before, PAGE + 1)
    under_way = next(iter(await close.unfinished(pool)), None)
    book = await read.book(pool)
    day = under_way or (book.business_date if book else date.min)
    return await show(
        request, "day.html", status=422 if refusal else 200, rows=rows[:PAGE], refusal=refusal,
        next=rows[PAGE - 1]["business_date"].isoformat() if len(rows) > PAGE else "",
        last_closed=next((row["business_date"] for row in rows if row["finished_at"]), None),
        under_way=under_way, waiting=await read.waiting(pool, day.toordinal()),
    )  # fmt: skip


@post("/day/close", opt=needs("day:write"))
async def close_day(request: Asked) -> Response[Any]:
    """Close the business date that the form names, or go on with its close."""
    form = await form_of(request)
    try:
        begun = await begun_by(request, form)
    except Refused as refused:
        return await shown(request, refused.refusal)
    await soon(services(request).pool)
    return moved_on(begun, "/console/day")


@rule("R-CLOSE-DAY-04", "R-FORM-03")
async def begun_by(request: Asked, form: dict[str, str]) -> Answer:
    """Begin the close that a form asks for, let it wait, or go on with it; raises ``Refused``."""
    try:
        day = date.fromisoformat(form.get("day", ""))
    except ValueError as error:
        raise Refused("R-FORM-03", "not a day (year-month-day)", "day") from error
    asking, found = asking_of(request, form), services(request)
    return accepted(
        await begin_or_go_on(found.pool, found.approvals, found.closing, day, asking)
    )


async def soon(pool: Pool) -> None:
    """Wait until nothing is under way, but not long."""
    for _ in range(LOOKS):
        if not await close.unfinished(pool):
            return
        await asyncio.sleep(SOON)


HANDLERS = [day_page, close_day]
