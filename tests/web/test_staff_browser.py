"""Staff in a real browser: two steps, enrolment, accounts, a reason; each page is sound."""

from __future__ import annotations

import re
import time
from typing import Any

import pyotp
import pytest

from tests.web.browsing import Open, flaws, in_clear
from tests.web.console_site import PASSWORD, Site
from usance.core.identifiers import written
from usance.identity.roles import roles

pytestmark = pytest.mark.browser

SIZES = [(1280, "en-GB", "light"), (360, "zh-CN", "dark")]
NEW = "tide-lantern-violet"
_names = iter(f"anna {n}" for n in range(100))


def made(site: Site, *codes: str) -> str:
    """A new account of its own for a test; its name."""
    name = next(_names)
    site.ask(site.services.staff.create(name, PASSWORD, codes or roles()))
    return name


def log_in(page: Any, site: Site, name: str, password: str = PASSWORD) -> None:
    """The first step."""
    page.goto(f"{site.address}/console/login")
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("button.main")


def code_of(secret: str, steps: int = 0) -> str:
    """What an app shows so many half minutes from now."""
    return pyotp.TOTP(secret).generate_otp(int(time.time()) // 30 + steps)


class Found:
    """Flaws of pages, by what they show."""

    def __init__(self, page: Any, width: int) -> None:
        self.page, self.width = page, width
        self.all: dict[str, list[str]] = {}

    def look(self, name: str) -> None:
        if wrong := flaws(self.page, self.width):
            self.all[name] = wrong


def enrol(page: Any, site: Site, look: Any) -> tuple[str, list[str]]:
    """Enrol a factor on the pages that do it; (secret, recovery codes)."""
    page.goto(f"{site.address}/console/me/factor")
    look("enrolment begins")
    page.locator("main form button.main").click()
    page.wait_for_selector(".picture svg")
    look("enrolment")
    secret = page.inner_text("main dd code").replace(" ", "")
    box = page.locator(".picture svg").bounding_box()
    assert box["width"] == box["height"] >= 200
    page.fill("#f-code", "000000")
    page.locator("main form button.main").first.click()
    page.wait_for_selector("#refusal")
    look("a wrong code")
    page.fill("#f-code", code_of(secret))
    page.locator("main form button.main").first.click()
    page.wait_for_selector(".codes")
    look("recovery codes")
    return secret, page.locator(".codes code").all_inner_texts()


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_a_factor_from_its_enrolment_to_the_second_step(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """R-FACTOR-01, R-FACTOR-03: and no script or style that the policy of the page forbids."""
    name = made(site)
    page = enter(width, locale, scheme, name)
    found = Found(page, width)
    secret, codes = enrol(page, site, found.look)
    assert len(codes) == 10
    page.goto(f"{site.address}/console/me")
    found.look("own account")
    log_in(page, site, name)
    page.wait_for_url("**/console/login/code?next=*")
    found.look("second step")
    assert page.locator("nav").count() == 0
    page.goto(f"{site.address}/console/borrowers")
    assert "/console/login/code?next=" in page.url
    page.fill("#f-code", "123")
    page.click("button.main")
    page.wait_for_selector("[role=alert]")
    found.look("second step refused")
    page.fill("#f-code", code_of(secret, 1))
    page.click("button.main")
    page.wait_for_url(f"{site.address}/console/borrowers")
    for code, lets_in in ((codes[0], True), (codes[0], False)):
        log_in(page, site, name)
        page.fill("#f-code", code)
        page.click("button.main")
        page.wait_for_selector("nav" if lets_in else "[role=alert]", state="attached")
    assert found.all == {}


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_accounts_of_staff(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """From the invitation to the first log-in, and every deed's form."""
    page = enter(width, locale, scheme, made(site))
    found, name = Found(page, width), f"Wolfeschlegelsteinhausenbergerdorff {width}"
    page.goto(f"{site.address}/console/staff")
    found.look("staff")
    page.goto(f"{site.address}/console/staff/new")
    found.look("new account")
    page.fill("#f-name", name)
    page.locator("main form button.main").click()
    page.wait_for_selector("#refusal")
    found.look("new account refused")
    for role in ("viewer", "service"):
        page.check(f"input[name=role-{role}]")
    page.locator("main form button.main").click()
    page.wait_for_selector(".note-box")
    found.look("password told")
    password = page.inner_text("main dd code")
    page.locator("main a.button.main").click()
    page.wait_for_url("**/console/approvals/*")
    found.look("waits")
    assert "argon2" not in page.inner_text("main")
    site.agree()
    number = site.fetch("SELECT staff_id FROM staff WHERE name = $1", name)[0][0]
    page.goto(f"{site.address}/console/staff/{number}")
    found.look("account")
    for deed in ("roles", "password", "end-sessions", "deactivate"):
        page.goto(f"{site.address}/console/staff/{number}/do/{deed}")
        found.look(deed)
    log_in(page, site, name, password)
    page.wait_for_url("**/console/me/password?next=*")
    found.look("password to be changed")
    page.goto(f"{site.address}/console/operations")
    assert "/console/me/password" in page.url
    for again in ("other", NEW):
        for field, text in (("old", password), ("password", NEW), ("again", again)):
            page.fill(f"#f-{field}", text)
        page.locator("main form button.main").first.click()
        page.wait_for_selector("#refusal" if again != NEW else "#flash")
        found.look(f"password {again}")
    assert found.all == {}


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_a_person_is_shown_for_a_reason(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """R-ACCESS-01: masked, the form in its window, in clear, and who looked."""
    page = enter(width, locale, scheme, made(site, "service"))
    found = Found(page, width)
    number = site.fetch("SELECT borrower_id FROM borrower ORDER BY 1 DESC LIMIT 1")[0][0]
    borrower = f"{site.address}/console/borrowers/{written('borrower', number)}"
    page.goto(f"{site.address}/console/borrowers")
    names = page.locator("main tbody td:nth-child(2)").all_inner_texts()
    assert [each for each in names if not re.fullmatch(r".••", each)] == []
    page.goto(borrower)
    assert page.inner_text("h1").endswith("••")
    found.look("masked")
    page.locator("a[href$='/open']").first.click()
    page.wait_for_selector("dialog #f-reason")
    page.keyboard.press("Escape")
    page.goto(f"{borrower}/open")
    found.look("reason")
    page.fill("#f-note", "x" * 201)
    page.select_option("#f-reason", "case")
    page.locator("main form button.main").last.click()
    page.wait_for_selector("#refusal")
    found.look("reason refused")
    in_clear(page, borrower, "case")
    assert not page.inner_text("h1").endswith("••")
    found.look("in clear")
    page.goto(f"{borrower}/accesses")
    assert page.locator("main tbody tr").count() >= 1
    found.look("who looked")
    assert found.all == {}


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_a_weighty_act_asks_for_the_factor_and_goes_on(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """R-STEP-01: before the form; and again where it grew stale meanwhile, with what was typed."""
    name = made(site)
    page = enter(width, locale, scheme, name)
    found = Found(page, width)

    def grow_stale() -> None:
        site.ask(site.pool.execute("UPDATE staff_session SET fresh_at = now() - interval '1 hour'"))

    grow_stale()
    page.goto(f"{site.address}/console/staff/new")
    assert "/console/fresh?next=" in page.url
    found.look("asked before the form")
    page.fill("#f-proof", PASSWORD)
    page.locator("main form button.main").click()
    page.wait_for_url(f"{site.address}/console/staff/new")
    page.fill("#f-name", f"late {width}")
    page.check("input[name=role-viewer]")
    grow_stale()
    page.locator("main form button.main").click()
    page.wait_for_selector("#f-proof")
    found.look("asked after the form")
    for proof in ("wrong", PASSWORD):
        page.fill("#f-proof", proof)
        page.locator("main form button.main").click()
        page.wait_for_selector("#refusal" if proof == "wrong" else ".note-box code, dd code")
    found.look("done")
    site.agree()
    assert len(site.fetch("SELECT 1 FROM staff WHERE name = $1", f"late {width}")) == 1
    assert found.all == {}
