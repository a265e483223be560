"""All endpoints of the API, and the document that describes them."""

from __future__ import annotations

from litestar import get
from litestar.response.base import ASGIResponse

from usance.identity.permissions import PUBLIC
from usance.web.api import (  # noqa: F401 (each enters its endpoints)
    approvals,
    audit,
    book,
    borrowers,
    cases,
    changes,
    consents,
    contracts,
    costs,
    day,
    decisions,
    facts,
    family,
    files,
    ledger,
    limits,
    lines,
    notices,
    payments,
    policies,
    portal,
    purchases,
    quote,
    receipts,
    told,
    verification,
    warning,
    webhooks,
    why,
)
from usance.web.api.endpoint import ENDPOINTS
from usance.web.api.openapi import document
from usance.web.security import needs

__all__ = ["ENDPOINTS", "openapi"]


@get("/openapi.json", opt=needs(PUBLIC))
async def openapi() -> ASGIResponse:
    """The description of the API (OpenAPI 3.1)."""
    return ASGIResponse(body=document(), media_type="application/json")
