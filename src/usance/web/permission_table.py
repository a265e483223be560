"""The authorisation table: every route of the application, and what each caller is answered.

It is made from what the routes declare, so it cannot say anything else than the gate does; the
tests ask the running application for every cell. A borrower is two columns: with what is their own,
and with what is another borrower's. Who comes in a new way is one more ``Subject``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from litestar import Litestar
from litestar.routes import HTTPRoute

from usance.core.rules import rule
from usance.identity.permissions import BORROWER, PUBLIC, SCOPES, SIGNED
from usance.identity.roles import roles
from usance.web.api.routes import ENDPOINTS
from usance.web.app import route_handlers
from usance.web.security import ANY_STAFF, is_page

ALLOWED, FORBIDDEN, UNKNOWN, ABSENT, NOTHING = "allowed", "403", "401", "404", "-"
"""What a caller is answered; ``ABSENT`` for another's object, as if it were not there; ``NOTHING``
where a route has no object that could be another's."""
MARKS = {ALLOWED: "✓", FORBIDDEN: "·", UNKNOWN: "·", ABSENT: "·", NOTHING: ""}
CONSOLE, PORTAL, API = "console", "portal", "API"
OF_A_BORROWER = ("contract", "payment", "case", "device", "session", "consent", "member")
"""Placeholders of the portal's paths that name something of one borrower."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route with what it declares. ``weighty``: a person shows a fresh factor."""

    method: str
    path: str
    permission: str
    weighty: bool

    @property
    def place(self) -> str:
        """Of staff's pages, of borrowers' and relatives' pages, or of what programs ask."""
        if is_page(self.path):
            return CONSOLE
        return PORTAL if re.match(r"/(my|family)(/|$)", self.path) else API

    @property
    def is_page(self) -> bool:
        """Whether a browser is led on or shown a page, where a program gets a document."""
        return self.place != API

    @property
    def has_object(self) -> bool:
        """Whether the path names something that may be another borrower's."""
        return not set(re.findall(r"{(\w+)}", self.path)).isdisjoint(OF_A_BORROWER)


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of caller; ``answer`` says what it gets on a route."""

    name: str
    answer: Callable[[Route], str]


@rule("R-AUTH-01", "R-AUTH-02")
def of_nobody(route: Route) -> str:
    """Without credentials."""
    return ALLOWED if route.permission == PUBLIC else UNKNOWN


def of_role(code: str) -> Subject:
    """A member of staff with one role, who lacks nothing."""
    may = roles()[code].may

    def answer(route: Route) -> str:
        if route.permission in (BORROWER, SIGNED):
            return UNKNOWN
        return ALLOWED if route.permission in may | ANY_STAFF | {PUBLIC} else FORBIDDEN

    return Subject(code, answer)


def of_machine(route: Route) -> str:
    """A machine client with every scope that there is. Pages are for people: a key opens none."""
    if route.permission == PUBLIC:
        return ALLOWED
    if route.place == CONSOLE or route.permission == SIGNED:
        return UNKNOWN
    return ALLOWED if route.permission in SCOPES else FORBIDDEN


@rule("R-PORTAL-01", "R-PORTAL-02")
def of_borrower(route: Route) -> str:
    """A borrower with what is their own."""
    return ALLOWED if route.permission in (PUBLIC, BORROWER) else UNKNOWN


@rule("R-PORTAL-01")
def of_other_borrower(route: Route) -> str:
    """A borrower with what is another's: as if it were not there."""
    if route.permission != BORROWER or not route.has_object:
        return NOTHING
    return ABSENT


SUBJECTS = [
    Subject("nobody", of_nobody), *(of_role(code) for code in roles()),
    Subject("machine", of_machine), Subject("borrower", of_borrower),
    Subject("another borrower", of_other_borrower),
]  # fmt: skip


def routes_of(app: Litestar) -> list[Route]:
    """Every route of an application: what the framework serves, then the API."""
    served = [
        Route(method, route.path_format, handler.opt["permission"], bool(handler.opt["step_up"]))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods - {"OPTIONS"})
    ]
    api = [Route(each.method, each.path, each.permission, each.step_up) for each in ENDPOINTS]
    return sorted({*served, *api}, key=lambda each: (each.path, each.method))


@cache
def declared() -> tuple[Route, ...]:
    """The routes of the application as it is written, without starting it."""
    return tuple(routes_of(Litestar(route_handlers=route_handlers(), openapi_config=None)))


def rows(routes: Iterable[Route]) -> list[tuple[Route, list[str]]]:
    """Each route with what each subject is answered."""
    return [(each, [subject.answer(each) for subject in SUBJECTS]) for each in routes]


HEAD = """# Who may ask for what

Every route with the permission that it declares, and what each caller is answered: a tick, or a
refusal (401 to nobody, 403 to others). Made by `make permissions` from what the application
declares; the test suite asks the running application for every cell. Roles and what they give are
in `src/usance/policies/roles.yaml`; a member of staff has what their roles give together. A machine
has the scopes that its key was given: the tick says that there is such a scope. `fresh`: a person
shows a factor that is not older than ten minutes (R-STEP-01). `staff` is any member of staff who
lacks nothing, `coming-in` also who has yet to choose a password or to enrol a second factor,
`half-in` also who has yet to show the second factor. `borrower` is a borrower with what is their
own; `another borrower`, with what is not: a dot is 404, and nothing stands where a route names no
object. `signed` is a request whose signature the route checks, whoever sends it.
"""


def as_markdown() -> str:
    """The page ``docs/permissions.md``."""
    names = [each.name for each in SUBJECTS]
    lines = [HEAD]
    titles = {API: "The API and its surroundings", CONSOLE: "The console", PORTAL: "The portal"}
    for place, title in titles.items():
        found = [each for each in declared() if each.place == place]
        lines += [f"## {title}", "| route | permission | fresh | " + " | ".join(names) + " |"]
        lines += ["|---|---|---|" + ":-:|" * len(names)]
        for route, answers in rows(found):
            fresh = "fresh" if route.weighty else ""
            marks = " | ".join(MARKS[each] for each in answers)
            address = f"{route.method} `{route.path}`"
            lines.append(f"| {address} | {route.permission} | {fresh} | {marks} |")
        lines.append("")
    return "\n".join(lines)


def as_text() -> str:
    """One line a route: method, path, permission, whether fresh, and who is let in."""
    lines = []
    for route, answers in rows(declared()):
        allowed = [s.name for s, each in zip(SUBJECTS, answers, strict=True) if each == ALLOWED]
        fresh = "fresh" if route.weighty else "-"
        words = route.method, route.path, route.permission, fresh, ",".join(allowed)
        lines.append("\t".join(words))
    return "\n".join(lines) + "\n"
