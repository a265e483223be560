"""R-IDEM-01: whatever is asked for fifty times at once happens once, on every changing route.

Each walk is gone twice, over a book of its own: once with one request a step, once with many under
one key. Both must leave the same behind. The routes are the application's own: one that is not
walked here fails the test.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web.api_site import Site, opened
from tests.web.api_walk import changing_routes, walk_api
from tests.web.console_walk import walk_console
from tests.web.portal_walk import walk_portal
from tests.web.walking import PORTAL, Walk, posted_to
from usance.day import verify
from usance.platform.clock import FixedClock, SystemClock

TWINS = 50


@pytest.fixture
def databases(new_database: Callable[[], str]) -> list[str]:
    """One for each walk."""
    return [new_database(), new_database()]


def rooms(*places: str) -> Callable[[Site], set[str]]:
    """What is sent to these places."""
    return lambda site: posted_to(site, *places)


async def gone_twice(
    databases: list[str], home: Path, go: Callable[[Walk], Awaitable[None]],
    declared: Callable[[Site], set[str]], **more: Any,
) -> None:  # fmt: skip
    """Walk all that is declared with one and with many; what both left behind is the same."""
    walks = []
    for url, twins in zip(databases, (1, TWINS), strict=True):
        clock = FixedClock(SystemClock().now())
        async with opened(url, home / str(twins), clock=clock, sandbox=True) as site:
            walk = Walk(site, clock, twins, **more)
            await go(walk)
            assert walk.walked == declared(site)
            assert await verify.run(site.pool) == []
            walks.append(walk)
    one, many = walks
    pairs = zip(one.steps, many.steps, strict=True)
    faults = [f"{now[0]}: {was[1]} became {now[1]}" for was, now in pairs if was != now]
    faults += many.faults
    assert not faults, "\n".join(faults)


async def test_fifty_twins_on_every_route_of_the_api(databases: list[str], tmp_path: Path) -> None:
    await gone_twice(databases, tmp_path, walk_api, lambda _: changing_routes())


ONCE_SHOWN = "a secret is shown to whoever was first, and to nobody again"
USED_UP = "a one-time code, or a link, opens once"
OTHERWISE = dict.fromkeys((
    "/console/clients/new", "/console/clients/{client:int}/do/rotate", "/console/webhooks/new",
    "/console/webhooks/{webhook:int}/do/rotate", "/console/staff/new",
    "/console/staff/{staff_id:int}/do/password", "/console/me/factor", "/console/me/codes",
), ONCE_SHOWN) | dict.fromkeys((
    "/console/login/code", "/console/fresh", "/console/borrowers/{borrower:str}/contact/prove",
    "/my/login/code", "/my/login/identity", "/my/login/not-me", "/my/enter",
    "/my/number/code/{side:str}", "/family/code",
), USED_UP) | {
    "/console/logout": "who has gone is asked to log in",
    "/my/logout": "who has gone is asked to log in",
    "/console/template-drafts/look": "the form comes again, under a key of its own",
    "/console/policy-drafts/look": "the same for policies",
    "/bank/notifications": "the very same bytes again are somebody else's (R-PAY-04)",
}  # fmt: skip
"""Where a twin rightly gets another answer than the first. Still one thing happens."""
EACH = {
    "/console/login": "every log-in is a session of its own",
    "/family": "the same for relatives",
    "/my/login": "every request for a code sends one, so many in a quarter of an hour (R-LOGIN-05)",
}
"""Where two requests are two."""
FEWER = dict.fromkeys((
    "/console/me/factor", "/console/me/password", "/console/fresh", "/console/login/code"), 4,
) | dict.fromkeys((
    "/console/staff/new", "/console/staff/{staff_id:int}/do/password", "/my/login/code",
    "/my/login/not-me", "/my/number/code/{side:str}",
    "/console/borrowers/{borrower:str}/contact/prove", "/family/code"), 10,
) | dict.fromkeys(("/family/report", "/family/stop"), 6,
) | dict.fromkeys((
    "/my/login/identity", "/my/number",
    "/console/borrowers/{borrower:str}/contact/change"), 3,
) | {"/my/number/send/{side:str}": 2}  # fmt: skip
"""Passwords are hashed slowly on purpose; attempts, changes and codes sent are limited."""
TABLES = {"otherwise": OTHERWISE, "each": EACH, "fewer": FEWER}


async def test_fifty_twins_of_every_form_of_the_console(
    databases: list[str], tmp_path: Path
) -> None:
    await gone_twice(databases, tmp_path, walk_console, rooms("/console"), **TABLES)


async def test_fifty_twins_of_every_form_of_the_portal(
    databases: list[str], tmp_path: Path
) -> None:
    await gone_twice(databases, tmp_path, walk_portal, rooms(*PORTAL), **TABLES)
