"""Alerts, the portfolio and scorecard monitors in a real browser."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.risk.registering import CARD
from tests.risk.warned import planted
from tests.web.browsing import Open, flaws
from tests.web.console_site import Site
from tests.web.portal_browsing import axe
from usance.core.identifiers import written
from usance.risk.scorecard import digest_of

pytestmark = pytest.mark.browser
WATCHED = msgspec.structs.replace(CARD, name="watched")
"""Beside the scorecard of the demo, which nobody was scored by for two months."""
VARIANTS = [(360, "zh-CN", "light"), (360, "en-GB", "dark"), (1280, "en-GB", "light"),
            (1280, "zh-CN", "dark")]  # fmt: skip
SHOTS = os.environ.get("USANCE_SHOTS", "")
"""Where pictures of the pages go, for whoever wants to look at them."""


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def looked(site: Site) -> None:
    """The book is measured."""
    site.ask(site.services.warning.alerts.look())


def alert_of(site: Site, signal: str = "use-jumped") -> str:
    """A new alert about somebody who has none of this signal."""
    who = site.fetch(
        "SELECT borrower_id FROM borrower b WHERE NOT EXISTS (SELECT FROM alert a"
        " WHERE a.borrower_id = b.borrower_id AND signal = $1) ORDER BY 1 LIMIT 1", signal,
    )[0][0]  # fmt: skip
    return written("alert", site.ask(planted(site.pool, who, signal)))


def scored(site: Site) -> None:
    """A scorecard, and two months of decisions as counts."""
    body = msgspec.json.encode(WATCHED, order="deterministic").decode()
    site.fetch(
        "INSERT INTO scorecard_version (name, version, body, digest, role, effective_on,"
        " adopted_by) VALUES ($1, 1, $2, $3, 'champion', '2026-01-01', 'staff:1')"
        " ON CONFLICT DO NOTHING", WATCHED.name, body, bytes.fromhex(digest_of(WATCHED)),
    )  # fmt: skip
    (today,) = site.fetch("SELECT business_date FROM book")[0]
    for days, score in ((70, [0, 5, 20, 40, 20, 5, 0, 0, 0, 0]),
                        (2, [0, 30, 30, 10, 5, 5, 5, 5, 0, 0])):  # fmt: skip
        day = {"decisions": 90, "score": score, "features": {"days_late_12m": [50, 30, 10, 0]},
               "reasons": {"late-lately": 30 + days, "all-in-order": 40}}  # fmt: skip
        site.fetch(
            "INSERT INTO monitor_day VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            f"scorecard:{digest_of(WATCHED)}", today - timedelta(days=days), json.dumps(day),
        )  # fmt: skip


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_an_alert_is_taken_and_closed(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """R-WARN-02, R-WARN-04, R-WARN-05: sound on every screen; only its owner closes it."""
    looked(site)
    alert = alert_of(site)
    page = enter(width, locale, scheme)
    page.goto(f"{site.address}/console/alerts")
    assert axe(page) + flaws(page, width) == []
    shot(page, f"alerts-{width}-{locale}-{scheme}")
    page.goto(f"{site.address}/console/alerts/{alert}")
    assert axe(page) + flaws(page, width) == []
    shot(page, f"alert-{width}-{locale}-{scheme}")
    close = f"a[href='/console/alerts/{alert}/close']"
    assert page.locator(close).count() == 0
    page.goto(f"{site.address}/console/alerts/{alert}/take")
    page.click("main form[method=post] button.main")
    page.wait_for_selector("#flash")
    assert page.locator(close).count() == 1
    page.goto(f"{site.address}/console/alerts/{alert}/close")
    assert axe(page) + flaws(page, width) == []
    shot(page, f"alert-close-{width}-{locale}-{scheme}")
    page.select_option("#f-what", "false/paid-since")
    page.click("main form[method=post] button.main")
    page.wait_for_selector("#flash")
    state, outcome = site.fetch("SELECT state, outcome FROM alert ORDER BY closed_at DESC NULLS"
                                " LAST LIMIT 1")[0]  # fmt: skip
    assert (state, outcome) == (3, "false")
    assert page.locator(close).count() == 0


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_the_portfolio_and_scorecards_can_be_read(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """R-PORT-01 to R-PORT-04, R-MONITOR-02, R-MONITOR-04: every drawing has its table."""
    looked(site)
    scored(site)
    page = enter(width, locale, scheme)
    page.goto(f"{site.address}/console/portfolio")
    assert axe(page) + flaws(page, width) == []
    shot(page, f"portfolio-{width}-{locale}-{scheme}")
    assert page.locator("figure svg[role=img]").count() == 4
    assert page.locator("details table").count() == 4
    page.goto(f"{site.address}/console/portfolio?as_of=2020-01-01")
    assert axe(page) + flaws(page, width) == []
    page.goto(f"{site.address}/console/scores")
    assert axe(page) + flaws(page, width) == []
    shot(page, f"scores-{width}-{locale}-{scheme}")
    watched = page.locator("section", has=page.locator("h2", has_text=WATCHED.name))
    assert watched.locator("figure svg[role=img]").count() == 2
    assert watched.inner_text().count("0.") > 0
