"""The person: details, the number that codes go to, devices and sessions."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal import labels
from usance.web.portal.entrance import status_of
from usance.web.portal.render import Asked, session_of, show
from usance.web.portal.scope import Own
from usance.web.security import needs


@get("/you", opt=needs(BORROWER))
async def you(request: Asked) -> Response[Any]:
    """Where everything about the person is found."""
    return show(request, "portal/you.html", places=labels.YOU)


@get("/data", opt=needs(BORROWER))
async def data(request: Asked) -> Response[Any]:
    """Details, masked; in clear when asked for."""
    shown = request.query_params.get("show") == "1"
    return show(request, "portal/data.html", who=await Own(request).person(), shown=shown)


@get("/data/export", opt=needs(BORROWER))
async def export(request: Asked) -> Response[bytes]:
    """Everything held about the borrower, as a file."""
    headers = {"content-disposition": 'attachment; filename="my-data.json"'}
    document = await Own(request).everything_held()
    return Response(document, media_type="application/json", headers=headers)


@get("/looks", opt=needs(BORROWER))
async def looks(request: Asked) -> Response[Any]:
    """Who looked at the borrower's details, and why; newest first."""
    rows, older = await Own(request).looks(request.query_params.get("before", ""))
    return show(request, "portal/looks.html", rows=rows, next=older)


async def number_form(
    request: Asked, refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The number, and the change that is on its way."""
    known = await Own(request).number()
    done = request.query_params.get("done", "")
    return show(
        request, "portal/number.html", status=status, known=known, refusal=refusal, done=done
    )


@get("/number", opt=needs(BORROWER))
async def number(request: Asked) -> Response[Any]:
    """The number that codes go to."""
    return await number_form(request)


@post("/number", opt=needs(BORROWER))
async def change_number(request: Asked) -> Response[Any]:
    """Begin a change: a code goes to either number."""
    form = await form_of(request)
    try:
        await Own(request).change_number(
            form.get("phone", ""), key_of(form), hash_of(request, form, "phone")
        )
    except Refused as refused:
        return await number_form(request, refused.refusal, status_of(refused))
    return moved("/my/number")


@post("/number/code/{side:str}", opt=needs(BORROWER))
async def prove_number(request: Asked, side: Word) -> Response[Any]:
    """A code from the new or the old number."""
    form = await form_of(request)
    try:
        await Own(request).prove_number(side, form.get("code", ""))
    except Refused as refused:
        refusal = refused.refusal
        placed = Refusal(refusal.rule, refusal.detail, f"{side}-code")
        return await number_form(request, placed, status_of(refused))
    return moved("/my/number")


@post("/number/send/{side:str}", opt=needs(BORROWER))
async def send_again(request: Asked, side: Word) -> Response[Any]:
    """Another code."""
    form = await form_of(request)
    try:
        await Own(request).send_code_again(side, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await number_form(request, refused.refusal, status_of(refused))
    return moved("/my/number", done="sent")


@post("/number/lost", opt=needs(BORROWER))
async def lost_old(request: Asked) -> Response[Any]:
    """The old number is lost: staff has to look."""
    await Own(request).lost_old_number()
    return moved("/my/number", done="lost")


@post("/number/stop", opt=needs(BORROWER))
async def stop_change(request: Asked) -> Response[Any]:
    """The number stays as it is."""
    form = await form_of(request)
    await Own(request).stop_change(key_of(form), hash_of(request, form))
    return moved("/my/number", done="stopped")


@get("/devices", opt=needs(BORROWER))
async def devices(request: Asked) -> Response[Any]:
    """Where one is logged in."""
    own, session = Own(request), session_of(request)
    return show(
        request, "portal/devices.html", devices=await own.devices(),
        sessions=await own.sessions(), here=session,
    )  # fmt: skip


@post("/devices/{device:str}/forget", opt=needs(BORROWER))
async def forget_device(request: Asked, device: Word) -> Response[Any]:
    """A device is new again; its sessions end."""
    form = await form_of(request)
    await Own(request).forget_device(device, key_of(form), hash_of(request, form))
    return moved("/my/devices")


@post("/sessions/{session:str}/end", opt=needs(BORROWER))
async def end_session(request: Asked, session: Word) -> Response[Any]:
    """End one session."""
    form = await form_of(request)
    await Own(request).end_session(session, key_of(form), hash_of(request, form))
    return moved("/my/devices")


@post("/sessions/end-others", opt=needs(BORROWER))
async def end_others(request: Asked) -> Response[Any]:
    """End every other session."""
    form = await form_of(request)
    await Own(request).end_other_sessions(key_of(form), hash_of(request, form))
    return moved("/my/devices")


HANDLERS = [
    you, data, export, looks, number, change_number, prove_number, send_again, lost_old,
    stop_change, devices, forget_device, end_session, end_others,
]  # fmt: skip
