"""Day close: where the book stands, what the last closes did, and the button that closes a day."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from litestar import Litestar, Response, get, post

from usance.core.refusals import Refusal
from usance.core.rules import rule
from usance.day import close
from usance.identity.permissions import STAFF
from usance.platform.database import Pool
from usance.platform.logs import get_logger
from usance.servicing import read
from usance.web.console.actions import form_of
from usance.web.console.render import Asked, moved, services, show
from usance.web.security import needs

logger = get_logger(__name__)
PAGE = 60


@dataclass(slots=True)
class Running:
    """A close that this process was asked for; the book itself keeps what was done."""

    through: date
    task: asyncio.Task[None] | None = None
    told: list[str] = field(default_factory=list)
    failed: bool = False

    @property
    def active(self) -> bool:
        """Still under way."""
        return self.task is not None and not self.task.done()


def running_of(app: Litestar) -> Running | None:
    """The close that was last asked for here."""
    found: Running | None = getattr(app.state, "day_close", None)
    return found


@get("/day", opt=needs(STAFF))
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
    book = await read.book(pool)
    waiting = await read.waiting(pool, book.today) if book else 0
    return await show(
        request, "day.html", status=422 if refusal else 200, rows=rows[:PAGE], refusal=refusal,
        next=rows[PAGE - 1]["business_date"].isoformat() if len(rows) > PAGE else "",
        running=running_of(request.app), waiting=waiting,
    )  # fmt: skip


@post("/day/close", opt=needs(STAFF))
@rule("R-CLOSE-DAY-04")
async def close_day(request: Asked) -> Response[Any]:
    """Close the business date that the form names; a second click finds it moved."""
    form, pool = await form_of(request), services(request).pool
    book = await read.book(pool)
    running = running_of(request.app)
    if running and running.active:
        return await shown(request, Refusal("R-CLOSE-DAY-04", "a day is being closed"))
    if book is None or form.get("day") != book.business_date.isoformat():
        return await shown(request, Refusal("R-CLOSE-DAY-04", "this day is no longer open"))
    begun = request.app.state.day_close = Running(book.business_date)
    begun.task = asyncio.create_task(run(pool, begun, request.user.actor))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(begun.task), 2)
    return moved("/console/day")


async def run(pool: Pool, running: Running, actor: str) -> None:
    """Close, and remember how it went; what failed can be closed again."""
    try:
        await close.run(pool, through=running.through, progress=running.told.append, actor=actor)
    except Exception:
        running.failed = True
        logger.exception("day close failed", extra={"day": running.through.isoformat()})


HANDLERS = [day_page, close_day]
