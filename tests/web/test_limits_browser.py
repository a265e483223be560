"""Limits in a real browser: the borrower's own page, and what staff see."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.web.browsing import Open, flaws
from tests.web.console_site import Site
from tests.web.limit_offers import cut, good_tier, line_of, offered
from tests.web.portal_browsing import Visit, axe, send
from usance.core.identifiers import written

pytestmark = pytest.mark.browser
VARIANTS = [(360, "zh-CN", "light"), (360, "en-GB", "dark"), (1280, "en-GB", "light"),
            (1280, "zh-CN", "dark")]  # fmt: skip
SHOTS = os.environ.get("USANCE_SHOTS", "")
"""Where pictures of the pages go, for whoever wants to look at them."""


OWNER = """
SELECT l.borrower_id FROM line l JOIN borrower b USING (cell, borrower_id) WHERE l.status = 1
    AND l.product_id = 1 AND b.status = 1 AND NOT EXISTS (SELECT FROM contract c, book
        WHERE c.cell = l.cell AND c.borrower_id = l.borrower_id AND (c.status = 3
        OR c.late_from <> 0 AND c.late_from < business_date - date '0001-01-01' + 1))
    AND NOT EXISTS (SELECT FROM case_file f WHERE f.borrower_id = l.borrower_id)
ORDER BY l.borrower_id LIMIT 1
"""


@pytest.fixture(scope="module")
def who(site: Site) -> int:
    """Somebody with a pay-later line, of whom nothing is late."""
    return int(site.ask(site.pool.fetchval(OWNER)))


def sound(page: Any, width: int, name: str) -> None:
    """Nothing is wrong with the page; a picture of it for whoever wants one."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)
    assert flaws(page, width) == []
    assert axe(page) == []


def limit_of(site: Site, who: int) -> int:
    return int(site.ask(line_of(site, who)).standing.limit)


def offer(site: Site, who: int) -> str:
    """A step up of a hundred."""
    return str(site.ask(offered(site, written("borrower", who), limit_of(site, who) + 10_000)))


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_an_offer_is_left_or_taken(
    site: Site, who: int, visit: Visit, width: int, locale: str, scheme: str
) -> None:
    """R-LIMIT-07: nothing rises by looking at it."""
    before, number = limit_of(site, who), offer(site, who)
    page = visit(width, locale, scheme)
    page.goto(f"{site.address}/my/you")
    page.click("main a[href='/my/limits']")
    page.wait_for_url("**/my/limits")
    sound(page, width, f"limits-offer-{width}-{locale}-{scheme}")
    assert limit_of(site, who) == before
    send(page, f"[action$='{number}/decline']")
    page.wait_for_url("**/my/limits?done=declined")
    sound(page, width, f"limits-declined-{width}-{locale}-{scheme}")
    assert limit_of(site, who) == before
    number = offer(site, who)
    page.goto(f"{site.address}/my/limits")
    send(page, f"[action$='{number}/accept']")
    page.wait_for_url("**/my/limits?done=taken")
    assert limit_of(site, who) == before + 10_000
    sound(page, width, f"limits-taken-{width}-{locale}-{scheme}")


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_more_for_a_while_is_asked_for(
    site: Site, who: int, visit: Visit, width: int, locale: str, scheme: str
) -> None:
    """R-LIMIT-08: refused in plain words, with what was filled in."""
    site.ask(good_tier(site, written("borrower", who)))
    page = visit(width, locale, scheme)
    page.goto(f"{site.address}/my/limits")
    page.fill("#limit-pay_later", "99999999")
    today = site.ask(site.pool.fetchval("SELECT business_date FROM book"))
    page.fill("#until-pay_later", str(today))
    send(page, "[action='/my/limits/pay_later/more']")
    assert "R-LIMIT-08" in page.inner_text("#refusal")
    assert page.input_value("#limit-pay_later") == "99999999"
    sound(page, width, f"limits-refused-{width}-{locale}-{scheme}")


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_a_cut_is_told_and_staff_see_everything(
    site: Site, who: int, visit: Visit, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """R-LIMIT-09."""
    borrower = written("borrower", who)
    if not site.ask(site.pool.fetchval("SELECT count(*) FROM limit_measure")):
        line = site.ask(line_of(site, who)).standing
        site.ask(cut(site, borrower, f"{max(line.limit - 10_000, line.used) / 100:.2f}"))
    page = visit(width, locale, scheme)
    page.goto(f"{site.address}/my/limits")
    shown = page.inner_text("main")
    assert ("提出异议" if locale == "zh-CN" else "You may object") in shown
    sound(page, width, f"limits-cut-{width}-{locale}-{scheme}")
    page = enter(width, locale, scheme)
    page.goto(f"{site.address}/console/borrowers/{borrower}")
    page.locator(f"main a[href='/console/borrowers/{borrower}/limits']").click()
    page.wait_for_url("**/limits")
    assert "200,000.00" in page.inner_text("main")
    sound(page, width, f"console-limits-{width}-{locale}-{scheme}")
