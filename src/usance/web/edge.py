"""The outermost layer, plain ASGI: methods, headers on every answer, figures for every request."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from litestar.types import ASGIApp, Message, Receive, Send

from usance.core.refusals import Refusal
from usance.core.rules import rule
from usance.notices.receipt_words import RECEIPTS_PATH
from usance.platform import metrics
from usance.platform.logs import begin_concealing
from usance.web.problems import PROBLEM_JSON, problem

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
REFERRER = b"referrer-policy"
HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (REFERRER, b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
]
NO_STORE = (b"cache-control", b"no-store")
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


class Edge:
    """Wraps the API (everything under /v1, but what is signed instead of keyed) and the pages."""

    def __init__(self, pages: ASGIApp, api: ASGIApp) -> None:
        self._pages = pages
        self._api = api

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return  # no web sockets here
        started = time.perf_counter()
        begin_concealing()
        status = 500

        async def send_dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = dressed(message["headers"], scope["scheme"])
            await send(message)

        try:
            if scope["path"].startswith("/v1/") and scope["path"] != RECEIPTS_PATH:
                await self._api(scope, receive, send_dressed)
            elif scope["method"] in METHODS:
                await self._pages(scope, receive, send_dressed)
            else:
                await refuse_method(send_dressed)
        finally:
            observe(scope, status, time.perf_counter() - started)


def dressed(headers: Any, scheme: str) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, with those that every answer has; it may send less referrer."""
    given = {name for name, _ in headers}
    whole = [*headers, *(each for each in HEADERS if each[0] != REFERRER or REFERRER not in given)]
    if b"cache-control" not in given:
        whole.append(NO_STORE)
    if scheme == "https":
        whole.append(STRICT_TRANSPORT)
    return whole


@rule("R-HTTP-02")
async def refuse_method(send: Send) -> None:
    """TRACE, OPTIONS and inventions: there is nothing here for them."""
    refusal = Refusal("R-HTTP-02", "the method is not used here")
    body = msgspec.json.encode(problem(405, refusal))
    headers = [
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"allow", ", ".join(sorted(METHODS)).encode()),
    ]
    await send({"type": "http.response.start", "status": 405, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


_children: dict[tuple[str, int], tuple[Any, Any]] = {}


def observe(scope: Any, status: int, seconds: float) -> None:
    """Count the answer and its time under its route (never under its path: that holds ids)."""
    route = str(scope.get("path_template") or "other")
    children = _children.get((route, status))
    if children is None:
        counter = metrics.requests.labels(route, str(status))
        children = _children[route, status] = counter, metrics.request_seconds.labels(route)
    children[0].inc()
    children[1].observe(seconds)
