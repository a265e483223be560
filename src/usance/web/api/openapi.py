"""The OpenAPI 3.1 document, made from the endpoints and the shapes they name."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from usance import __version__
from usance.core.identifiers import PREFIXES
from usance.identity.permissions import STAFF_ONLY
from usance.identity.staff_policy import staff_policy
from usance.web.api.endpoint import ENDPOINTS, Empty, Endpoint, Reply
from usance.web.api.values import KINDS, WORDS
from usance.web.problems import PROBLEM_JSON

REF = "#/components/schemas/{name}"
DESCRIPTION = """Money is decimal strings in the book's currency; days are ISO dates on the book's
own calendar; ids are opaque. Every mutation takes an `Idempotency-Key`: the same key with the same
body gives the first answer again, with another body it is refused. Refusals are problem documents
(RFC 9457) that name a rule; `GET /v1/rules/{code}` says it in words."""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "rule", "detail", "path"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"},
        "status": {"type": "integer"},
        "rule": {"type": "string", "description": "Which rule says no."},
        "detail": {"type": "string"},
        "path": {"type": "string", "description": "Where in the request, if there."},
    },
}  # fmt: skip
OPERATION = {
    "type": "object",
    "required": ["operation_id"],
    "properties": {"operation_id": {"type": "string", "description": "The audit event."}},
    "description": "What was done, and how what it was done to stands now.",
}
PROPOSAL = {
    "type": "object",
    "required": ["proposal_id", "operation_id", "state", "act", "weight", "approvers", "digest"],
    "properties": {
        "proposal_id": {"type": "string"}, "operation_id": {"type": "string"},
        "state": {"const": "waiting"}, "act": {"type": "string"}, "weight": {"type": "string"},
        "approvers": {"type": "integer"},
        "expires_at": {"type": "string", "format": "date-time"},
        "digest": {"type": "string", "description": "Of exactly what runs once it is approved."},
    },
    "description": "What was asked for waits; `GET /v1/approvals/{proposal_id}` says how long.",
}  # fmt: skip
SESSION = {
    "type": "apiKey", "in": "cookie", "name": "usance_session",
    "description": "A member of staff who has logged in; `X-CSRF-Token` comes along.",
}  # fmt: skip
FILES = ("image/png", "image/jpeg", "application/pdf", "text/plain")
"""What a file that is handed out can be."""
MEANING = {
    400: "Malformed, or without Idempotency-Key", 401: "No known key",
    403: "The key lacks the scope",
    404: "There is no such thing", 405: "Not a method of this route",
    409: "The key was used for another request, or taken already", 413: "Too large",
    415: "Not the media type", 422: "Refused by a rule; nothing was changed",
    429: "More requests than the client may make; Retry-After says when to try again",
    503: "The book cannot be reached now",
}  # fmt: skip


@cache
def document() -> bytes:
    """The whole document as JSON."""
    shapes = [each for e in ENDPOINTS for each in (e.body, e.query, e.returns) if is_shape(each)]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=REF)
    known = {id(shape): schema for shape, schema in zip(shapes, schemas, strict=True)}
    components |= {"Problem": PROBLEM, "Operation": OPERATION, "Proposal": PROPOSAL}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        method = endpoint.method.lower()
        paths.setdefault(endpoint.path, {})[method] = described(endpoint, known, components)
    return msgspec.json.encode({
        "openapi": "3.1.0",
        "info": {"title": "usance", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}, "session": SESSION},
        },
    })  # fmt: skip


def is_shape(annotation: Any) -> bool:
    """Whether it has a schema of its own."""
    return annotation not in (None, dict, Reply)


def described(
    endpoint: Endpoint, known: dict[int, Any], components: dict[str, Any]
) -> dict[str, Any]:
    """One operation."""
    summary, _, rest = endpoint.summary.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.subject],
        "summary": " ".join(summary.split()),
        "description": (rest + f"\n\nScope: `{endpoint.permission}`.").strip(),
        "parameters": parameters(endpoint, components),
        "responses": responses(endpoint, known),
    }
    if endpoint.permission in STAFF_ONLY:
        operation["security"] = [{"session": []}]
    if endpoint.body is not None:
        content = {endpoint.media_type: {"schema": known[id(endpoint.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    elif endpoint.media_type != "application/json":
        schema = {"type": "string"}
        content = {endpoint.media_type: {"schema": schema}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def parameters(endpoint: Endpoint, components: dict[str, Any]) -> list[dict[str, Any]]:
    """Ids in the path, the query, and the key of a mutation."""
    found = [
        {"name": name, "in": "path", "required": True, "schema": path_schema(name)}
        for name in endpoint.placeholders
    ]
    if endpoint.query is not Empty:
        shape = components[endpoint.query.__name__]
        for name, schema in shape["properties"].items():
            required = name in shape.get("required", [])
            found.append({"name": name, "in": "query", "required": required, "schema": schema})
    if endpoint.shows_people:
        schema = {"type": "string", "enum": list(staff_policy().reasons)}
        found.append(
            {"name": "Access-Reason", "in": "header", "required": False, "schema": schema,
             "description": "Why: it is noted, and shown to the person."}
        )  # fmt: skip
    if endpoint.changes:
        schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema}
        )
    return found


def path_schema(name: str) -> dict[str, Any]:
    """What an id looks like."""
    if name in KINDS:
        prefix = PREFIXES[KINDS[name]]
        return {"type": "string", "pattern": f"^{prefix}-[0-9a-hjkmnp-tv-z]{{1,13}}$"}
    if name == "business_date":
        return {"type": "string", "format": "date"}
    if name in WORDS:
        return {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9_-]+$"}
    return {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}


def responses(endpoint: Endpoint, known: dict[int, Any]) -> dict[str, Any]:
    """Success, and every refusal there can be."""
    schema = known.get(id(endpoint.returns), {"$ref": REF.format(name="Operation")})
    success = "201" if endpoint.changes else "200"
    content = {"application/json": {"schema": schema}}
    if endpoint.returns is Reply:
        content = {each: {"schema": {"type": "string"}} for each in FILES}
    found: dict[str, Any] = {success: {"description": "Done", "content": content}}
    if endpoint.may_wait:
        waits = {"schema": {"$ref": REF.format(name=endpoint.waiting)}}
        found["202"] = {"description": "It waits for a second person; nothing has changed yet",
                        "content": {"application/json": waits}}  # fmt: skip
    for status in refusals(endpoint):
        content = {PROBLEM_JSON: {"schema": {"$ref": REF.format(name="Problem")}}}
        found[str(status)] = {"description": MEANING[status], "content": content}
    return found


LOOKS_FOR = ("search_borrower", "portfolio_monitors")
"""What looks for something that its path does not name."""


def refusals(endpoint: Endpoint) -> list[int]:
    """Which statuses a route may refuse with."""
    found = {401, 403, 405, 429, 503}
    if endpoint.placeholders or endpoint.changes or endpoint.name in LOOKS_FOR:
        found.add(404)
    if endpoint.method != "GET":
        found |= {400, 413, 415, 422}
    if endpoint.changes:
        found.add(409)
    if endpoint.query is not Empty or endpoint.method == "GET":
        found.add(422)
    return sorted(found)
