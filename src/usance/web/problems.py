"""Problem documents (RFC 9457): every answer that is not a success names the rule that says no.

Bad input is never answered with a 5xx; what does end as one is logged under a number that the
document repeats, and says nothing of the inside.
"""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.response.base import ASGIResponse
from litestar.types import ExceptionHandlersMap

from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.platform.database import CONNECTION_LOST
from usance.platform.logs import get_logger

logger = get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
TITLES = {
    400: "malformed", 401: "unauthenticated", 403: "forbidden", 404: "not found",
    405: "method not allowed", 409: "conflict", 413: "too large", 415: "unsupported media type",
    422: "refused", 429: "too many requests", 500: "internal error", 503: "unavailable",
}  # fmt: skip
RULES = {
    400: "R-HTTP-05", 401: "R-AUTH-01", 403: "R-AUTH-02", 404: "R-HTTP-01", 405: "R-HTTP-02",
    413: "R-HTTP-04", 415: "R-HTTP-03", 429: "R-AUTH-05", 503: "R-HTTP-07",
}  # fmt: skip
"""For refusals that the web framework makes."""


class ProblemError(Exception):
    """A refusal with its HTTP status, on its way to the answer."""

    def __init__(self, status: int, rule_id: str, detail: str, path: str = "") -> None:
        super().__init__(f"{status} {rule_id}: {detail}")
        self.status = status
        self.refusal = Refusal(rule_id, detail, path)

    def document(self) -> dict[str, Any]:
        """The problem document."""
        return problem(self.status, self.refusal)


def problem(status: int, refusal: Refusal) -> dict[str, Any]:
    """The problem document of a refusal under an HTTP status."""
    return refusal.document() | {"status": status, "title": TITLES.get(status, "refused")}


def respond(status: int, document: Any, headers: dict[str, str] | None = None) -> ASGIResponse:
    """A JSON answer; a problem when the status says so."""
    kind = PROBLEM_JSON if status >= 400 else "application/json"
    body = msgspec.json.encode(document)
    return ASGIResponse(body=body, status_code=status, media_type=kind, headers=headers)


def refuse(
    status: int, document: dict[str, Any], headers: dict[str, str] | None = None
) -> Response[bytes]:
    """The same as the framework wants it from its exception handlers."""
    body = msgspec.json.encode(document)
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


@rule("R-FOUND-01")
def not_found(what: str, path: str = "") -> ProblemError:
    """There is no such thing, or not for this caller: the answer is the same."""
    return ProblemError(404, "R-FOUND-01", f"there is no such {what}", path)


def on_problem(_: Request[Any, Any, Any], error: ProblemError) -> Response[bytes]:
    """Answer a refusal of this layer."""
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else None
    return refuse(error.status, error.document(), headers)


def on_refused(_: Request[Any, Any, Any], error: Refused) -> Response[bytes]:
    """Answer a refusal of an inner layer."""
    return refuse(422, problem(422, error.refusal))


@rule("R-HTTP-01", "R-HTTP-02", "R-HTTP-03", "R-HTTP-04", "R-HTTP-05")
def on_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework refuses: no such route, method, media type, size, form."""
    status = error.status_code
    if status >= 500:
        return on_accident(_, error)
    detail = {404: "there is no such route", 405: "the route does not know this method"}
    text = detail.get(status, error.detail or TITLES.get(status, "refused"))
    rule_id = RULES.get(status, "R-HTTP-05")
    known = status if status in RULES else 400
    allowed = dict(error.headers or {}) if isinstance(error, MethodNotAllowedException) else None
    return refuse(known, problem(known, Refusal(rule_id, text)), allowed)


@rule("R-HTTP-06", "R-HTTP-07")
def on_accident(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The last resort: log it under a number, give the number, and say nothing else."""
    number = secrets.token_hex(8)
    gone = isinstance(error, CONNECTION_LOST)
    fields = {"incident": number, "method": request.method, "route": request.scope.get("path", "")}
    logger.error("request failed", exc_info=None if gone else error, extra=fields)
    if gone:
        return refuse(
            503,
            problem(503, Refusal("R-HTTP-07", f"the book cannot be reached now ({number})")),
            {"retry-after": "1"},
        )
    return refuse(500, problem(500, Refusal("R-HTTP-06", f"an accident, noted as {number}")))


HANDLERS: ExceptionHandlersMap = {
    ProblemError: on_problem,
    Refused: on_refused,
    HTTPException: on_http,
    Exception: on_accident,
}
