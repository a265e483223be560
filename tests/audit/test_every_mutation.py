"""R-AUDIT-01: every route of the console that changes something writes an audit event.

The routes are the application's own: one that is not walked here fails the test. The routes of the
API are held to the same in ``tests/api/test_attack.py``, with every request that is carried out.
"""

from __future__ import annotations

from pathlib import Path

from tests.web.api_site import opened
from tests.web.console_walk import changing_routes, walk_console
from tests.web.walking import Walk
from usance.platform.clock import FixedClock, SystemClock


async def test_every_form_of_the_console_leaves_an_audit_event(
    database: str, tmp_path: Path
) -> None:
    clock = FixedClock(SystemClock().now())
    async with opened(database, tmp_path, clock=clock, sandbox=True) as site:
        walk = Walk(site, clock)
        await walk_console(walk)
        assert changing_routes(site) == walk.walked
    assert walk.silent == []
