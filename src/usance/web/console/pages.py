"""The console's router: log-in, settings, static files, and the pages by subject."""

from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException
from litestar.params import Body

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import PUBLIC, STAFF
from usance.identity.staff import StaffSession
from usance.web import i18n
from usance.web.console import (
    actions,
    approvals,
    borrowers,
    contracts,
    day,
    overview,
    receipts,
    records,
)
from usance.web.console.render import (
    STATIC,
    THEMES,
    Asked,
    Page,
    Word,
    address_of,
    language_of,
    moved,
    rendered,
    services,
    show,
    theme_of,
)
from usance.web.problems import ProblemError, accident, not_found, of_framework, on_http
from usance.web.security import needs, session_cookie, session_token

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
YEAR = 31_536_000


@get("/static/{name:str}", opt=needs(PUBLIC))
async def static(name: Word) -> Response[bytes]:
    """A file of the package; its address holds its digest, so it may be kept."""
    if name not in STATIC:
        raise not_found("file")
    headers = {"cache-control": f"public, max-age={YEAR}, immutable"}
    kind = KINDS[name.rpartition(".")[2]]
    return Response(STATIC[name], media_type=f"{kind}; charset=utf-8", headers=headers)


@get("/login", opt=needs(PUBLIC))
async def login_page(request: Asked) -> Response[str]:
    """The form that asks who is there."""
    return await login_form(request, next_of(request.query_params.get("next", "")))


async def login_form(
    request: Asked, target: str, name: str = "", refusal: Refusal | None = None
) -> Response[str]:
    """The log-in form, with what was wrong."""
    return await show(
        request, "login.html", status=422 if refusal else 200, name=name, refusal=refusal,
        next=target, hints=services(request).hints, demo=services(request).demo,
        book_name=services(request).name,
    )  # fmt: skip


@post("/login", opt=needs(PUBLIC))
async def login(request: Asked, data: Form) -> Response[Any]:
    """Begin a session."""
    target = next_of(data.get("next", ""))
    try:
        token, _ = await services(request).staff.log_in(
            data.get("name", ""), data.get("password", ""), address_of_caller(request)
        )
    except Refused as refused:
        return await login_form(request, target, data.get("name", ""), refused.refusal)
    answer = moved(target)
    answer.set_cookie(session_cookie(request, token))
    return answer


def address_of_caller(request: Asked) -> str:
    """Where the request comes from, as the server (or a proxy that it trusts) says."""
    return request.client.host if request.client else ""


@post("/logout", opt=needs(STAFF))
async def logout(request: Asked) -> Response[Any]:
    """End the session."""
    await services(request).staff.log_out(session_token(request))
    answer = moved("/console/login")
    answer.set_cookie(session_cookie(request, ""))
    return answer


@post("/settings", opt=needs(PUBLIC, changes=False))
async def settings(data: Form) -> Response[Any]:
    """Language and colours of this browser, also before log-in; nothing of the book changes."""
    answer = moved(next_of(data.get("back", "")))
    for name, values in (("language", tuple(i18n.LANGUAGES)), ("theme", THEMES)):
        if data.get(name) in values:
            answer.set_cookie(
                Cookie(key=name, value=data[name], path="/console", samesite="lax", max_age=YEAR)
            )
    return answer


def next_of(address: str) -> str:
    """Where to go: a page of the console, never another site."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/console") else "/console"


def on_problem(request: Asked, error: ProblemError) -> Response[Any]:
    """Who is not logged in is asked to; anything else is said on a page."""
    if error.status == 401:
        target = address_of(request) if request.method == "GET" else "/console"
        return moved("/console/login", next=target)
    return problem_page(request, error.status, error.refusal)


def on_refused(request: Asked, error: Refused) -> Response[Any]:
    """A refusal that no form shows."""
    return problem_page(request, 422, error.refusal)


def on_framework(request: Asked, error: HTTPException) -> Response[Any]:
    """A form or an address that cannot be read."""
    if error.status_code >= 500:
        return on_accident(request, error)
    status, refusal, _ = of_framework(error)
    return problem_page(request, status, refusal)


def on_no_route(request: Asked, error: HTTPException) -> Response[Any]:
    """What no route knows: a page under /console, a problem document elsewhere."""
    under_console = str(request.scope["path"]).startswith("/console")
    return on_framework(request, error) if under_console else on_http(request, error)


def on_accident(request: Asked, error: Exception) -> Response[Any]:
    """Something broke inside: the page says under which number the log has it."""
    status, refusal, _ = accident(error, request.method, request.scope["path"])
    return problem_page(request, status, refusal)


def problem_page(request: Asked, status: int, refusal: Refusal) -> Response[Any]:
    """A refusal as a page: with the menu for who is logged in, without the book (no query)."""
    staff = request.scope.get("user")
    session = staff if isinstance(staff, StaffSession) else None
    page = Page(language_of(request), theme_of(request), address_of(request), session, None, None)
    return rendered(request, page, "problem.html", status, {"refusal": refusal, "status": status})


def console_router() -> Router:
    """Everything under /console."""
    return Router(
        path="/console",
        route_handlers=[
            static, login_page, login, logout, settings,
            *overview.HANDLERS, *borrowers.HANDLERS, *contracts.HANDLERS, *actions.HANDLERS,
            *day.HANDLERS, *records.HANDLERS, *receipts.HANDLERS,
            *approvals.HANDLERS,
        ],
        exception_handlers={
            ProblemError: on_problem, Refused: on_refused, HTTPException: on_framework,
            Exception: on_accident,
        },
    )  # fmt: skip
