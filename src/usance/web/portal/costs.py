"""What it costs: an offer's sheet read and confirmed, a contract's as shown, a calculator."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.once import STATUS
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal.own_costs import OwnCosts
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs

OFFER = "/offers/{offer:str}"


@get("/offers", opt=needs(BORROWER))
async def offers_page(request: Asked) -> Response[Any]:
    """Offers that wait for an answer."""
    return show(
        request, "portal/offers.html", offers=await OwnCosts(request).open_offers(),
        products=await Own(request).products(),
    )  # fmt: skip


async def present(request: Asked, offer: str, refusal: Refusal | None = None) -> Response[Any]:
    """An offer's page: first that there is something to read, then the sheet, then the question."""
    found = await OwnCosts(request).offer(offer)
    status = STATUS.get(refusal.rule, 422) if refusal else 200
    return show(
        request, "portal/offer.html", status=status, found=found, offer=offer, refusal=refusal,
        sheet=found.kept.sheet, products=await Own(request).products(),
    )  # fmt: skip


@get(OFFER, opt=needs(BORROWER))
async def offer_page(request: Asked, offer: Word) -> Response[Any]:
    """The page."""
    return await present(request, offer)


@post(OFFER + "/show", opt=needs(BORROWER))
async def show_costs(request: Asked, offer: Word) -> Response[Any]:
    """The sheet is opened; from now on it is being read."""
    form = await form_of(request)
    try:
        await OwnCosts(request).show(offer, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await present(request, offer, refused.refusal)
    return moved(f"/my/offers/{offer}")


@post(OFFER + "/confirm", opt=needs(BORROWER))
async def confirm_costs(request: Asked, offer: Word) -> Response[Any]:
    """It has been read; too soon, the page says how long it still takes."""
    form = await form_of(request)
    try:
        await OwnCosts(request).confirm(offer, form, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await present(request, offer, refused.refusal)
    return moved(f"/my/offers/{offer}")


@post(OFFER + "/accept", opt=needs(BORROWER))
async def accept_offer(request: Asked, offer: Word) -> Response[Any]:
    """The contract begins."""
    form = await form_of(request)
    try:
        contract = await OwnCosts(request).accept(offer, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await present(request, offer, refused.refusal)
    return moved(f"/my/contracts/{contract}")


@get("/contracts/{contract:str}/costs", opt=needs(BORROWER))
async def contract_costs(request: Asked, contract: Word) -> Response[Any]:
    """What it costs, as it was shown before it began."""
    kept = await OwnCosts(request).of_contract(contract)
    found = await Own(request).contract(contract)
    return show(
        request, "portal/contract_costs.html", kept=kept, contract=contract, s=found.standing,
        sheet=kept.sheet if kept else None, products=await Own(request).products(),
    )  # fmt: skip


@get("/costs", opt=needs(BORROWER))
async def calculator(request: Asked) -> Response[Any]:
    """What would it cost: an amount in instalments, beside the same in others; nothing is kept."""
    own, given = OwnCosts(request), request.query_params
    code, amount = given.get("product", ""), given.get("amount", "").strip()
    counts = [given.get(name, "") for name in ("instalments", "other")] if amount else []
    sheets, refusal = [], None
    try:
        sheets = [await own.reckoned(code, amount, count) for count in counts if count]
    except Refused as refused:
        refusal = refused.refusal
    return show(
        request, "portal/costs.html", status=422 if refusal else 200, sheets=sheets,
        products=own.priced_products(), given=given, refusal=refusal,
    )  # fmt: skip


HANDLERS = [
    offers_page, offer_page, show_costs, confirm_costs, accept_offer, contract_costs, calculator,
]
