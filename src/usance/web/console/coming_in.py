"""Coming in: log-in in one step or two, through the identity provider, showing a factor again."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body

from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.identity.permissions import COMING_IN, HALF_IN, PUBLIC
from usance.identity.provider import LASTS, Provider
from usance.identity.sessions import CODE, FACTOR, PASSWORD
from usance.identity.staff import StaffSession
from usance.web.console.actions import form_of
from usance.web.console.render import Asked, moved, services, show
from usance.web.problems import not_found
from usance.web.security import PROOF_FIELD, needs, session_cookie, session_token

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
HOME = "/console"
MISSING = {
    CODE: "/console/login/code", PASSWORD: "/console/me/password", FACTOR: "/console/me/factor",
}  # fmt: skip
"""The page that asks for what a session lacks."""
PROVIDER_PATH = "/console/login/provider"


@get("/login", opt=needs(PUBLIC))
async def login_page(request: Asked) -> Response[str]:
    """The form that asks who is there."""
    return await login_form(request, next_of(request.query_params.get("next", "")))


async def login_form(
    request: Asked, target: str, name: str = "", refusal: Refusal | None = None
) -> Response[str]:
    """The log-in form, with what was wrong."""
    known = services(request)
    return await show(
        request, "login.html", status=422 if refusal else 200, name=name, refusal=refusal,
        next=target, hints=known.hints, demo=known.demo, book_name=known.name,
        elsewhere=known.provider is not None,
    )  # fmt: skip


@post("/login", opt=needs(PUBLIC))
async def login(request: Asked, data: Form) -> Response[Any]:
    """Begin a session; where a second factor is enrolled, one that waits for it."""
    target = next_of(data.get("next", ""))
    try:
        found = await services(request).staff.log_in(
            data.get("name", ""), data.get("password", ""), address_of_caller(request)
        )
    except Refused as refused:
        return await login_form(request, target, data.get("name", ""), refused.refusal)
    await services(request).staff.log_out(session_token(request))
    return come_in(request, *found, target)


def come_in(request: Asked, token: str, session: StaffSession, target: str) -> Response[Any]:
    """On to where somebody wanted to go, or to what is still missing."""
    answer = moved(MISSING[session.lacks], next=target) if session.lacks else moved(target)
    answer.set_cookie(session_cookie(request, token))
    return answer


def address_of_caller(request: Asked) -> str:
    """Where the request comes from, as the server (or a proxy that it trusts) says."""
    return request.client.host if request.client else ""


@get("/login/code", opt=needs(HALF_IN))
async def code_page(request: Asked) -> Response[Any]:
    """The form that asks for the second factor."""
    target = next_of(request.query_params.get("next", ""))
    return await code_form(request, target) if request.user.lacks == CODE else moved(target)


async def code_form(
    request: Asked, target: str, refusal: Refusal | None = None
) -> Response[str]:
    """The form, with what was wrong."""
    return await show(
        request, "code.html", status=422 if refusal else 200, next=target, refusal=refusal
    )


@post("/login/code", opt=needs(HALF_IN))
async def enter_code(request: Asked, data: Form) -> Response[Any]:
    """The second step: a session of its own under a new token."""
    target = next_of(data.get("next", ""))
    if request.user.lacks != CODE:
        return moved(target)
    try:
        found = await services(request).staff.enter_code(
            session_token(request), data.get("code", ""), address_of_caller(request)
        )
    except Refused as refused:
        return await code_form(request, target, refused.refusal)
    return come_in(request, *found, target)


@post("/logout", opt=needs(HALF_IN))
async def logout(request: Asked) -> Response[Any]:
    """End the session."""
    await services(request).staff.log_out(session_token(request))
    answer = moved("/console/login")
    answer.set_cookie(session_cookie(request, ""))
    return answer


# -- through the identity provider -----------------------------------------------------------------


def provider_of(request: Asked) -> Provider:
    """The identity provider; there is no such page without one."""
    found = services(request).provider
    if found is None:
        raise not_found("route")
    return found


@get("/login/provider", opt=needs(PUBLIC))
async def to_provider(request: Asked) -> Response[Any]:
    """Send the browser to the provider; what it keeps meanwhile is sealed and not for scripts."""
    target = next_of(request.query_params.get("next", ""))
    anew = request.query_params.get("anew") == "yes"
    redirect = str(request.base_url).rstrip("/") + PROVIDER_PATH + "/return"
    try:
        address, sealed = await provider_of(request).begin(redirect, target, anew=anew)
    except Refused as refused:
        return await login_form(request, target, refusal=refused.refusal)
    answer = moved(address)
    answer.set_cookie(provider_cookie(request, sealed))
    return answer


@get("/login/provider/return", opt=needs(PUBLIC))
async def from_provider(request: Asked) -> Response[Any]:
    """What the provider says. A page leads on, not a redirect: the session's cookie is strict."""
    known = services(request)
    try:
        identity, target = await provider_of(request).finish(
            request.cookies.get(provider_cookie_name(request), ""), request.query_params
        )
        token, session = await known.staff.enter_by_provider(
            identity.account, address=address_of_caller(request), shown_at=identity.shown_at,
            showed_factor=known.staff.policy.provider_showed_factor(identity.claims),
        )  # fmt: skip
    except Refused as refused:
        answer = await login_form(request, HOME, refusal=refused.refusal)
        answer.set_cookie(provider_cookie(request, ""))
        return answer
    await known.staff.log_out(session_token(request))
    page = await show(request, "come_in.html", next=MISSING.get(session.lacks, target))
    page.set_cookie(provider_cookie(request, ""))
    page.set_cookie(session_cookie(request, token))
    return page


