"""The authorisation table: every route of the application, and what each caller is answered.

It is made from what the routes declare, so it cannot say anything else than the gate does; the
tests ask the running application for every cell. Who comes to the application in a new way (a
borrower, with own objects and others') is one more ``Subject`` in ``SUBJECTS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from litestar import Litestar
from litestar.routes import HTTPRoute

from usance.core.rules import rule
from usance.identity.permissions import PUBLIC, SCOPES
from usance.identity.roles import roles
from usance.web.api.routes import ENDPOINTS
from usance.web.app import route_handlers
from usance.web.security import ANY_STAFF, is_page

ALLOWED, FORBIDDEN, UNKNOWN, ABSENT = "allowed", "403", "401", "404"
"""What a caller is answered; ``ABSENT`` for another's object, as if it were not there."""
MARKS = {ALLOWED: "✓", FORBIDDEN: "·", UNKNOWN: "·", ABSENT: "·"}


@dataclass(frozen=True, slots=True)
class Route:
    """A route with what it declares. ``weighty``: a person shows a fresh factor."""

    method: str
    path: str
    permission: str
    weighty: bool

    @property
    def is_page(self) -> bool:
        """Whether a browser is led on or shown a page, where a program gets a document."""
        return is_page(self.path)


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
        return ALLOWED if route.permission in may | ANY_STAFF | {PUBLIC} else FORBIDDEN

    return Subject(code, answer)


def of_machine(route: Route) -> str:
    """A machine client with every scope that there is. Pages are for people: a key opens none."""
    if route.permission == PUBLIC:
        return ALLOWED
    if route.is_page:
        return UNKNOWN
    return ALLOWED if route.permission in SCOPES else FORBIDDEN


SUBJECTS = [
    Subject("nobody", of_nobody), *(of_role(code) for code in roles()),
    Subject("machine", of_machine),
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
`half-in` also who has yet to show the second factor.
"""


def as_markdown() -> str:
    """The page ``docs/permissions.md``."""
    names = [each.name for each in SUBJECTS]
    lines = [HEAD]
    for title, pages in (("The API and its surroundings", False), ("The console", True)):
        found = [each for each in declared() if each.is_page == pages]
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
