"""Automated decisions in a real browser: staff read one, the person asks for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.web.browsing import Open, in_clear
from tests.web.console_site import Site
from tests.web.portal_browsing import Visit
from tests.web.portal_browsing import enter as come_in
from tests.web.test_templates_browser import SIZES, look
from usance.core.identifiers import written
from usance.identity.changing import Asking
from usance.risk.deciding import Wanted

pytestmark = pytest.mark.browser
NUMBERS = iter(range(1_000))


@pytest.fixture
def decide(site: Site) -> Callable[..., str]:
    """Makes a decision; its number."""

    def made(who: int, kind: str, **more: Any) -> str:
        wanted = Wanted(kind=kind, borrower_id=who, **more)
        asking = Asking("staff:1", f"browser {next(NUMBERS)}", b"x")
        answer = site.ask(site.services.decisions.deciding.decide(wanted, asking))
        return str(answer.document["decision_id"])

    return made


def active(site: Site, place: int) -> int:
    """One of the borrowers who have a pay-later line; another one for each place."""
    rows = site.fetch(
        "SELECT borrower_id FROM line JOIN product USING (product_id) WHERE status = 1"
        " AND code = 'pay_later' ORDER BY 1 LIMIT 8"
    )
    return int(rows[place][0])


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_staff_read_a_decision(
    site: Site, enter: Open, decide: Callable[..., str], width: int, locale: str, scheme: str
) -> None:
    who = active(site, SIZES.index((width, locale, scheme)))
    for kind in ("extension", "tier", "limit"):
        decide(who, kind)
    number = decide(who, "open", declared={"student": 0})
    page, faults = enter(width, locale, scheme), {}
    borrower = f"{site.address}/console/borrowers/{written('borrower', who)}"
    page.goto(borrower)
    page.click("main a[href$='/decisions']")
    page.wait_for_url("**/decisions")
    look(page, width, "decisions", faults)
    page.click(f"main a[href$='{number}']")
    page.wait_for_url(f"**/decisions/{number}")
    look(page, width, "decision", faults)
    page.click("main a[href='?again=1']")
    page.wait_for_selector("[role=status]")
    look(page, width, "decision-again", faults)
    in_clear(page, borrower)
    page.goto(f"{site.address}/console/decisions/{number}")
    assert "10000.00 CNY" in page.inner_text("main") or "20 %" in page.inner_text("main")
    look(page, width, "decision-open", faults)
    assert faults == {}


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_the_person_reads_why_and_asks_for_a_person(
    site: Site, visit: Visit, decide: Callable[..., str], width: int, locale: str, scheme: str
) -> None:
    """R-DECIDE-06, R-DECIDE-08."""
    who = active(site, 4 + SIZES.index((width, locale, scheme)))
    page, faults = visit(width, locale, scheme), {}
    page.context.clear_cookies(name="usance_my")
    come_in(site, page, who)
    page.goto(f"{site.address}/my/decisions")
    look(page, width, "my-no-decision", faults)
    decide(who, "limit", product="pay_later")
    number = decide(who, "draw", product="pay_later", declared={"asked_for": 90_000_000})
    page.goto(f"{site.address}/my/you")
    page.click("main a[href='/my/decisions']")
    page.wait_for_url("**/my/decisions")
    look(page, width, "my-decisions", faults)
    page.click(f"main a.button[href$='{number}']")
    page.wait_for_url(f"**/my/decisions/{number}")
    look(page, width, "my-decision", faults)
    page.fill("#text", "I have paid something back since.")
    page.click("main form[action$='/review'] button.main")
    page.wait_for_url("**/my/cases/m-*")
    look(page, width, "my-review", faults)
    page.goto(f"{site.address}/my/decisions/{number}")
    assert page.locator("main form[action$='/review']").count() == 0
    look(page, width, "my-decision-paused", faults)
    assert faults == {}
