"""The console's router: settings, static files, what a refusal looks like, the pages by subject."""

from typing import Any

from litestar import Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException

from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.identity.permissions import PUBLIC
from usance.web import i18n
from usance.web.console import (
    access,
    actions,
    alerts,
    approvals,
    audit,
    borrowers,
    cases,
    clients,
    coming_in,
    consent_documents,
    consent_drafts,
    consents,
    contacts,
    contracts,
    day,
    decisions,
    erasure,
    law,
    limits,
    monitors,
    notice_templates,
    overview,
    own,
    policies,
    policy_drafts,
    profile,
    receipts,
    records,
    scorecards,
    sending,
    staff,
    template_drafts,
    verification,
    webhooks,
)
from usance.web.console.coming_in import HOME, MISSING, Form, next_of
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
    session_of,
    theme_of,
)
from usance.web.problems import (
    ProblemError,
    accident,
    not_found,
    of_framework,
    on_http,
    route_of,
)
from usance.web.security import CSRF_FIELD, PROOF_FIELD, StepUp, needs

LACKING = ("R-FACTOR-01", "R-FACTOR-04", "R-STAFF-06")
"""Refusals of a session that lacks something: the page that asks for it comes instead."""
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


@rule("R-STEP-01")
def on_problem(request: Asked, error: ProblemError) -> Response[Any]:
    """Who is not logged in is asked to, whole or by steps; anything else is said on a page."""
    target = address_of(request) if request.method == "GET" else HOME
    if isinstance(error, StepUp):
        if request.method == "GET":
            return moved("/console/fresh", next=target)
        return step_up_page(request, error)
    session = session_of(request)
    if session is not None and session.lacks and error.refusal.rule in LACKING:
        return moved(MISSING[session.lacks], next=target)
    if error.status == 401:
        return moved("/console/login", next=target)
    return problem_page(request, error.status, error.refusal)


def step_up_page(request: Asked, error: StepUp) -> Response[Any]:
    """Asks for the factor and takes the form along, so that it is sent once the factor is shown."""
    fields = [each for each in error.fields if each[0] not in (PROOF_FIELD, CSRF_FIELD)]
    first = error.refusal.rule == "R-STEP-01"
    known = {"refusal": None if first else error.refusal, "fields": fields,
             "action": address_of(request), "back": HOME, "next": HOME,
             "elsewhere": services(request).provider is not None}  # fmt: skip
    return rendered(request, bare_page(request), "fresh.html", error.status, known)


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
    status, refusal, _ = accident(error, request.method, route_of(request.scope))
    return problem_page(request, status, refusal)


def problem_page(request: Asked, status: int, refusal: Refusal) -> Response[Any]:
    """A refusal as a page: with the menu for who is logged in, without the book (no query)."""
    known = {"refusal": refusal, "status": status}
    return rendered(request, bare_page(request), "problem.html", status, known)


def bare_page(request: Asked) -> Page:
    """A page without anything that is asked of the database."""
    return Page(
        language_of(request), theme_of(request), address_of(request), session_of(request), None,
        None, services(request).sandbox,
    )  # fmt: skip


def console_router() -> Router:
    """Everything under /console."""
    return Router(
        path="/console",
        route_handlers=[
            static, settings, *coming_in.HANDLERS, *own.HANDLERS, *staff.HANDLERS,
            *access.HANDLERS, *overview.HANDLERS, *borrowers.HANDLERS, *contracts.HANDLERS,
            *actions.HANDLERS, *day.HANDLERS, *records.HANDLERS, *receipts.HANDLERS,
            *contacts.HANDLERS, *profile.HANDLERS,
            *approvals.HANDLERS, *erasure.HANDLERS, *clients.HANDLERS, *webhooks.HANDLERS,
            *audit.HANDLERS, *cases.HANDLERS, *sending.HANDLERS,
            *verification.HANDLERS, *alerts.HANDLERS, *monitors.HANDLERS,
            *notice_templates.HANDLERS, *template_drafts.HANDLERS,
            *consent_documents.HANDLERS, *consent_drafts.HANDLERS, *consents.HANDLERS,
            *decisions.HANDLERS, *limits.HANDLERS,
            *policies.HANDLERS, *policy_drafts.HANDLERS, *scorecards.HANDLERS, *law.HANDLERS,
        ],
        exception_handlers={
            ProblemError: on_problem, Refused: on_refused, HTTPException: on_framework,
            Exception: on_accident,
        },
    )  # fmt: skip
