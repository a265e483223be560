"""The page of sending in a real browser: what is normal, what is not, who lets it go on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.web.browsing import Open, flaws
from tests.web.console_site import Site
from tests.web.portal_browsing import axe
from usance.identity.changing import Asking

pytestmark = pytest.mark.browser
VARIANTS = [(360, "zh-CN", "light"), (360, "en-GB", "dark"), (1280, "en-GB", "light"),
            (1280, "zh-CN", "dark")]  # fmt: skip
SHOTS = os.environ.get("USANCE_SHOTS", "")
"""Where pictures of the page go, for whoever wants to look at them."""
NUMBER, DEVICE = "ab" * 32, "cd" * 32
WORDS = "paid.1.sms.zh-CN"
ROWS = [
    ("provider", "sms sandbox", 270, 30, 0), ("channel", "sms", 270, 30, 0),
    ("template", "paid", 270, 30, 0), ("words", WORDS, 270, 0, 30_000),
]  # fmt: skip
BREAKERS = [
    ("provider", "sms sandbox", "warning", "failed"), ("words", WORDS, "open", "drift"),
    ("recipient", NUMBER, "open", "many"), ("device", DEVICE, "open", "many"),
    ("network", "ef" * 32, "warning", "many"),
]  # fmt: skip


def happened(site: Site) -> None:
    """Something unusual, within the last hour."""
    now = site.fetch("SELECT extract(epoch FROM now())::bigint / 60")[0][0]
    for slot, share in ((now - 1, 1), *((now - 1 - 1440 * day, 2) for day in range(1, 8))):
        for kind, name, sent, failed, length in ROWS:
            site.ask(site.pool.execute(
                "INSERT INTO sending_slot (kind, name, slot, sent, failed, length)"
                " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, name, slot)"
                " DO UPDATE SET sent = excluded.sent, failed = excluded.failed",
                kind, name, slot, sent // share, failed // share**3, length // share // share,
            ))  # fmt: skip
    for kind, name, state, because in BREAKERS:
        site.ask(site.pool.execute(
            "INSERT INTO breaker (kind, name, state, because, since)"
            " VALUES ($1, $2, $3, $4, now()) ON CONFLICT (kind, name) DO UPDATE SET state = $3",
            kind, name, state, because,
        ))  # fmt: skip


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_what_is_normal_can_be_seen(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """R-BREAKER-03 to R-BREAKER-06: no number, no whole hash."""
    happened(site)
    page = enter(width, locale, scheme)
    page.goto(f"{site.address}/console/notices")
    assert axe(page) + flaws(page, width) == []
    shot(page, f"sending-{width}-{locale}-{scheme}")
    words = page.inner_text("main")
    assert f"…{NUMBER[-10:]}" in words
    assert NUMBER not in words
    assert "10.00 %" in words
    assert page.locator(f"a[href='/console/notices/breakers/device/{DEVICE}/do/drop']").count() == 0
    page.goto(f"{site.address}/console/notices/breakers/recipient/{NUMBER}/do/close")
    assert axe(page) + flaws(page, width) == []
    assert NUMBER not in page.inner_text("main")
    page.fill("#f-reason", "An office where several borrowers have one telephone.")
    page.click("main form[method=post] button.main")
    page.wait_for_selector("#flash")
    state = site.fetch(f"SELECT state FROM breaker WHERE name = '{NUMBER}'")
    assert state[0][0] == "closed"


def test_a_browser_that_names_many_may_name_again(site: Site) -> None:
    """R-FAMILY-19: after somebody has looked."""
    happened(site)
    health = site.services.notices.health
    why = "A branch of ours, where people are helped at one desk."
    answer = site.ask(health.close("device", DEVICE, why, Asking("staff:1")))
    assert answer.document["notices"] == 0


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)
