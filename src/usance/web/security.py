"""Who may come in, and to which routes.

Every route declares its permission with ``opt=needs(...)``; the application does not start with
one that does not. Machines show a bearer key; staff have a session cookie and, on every unsafe
method, the token of their session from a page of ours (field ``csrf_token`` or header
``X-CSRF-Token``).
"""

from __future__ import annotations

import hmac
from typing import Any, Protocol
from urllib.parse import urlsplit

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute

from usance.core.rules import rule
from usance.identity.machine import MachineClient, MachineClients
from usance.identity.permissions import PUBLIC, SCOPES, STAFF, STAFF_ONLY
from usance.identity.staff import AGE_MAX, Staff, StaffSession
from usance.platform.config import ConfigurationError
from usance.web.problems import ProblemError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_FIELD, CSRF_HEADER = "csrf_token", "x-csrf-token"
KNOWN = SCOPES | STAFF_ONLY | {PUBLIC, STAFF}
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
Connection = ASGIConnection[Any, Any, Any, Any]


class Caller(Protocol):
    """Whoever came in: ``machine:ID`` or ``staff:ID``."""

    @property
    def actor(self) -> str:
        """How the audit log calls them."""
        ...


def needs(permission: str, *, changes: bool = True) -> dict[str, Any]:
    """The ``opt`` of a route. ``changes=False`` for a POST that changes nothing."""
    if permission not in KNOWN:
        raise ConfigurationError(f"no permission is called {permission!r}")
    return {"permission": permission, "changes": changes}


def cookie_name(scheme: str) -> str:
    """Over TLS the name binds the cookie to this host; plain HTTP is for the local machine."""
    return "__Host-usance_session" if scheme == "https" else "usance_session"


def session_cookie(request: Request[Any, Any, Any], token: str) -> Cookie:
    """The cookie that log-in sets; an empty token takes it away."""
    scheme = request.scope["scheme"]
    return Cookie(
        key=cookie_name(scheme), value=token, path="/", httponly=True, samesite="strict",
        secure=scheme == "https", max_age=int(AGE_MAX.total_seconds()) if token else 0,
    )  # fmt: skip


def session_token(connection: Connection) -> str:
    """The session token that came along, or nothing."""
    return connection.cookies.get(cookie_name(connection.scope["scheme"]), "")


class Gate:
    """Lets callers in, to the API and to pages alike."""

    def __init__(self, staff: Staff, clients: MachineClients) -> None:
        self._staff = staff
        self._clients = clients

    async def check(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """For routes of the web framework: afterwards ``request.user`` is the caller."""
        permission = handler.opt.get("permission", "")
        if permission == PUBLIC:
            self._check_origin(connection)
            return
        headers = dict(connection.scope["headers"])
        connection.scope["user"] = await self.admit(
            connection.scope, headers, permission, connection
        )

    @rule("R-AUTH-01", "R-AUTH-02")
    async def admit(
        self, scope: Any, headers: dict[bytes, bytes], permission: str,
        connection: Connection | None = None,
    ) -> Caller:  # fmt: skip
        """The caller, if the permission is theirs; raises otherwise."""
        authorization = headers.get(b"authorization")
        if authorization is not None:
            client = await self._machine(authorization)
            if permission not in client.scopes:
                raise ProblemError(403, "R-AUTH-02", f"the key lacks the scope {permission}")
            return client
        connection = connection or ASGIConnection(scope)
        session = await self._member_of_staff(connection)
        if permission != STAFF and permission not in session.permissions:
            raise ProblemError(403, "R-AUTH-02", f"your roles do not give {permission}")
        if scope["method"] not in SAFE_METHODS:
            await self._check_csrf(connection, session)
        return session

    async def _machine(self, authorization: bytes) -> MachineClient:
        scheme, _, secret = authorization.decode("latin-1").partition(" ")
        client = await self._clients.identify(secret) if scheme.lower() == "bearer" else None
        if client is None:
            raise ProblemError(401, "R-AUTH-01", "the key is not known")
        return client

    async def _member_of_staff(self, connection: Connection) -> StaffSession:
        token = session_token(connection)
        session = await self._staff.session(token) if token else None
        if session is None:
            raise ProblemError(401, "R-AUTH-01", "a key or a log-in is needed")
        return session

    @rule("R-AUTH-03")
    async def _check_csrf(self, connection: Connection, session: StaffSession) -> None:
        self._check_origin(connection)
        sent = connection.headers.get(CSRF_HEADER) or await _form_field(connection)
        if not hmac.compare_digest(sent.encode(), session.csrf.encode()):
            raise ProblemError(403, "R-AUTH-03", "the form is not from a page of this session")

    @rule("R-AUTH-03")
    def _check_origin(self, connection: Connection) -> None:
        """Browsers say where an unsafe request comes from; it must be here."""
        if method_of(connection) in SAFE_METHODS:
            return
        site = connection.headers.get("sec-fetch-site", "same-origin")
        origin = connection.headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != connection.headers.get("host")
        if foreign or site not in ("same-origin", "none"):
            raise ProblemError(403, "R-AUTH-03", "the request comes from another site")


def method_of(connection: Connection) -> str:
    """The method of a request."""
    scope: Any = connection.scope
    return str(scope["method"])


async def _form_field(connection: Connection) -> str:
    kind = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS or not isinstance(connection, Request):
        return ""
    value = (await connection.form()).get(CSRF_FIELD)
    return value if isinstance(value, str) else ""


def check_every_route(app: Litestar) -> None:
    """Raise for a route without permission, or one that changes something on a read permission."""
    for handler in handlers_of(app):
        declared, changes = handler.opt.get("permission"), handler.opt.get("changes", True)
        for method in handler.http_methods:
            check_declared(declared, method, handler.handler_name, changes)


@rule("R-AUTH-02")
def check_declared(permission: str | None, method: str, name: str, changes: object) -> None:
    """Raise unless a route's permission is a known one, and a write one where it changes things."""
    if permission not in KNOWN:
        raise ConfigurationError(f"{name} declares no known permission, but {permission!r}")
    if method not in SAFE_METHODS and changes and permission.endswith(":read"):
        raise ConfigurationError(f"{name} changes things on {permission}")


def handlers_of(app: Litestar) -> list[HTTPRouteHandler]:
    """Every handler that was written; the framework's own answers to OPTIONS are left out."""
    return [
        handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.http_methods != {"OPTIONS"}
    ]
