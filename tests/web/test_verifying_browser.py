"""Asking whether a notice is genuine in a real browser: both languages, light and dark, a phone and
a desk, with scripts and without; and what staff sees of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.notices.asking_house import DIGITS, WRONG, Sent, sent
from tests.web.browsing import Open, flaws
from tests.web.console_site import Site
from tests.web.portal_browsing import Visit, axe

pytestmark = pytest.mark.browser

VARIANTS = [(360, "zh-CN", "light"), (360, "en-GB", "dark"), (1280, "en-GB", "light"),
            (1280, "zh-CN", "dark")]  # fmt: skip
FORGED = "[Usance] Pay CNY 900.00 today: http://usance-pay.example/x or call 13800009999."
SHOTS = os.environ.get("USANCE_SHOTS")
"""Where pictures are put for who wants to look at them."""


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def notice(site: Site, who: int) -> Sent:
    """A reminder that was sent to the borrower."""
    found: Sent = site.ask(sent(site.pool, who, site.services.keys))
    return found


def ask(page: Any, code: str, digits: str) -> None:
    """Fill in the form, by the keyboard alone, and send it."""
    page.focus("#code")
    page.keyboard.type(code)
    page.keyboard.press("Tab")
    page.keyboard.type(digits)
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_from_the_form_to_an_answer_and_a_report(
    site: Site, new_page: Callable[..., Any], who: int, width: int, locale: str, scheme: str
) -> None:
    """R-VERIFY-03, R-VERIFY-04, R-VERIFY-06: every page sound; nothing typed in an address."""
    site.fetch("DELETE FROM verify_bucket")
    one = notice(site, who)
    page = new_page(
        viewport={"width": width, "height": 780}, locale=locale, color_scheme=scheme
    )
    addresses: list[str] = []
    referrers: list[str | None] = []
    page.on("request", lambda each: addresses.append(each.url))
    page.on("request", lambda each: referrers.append(each.headers.get("referer")))
    found = {}

    def look(name: str) -> None:
        if faults := axe(page) + flaws(page, width):
            found[name] = faults
        shot(page, f"{name}-{width}-{locale}-{scheme}")

    page.goto(f"{site.address}/verify")
    assert page.get_attribute("html", "lang") == ("en" if locale == "en-GB" else "zh-CN")
    look("verify")
    ask(page, one.code, WRONG)
    assert page.locator("[role=alert]").count() == 1
    look("not-found")
    page.fill("#code", "")
    ask(page, "ABC", DIGITS)
    assert "R-CODE-02" in page.inner_text("#refusal")
    look("refused")
    page.fill("#code", "")
    ask(page, f"{one.code[:5]} {one.code[5:]}".lower(), DIGITS)
    assert "1,234.50" in page.inner_text("main")
    assert page.locator("[role=alert]").count() == 0
    look("genuine")
    page.click("a[href='/verify/report']")
    look("report")
    page.fill("#text", FORGED)
    page.fill("#sender", "+852 6000 0000")
    with page.expect_navigation():
        page.click("button.main")
    assert "w-" in page.inner_text("[role=status]")
    look("reported")
    assert found == {}
    assert page.context.cookies() == []
    for address in addresses:
        assert not any(each in address for each in (one.code, DIGITS, WRONG, "ABC", "evil"))
    assert set(referrers) <= {None, ""}


def test_without_scripts(site: Site, new_page: Callable[..., Any], who: int) -> None:
    """R-VERIFY-03: asked, answered, and in the other language."""
    site.fetch("DELETE FROM verify_bucket")
    one = notice(site, who)
    page = new_page(java_script_enabled=False, locale="en-GB")
    page.goto(f"{site.address}/verify")
    ask(page, one.code, DIGITS)
    assert "Due tomorrow" in page.inner_text("main")
    page.select_option("select[name=language]", "zh")
    with page.expect_navigation():
        page.click("form.settings button")
    assert page.url == f"{site.address}/verify"
    assert page.get_attribute("html", "lang") == "zh-CN"


def test_a_borrower_reports_and_gets_a_case(site: Site, visit: Visit) -> None:
    """R-VERIFY-06."""
    page = visit()
    page.goto(f"{site.address}/my/you")
    page.click("a[href='/my/suspicious']")
    page.fill("#text", FORGED)
    with page.expect_navigation():
        page.click("main form[action='/my/suspicious'] button.main")
    assert "/my/cases/m-" in page.url
    assert "usance-pay.example" in page.inner_text("main")
    assert axe(page) + flaws(page, 360) == []


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_what_staff_sees(
    site: Site, enter: Open, who: int, width: int, locale: str, scheme: str
) -> None:
    """R-VERIFY-05, R-VERIFY-07: an alarm, the hours and a report; acknowledged, read, closed."""
    site.fetch("DELETE FROM verify_bucket")
    genuine = site.services.genuine
    for number in range(31):
        site.ask(genuine.asking.ask(f"00000000{number:02}", WRONG, f"10.{number}.{width}.1"))
    site.ask(genuine.watch.look())
    page, found = enter(width, locale, scheme), {}

    def look(name: str) -> None:
        if faults := axe(page) + flaws(page, width):
            found[name] = faults
        shot(page, f"{name}-{width}-{locale}-{scheme}")

    page.goto(f"{site.address}/verify/report")
    page.fill("#text", FORGED)
    page.fill("#sender", "+852 6000 0000")
    with page.expect_navigation():
        page.click("button.main")
    page.goto(f"{site.address}/console/verification")
    look("console")
    alarms = page.locator("a[href$='/acknowledge']")
    if alarms.count():
        page.goto(site.address + alarms.first.get_attribute("href"))
        look("acknowledge")
        page.fill("#f-reason", "Forgeries about parcels.")
        with page.expect_navigation():
            page.click("main button.main")
        assert "Forgeries about parcels." in page.inner_text("main")
        look("acknowledged")
    page.click("main tbody a.id[href*='/reports/w-'] >> nth=0")
    assert "usance-pay.example" in page.inner_text("blockquote")
    assert page.locator("blockquote a").count() == 0
    look("console-report")
    page.goto(f"{page.url}/close")
    page.fill("#f-reason", "Handed to the carrier.")
    with page.expect_navigation():
        page.click("main button.main")
    assert "Handed to the carrier." in page.inner_text("main")
    assert found == {}
