"""The authorisation table, asked of the running application: every route, role and method."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from tests.web.api_site import Site, opened
from tests.web.staff_site import Member, address, asked, browser_of, member, outcome, written
from usance.identity.permissions import SCOPES, STAFF_ONLY
from usance.identity.roles import roles
from usance.web import permission_table
from usance.web.app import create_app
from usance.web.permission_table import (
    ABSENT,
    ALLOWED,
    FORBIDDEN,
    SUBJECTS,
    UNKNOWN,
    Route,
    Subject,
    as_markdown,
    as_text,
    declared,
    of_machine,
    of_nobody,
    routes_of,
)
from usance.web.security import ANY_STAFF

PAGE = Path(__file__).parents[2] / "docs/permissions.md"
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
        assert answers == {ALLOWED, FORBIDDEN}, code
    assert {of_nobody(each) for each in declared()} == {ALLOWED, UNKNOWN}
    assert {of_machine(each) for each in declared()} == {ALLOWED, UNKNOWN, FORBIDDEN}
    assert {each.permission for each in declared()} <= SCOPES | STAFF_ONLY | ANY_STAFF | {"public"}


def test_another_kind_of_caller_is_one_more_column() -> None:
    """A borrower's own object and another's: the table takes any subject and any permission."""

    def of_borrower(answer: str) -> Callable[[Route], str]:
        return lambda route: answer if route.permission == "borrower" else UNKNOWN

    SUBJECTS.append(Subject("borrower, own", of_borrower(ALLOWED)))
    SUBJECTS.append(Subject("borrower, other's", of_borrower(ABSENT)))
    try:
        row = permission_table.rows([Route("GET", "/portal/contracts/{id}", "borrower", False)])
        assert row[0][1][-2:] == [ALLOWED, ABSENT]
        assert "borrower, other's" in as_markdown()
    finally:
        del SUBJECTS[-2:]


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
            before = await written(site)
            kept_out = [r for r in declared() if SUBJECT[code].answer(r) == FORBIDDEN]
            let_in = [r for r in declared() if SUBJECT[code].answer(r) == ALLOWED]
            for expected, routes in ((FORBIDDEN, kept_out), (ALLOWED, let_in)):
                found = [(route, await told(who, route)) for route in routes]
                wrong += [(code, route, answer) for route, answer in found if answer != expected]
                cells += len(found)
                if expected == FORBIDDEN:
                    assert await written(site) == before, code
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
