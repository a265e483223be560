"""What the borrower was told, with the codes that prove it, and by which ways they want it."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.notices.preferences import Preferences
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal.entrance import status_of
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import PAGE, Own
from usance.web.security import needs

WAYS = ("sms", "email", "inbox", "voice")
APP = "webhook"
SWITCHED = ("servicing", "collection", "consent")
"""Purposes that a borrower may switch off, way by way; what protects them stays on."""
ORDERS = {
    "": (), "sms": ("sms", "email", "inbox"), "email": ("email", "sms", "inbox"),
    "inbox": ("inbox",), APP: (APP, "sms", "email", "inbox"),
}  # fmt: skip
HOURS = range(25)
DIGESTS = (*range(8, 21),)
"""Full hours at which what can wait is told together: those of the house."""


@get("/notices", opt=needs(BORROWER))
async def notices(request: Asked) -> Response[Any]:
    """The newest, each with its words."""
    rows, older = await Own(request).notices(request.query_params.get("before", ""))
    return show(request, "portal/notices.html", rows=rows[:PAGE], older=older,
                done=request.query_params.get("done", "") == "chosen")  # fmt: skip


@get("/notices/preferences", opt=needs(BORROWER))
async def preferences(request: Asked) -> Response[Any]:
    """By which ways, in which hours, and what not."""
    return await choosing(request, await Own(request).preferences())


async def choosing(
    request: Asked, found: Preferences, refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The form, as it was chosen or filled in."""
    first = found.ways[0] if found.ways else ""
    is_there = first == APP or await Own(request).app_listens()
    orders = [each for each in ORDERS if each != APP or is_there]
    return show(
        request, "portal/preferences.html", status=status, chosen=found, first=first,
        orders=orders, purposes=SWITCHED, ways=WAYS[:2], hours=HOURS, digests=DIGESTS,
        refusal=refusal,
    )  # fmt: skip


@post("/notices/preferences", opt=needs(BORROWER))
async def choose(request: Asked) -> Response[Any]:
    """From the next notice on."""
    form = await form_of(request)
    wanted = Preferences(
        ORDERS.get(form.get("first", ""), ()),
        tuple((purpose, way) for purpose in SWITCHED for way in WAYS[:2]
              if not form.get(f"{purpose}-{way}")),
        minutes(form.get("opens", "")), minutes(form.get("closes", "")),
        digest_at=minutes(form.get("digest", "")),
    )  # fmt: skip
    try:
        await Own(request).choose_notices(wanted, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await choosing(request, wanted, refused.refusal, status_of(refused))
    return moved("/my/notices", done="chosen")


def minutes(text: str) -> int | None:
    """Full hours as minutes; None where nothing was chosen."""
    return int(text) * 60 if text.isascii() and text.isdigit() and len(text) < 3 else None


@get("/notices/{notice:str}", opt=needs(BORROWER))
async def notice(request: Asked, notice: Word) -> Response[Any]:
    """One, word for word; it is seen from now on."""
    return show(request, "portal/notice.html", row=await Own(request).notice(notice))


HANDLERS = [notices, preferences, choose, notice]
