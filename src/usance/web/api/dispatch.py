"""From the socket to an endpoint, in plain ASGI: find it, let the caller in, read the body.

Requests under /v1 do not pass through the web framework: a repayment costs half as much Python so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from litestar.types import Receive, Send

from usance.core.rules import rule
from usance.web.api.endpoint import Endpoint, Incoming, Reply
from usance.web.problems import ProblemError, refusal_of, route_of
from usance.web.security import Gate
from usance.web.services import Services

BODY_MAX = 1_000_000
"""Bytes, where an endpoint does not say otherwise."""


@dataclass(slots=True)
class Node:
    """A place in the tree of paths; ``below`` has the literal segments, ``any`` a placeholder."""

    below: dict[str, Node] = field(default_factory=dict)
    name: str = ""
    any: Node | None = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)


class Api:
    """The endpoints as an ASGI application."""

    def __init__(self, services: Services, gate: Gate, endpoints: Sequence[Endpoint]) -> None:
        self._services = services
        self._gate = gate
        self._root = Node()
        for endpoint in endpoints:
            self._enter(endpoint)

    def _enter(self, endpoint: Endpoint) -> None:
        node = self._root
        for segment in endpoint.path.split("/")[1:]:
            if segment.startswith("{"):
                node.any = node.any or Node()
                node.name = node.name or segment[1:-1]
                assert node.name == segment[1:-1], endpoint.path
                node = node.any
            else:
                node = node.below.setdefault(segment, Node())
        assert endpoint.method not in node.endpoints, endpoint.path
        node.endpoints[endpoint.method] = endpoint

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            reply = await self._reply(scope, receive)
        except Exception as error:
            reply = Reply(*refusal_of(error, scope["method"], route_of(scope)))
        headers = [(b"content-length", str(len(reply.body)).encode()), *reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})

    async def _reply(self, scope: Any, receive: Receive) -> Reply:
        endpoint, at = self.find(scope["path"], scope["method"])
        scope["path_template"] = endpoint.path
        headers = dict(scope["headers"])
        caller = await self._gate.admit(
            scope, headers, endpoint.permission, step_up=endpoint.step_up
        )
        raw = await body_of(headers, receive, endpoint.body_max or BODY_MAX)
        incoming = Incoming(
            self._services, caller, at, scope["method"], scope["path"], scope["query_string"],
            headers, raw,
        )  # fmt: skip
        return await endpoint.serve(incoming)

    @rule("R-HTTP-01", "R-HTTP-02")
    def find(self, path: str, method: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint of a path and method, and what stands in its placeholders."""
        node: Node | None = self._root
        at: dict[str, str] = {}
        for segment in path.split("/")[1:]:
            assert node is not None
            if segment in node.below:
                node = node.below[segment]
            elif node.any is not None and segment:
                at[node.name] = segment
                node = node.any
            else:
                raise ProblemError(404, "R-HTTP-01", "there is no such route")
        assert node is not None
        if not node.endpoints:
            raise ProblemError(404, "R-HTTP-01", "there is no such route")
        endpoint = node.endpoints.get(method)
        if endpoint is None:
            allowed = ", ".join(sorted(node.endpoints))
            detail = "the route does not know this method"
            raise ProblemError(405, "R-HTTP-02", detail, headers=((b"allow", allowed.encode()),))
        return endpoint, at


@rule("R-HTTP-04")
async def body_of(headers: dict[bytes, bytes], receive: Receive, most: int) -> bytes:
    """The whole body; 413 as soon as it is known to be too large."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > most:
        raise too_large(most)
    message: Any = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body
    parts = [body]
    size = len(body)
    while message.get("more_body", False) and size <= most:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size > most:
        raise too_large(most)
    return b"".join(parts)


def too_large(most: int) -> ProblemError:
    """The refusal of a body."""
    return ProblemError(413, "R-HTTP-04", f"the body is larger than {most} bytes")
