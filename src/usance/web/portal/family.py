"""A borrower's relatives: whom they named, what was told, name one, take it back, report misuse."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal import labels
from usance.web.portal.entrance import status_of
from usance.web.portal.own_family import OwnFamily
from usance.web.portal.render import Asked, show
from usance.web.security import needs

SECOND_YES = "R-FAMILY-06"
DONE = ("named", "taken-back", "reported")
LIST = "/my/family"


@get("/family", opt=needs(BORROWER))
async def family(request: Asked) -> Response[Any]:
    """Whom I named, how it stands, and what they were told."""
    own, done = OwnFamily(request), request.query_params.get("done", "")
    return show(
        request, "portal/family.html", rows=await own.all(), told=await own.told(),
        offered=await own.offered(), done=done if done in DONE else "",
    )  # fmt: skip


async def naming_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The texts with their risks, and the form."""
    return show(
        request, "portal/family_new.html", status=status, given=given, refusal=refusal,
        offered=await OwnFamily(request).offered(), relations=labels.RELATIONS,
    )  # fmt: skip


@get("/family/new", opt=needs(BORROWER))
async def naming_page(request: Asked) -> Response[Any]:
    """The form by which a relative is named."""
    return await naming_form(request, {})


@post("/family/new", opt=needs(BORROWER))
async def name_relative(request: Asked) -> Response[Any]:
    """Name a relative; for late payments one more question comes first."""
    form, own = await form_of(request), OwnFamily(request)
    try:
        await own.name(form, key_of(form), hash_of(request, form))
    except Refused as refused:
        if refused.refusal.rule == SECOND_YES:
            offered = await own.offered()
            return show(
                request, "portal/family_again.html", given=form, document=offered["overdue"],
                action=f"{LIST}/new", back=f"{LIST}/new",
            )  # fmt: skip
        return await naming_form(request, form, refused.refusal, status_of(refused))
    return moved(LIST, done="named")


@post("/family/{member:str}/take-back", opt=needs(BORROWER))
async def take_back(request: Asked, member: Word) -> Response[Any]:
    """End it, at once."""
    form = await form_of(request)
    await OwnFamily(request).take_back(member, key_of(form), hash_of(request, form))
    return moved(LIST, done="taken-back")


async def report_form(
    request: Asked, member: str, text: str = "", refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """What is wrong."""
    return show(
        request, "portal/family_report.html", status=status, text=text, refusal=refusal,
        row=await OwnFamily(request).one(member), member=member,
    )  # fmt: skip


@get("/family/{member:str}/report", opt=needs(BORROWER))
async def report_page(request: Asked, member: Word) -> Response[Any]:
    """The form by which misuse is reported."""
    return await report_form(request, member)


@post("/family/{member:str}/report", opt=needs(BORROWER))
async def report(request: Asked, member: Word) -> Response[Any]:
    """Report misuse: nothing more is told until somebody has looked."""
    form, own = await form_of(request), OwnFamily(request)
    text = form.get("text", "")
    try:
        await own.report(member, text, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await report_form(request, member, text, refused.refusal, status_of(refused))
    return moved(LIST, done="reported")


HANDLERS = [family, naming_page, name_relative, take_back, report_page, report]
