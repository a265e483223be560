"""The portal's router: settings, static files, refusals as pages, and the pages by subject."""

from typing import Any

from litestar import Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException

from usance.core.refusals import Refused
from usance.identity.once import STATUS
from usance.identity.permissions import PUBLIC
from usance.web import i18n
from usance.web.console.actions import form_of
from usance.web.console.pages import KINDS, YEAR
from usance.web.console.pages import on_no_route as on_no_route_of_console
from usance.web.console.render import STATIC, THEMES, Word, address_of, moved
from usance.web.portal import (
    cases,
    consents,
    contracts,
    costs,
    decisions,
    entrance,
    family,
    home,
    known,
    limits,
    notices,
    paying,
    person,
    relatives,
    suspicious,
)
from usance.web.portal.entrance import next_of
from usance.web.portal.render import Asked, problem_page
from usance.web.problems import (
    ProblemError,
    accident,
    not_found,
    of_framework,
    route_of,
)
from usance.web.security import needs


@get("/static/{name:str}", opt=needs(PUBLIC))
async def static(name: Word) -> Response[bytes]:
    """A file of the package; its address holds its digest, so it may be kept."""
    if name not in STATIC:
        raise not_found("file")
    headers = {"cache-control": f"public, max-age={YEAR}, immutable"}
    kind = KINDS[name.rpartition(".")[2]]
    return Response(STATIC[name], media_type=f"{kind}; charset=utf-8", headers=headers)


@post("/settings", opt=needs(PUBLIC, changes=False))
async def settings(request: Asked) -> Response[Any]:
    """Language and colours of this browser, also before log-in; nothing of the book changes."""
    form = await form_of(request)
    answer = moved(next_of(form.get("back", "")))
    for name, values in (("language", tuple(i18n.LANGUAGES)), ("theme", THEMES)):
        if form.get(name) in values:
            answer.set_cookie(
                Cookie(key=name, value=form[name], path="/my", samesite="lax", max_age=YEAR)
            )
    return answer


def on_problem(request: Asked, error: ProblemError) -> Response[Any]:
    """Who is not logged in is asked to; anything else is said on a page."""
    if error.status == 401:
        target = address_of(request) if request.method == "GET" else "/my"
        return moved("/my/login", next=target)
    return problem_page(request, error.status, error.refusal)


def on_refused(request: Asked, error: Refused) -> Response[Any]:
    """A refusal that no form shows."""
    return problem_page(request, STATUS.get(error.refusal.rule, 422), error.refusal)


def on_framework(request: Asked, error: HTTPException) -> Response[Any]:
    """A form or an address that cannot be read."""
    if error.status_code >= 500:
        return on_accident(request, error)
    status, refusal, _ = of_framework(error)
    return problem_page(request, status, refusal)


def on_accident(request: Asked, error: Exception) -> Response[Any]:
    """Something broke inside: the page says under which number the log has it."""
    status, refusal, _ = accident(error, request.method, route_of(request.scope))
    return problem_page(request, status, refusal)


def on_no_route(request: Asked, error: HTTPException) -> Response[Any]:
    """What no route knows: a page under /my or /family, and elsewhere as the console has it."""
    if str(request.scope["path"]).startswith(("/my", relatives.START)):
        return on_framework(request, error)
    return on_no_route_of_console(request, error)


HANDLERS_OF_PROBLEMS: dict[int | type[Exception], Any] = {
    ProblemError: on_problem, Refused: on_refused, HTTPException: on_framework,
    Exception: on_accident,
}  # fmt: skip


def portal_router() -> Router:
    """Everything under /my."""
    return Router(
        path="/my",
        route_handlers=[
            static, settings, *entrance.HANDLERS, *home.HANDLERS, *contracts.HANDLERS,
            *costs.HANDLERS, *paying.HANDLERS, *person.HANDLERS, *cases.HANDLERS,
            *consents.HANDLERS, *decisions.HANDLERS, *known.HANDLERS, *limits.HANDLERS,
            *notices.HANDLERS, *suspicious.HANDLERS, *family.HANDLERS,
        ],
        exception_handlers=HANDLERS_OF_PROBLEMS,
    )  # fmt: skip


def family_router() -> Router:
    """Everything under /family: pages of people without an account."""
    return Router(
        path=relatives.START, route_handlers=relatives.HANDLERS,
        exception_handlers=HANDLERS_OF_PROBLEMS,
    )  # fmt: skip
