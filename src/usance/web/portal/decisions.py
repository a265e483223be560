"""What was decided about the borrower by a computer: the outcome, why, and a person on request."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal.entrance import status_of
from usance.web.portal.own_decisions import OwnDecisions
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs


@get("/decisions", opt=needs(BORROWER))
async def decisions(request: Asked) -> Response[Any]:
    """The newest decision about each line: what came out, why, and what would help."""
    own = OwnDecisions(request)
    return show(
        request, "portal/decisions.html", rows=await own.all(),
        products=await Own(request).products(), rights=own.rights(),
    )  # fmt: skip


async def one(
    request: Asked, decision: str, given: dict[str, str], refusal: Refusal | None = None,
    status: int = 200,
) -> Response[Any]:  # fmt: skip
    """The page of a decision, with what was refused."""
    own = OwnDecisions(request)
    return show(
        request, "portal/decision.html", status=status, found=await own.one(decision),
        products=await Own(request).products(), rights=own.rights(), given=given, refusal=refusal,
    )  # fmt: skip


@get("/decisions/{decision:str}", opt=needs(BORROWER))
async def decision_page(request: Asked, decision: Word) -> Response[Any]:
    """One decision with what it was made of; to ask for a person."""
    return await one(request, decision, {})


@post("/decisions/{decision:str}/review", opt=needs(BORROWER))
async def ask_for_person(request: Asked, decision: Word) -> Response[Any]:
    """Have a person look at it; the page of the case says until when it is answered."""
    form = await form_of(request)
    own, words = OwnDecisions(request), form.get("text", "")
    try:
        case = await own.ask_for_person(decision, words, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await one(request, decision, form, refused.refusal, status_of(refused))
    return moved(f"/my/cases/{case}", done="opened")


HANDLERS = [decisions, decision_page, ask_for_person]