def provider_cookie_name(request: Asked) -> str:
    """Over TLS the name says that it came over TLS."""
    return "__Secure-usance_provider" if request.scope["scheme"] == "https" else "usance_provider"


def provider_cookie(request: Asked, value: str) -> Cookie:
    """Comes along when the provider sends the browser back (lax), and nowhere else."""
    return Cookie(
        key=provider_cookie_name(request), value=value, path=PROVIDER_PATH, httponly=True,
        samesite="lax", secure=request.scope["scheme"] == "https",
        max_age=int(LASTS.total_seconds()) if value else 0,
    )  # fmt: skip


# -- showing a factor again ------------------------------------------------------------------------


@get("/fresh", opt=needs(COMING_IN))
async def fresh_page(request: Asked) -> Response[Any]:
    """The form that asks for a factor before a weighty act."""
    target = next_of(request.query_params.get("next", ""))
    return moved(target) if request.user.fresh else await fresh_form(request, target)


async def fresh_form(
    request: Asked, target: str, refusal: Refusal | None = None
) -> Response[str]:
    """The form, with what was wrong."""
    return await show(
        request, "fresh.html", status=422 if refusal else 200, refusal=refusal,
        action="/console/fresh", fields=[("next", target)], back=HOME, next=target,
        elsewhere=services(request).provider is not None,
    )  # fmt: skip


@post("/fresh", opt=needs(COMING_IN))
@rule("R-STEP-01")
async def freshen(request: Asked) -> Response[Any]:
    """Show it, and go on to what it was asked for."""
    form = await form_of(request, keep=PROOF_FIELD)
    target = next_of(form.get("next", ""))
    try:
        await services(request).staff.freshen(
            request.user, session_token(request), form.get(PROOF_FIELD, "")
        )
    except Refused as refused:
        return await fresh_form(request, target, refused.refusal)
    return moved(target)


def next_of(address: str) -> str:
    """Where to go: a page of the console, never another site."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if plain and address.startswith(HOME) else HOME


HANDLERS = [
    login_page, login, code_page, enter_code, logout, to_provider, from_provider, fresh_page,
    freshen,
]  # fmt: skip
