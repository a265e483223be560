"""What the borrower has agreed to: read a document, agree, refuse, take it back, have a receipt."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal.entrance import status_of
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs

DONE = ("given", "refused", "withdrawn")


@get("/consents", opt=needs(BORROWER))
async def consents(request: Asked) -> Response[Any]:
    """Everything that can be agreed to, and how it stands."""
    done = request.query_params.get("done", "")
    return show(
        request, "portal/consents.html", rows=await Own(request).consents(),
        done=done if done in DONE else "",
    )  # fmt: skip


async def one(
    request: Asked, document: str, refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The page of a document, with what was refused."""
    found = await Own(request).consent_document(document)
    return show(request, "portal/consent.html", status=status, row=found, refusal=refusal)


@get("/consents/documents/{document:str}", opt=needs(BORROWER))
async def consent_page(request: Asked, document: Word) -> Response[Any]:
    """A document word for word, with its risks; to agree to it or not."""
    return await one(request, document)


Step = Callable[[Own, str, dict[str, str], str, bytes], Awaitable[str]]


async def done(request: Asked, document: str, step: Step) -> Response[Any]:
    """A step by a form; back to the list, or to the document with the refusal."""
    form = await form_of(request)
    try:
        state = await step(Own(request), document, form, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await one(request, document, refused.refusal, status_of(refused))
    return moved("/my/consents", done=state)


@post("/consents/documents/{document:str}/give", opt=needs(BORROWER))
async def give_consent(request: Asked, document: Word) -> Response[Any]:
    """Agree, for the channels that are ticked."""
    return await done(request, document, Own.give_consent)


@post("/consents/documents/{document:str}/refuse", opt=needs(BORROWER))
async def refuse_consent(request: Asked, document: Word) -> Response[Any]:
    """Do not agree."""
    return await done(request, document, Own.refuse_consent)


@post("/consents/{consent:str}/withdraw", opt=needs(BORROWER))
async def withdraw_consent(request: Asked, consent: Word) -> Response[Any]:
    """Take it back, at once."""
    form = await form_of(request)
    await Own(request).withdraw_consent(consent, key_of(form), hash_of(request, form))
    return moved("/my/consents", done="withdrawn")


@get("/consents/{consent:str}/receipt", opt=needs(BORROWER))
async def consent_receipt(request: Asked, consent: Word) -> Response[bytes]:
    """The receipt, as a file."""
    document = await Own(request).consent_receipt(consent)
    headers = {"content-disposition": f'attachment; filename="receipt-{consent}.json"'}
    return Response(document, media_type="application/json", headers=headers)


HANDLERS = [
    consents, consent_page, give_consent, refuse_consent, withdraw_consent, consent_receipt,
]
