"""Who may come in, and to which routes.

Every route declares its permission with ``opt=needs(...)``; the application does not start with
one that does not. Machines show a bearer key; staff and borrowers have a session cookie each of
their own and, on every unsafe method, the token of their session from a page of ours (field
``csrf_token`` or header ``X-CSRF-Token``). A weighty act of staff needs a factor that was shown
within the last minutes; a form may bring it along (field ``proof``).
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

from usance.allowance.leases import Allowance, TooOften
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.borrower_sessions import BorrowerSession, BorrowerSessions
from usance.identity.machine import MachineClient, MachineClients
from usance.identity.permissions import (
    BORROWER,
    COMING_IN,
    HALF_IN,
    PUBLIC,
    SCOPES,
    SIGNED,
    STAFF,
    STAFF_ONLY,
)
from usance.identity.sessions import CODE, FACTOR, PASSWORD
from usance.identity.staff import AGE_MAX, Staff, StaffSession
from usance.platform.config import ConfigurationError
from usance.web.grades import is_weighty
from usance.web.problems import ProblemError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_FIELD, CSRF_HEADER = "csrf_token", "x-csrf-token"
PAGES = "/console"
PROOF_FIELD = "proof"
"""A code, or a password, that a form brings along with a weighty act."""
ANY_STAFF = frozenset({STAFF, COMING_IN, HALF_IN})
"""What needs no role."""
KNOWN = SCOPES | STAFF_ONLY | ANY_STAFF | {PUBLIC, BORROWER, SIGNED}
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
Connection = ASGIConnection[Any, Any, Any, Any]


class Caller(Protocol):
    """Whoever came in: ``machine:ID``, ``staff:ID`` or ``borrower:ID``."""

    @property
    def actor(self) -> str:
        """How the audit log calls them."""
        ...


def needs(
    permission: str, *, changes: bool = True, step_up: bool | None = None, stateless: bool = False
) -> dict[str, Any]:
    """The ``opt`` of a route. ``changes=False`` for a POST that changes nothing.

    ``step_up``: whether a person shows a fresh factor; by default what ``grades`` says.
    ``stateless``: a public form that knows nobody, on pages that send no referrer; browsers then
    call its origin ``null``.
    """
    if permission not in KNOWN:
        raise ConfigurationError(f"no permission is called {permission!r}")
    weighty = is_weighty(permission) if step_up is None else step_up
    return {"permission": permission, "changes": changes, "step_up": weighty,
            "stateless": stateless}  # fmt: skip


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


class StepUp(ProblemError):
    """A weighty act without a fresh factor; ``fields`` is what the form held: nothing is lost."""

    def __init__(self, rule_id: str, detail: str, fields: list[tuple[str, str]]) -> None:
        super().__init__(403, rule_id, detail, PROOF_FIELD)
        self.fields = fields


def portal_cookie(connection: Connection, name: str) -> str:
    """How a cookie of the borrowers' pages is called, as ``cookie_name`` says of staff's."""
    return f"__Host-usance_{name}" if connection.scope["scheme"] == "https" else f"usance_{name}"


class Gate:
    """Lets callers in, to the API and to pages alike."""

    def __init__(
        self, staff: Staff, clients: MachineClients, allowance: Allowance,
        borrowers: BorrowerSessions,
    ) -> None:  # fmt: skip
        self._staff = staff
        self._clients = clients
        self._allowance = allowance
        self._borrowers = borrowers

    async def check(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """For routes of the web framework: afterwards ``request.user`` is the caller."""
        permission = handler.opt.get("permission", "")
        if permission == PUBLIC:
            self._check_origin(connection, stateless=bool(handler.opt.get("stateless")))
            return
        if permission == SIGNED:
            return  # the route itself checks the signature; there is no browser in it
        headers = dict(connection.scope["headers"])
        if is_page(connection.scope["path"]):
            headers.pop(b"authorization", None)  # pages are for people: a key opens none
        connection.scope["user"] = await self.admit(
            connection.scope, headers, permission, connection,
            step_up=bool(handler.opt.get("step_up")),
        )  # fmt: skip

    @rule("R-AUTH-01", "R-AUTH-02")
    async def admit(
        self, scope: Any, headers: dict[bytes, bytes], permission: str,
        connection: Connection | None = None, *, step_up: bool = False,
    ) -> Caller:  # fmt: skip
        """The caller, if the permission is theirs; raises otherwise."""
        authorization = headers.get(b"authorization")
        if permission == BORROWER:
            return await self._borrower(connection or ASGIConnection(scope), authorization)
        if authorization is not None:
            client = await self._machine(authorization)
            await self._within_rates(client, scope)
            if permission not in client.scopes:
                raise ProblemError(403, "R-AUTH-02", f"the key lacks the scope {permission}")
            return client
        connection = connection or ASGIConnection(scope)
        session = await self._member_of_staff(connection)
        scope["user"] = session  # a refusal is shown with their name, too
        check_whole(session, permission)
        if permission not in session.permissions | ANY_STAFF:
            raise ProblemError(403, "R-AUTH-02", f"your roles do not give {permission}")
        if scope["method"] not in SAFE_METHODS:
            await self._check_csrf(connection, session)
        if step_up and not session.fresh:
            await self._step_up(connection, session)
        return session

    @rule("R-STEP-01")
    async def _step_up(self, connection: Connection, session: StaffSession) -> None:
        """A form may bring the factor along; without it the caller is told to show it first."""
        fields = await _form_fields(connection)
        proof = dict(fields).get(PROOF_FIELD, "")
        if not proof or method_of(connection) in SAFE_METHODS:
            raise StepUp("R-STEP-01", "show your second factor again first", fields)
        try:
            await self._staff.freshen(session, session_token(connection), proof)
        except Refused as refused:
            found = refused.refusal
            raise StepUp(found.rule, found.detail, fields) from refused

    @rule("R-PORTAL-02")
    async def _borrower(
        self, connection: Connection, authorization: bytes | None
    ) -> BorrowerSession:
        """The borrower of a session; a key of a machine or a session of staff is none."""
        if authorization is not None:
            raise ProblemError(403, "R-AUTH-02", "only a borrower may do this")
        token = connection.cookies.get(portal_cookie(connection, "my"), "")
        session = await self._borrowers.session(token) if token else None
        if session is None:
            raise ProblemError(401, "R-AUTH-01", "a log-in is needed")
        if method_of(connection) not in SAFE_METHODS:
            await self._check_csrf(connection, session)
        return session

    async def _machine(self, authorization: bytes) -> MachineClient:
        scheme, _, secret = authorization.decode("latin-1").partition(" ")
        client = await self._clients.identify(secret) if scheme.lower() == "bearer" else None
        if client is None:
            raise ProblemError(401, "R-AUTH-01", "the key is not known")
        return client

    @rule("R-RATE-01")
    async def _within_rates(self, client: MachineClient, scope: Any) -> None:
        """Every request with a known key counts, whatever is answered."""
        try:
            await self._allowance.spend(
                client.client_id, f"{scope['method']} {scope.get('path_template')}"
            )
        except TooOften as error:
            headers = ((b"retry-after", str(error.seconds).encode()),)
            detail = f"more requests than this client may make ({error.kind})"
            raise ProblemError(429, "R-RATE-01", detail, headers=headers) from error

    async def _member_of_staff(self, connection: Connection) -> StaffSession:
        token = session_token(connection)
        session = await self._staff.session(token) if token else None
        if session is None:
            raise ProblemError(401, "R-AUTH-01", "a key or a log-in is needed")
        return session

    @rule("R-AUTH-03")
    async def _check_csrf(
        self, connection: Connection, session: StaffSession | BorrowerSession
    ) -> None:
        self._check_origin(connection)
        sent = connection.headers.get(CSRF_HEADER)
        sent = sent or dict(await _form_fields(connection)).get(CSRF_FIELD, "")
        if not hmac.compare_digest(sent.encode(), session.csrf.encode()):
            raise ProblemError(403, "R-AUTH-03", "the form is not from a page of this session")

    @rule("R-AUTH-03")
    def _check_origin(self, connection: Connection, *, stateless: bool = False) -> None:
        """Browsers say where an unsafe request comes from; it must be here."""
        if method_of(connection) in SAFE_METHODS:
            return
        site = connection.headers.get("sec-fetch-site", "same-origin")
        origin = connection.headers.get("origin")
        if stateless and origin == "null":
            origin = None
        foreign = origin is not None and urlsplit(origin).netloc != connection.headers.get("host")
        if foreign or site not in ("same-origin", "none"):
            raise ProblemError(403, "R-AUTH-03", "the request comes from another site")


def is_page(path: str) -> bool:
    """Whether it is for people with a browser, and not for machines."""
    return path == PAGES or path.startswith(f"{PAGES}/")


def method_of(connection: Connection) -> str:
    """The method of a request."""
    scope: Any = connection.scope
    return str(scope["method"])


@rule("R-FACTOR-01", "R-FACTOR-04", "R-STAFF-06")
def check_whole(session: StaffSession, permission: str) -> None:
    """Raise while something is missing, but for the pages that ask for it."""
    if permission == HALF_IN:
        return
    if session.lacks == CODE:
        raise ProblemError(401, "R-FACTOR-01", "the second factor has not been shown yet")
    if permission == COMING_IN:
        return
    if session.lacks == PASSWORD:
        raise ProblemError(403, "R-STAFF-06", "the password was given and must be changed first")
    if session.lacks == FACTOR:
        raise ProblemError(403, "R-FACTOR-04", "your roles need a second factor; enrol one first")


async def _form_fields(connection: Connection) -> list[tuple[str, str]]:
    """The words of a form, the first of a name last, so that it is the one that counts."""
    kind = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS or not isinstance(connection, Request):
        return []
    sent = (await connection.form()).multi_items()
    return [(name, value) for name, value in reversed(list(sent)) if isinstance(value, str)]


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
