"""Problem documents (RFC 9457): every answer that is not a success names the rule that says no.

Bad input is never answered with a 5xx; what does end as one is logged under a number that the
document repeats, and says nothing of the inside.
"""

from __future__ import annotations

import secrets
from typing import Any, TypeAlias

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.response.base import ASGIResponse
from litestar.types import ExceptionHandlersMap

from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.identity.once import STATUS
from usance.platform.crypto import KeysAway, MissingKeyError
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


Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
CHALLENGE = (b"www-authenticate", b"Bearer")


class ProblemError(Exception):
    """A refusal with its HTTP status, on its way to the answer."""

    def __init__(
        self, status: int, rule_id: str, detail: str, path: str = "", *, headers: Headers = ()
    ) -> None:
        super().__init__(f"{status} {rule_id}: {detail}")
        self.status = status
        self.headers = (*headers, CHALLENGE) if status == 401 else headers
        self.refusal = Refusal(rule_id, detail, path)

    def document(self) -> dict[str, Any]:
        """The problem document."""
        return problem(self.status, self.refusal)


def problem(status: int, refusal: Refusal) -> dict[str, Any]:
    """The problem document of a refusal under an HTTP status."""
    return refusal.document() | {"status": status, "title": TITLES.get(status, "refused")}


def respond(status: int, document: Any) -> ASGIResponse:
    """A JSON answer."""
    return ASGIResponse(body=msgspec.json.encode(document), status_code=status)


@rule("R-FOUND-01")
def not_found(what: str, path: str = "") -> ProblemError:
    """There is no such thing, or not for this caller: the answer is the same."""
    return ProblemError(404, "R-FOUND-01", f"there is no such {what}", path)


def refusal_of(error: Exception, method: str, route: str) -> tuple[int, bytes, Headers]:
    """Status, problem document and headers for whatever was raised while answering."""
    headers: Headers = ()
    if isinstance(error, ProblemError):
        status, refusal, headers = error.status, error.refusal, error.headers
    elif isinstance(error, Refused):
        status, refusal = STATUS.get(error.refusal.rule, 422), error.refusal
    elif isinstance(error, HTTPException) and error.status_code < 500:
        status, refusal, headers = of_framework(error)
    else:
        status, refusal, headers = accident(error, method, route)
    body = msgspec.json.encode(problem(status, refusal))
    return status, body, ((b"content-type", PROBLEM_JSON.encode()), *headers)


@rule("R-HTTP-01", "R-HTTP-02", "R-HTTP-03", "R-HTTP-04", "R-HTTP-05")
def of_framework(error: HTTPException) -> tuple[int, Refusal, Headers]:
    """What the framework refuses: no such route, method, media type, size, form."""
    status = error.status_code if error.status_code in RULES else 400
    said = {404: "there is no such route", 405: "the route does not know this method"}
    detail = said.get(status, error.detail or TITLES[status])
    headers: Headers = ()
    if isinstance(error, MethodNotAllowedException) and error.headers:
        allowed = {name.lower(): value for name, value in error.headers.items()}.get("allow", "")
        headers = ((b"allow", allowed.encode()),)
    return status, Refusal(RULES[status], detail), headers


@rule("R-HTTP-06", "R-HTTP-07", "R-KEY-01", "R-KEY-02")
def accident(error: Exception, method: str, route: str) -> tuple[int, Refusal, Headers]:
    """The last resort: log it under a number, give the number, and say nothing else.

    ``route`` is the pattern, not the path: somebody may have typed a phone number there.
    """
    number = secrets.token_hex(8)
    refusal = away(error, number)
    fields = {"incident": number, "method": method, "route": route}
    if refusal is not None:
        fields["reason"] = type(error).__name__
    logger.error("request failed", exc_info=None if refusal else error, extra=fields)
    if refusal is not None:
        return 503, refusal, ((b"retry-after", b"1"),)
    return 500, Refusal("R-HTTP-06", f"an accident, noted as {number}"), ()


def away(error: Exception, number: str) -> Refusal | None:
    """What cannot be reached now, so that the same request may be sent again."""
    if isinstance(error, KeysAway):
        return Refusal("R-KEY-01", f"the keys cannot be reached now ({number})")
    if isinstance(error, MissingKeyError):
        return Refusal("R-KEY-02", f"a key is not here yet ({number})")
    if isinstance(error, CONNECTION_LOST):
        return Refusal("R-HTTP-07", f"the book cannot be reached now ({number})")
    return None


def route_of(scope: Any) -> str:
    """The pattern of the route that a request has reached."""
    return str(scope.get("path_template") or "none")


def on_http(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The same, as the framework wants it from its exception handlers."""
    status, body, headers = refusal_of(error, request.method, route_of(request.scope))
    named = {name.decode(): value.decode() for name, value in headers}
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=named)


HANDLERS: ExceptionHandlersMap = {HTTPException: on_http, Exception: on_http}
