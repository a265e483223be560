"""The authorisation table, asked of the running application: every route, role and method."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, pair
from tests.web.staff_site import (
    SAMPLE,
    Member,
    address,
    asked,
    browser_of,
    member,
    outcome,
    written,
)
from usance.identity.permissions import BORROWER, SCOPES
from usance.identity.roles import roles
from usance.web.app import create_app
from usance.web.permission_table import (
    ABSENT,
    ALLOWED,
    API,
    FORBIDDEN,
    NOTHING,
    PORTAL,
    SUBJECTS,
    UNKNOWN,
    Route,
    as_markdown,
    as_text,
    declared,
    of_borrower,
    of_machine,
    of_nobody,
    of_other_borrower,
    routes_of,
)
from usance.web.security import KNOWN

PAGE = Path(__file__).parents[2] / "docs/permissions.md"
_numbers = itertools.count(1)
SUBJECT = {each.name: each for each in SUBJECTS}


@pytest_asyncio.fixture
async def site(
    module_database: str, tmp_path_factory: object
) -> AsyncIterator[Site]:
    home = Path(tmp_path_factory.getbasetemp()) / "permissions-home"  # type: ignore[attr-defined]
    async with opened(module_database, home) as found:
        yield found


def test_the_page_says_what_the_application_declares() -> None:
    """After a change of routes or roles: make permissions."""
    assert PAGE.read_text("utf-8") == as_markdown()


def test_the_table_has_every_route_of_the_served_application(site: Site) -> None:
    assert routes_of(create_app(site.services)) == list(declared())
    assert len(declared()) > 180
    assert len(set(declared())) == len(declared())
    lines = as_text().splitlines()
    assert len(lines) == len(declared())
    route = "/v1/contracts/{contract_id}/charge-off"
    assert f"POST\t{route}\tcontracts:charge-off\tfresh\t" in as_text()


def test_the_table_is_neither_full_nor_empty() -> None:
    """Every role is let in somewhere and kept out elsewhere; every permission guards something."""
    for code in roles():
        answers = {SUBJECT[code].answer(each) for each in declared()}
        assert answers == {ALLOWED, FORBIDDEN, UNKNOWN}, code
    assert {of_nobody(each) for each in declared()} == {ALLOWED, UNKNOWN}
    assert {of_machine(each) for each in declared()} == {ALLOWED, UNKNOWN, FORBIDDEN}
    assert {of_borrower(each) for each in declared()} == {ALLOWED, UNKNOWN}
    assert {of_other_borrower(each) for each in declared()} == {ABSENT, NOTHING}
    assert {each.permission for each in declared()} <= KNOWN


async def told(who: Member, route: Route) -> str:
    """What a member of staff is told on a route."""
    answer = await asked(who.client, route, who.csrf)
    if route.path == "/console/logout":
        await who.again()
    return outcome(route, answer)


async def test_every_role_on_every_route(site: Site) -> None:
    """0 holes: each answer is the table's, and what was refused has written nothing."""
    wrong, cells = [], 0
    for code in roles():
        async with member(site, code) as who:
            before: set[Any] | None = await written(site)
            answer = SUBJECT[code].answer
            for route in sorted(declared(), key=lambda each: answer(each) == ALLOWED):
                if answer(route) == ALLOWED and before is not None:
                    assert await written(site) == before, code  # of what was refused
                    before = None
                found = await told(who, route)
                wrong += [(code, route, found)] if found != answer(route) else []
                cells += 1
    assert wrong == []
    assert cells == len(declared()) * len(roles())


async def test_nobody_on_every_route(site: Site) -> None:
    before = await written(site)
    async with browser_of(site) as client:
        found = [(r, outcome(r, await asked(client, r))) for r in declared()]
    assert [(r, answer) for r, answer in found if answer != of_nobody(r)] == []
    assert {row[0] for row in await written(site) ^ before} <= {"log_in_attempt"}


async def test_a_machine_on_every_route(site: Site) -> None:
    """With every scope there is: pages are for people, and what is for people alone stays shut."""
    secret = await site.key(SCOPES)
    async with browser_of(site) as client:
        client.headers["authorization"] = f"Bearer {secret}"
        found = [(r, outcome(r, await asked(client, r))) for r in declared()]
    assert [(r, answer) for r, answer in found if answer != of_machine(r)] == []


async def test_a_borrower_on_every_route(database: str, tmp_path: Path) -> None:
    """R-PORTAL-01, R-PORTAL-02: own things are there, another's are as if they were not."""
    async with opened(database, tmp_path, sandbox=True) as site:
        mine, theirs = await pair(site)
        before = await fingerprint(site.pool)
        for route in (r for r in declared() if of_other_borrower(r) == ABSENT):
            answer = await sent(mine, route, theirs.ids)
            assert (answer.status_code, "R-FOUND-01" in answer.text) == (404, True), route
        assert await fingerprint(site.pool) == before
        wrong = []
        for route in sorted(declared(), key=lambda each: each.method == "POST"):
            if route.permission == BORROWER and route.method == "POST":
                await mine.enter()  # the one before may have ended the session
            answer = await sent(mine, route, mine.ids)
            found = outcome(route, answer)
            own = any(f"{{{name}}}" in route.path for name in mine.ids)
            absent = found == ALLOWED and own and answer.status_code == 404
            wrong += [(route, answer)] if found != of_borrower(route) or absent else []
        assert wrong == []


async def sent(who: Visitor, route: Route, ids: dict[str, str]) -> httpx.Response:
    """A borrower's request: a page, or a form of theirs with little in it."""
    path = re.sub(r"{(\w+)}", lambda m: ids.get(m[1], SAMPLE.get(m[1], "99")), route.path)
    if route.place == PORTAL:
        path = path.replace("/99", "/new")
    if route.method == "GET":
        return await who.get(path, params={"figure": "pay-off"} if "why" in path else None)
    if route.place == API:
        return await asked(who.client, route, who.csrf)
    return await who.post(path, {"code": "123456", "key": f"route-{next(_numbers)}"})


async def test_methods_that_no_route_declares_are_refused(site: Site) -> None:
    paths: dict[str, set[str]] = {}
    for route in declared():
        paths.setdefault(address(route), set()).add(route.method)
    async with member(site, *roles()) as who:
        for path, methods in paths.items():
            for method in {"PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "CONNECT"} - methods:
                answer = await who.client.request(method, path)
                assert answer.status_code == 405, (method, path)


async def test_reading_writes_nothing(site: Site) -> None:
    """Whatever a member of staff looks at with GET; an answer of the identity provider aside."""
    async with member(site, *roles()) as who:
        before = await written(site)
        for route in (each for each in declared() if each.method == "GET"):
            await asked(who.client, route)
        assert await written(site) == before


def test_no_page_asks_for_more_than_its_form() -> None:
    """A form and what it leads to have the same permission, and weigh the same."""
    known = {(each.method, each.path): each for each in declared()}
    for route in declared():
        twin = known.get(("GET", route.path))
        if route.method == "POST" and twin and re.search(r"/do/|/new$|/open$", route.path):
            assert (route.permission, route.weighty) == (twin.permission, twin.weighty), route
