"""One's own account: password, second factor, recovery codes, sessions."""

from typing import Any

import segno
from litestar import Response, get, post
from markupsafe import Markup

from usance.core.identifiers import written
from usance.core.refusals import Refusal, Refused
from usance.identity.changing import Asking
from usance.identity.factors import address_for_app
from usance.identity.passwords import PASSWORD_MIN
from usance.identity.permissions import COMING_IN, STAFF
from usance.web.console.actions import asking_of, form_of
from usance.web.console.coming_in import next_of
from usance.web.console.render import Asked, moved, services, show
from usance.web.security import needs, session_token

ME = "/console/me"
SECRETS = ("old", "password", "again", "code")
"""Fields that are not even kept as a part of a hash."""


def asking(request: Asked, form: dict[str, str]) -> Asking:
    """Who asks, under the key of the form; raises ``Refused`` without one."""
    return asking_of(request, form, *SECRETS)


@get("/me", opt=needs(STAFF))
async def own_page(request: Asked) -> Response[str]:
    """The account, and where it is logged in."""
    return await own_form(request)


async def own_form(request: Asked, refusal: Refusal | None = None) -> Response[str]:
    """The page, with what was refused."""
    staff = services(request).staff
    return await show(
        request, "own.html", status=422 if refusal else 200, refusal=refusal,
        account=await staff.account(request.user.staff_id),
        sessions=await staff.own_sessions(request.user),
    )  # fmt: skip


@post("/me/sessions/end", opt=needs(STAFF))
async def end_sessions(request: Asked) -> Response[Any]:
    """End one session, or all but this one."""
    form = await form_of(request)
    try:
        answer = await services(request).staff.end_own_sessions(
            request.user, session_token(request), form.get("session", ""),
            asking(request, form),
        )  # fmt: skip
    except Refused as refused:
        return await own_form(request, refused.refusal)
    return moved(ME, done=written("operation", answer.operation_id))


@get("/me/password", opt=needs(COMING_IN))
async def password_page(request: Asked) -> Response[str]:
    """The form for a new password."""
    return await password_form(request, next_of(request.query_params.get("next", "")))


async def password_form(
    request: Asked, target: str, refusal: Refusal | None = None
) -> Response[str]:
    """The form, with what was wrong; what was typed is not sent back."""
    return await show(
        request, "password.html", status=422 if refusal else 200, refusal=refusal, next=target,
        least=PASSWORD_MIN,
    )  # fmt: skip


@post("/me/password", opt=needs(COMING_IN))
async def change_password(request: Asked) -> Response[Any]:
    """A new password; every other session ends."""
    form = await form_of(request)
    target, new = next_of(form.get("next", "")), form.get("password", "")
    try:
        if new != form.get("again", ""):
            raise Refused("R-STAFF-04", "the two new passwords differ", "again")
        answer = await services(request).staff.change_own_password(
            request.user, session_token(request), form.get("old", ""), new,
            asking(request, form),
        )  # fmt: skip
    except Refused as refused:
        return await password_form(request, target, refused.refusal)
    return moved(target, done=written("operation", answer.operation_id))


# -- the second factor -----------------------------------------------------------------------------


@get("/me/factor", opt=needs(COMING_IN, step_up=True))
async def factor_page(request: Asked) -> Response[str]:
    """What is enrolled; while one is being enrolled, its picture and the form for its code."""
    return await factor_form(request)


async def factor_form(request: Asked, refusal: Refusal | None = None) -> Response[str]:
    """The page, with what was wrong."""
    known = services(request)
    secret = await known.staff.factors.enrolling(request.user.staff_id)
    picture = picture_of(address_for_app(secret, request.user.name, known.name)) if secret else ""
    groups = [secret[n : n + 4] for n in range(0, len(secret), 4)] if secret else []
    return await show(
        request, "factor.html", status=422 if refusal else 200, refusal=refusal, picture=picture,
        groups=groups,
    )  # fmt: skip


def picture_of(address: str) -> Markup:
    """A QR code as SVG, in attributes alone: the policy of the pages allows no styles in them."""
    code = segno.make(address, error="m", micro=False)
    drawn = code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(drawn)  # noqa: S704 - drawn by the library from bits, without any text


@post("/me/factor/begin", opt=needs(COMING_IN, step_up=True))
async def begin_factor(request: Asked) -> Response[Any]:
    """Make a secret to be enrolled."""
    form = await form_of(request)
    try:
        await services(request).staff.begin_factor(request.user, asking(request, form))
    except Refused as refused:
        return await factor_form(request, refused.refusal)
    return moved(f"{ME}/factor")


@post("/me/factor", opt=needs(COMING_IN, step_up=True))
async def confirm_factor(request: Asked) -> Response[Any]:
    """The first code; the recovery codes are told once, on the page that answers."""
    form = await form_of(request)
    try:
        _, codes = await services(request).staff.confirm_factor(
            request.user, session_token(request), form.get("code", ""), asking(request, form)
        )
    except Refused as refused:
        return await factor_form(request, refused.refusal)
    return await show(request, "codes.html", codes=codes)


@post("/me/codes", opt=needs(STAFF, step_up=True))
async def renew_codes(request: Asked) -> Response[Any]:
    """New recovery codes in place of all others."""
    form = await form_of(request)
    try:
        _, codes = await services(request).staff.renew_codes(
            request.user, asking(request, form)
        )
    except Refused as refused:
        return await own_form(request, refused.refusal)
    return await show(request, "codes.html", codes=codes)


HANDLERS = [
    own_page, end_sessions, password_page, change_password, factor_page, begin_factor,
    confirm_factor, renew_codes,
]  # fmt: skip
