"""What is owed and when; statements and history over all contracts."""

from typing import Any

from litestar import Response, get

from usance.identity.permissions import BORROWER
from usance.web.portal.own_costs import OwnCosts
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import PAGE, Own
from usance.web.security import needs

SKIPPED_MOST = 100_000


@get("/", opt=needs(BORROWER))
async def home(request: Asked) -> Response[Any]:
    """What I owe and when."""
    found = await Own(request).home()
    return show(
        request, "portal/home.html", owed=found.owed, lines=found.lines, products=found.products,
        payments=found.payments, offers=await OwnCosts(request).open_offers(),
    )  # fmt: skip


@get("/why", opt=needs(BORROWER))
async def why_in_all(request: Asked) -> Response[Any]:
    """A figure over all contracts opened: its terms, each of which opens further."""
    own = Own(request)
    found = await own.why_in_all(request.query_params.get("figure", ""))
    return show(
        request, "portal/why_in_all.html", why=found, products=await own.products(),
        today=await own.today(),
    )  # fmt: skip


@get("/statements", opt=needs(BORROWER))
async def statements(request: Asked) -> Response[Any]:
    """The newest statements of all contracts."""
    own = Own(request)
    return show(
        request, "portal/statements.html", rows=await own.statements(),
        owed=await own.owed(), products=await own.products(),
    )  # fmt: skip


@get("/history", opt=needs(BORROWER))
async def history(request: Asked) -> Response[Any]:
    """What happened on all contracts, newest first."""
    own, text = Own(request), request.query_params.get("from", "")
    skipped = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    skipped = min(skipped, SKIPPED_MOST)
    rows = await own.events(skipped)
    return show(
        request, "portal/history.html", rows=rows[:PAGE],
        next=skipped + PAGE if len(rows) > PAGE else 0,
    )  # fmt: skip


HANDLERS = [home, why_in_all, statements, history]
