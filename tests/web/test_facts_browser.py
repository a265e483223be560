"""What is known of a borrower, in a real browser: the profile, and the borrower's own page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.web.browsing import Open, flaws, in_clear
from tests.web.console_site import Site
from tests.web.portal_browsing import Visit, axe, send
from usance.consents.records import Saying, borrower
from usance.core.identifiers import written
from usance.identity.changing import Asking
from usance.risk.facts import Given

pytestmark = pytest.mark.browser
VARIANTS = [(360, "zh-CN", "light"), (360, "en-GB", "dark"), (1280, "en-GB", "light"),
            (1280, "zh-CN", "dark")]  # fmt: skip
SHOTS = os.environ.get("USANCE_SHOTS", "")
"""Where pictures of the pages go, for whoever wants to look at them."""


async def seed(site: Site, who: int) -> None:
    """Facts of every kind, an old one, a report, and a household with both sides' agreement."""
    services, staff = site.services, Asking("staff:1")
    other = await site.pool.fetchval(
        "SELECT max(borrower_id) FROM borrower WHERE borrower_id <> $1", who
    )
    sides = [(who, "household-income", other), (other, "household-income", who),
             (who, "bureau-pull", 0)]  # fmt: skip
    for grantor, document, counterparty in sides:
        saying = Saying(grantor, borrower(grantor), document, 1, "en", "portal")
        if counterparty:
            saying = Saying(grantor, borrower(grantor), document, 1, "en", "portal",
                            counterparty=borrower(counterparty))  # fmt: skip
        await services.consents.grant(saying, Asking(f"borrower:{grantor}"))
    now = services.clock.now()
    for name, source, value, more in (
        ("income", "income", "7000.00 CNY", {}),
        ("income", "income", "8000.00 CNY", {"reference": "payslip of March"}),
        ("student", "declared", False, {}),
        ("household_income", "household", "15000.00 CNY", {"other_id": other}),
    ):
        await services.facts.record(who, Given(name, source, value, now, **more), staff)
    await services.bureau.ask(who, staff)
    await services.bureau.look()
    await services.bureau.stop()


@pytest.fixture(scope="module")
def known(site: Site, who: int) -> int:
    """A borrower of whom something is known."""
    site.ask(seed(site, who))
    return who


def sound(page: Any, width: int, name: str) -> None:
    """Nothing is wrong with the page; a picture of it for whoever wants one."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)
    assert flaws(page, width) == []
    assert axe(page) == []


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_a_profile(
    site: Site, known: int, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """R-FACT-06, R-ACCESS-01, R-BUREAU-01"""
    page = enter(width, locale, scheme)
    place = f"{site.address}/console/borrowers/{written('borrower', known)}"
    page.goto(f"{place}/profile")
    assert "8,000.00" not in page.inner_text("main")
    sound(page, width, f"profile-closed-{width}-{locale}-{scheme}")
    in_clear(page, place)
    page.goto(f"{place}/profile")
    shown = page.inner_text("main")
    assert "8,000.00" in shown
    assert "15,000.00" in shown
    assert "Babel" not in shown  # an empty text is no message
    assert ("经核实的月收入" if locale == "zh-CN" else "proved income in a month") in shown
    sound(page, width, f"profile-{width}-{locale}-{scheme}")
    page.goto(f"{place}/profile/record")
    page.select_option("#f-name", "student")
    page.fill("#f-value", "perhaps")
    page.fill("#f-observed_on", str(site.services.clock.now().date()))
    page.locator("main form button.main").last.click()
    page.wait_for_selector("#refusal")
    assert "R-FACT-02" in page.inner_text("#refusal")
    sound(page, width, f"profile-record-{width}-{locale}-{scheme}")


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_what_is_known_about_me(
    site: Site, known: int, visit: Visit, width: int, locale: str, scheme: str
) -> None:
    """R-FACT-11, R-CASE-04: seen, and one of it said to be wrong."""
    page = visit(width, locale, scheme)
    page.goto(f"{site.address}/my/you")
    page.click("main a[href='/my/known']")
    page.wait_for_url("**/my/known")
    shown = page.inner_text("main")
    assert "8,000.00" in shown
    assert ("您的家庭" if locale == "zh-CN" else "Your household") in shown
    sound(page, width, f"known-{width}-{locale}-{scheme}")
    page.locator("main a[href*='fact=v-']").first.click()
    page.wait_for_url("**/my/cases/new?*")
    sound(page, width, f"known-correct-{width}-{locale}-{scheme}")
    page.fill("#text", "It is more.")
    send(page, "[action='/my/cases/new']")
    page.wait_for_url("**/my/cases/m-*")
    assert page.locator("main a[href='/my/known']").count() == 1
    page.goto(f"{site.address}/my/consents/documents/bureau-pull")
    sound(page, width, f"known-bureau-{width}-{locale}-{scheme}")
    assert page.locator("main input[type=checkbox]").count() == 0


def test_a_household_is_taken_back(site: Site, known: int, visit: Visit) -> None:
    """R-FACT-07, R-FACT-11: at once."""
    assert "household_income" in site.ask(site.services.facts.known(known))
    page = visit(360, "en-GB", "light")
    page.goto(f"{site.address}/my/known")
    send(page, "[action*='/withdraw']")
    page.wait_for_url("**/my/known?done=withdrawn")
    assert "You have taken it back" in page.inner_text("main")
    sound(page, 360, "known-withdrawn")
    assert "household_income" not in site.ask(site.services.facts.known(known))
