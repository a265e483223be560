"""A borrower reports a message that may be forged: a case of theirs is opened."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import moved
from usance.web.portal import labels
from usance.web.portal.entrance import status_of
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs

PLACE = "/my/suspicious"
BODY_MAX = 20_000


def report_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[str]:
    """The form, with what was refused."""
    return show(
        request, "portal/report.html", status=status, given=given, refusal=refusal, number="",
        channels=labels.SUSPICIOUS_CHANNELS, most=Own(request).report_most, action=PLACE,
    )  # fmt: skip


@get("/suspicious", opt=needs(BORROWER))
async def suspicious(request: Asked) -> Response[Any]:
    """Tell us of a message that may be forged."""
    return report_form(request, {})


@post("/suspicious", opt=needs(BORROWER), request_max_body_size=BODY_MAX)
async def report_suspicious(request: Asked) -> Response[Any]:
    """Open a case about it; its page says its number and until when it is answered."""
    form = await form_of(request)
    try:
        case = await Own(request).report_message(form, key_of(form), hash_of(request, form))
    except Refused as refused:
        return report_form(request, form, refused.refusal, status_of(refused))
    return moved(f"/my/cases/{case}", done="opened")


HANDLERS = [suspicious, report_suspicious]
