"""Numbers of borrowers: what to look at, changes that staff helps with, the sandbox's messages."""

from typing import Any

from litestar import Response, get, post

from usance.core.identifiers import parse, written
from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.identity.accesses import SEES
from usance.identity.contact_changes import Asker
from usance.identity.once import STATUS
from usance.web.console.actions import asking_of, form_of
from usance.web.console.render import Asked, Word, identifier, moved, services, show
from usance.web.problems import not_found
from usance.web.security import needs


@get("/contacts", opt=needs("borrowers:read"))
async def flags(request: Asked) -> Response[str]:
    """Numbers that somebody should look at, the oldest first."""
    rows = await services(request).access.contacts.open_flags()
    return await show(request, "contacts.html", rows=rows)


async def contact_form(
    request: Asked, borrower: str, refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """A borrower's number, its flags and changes, with the forms."""
    borrower_id, access = identifier("borrower", borrower), services(request).access
    known = await access.contacts.of(borrower_id)
    if not known:
        raise not_found("borrower")
    change = await access.changes.open_one(borrower_id)
    sees = SEES in request.user.permissions  # what colleagues wrote may hold something of them
    return await show(
        request, "contact.html", status=status, borrower=borrower, known=known, refusal=refusal,
        change=change, wanted=await access.changes.new_number(change) if change else "",
        flags=await access.contacts.flags_of(borrower_id),
        reasons=await access.contacts.reasons_of(borrower_id) if sees else {},
    )  # fmt: skip


@get("/borrowers/{borrower:str}/contact", opt=needs("borrowers:read"))
async def contact_page(request: Asked, borrower: Word) -> Response[Any]:
    """A borrower's number."""
    return await contact_form(request, borrower)


def asker(request: Asked, form: dict[str, str]) -> Asker:
    """The member of staff, to whose session codes are bound; raises ``Refused`` without a key."""
    asked = asking_of(request, form, "phone")
    return Asker(asked.actor, request.user.csrf, key=asked.key, request_hash=asked.request_hash)


@post("/borrowers/{borrower:str}/contact/change", opt=needs("borrowers:write", step_up=True))
async def begin_change(request: Asked, borrower: Word) -> Response[Any]:
    """Begin a change where the old number is lost: a reason stands in for it."""
    form = await form_of(request)
    try:
        if not form.get("reason", "").strip():
            raise Refused("R-CONTACT-05", "a reason has 4 to 500 printable characters", "reason")
        await services(request).access.changes.ask(
            identifier("borrower", borrower), form.get("phone", ""), asker(request, form),
            form["reason"],
        )  # fmt: skip
    except Refused as refused:
        return await refused_form(request, borrower, refused)
    return moved(f"/console/borrowers/{borrower}/contact")


@post("/borrowers/{borrower:str}/contact/prove", opt=needs("borrowers:write"))
async def prove_change(request: Asked, borrower: Word) -> Response[Any]:
    """The code that came to the new number, as the borrower reads it out."""
    form = await form_of(request)
    try:
        await services(request).access.changes.prove(
            identifier("borrower", borrower), "new", form.get("code", ""),
            Asker(request.user.actor, request.user.csrf),
        )  # fmt: skip
    except Refused as refused:
        return await refused_form(request, borrower, refused)
    return moved(f"/console/borrowers/{borrower}/contact")


@post("/borrowers/{borrower:str}/contact/vouch", opt=needs("borrowers:write", step_up=True))
async def vouch(request: Asked, borrower: Word) -> Response[Any]:
    """Stand in for the old number of a change that the borrower has begun."""
    form = await form_of(request)
    try:
        done = await services(request).access.changes.vouch(
            identifier("borrower", borrower), form.get("reason", ""), asking_of(request, form)
        )
    except Refused as refused:
        return await refused_form(request, borrower, refused)
    return moved(f"/console/borrowers/{borrower}/contact", done=written("operation", done))


@post("/borrowers/{borrower:str}/contact/stop", opt=needs("borrowers:write"))
async def stop_change(request: Asked, borrower: Word) -> Response[Any]:
    """The number stays as it is."""
    form = await form_of(request)
    try:
        done = await services(request).access.changes.stop(
            identifier("borrower", borrower), asker(request, form)
        )
    except Refused as refused:
        return await refused_form(request, borrower, refused)
    return moved(f"/console/borrowers/{borrower}/contact", done=written("operation", done))


@post("/borrowers/{borrower:str}/contact/flags/{flag:str}", opt=needs("borrowers:write"))
async def close_flag(request: Asked, borrower: Word, flag: Word) -> Response[Any]:
    """Somebody has looked, for a reason; messages may go again, or not."""
    form, borrower_id = await form_of(request), identifier("borrower", borrower)
    try:
        flag_id = parse("flag", flag)
    except ValueError as error:
        raise not_found("flag") from error
    try:
        done = await services(request).access.contacts.close_flag(
            borrower_id, flag_id, form.get("reason", ""), asking_of(request, form),
            lift=form.get("lift") == "1",
        )  # fmt: skip
    except Refused as refused:
        return await refused_form(request, borrower, refused)
    return moved(f"/console/borrowers/{borrower}/contact", done=written("operation", done))


async def refused_form(request: Asked, borrower: str, refused: Refused) -> Response[Any]:
    """The page with the refusal; 404 for what is not there."""
    status = STATUS.get(refused.refusal.rule, 422)
    return await contact_form(request, borrower, refused.refusal, status)


@get("/sandbox/messages", opt=needs("messages:read"))
@rule("R-PORTAL-04")
async def sandbox_messages(request: Asked) -> Response[str]:
    """What the sandbox messenger was given; in a real house there is no such page."""
    found = services(request)
    if not found.sandbox:
        raise not_found("page")
    return await show(
        request, "sandbox_messages.html", rows=await found.access.sandbox.newest(found.pool)
    )


HANDLERS = [
    flags, contact_page, begin_change, prove_change, vouch, stop_change, close_flag,
    sandbox_messages,
]  # fmt: skip
