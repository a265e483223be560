"""The borrower's limits: what they are and why, an offer to take or decline, more for a while."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal.entrance import status_of
from usance.web.portal.own_limits import OwnLimits
from usance.web.portal.render import Asked, show
from usance.web.security import needs


async def page(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The page, with what was filled in and what was refused."""
    own = OwnLimits(request)
    found = await own.all()
    return show(
        request, "portal/limits.html", status=status, found=found, given=given, refusal=refusal,
        temporary=own.temporary, open_to=[each for each in found.lines if own.may_ask(each)],
        done=request.query_params.get("done", ""),
    )  # fmt: skip


@get("/limits", opt=needs(BORROWER))
async def limits(request: Asked) -> Response[Any]:
    """Limits, offers, approved cuts, and what became of each limit."""
    return await page(request, {})


@post("/limits/offers/{limit_offer:str}/accept", opt=needs(BORROWER))
async def accept(request: Asked, limit_offer: Word) -> Response[Any]:
    """Take an offer."""
    return await answered(request, limit_offer, take=True)


@post("/limits/offers/{limit_offer:str}/decline", opt=needs(BORROWER))
async def decline(request: Asked, limit_offer: Word) -> Response[Any]:
    """Say no to an offer."""
    return await answered(request, limit_offer, take=False)


async def answered(request: Asked, offer: str, *, take: bool) -> Response[Any]:
    """The page again, with what was done or refused."""
    form = await form_of(request)
    try:
        key, digest = key_of(form), hash_of(request, form)
        await OwnLimits(request).answer(offer, key, digest, take=take)
    except Refused as refused:
        return await page(request, form, refused.refusal, status_of(refused))
    return moved("/my/limits", done="taken" if take else "declined")


@post("/limits/{product:str}/more", opt=needs(BORROWER))
async def more(request: Asked, product: Word) -> Response[Any]:
    """Ask for more for a while."""
    form = await form_of(request)
    amount, until = form.get("limit", ""), form.get("until", "")
    try:
        key, digest = key_of(form), hash_of(request, form)
        await OwnLimits(request).ask(product, amount, until, key, digest)
    except Refused as refused:
        given = form | {"product": product}
        return await page(request, given, refused.refusal, status_of(refused))
    return moved("/my/limits", done="more")


HANDLERS = [limits, accept, decline, more]
