"""The console in a real browser: every page, a repayment, its reversal, phone, keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.web.browsing import (
    CONTRAST,
    LATE_LINE,
    LATE_LOAN,
    LOAN,
    STRUCTURE,
    Open,
    flaws,
    in_clear,
    sent,
    upload,
    written,
)
from tests.web.console_site import NAME, PASSWORD, Site
from usance.day import close

pytestmark = pytest.mark.browser

PAGES = ["", "/borrowers", "/borrowers?late=1", "/borrowers/new", "/day", "/bank-files",
         "/products", "/products/pay_later", "/products/cash_loan", "/operations", "/rules",
         "/rules/R-ALLOC-01", "/rules/R-CLOSE-DAY-01", "/borrowers?q=13800000001", "/nothing",
         "/contracts/c-zzz", "/products/gold", "/day?before=2000-01-01", "/receipts",
         "/receipts?all=1", "/receipts/99999999999", "/audit"]  # fmt: skip
ABSENT = ("?q=", "/nothing", "/c-zzz", "/gold", "/99999999999")
"""Marks of addresses that are answered with 404, on a page like any other."""


def all_pages(site: Site) -> list[str]:
    """An address of every kind of page."""
    line, loan = written(site, LATE_LINE), written(site, LOAN)
    return [
        *(f"{site.address}/console{each}" for each in PAGES), line, loan, f"{line}/statements/1",
        *(f"{line}/all/{each}" for each in ("dues", "events", "transfers", "statements")),
        f"{loan}/why?figure=pay-off", f"{loan}/why?figure=asked-interest%201", f"{loan}/do/repay",
    ]  # fmt: skip


def linked(page: Any, site: Site) -> list[str]:
    """A borrower, a line and an offer, from the links of pages."""
    page.goto(f"{site.address}/console/borrowers")
    page.locator("tbody a.id").first.click()
    hrefs = [each.get_attribute("href") for each in page.locator("main a").all()]
    wanted = re.compile(r"/borrowers/b-\w+(/lines/\w+|/offers/o-\w+)?$")
    return [site.address + each for each in hrefs if wanted.search(each)] + [page.url]


@pytest.mark.parametrize(("width", "locale", "scheme"), [
    (1280, "en-GB", "light"), (360, "zh-CN", "dark"), (360, "en-GB", "light"),
])  # fmt: skip
def test_every_page_is_sound(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    page = enter(width, locale, scheme)
    faults = {}
    for address in [*all_pages(site), *linked(page, site)]:
        answer = page.goto(address)
        expected = 404 if any(mark in address for mark in ABSENT) else 200
        found = [] if answer.status == expected else [f"status {answer.status}"]
        if found := found + flaws(page, width):
            faults[address] = found
    assert faults == {}


NUMBER = iter(range(10, 100))
LONG = "Wolfeschlegelsteinhausenbergerdorff-" * 2 + "Maximilian"
MAIL = "a.very.long.address.of.a.person@a-rather-long-name-of-a-domain.example"


@pytest.mark.parametrize(("width", "locale", "scheme"), [
    (1280, "zh-CN", "light"), (360, "en-GB", "dark"),
])  # fmt: skip
def test_what_a_form_leads_to_is_sound(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """Refusals beside the form, and people with names as long as they may be."""
    page, found, loan = enter(width, locale, scheme), {}, written(site, LOAN)
    for action, fields in {
        "repay": {"amount": "1.2.3"}, "extend": {"days": "4000"}, "charge-back": {"of": "9999"},
    }.items():  # fmt: skip
        sent(page, f"{loan}/do/{action}", fields)
        assert page.locator("#refusal").count() == 1
        found[action] = flaws(page, width)
    number = next(NUMBER)
    person = {"phone": f"138000990{number}", "identity_number": f"P99{number}", "email": MAIL}
    sent(page, f"{site.address}/console/borrowers/new", {"name": "x", "phone": "1", "email": "",
                                                         "identity_number": "2"})
    page.wait_for_selector("#f-phone:focus")
    found["not registered"] = flaws(page, width)
    sent(page, f"{site.address}/console/borrowers/new", {"name": LONG} | person)
    page.wait_for_selector("#flash")
    found["registered"] = flaws(page, width)
    in_clear(page, page.url.partition("?")[0])
    assert MAIL in page.inner_text("main")
    found["long"] = flaws(page, width)
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_log_in_page_is_sound_in_the_readers_language(site: Site, browser: Any) -> None:
    """It has a choice of languages, and says no in the one that was chosen."""
    context = browser.new_context(viewport={"width": 360, "height": 700}, locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.address}/console/borrowers?late=1")
    assert flaws(page, 360) == []
    page.select_option("select[name=language]", "zh")
    page.wait_for_selector("html[lang=zh-CN]")
    page.fill("#name", "nobody")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_selector("[role=alert]")
    assert "账号或密码" in page.inner_text("[role=alert]")
    assert flaws(page, 360) == []
    context.close()


def test_nobody_comes_in_by_a_foreign_form(site: Site, enter: Open) -> None:
    """A 403 is a page with a way on, and nothing was done."""
    page = enter()
    before = site.fetch("SELECT count(*) FROM operation")
    form = {"amount": "1.00", "key": "k", "csrf_token": "x"}
    answer = page.request.post(f"{written(site, LOAN)}/do/repay", form=form)
    assert answer.status == 403
    assert "R-AUTH-03" in answer.text()
    assert 'href="/console"' in answer.text()
    assert site.fetch("SELECT count(*) FROM operation") == before


def test_an_accident_is_a_page_with_its_number(
    site: Site, enter: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from usance.web.console import records

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(records.read, "operations", broken)
    page = enter()
    answer = page.request.get(f"{site.address}/console/operations")
    assert answer.status == 500
    assert "R-HTTP-06" in answer.text()
    assert re.search(r"\b[0-9a-f]{16}\b", answer.text())
    assert "secret" not in answer.text()
    assert answer.headers["content-type"].startswith("text/html")


def test_a_bank_file_is_loaded_once_and_shown_row_by_row(site: Site, enter: Open) -> None:
    page = enter(360)
    day = site.fetch("SELECT business_date FROM book")[0][0]
    late = f"{LATE_LOAN} LIMIT 1"
    contract = written(site, late).rpartition("/")[2]
    name = "debits_of_a_bank_with_a_long_name_" + "x" * 60 + ".csv"
    lines = [
        f"w1,{contract},1.00,00,{day},t1", f"w2,{contract},2.00,51,{day},",
        f"w1,{contract},1.00,00,{day},t1", f"w3,c-1001,5.00,00,{day},",
    ]  # fmt: skip
    upload(page, site, name, lines)
    page.wait_for_url("**/bank-files/*")
    assert flaws(page, 360) == []
    outcomes = [row.split("\t")[6] for row in page.inner_text("tbody").split("\n")]
    assert outcomes == [
        "paid", "failed at the bank", "sent twice", "nobody found · Receipt no. 1",
    ]  # fmt: skip
    first, events = page.url, site.fetch("SELECT count(*) FROM event")
    upload(page, site, "another name.csv", lines)
    page.wait_for_url("**/bank-files/*")
    assert (page.url, site.fetch("SELECT count(*) FROM event")) == (first, events)
    upload(page, site, "bad.csv", [f"w9,{contract},1.0x,00,{day},"])
    page.wait_for_selector("#refusal")
    assert "Line 2, column amount: not a decimal number." in page.inner_text("#refusal")
    assert flaws(page, 360) == []
    assert len(site.fetch("SELECT 1 FROM bank_file")) == 1


def test_only_products_of_the_books_country_are_offered(site: Site, enter: Open) -> None:
    page = enter()
    page.goto(f"{site.address}/console/products")
    codes = page.locator("main td.id").all_inner_texts()
    assert sorted(codes) == ["cash_loan", "instalment_plan", "pay_later"]


def test_the_checks_find_what_they_look_for(enter: Open) -> None:
    """A check that finds nothing anywhere might as well not be there."""
    page = enter()
    page.set_content(
        "<main><h1>a</h1><h3>b</h3><input><table><tr><td>1</td></tr></table><a href='#'></a>"
        "<svg role='img'></svg><p id='x'>c</p><p id='x'>d</p>"
        "<p aria-describedby='nothing' tabindex=5>e</p></main>"
    )
    assert len(page.evaluate(STRUCTURE)) == 9
    page.evaluate("document.body.innerHTML = '<main></main>'")
    page.evaluate("document.querySelector('main').append('pale')")
    page.evaluate("document.querySelector('main').style.color = '#999'")
    page.evaluate("document.documentElement.style.backgroundColor = '#fff'")
    page.evaluate("document.querySelector('main').innerHTML = '<p>pale</p>'")
    assert len(page.evaluate(CONTRAST)) == 1


def test_a_repayment_and_its_reversal(site: Site, enter: Open) -> None:
    page = enter()
    loan = written(site, LOAN)
    page.goto(loan)
    before = page.locator(".figures").inner_text()
    page.get_by_role("navigation", name="Actions").get_by_text("Repay").click()
    page.fill("dialog #f-amount", "100.00")
    page.locator("dialog form button.main").click()
    page.wait_for_selector("#flash")
    assert "Repayment" in page.inner_text("#flash")
    assert page.locator(".figures").inner_text() != before
    row = page.locator("tr", has_text="Repayment").first
    assert "100.00" in row.inner_text()
    row.get_by_text("Reverse").click()
    page.locator("dialog form button.main").click()
    page.wait_for_selector("#flash")
    assert page.locator(".figures").inner_text() == before
    assert page.locator("tr.undone", has_text="100.00").count() == 1


def test_a_form_sent_twice_posts_once(site: Site, enter: Open) -> None:
    page = enter()
    page.goto(f"{written(site, LOAN)}/do/repay")
    page.fill("#f-amount", "12.34")
    form = {
        each.get_attribute("name"): each.input_value()
        for each in page.locator("form[action*='/do/repay'] input").all()
    }
    for _ in range(3):
        answer = page.request.post(page.url, form=form, headers={"origin": site.address})
        assert answer.ok
    events = site.fetch("SELECT 1 FROM event WHERE kind = 3 AND amount = 1234")
    assert len(events) == 1


def test_a_refusal_stands_beside_the_form_and_changes_nothing(site: Site, enter: Open) -> None:
    page = enter()
    page.goto(f"{written(site, LOAN)}/do/waive")
    operations = site.fetch("SELECT count(*) FROM operation")
    page.select_option("#f-component", "fee")
    page.fill("#f-amount", "99999.00")
    page.locator("main form button.main").click()
    assert "The waiver exceeds what is asked and unpaid." in page.inner_text("[role=alert]")
    assert "R-WAIVE-02" in page.inner_text("[role=alert]")
    assert page.input_value("#f-amount") == "99999.00"
    assert site.fetch("SELECT count(*) FROM operation") == operations


def test_a_number_opens_its_why_in_place_and_alone(site: Site, enter: Open) -> None:
    page = enter()
    page.goto(written(site, LOAN))
    link = page.locator("a.why").nth(1)
    link.click()
    page.wait_for_selector("dialog[open] h1")
    inside = page.inner_text("#window-body")
    assert "R-PAYOFF-01" in inside
    page.keyboard.press("Escape")
    page.goto(site.address + link.get_attribute("href"))
    assert page.inner_text("main tfoot").split()[-1] in inside


STARTED = """
SELECT actor, action FROM operation WHERE action IN ('BeginClose', 'ResumeClose')
AND business_date = $1 ORDER BY operation_id"""


def test_a_day_is_closed_by_its_button(site: Site, enter: Open) -> None:
    """The date moves, and the audit log says who asked."""
    page = enter()
    page.goto(f"{site.address}/console/day")
    day = site.fetch("SELECT business_date FROM book")[0][0]
    stale = page.locator("main form input[name=key]").input_value()
    page.get_by_role("button", name=f"Close {day}").click()
    page.wait_for_selector("#flash", timeout=30_000)
    assert "Day close begun" in page.inner_text("#flash")
    assert (site.fetch("SELECT business_date FROM book")[0][0] - day).days == 1
    staff = site.fetch("SELECT staff_id FROM staff WHERE name = $1", NAME)[0][0]
    assert [tuple(row) for row in site.fetch(STARTED, day)] == [(f"staff:{staff}", "BeginClose")]
    form = {"day": day.isoformat(), "key": stale + "0",
            "csrf_token": page.locator("input[name=csrf_token]").first.input_value()}
    late = page.request.post(f"{site.address}/console/day/close", form=form,
                             headers={"origin": site.address})
    assert (late.status, "R-CLOSE-DAY-04" in late.text()) == (422, True)


def test_a_close_that_broke_off_goes_on_from_the_page(site: Site, enter: Open) -> None:
    page = enter(360, "zh-CN", "dark")
    day = site.fetch("SELECT business_date FROM book")[0][0]
    site.ask(close.move_date(site.pool, day))
    page.goto(f"{site.address}/console/day")
    assert f"正在对 {day} 日终" in page.inner_text("main")
    assert flaws(page, 360) == []
    page.get_by_role("button", name="在此继续").click()
    page.wait_for_selector("#flash", timeout=30_000)
    assert [row[1] for row in site.fetch(STARTED, day)] == ["BeginClose", "ResumeClose"]
    finished = "SELECT finished_at FROM day_close WHERE business_date = $1"
    assert site.fetch(finished, day)[0][0] is not None


def test_the_overview_says_when_it_was_read_and_what_its_charts_show(
    site: Site, enter: Open
) -> None:
    page = enter()
    page.goto(f"{site.address}/console")
    assert re.search(r"Sums as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", page.inner_text("main"))
    assert page.locator("figure").count() == page.locator("figcaption").count() == 3
    shares = page.locator("section", has_text="Share still unpaid")
    assert "roll rate from one age to the next is another figure" in shares.inner_text()


def test_the_keyboard_sees_where_it_is(site: Site, enter: Open) -> None:
    page = enter()
    page.goto(f"{site.address}/console")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        style = "getComputedStyle(document.activeElement)"
        assert page.evaluate(f"{style}.outlineStyle") == "solid"
        assert page.evaluate(f"parseFloat({style}.outlineWidth)") >= 2
        seen.add(page.evaluate("document.activeElement.outerHTML"))
    assert len(seen) == 8


def test_the_menu_of_a_phone_is_a_button_in_a_header_of_two_rows(site: Site, enter: Open) -> None:
    """It says where one is, opens by keyboard, and Escape leads back to it."""
    page = enter(360)
    page.goto(f"{site.address}/console/borrowers")
    menu, opener = page.locator("#menu"), page.get_by_role("button", name="Menu · Borrowers")
    assert page.locator("body > header > .top").bounding_box()["height"] < 70
    assert menu.is_hidden()
    opener.press("Enter")
    assert menu.is_visible()
    assert flaws(page, 360) == []
    page.keyboard.press("Tab")
    assert page.locator("nav.side a:focus").inner_text() == "Overview"
    page.keyboard.press("Escape")
    assert menu.is_hidden()
    assert page.evaluate("document.activeElement.className") == "opener"
    opener.press("Enter")
    page.locator(".account button").focus()
    page.keyboard.press("Tab")
    assert menu.is_hidden()
    assert page.locator("main :focus").count() == 1


MORE_ENTRIES = """() => {
  const list = document.querySelector("nav.side ul");
  while (list.children.length < 14) list.append(list.children[4].cloneNode(true));
}"""


@pytest.mark.parametrize("width", [360, 1280])
def test_a_menu_of_many_entries_is_reached_to_its_end(
    site: Site, enter: Open, width: int
) -> None:
    """On a screen that is too low for it, the menu scrolls by itself, beside a page at its top."""
    page = enter(width)
    page.set_viewport_size({"width": width, "height": 320})
    page.evaluate(MORE_ENTRIES)
    if width == 360:
        page.get_by_role("button", name="Menu").click()
    for end in ("nav.side li:last-child a", "nav.side li:first-child a", ".account button"):
        page.locator(end).focus()
        box = page.locator(end).bounding_box()
        assert 0 <= box["y"] <= box["y"] + box["height"] <= 320
    assert page.evaluate("scrollY") == 0
    assert flaws(page, width) == []


def test_language_and_colours_are_kept(site: Site, enter: Open) -> None:
    page = enter()
    page.select_option("select[name=language]", "zh")
    page.wait_for_selector("text=日终")
    page.select_option("select[name=theme]", "dark")
    page.wait_for_selector("html[data-theme=dark]")
    assert page.get_attribute("html", "lang") == "zh-CN"


def test_works_without_scripts(site: Site, browser: Any, tmp_path: Path) -> None:
    size = {"width": 360, "height": 640}
    context = browser.new_context(java_script_enabled=False, locale="en-GB", viewport=size)
    page = context.new_page()
    page.goto(f"{site.address}/console/borrowers")
    assert page.url.startswith(f"{site.address}/console/login")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.goto(written(site, LOAN))
    page.locator("a.why").first.click()
    assert "/why?figure=" in page.url
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Main").get_by_text("Rules").click()
    page.wait_for_url(f"{site.address}/console/rules")
    page.get_by_role("button", name="Menu · Rules").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{site.address}/console/login*")
    context.close()
