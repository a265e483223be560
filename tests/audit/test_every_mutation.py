"""R-AUDIT-01: every route for people, or for a bank, that changes something writes an audit event.

The routes are the application's own: one that is not walked here fails the test. The routes of the
API are held to the same in ``tests/api/test_attack.py``, with every request that is carried out.
"""

from __future__ import annotations

from pathlib import Path

from tests.web.api_site import opened
from tests.web.console_walk import walk_console
from tests.web.portal_walk import walk_portal
from tests.web.walking import PORTAL, Walk, posted_to
from usance.platform.clock import FixedClock, SystemClock


async def test_every_form_of_the_console_leaves_an_audit_event(
    database: str, tmp_path: Path
) -> None:
    clock = FixedClock(SystemClock().now())
    async with opened(database, tmp_path, clock=clock, sandbox=True) as site:
        walk = Walk(site, clock)
        await walk_console(walk)
        assert posted_to(site, "/console") == walk.walked
    # The browser's; and drafts that are looked at and kept nowhere.
    assert set(walk.silent) == {
        "/console/settings", "/console/template-drafts/look", "/console/policy-drafts/look",
    }  # fmt: skip


WRITES_NONE = {
    "/my/settings": "language and colours are the browser's; nothing of the book changes",
    "/family/settings": "the same for relatives",
    "/family": "a code to a relative, who is not known yet (R-FAMILY-07)",
    "/my/login": "a code is asked for, and who is there is not known yet (R-LOGIN-04)",
}
NOT_ALWAYS = {
    "/my/login/code": "where a question follows, its answer opens the session (R-LOGIN-06)",
    "/sandbox/bank/{reference:str}": "the sandbox's bank has an order; its word is what is booked",
}


async def test_every_form_of_the_portal_leaves_an_audit_event(
    database: str, tmp_path: Path
) -> None:
    """And so does what the bank says."""
    clock = FixedClock(SystemClock().now())
    async with opened(database, tmp_path, clock=clock, sandbox=True) as site:
        walk = Walk(site, clock)
        await walk_portal(walk)
        assert posted_to(site, *PORTAL) == walk.walked
    loud = {route for route, effect in walk.steps if "operation" in effect}
    assert walk.walked - loud == set(WRITES_NONE)
    assert set(walk.silent) & loud == set(NOT_ALWAYS)
