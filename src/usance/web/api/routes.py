"""All endpoints as handlers of the web framework, and the document that describes them."""

from __future__ import annotations

from typing import Any, cast

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import Empty, Method

from usance.identity.permissions import PUBLIC
from usance.web.api import (  # noqa: F401 (each enters its endpoints)
    book,
    borrowers,
    changes,
    contracts,
    ledger,
    lines,
    payments,
    purchases,
    quote,
)
from usance.web.api.endpoint import ENDPOINTS, Endpoint
from usance.web.api.openapi import document
from usance.web.security import needs


def handlers() -> list[HTTPRouteHandler]:
    """One handler for each endpoint, and one for the description."""
    return [*(handler_of(each) for each in ENDPOINTS), openapi]


def handler_of(endpoint: Endpoint) -> HTTPRouteHandler:
    """The endpoint under its path; ids stay text until the endpoint parses them."""
    path = endpoint.path.replace("}", ":str}")
    serve = endpoint.serve

    async def handle(request: Request[Any, Any, Any]) -> ASGIResponse:
        return await serve(request)

    handle.__name__ = handle.__qualname__ = endpoint.name
    return HTTPRouteHandler(
        path,
        http_method=[cast(Method, endpoint.method)],
        name=f"api.{endpoint.name}",
        status_code=200,
        opt=needs(endpoint.permission, changes=endpoint.changes),
        request_max_body_size=Empty if endpoint.body_max is None else endpoint.body_max,
    )(handle)


@get("/openapi.json", opt=needs(PUBLIC))
async def openapi() -> ASGIResponse:
    """The description of the API (OpenAPI 3.1)."""
    return ASGIResponse(body=document(), media_type="application/json")
