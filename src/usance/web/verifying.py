"""Public pages: whether a notice is genuine, and reporting one that may not be.

Nobody logs in, nothing is remembered but language and colours, and what is typed goes by POST
alone: it stands in no address, no log and no referrer.
"""

from typing import Any

from litestar import Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException

from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.identity.changing import Asking
from usance.identity.once import STATUS
from usance.identity.permissions import PUBLIC
from usance.notices.asking import Genuine
from usance.notices.reporting import NOBODY, PUBLIC_PAGE
from usance.notices.suspicious import Message
from usance.web import i18n
from usance.web.console.actions import form_of
from usance.web.console.pages import YEAR
from usance.web.console.render import THEMES, moved, services
from usance.web.portal import labels
from usance.web.portal.pages import on_accident, on_framework, on_problem, on_refused
from usance.web.portal.render import LANGUAGE_OF, Asked, show
from usance.web.problems import ProblemError
from usance.web.security import needs

PLACE = "/verify"
BODY_MAX = 20_000
PRIVATE = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}
OPEN = needs(PUBLIC, changes=False, stateless=True)


@rule("R-VERIFY-03")
def shown(request: Asked, template: str, *, status: int = 200, **known: Any) -> Response[str]:
    """A page that no search engine keeps and from which no other site learns."""
    answer = show(request, template, status=status, **known)
    answer.headers.update(PRIVATE)
    return answer


def address_of(request: Asked) -> str:
    """Where it is asked from, as the server (or a proxy that it trusts) says."""
    return request.client.host if request.client else "nowhere"


def status_of(refused: Refused) -> int:
    """429 where somebody is to slow down."""
    return STATUS.get(refused.refusal.rule, 422)


def verify_page(
    request: Asked, *, status: int = 200, code: str = "", refusal: Refusal | None = None,
    asked: bool = False, found: Genuine | None = None,
) -> Response[str]:  # fmt: skip
    """The form; what was found above it, or that nothing was."""
    titles = {LANGUAGE_OF[name]: title for name, title in found.titles.items()} if found else {}
    return shown(
        request, "portal/verify.html", status=status, code=code, refusal=refusal, asked=asked,
        found=found, titles=titles,
    )  # fmt: skip


@get("/", opt=needs(PUBLIC))
async def form(request: Asked) -> Response[str]:
    """Type a code and four digits."""
    return verify_page(request)


@post("/", opt=OPEN, status_code=200, request_max_body_size=BODY_MAX)
async def ask(request: Asked) -> Response[str]:
    """What the genuine notice says, or that there is none."""
    given = await form_of(request)
    code = given.get("code", "")
    try:
        found = await services(request).genuine.asking.ask(
            code, given.get("digits", ""), address_of(request)
        )
    except Refused as refused:
        return verify_page(
            request, status=status_of(refused), code=code[:40], refusal=refused.refusal
        )
    return verify_page(request, code="" if found else code[:40], asked=True, found=found)


def report_page(
    request: Asked, given: dict[str, str], *, status: int = 200, refusal: Refusal | None = None,
    number: str = "",
) -> Response[str]:  # fmt: skip
    """The form, or that it was taken."""
    policy = services(request).genuine.reports.policy.reports
    return shown(
        request, "portal/report.html", status=status, given=given, refusal=refusal, number=number,
        channels=labels.SUSPICIOUS_CHANNELS, most=policy.text_max, action=f"{PLACE}/report",
    )  # fmt: skip


@get("/report", opt=needs(PUBLIC))
async def report_form(request: Asked) -> Response[str]:
    """Tell us of a message that may be forged."""
    return report_page(request, {})


def message_of(form: dict[str, str]) -> Message:
    """What a form reports."""
    return Message(
        form.get("text", ""), form.get("channel", ""), form.get("sender", ""), form.get("code", "")
    )


@post("/report", opt=OPEN, status_code=200, request_max_body_size=BODY_MAX)
@rule("R-VERIFY-06")
async def report(request: Asked) -> Response[str]:
    """Keep a report of somebody who is not known."""
    given = await form_of(request)
    try:
        answer = await services(request).genuine.reports.of_anybody(
            message_of(given), PUBLIC_PAGE, address_of(request), Asking(NOBODY)
        )
    except Refused as refused:
        return report_page(
            request, given, status=status_of(refused), refusal=refused.refusal
        )
    return report_page(request, {}, number=answer.document["report_id"])


@post("/settings", opt=OPEN)
async def settings(request: Asked) -> Response[Any]:
    """Language and colours of this browser on these pages."""
    given = await form_of(request)
    answer = moved(f"{PLACE}/report" if given.get("back") == f"{PLACE}/report" else PLACE)
    for name, values in (("language", tuple(i18n.LANGUAGES)), ("theme", THEMES)):
        if given.get(name) in values:
            answer.set_cookie(
                Cookie(key=name, value=given[name], path=PLACE, samesite="lax", max_age=YEAR)
            )
    return answer


def verifying_router() -> Router:
    """Everything under /verify."""
    return Router(
        path=PLACE,
        route_handlers=[form, ask, report_form, report, settings],
        exception_handlers={
            ProblemError: on_problem, Refused: on_refused, HTTPException: on_framework,
            Exception: on_accident,
        },
    )  # fmt: skip
