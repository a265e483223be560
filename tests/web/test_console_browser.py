"""The console in a real browser: every page, a repayment, its reversal, phone, keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.console_site import ARGUMENTS, CHROMIUM, NAME, PASSWORD, Site, need_browser, served

pytestmark = pytest.mark.browser

PAGES = ["", "/borrowers", "/borrowers?late=1", "/borrowers/new", "/day", "/bank-files",
         "/products", "/products/pay_later", "/operations", "/rules", "/rules/R-ALLOC-01",
         "/borrowers?q=13800000001"]  # fmt: skip
STRUCTURE = """() => {
  const faults = [], say = (e) => e.outerHTML.slice(0, 120);
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!e.labels.length && !e.ariaLabel) faults.push("no label: " + say(e));
  for (const e of document.querySelectorAll("table"))
    if (!e.querySelector("thead th[scope=col]") && !e.querySelector("th[scope=row]"))
      faults.push("table without headers: " + say(e));
  for (const e of document.querySelectorAll("svg[role=img]"))
    if (!e.querySelector(":scope > title")?.textContent || !e.querySelector(":scope > desc"))
      faults.push("drawing without words: " + say(e));
  for (const e of document.querySelectorAll("a, button"))
    if (!e.textContent.trim() && !e.ariaLabel) faults.push("nameless: " + say(e));
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((e) => +e.tagName[1]);
  levels.forEach((n, i) => { if (i && n > levels[i - 1] + 1) faults.push("heading skipped"); });
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size < ids.length) faults.push("an id twice");
  if (!document.documentElement.lang) faults.push("no language");
  return faults;
}"""
CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = (t) => (t.match(/[\\d.]+/g) ?? []).map(Number);
  const faults = [];
  for (const e of document.querySelectorAll("main *, header *, nav *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest("svg, .unseen, option") || !e.getClientRects().length) continue;
    let back = e;
    while (back && (parse(getComputedStyle(back).backgroundColor)[3] ?? 1) === 0)
      back = back.parentElement;
    const a = light(parse(getComputedStyle(e).color));
    const b = light(parse(getComputedStyle(back ?? document.documentElement).backgroundColor));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faults.push(ratio.toFixed(2) + " " + e.outerHTML.slice(0, 80));
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def site(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    need_browser()
    with served(module_database, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield found
        found.close()


Open = Callable[..., Any]


@pytest.fixture
def enter(site: Site, browser: Any) -> Iterator[Open]:
    """Opens a logged-in page; afterwards nothing may have been said on any console."""
    said: list[str] = []
    contexts = []

    def open_page(width: int = 1280, locale: str = "en-GB", scheme: str = "light") -> Any:
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, locale=locale, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: said.append(str(e)))
        page.goto(f"{site.address}/console")
        page.fill("#name", NAME)
        page.fill("#password", PASSWORD)
        page.click("button.main")
        page.wait_for_url(f"{site.address}/console")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [each for each in said if "Content Security Policy" in each] == []
    assert [each for each in said if "status of 4" not in each] == []


def written(site: Site, query: str) -> str:
    """The address of the contract that a query finds."""
    from usance.core.identifiers import written as as_written

    return f"{site.address}/console/contracts/{as_written('contract', site.fetch(query)[0][0])}"


LATE_LINE = """
SELECT contract_id FROM contract WHERE kind = 2 AND statements > 1 ORDER BY late_from DESC"""
LOAN = "SELECT contract_id FROM contract WHERE kind = 1 AND status = 1 ORDER BY contract_id"


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
        expected = 404 if "?q=" in address else 200
        found = [] if answer.status == expected else [f"status {answer.status}"]
        found += page.evaluate(STRUCTURE) + page.evaluate(CONTRAST)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append("scrolls sideways")
        if found:
            faults[address] = found
    assert faults == {}


def test_the_checks_find_what_they_look_for(enter: Open) -> None:
    """A check that finds nothing anywhere might as well not be there."""
    page = enter()
    page.set_content(
        "<main><h1>a</h1><h3>b</h3><input><table><tr><td>1</td></tr></table><a href='#'></a>"
        "<svg role='img'></svg><p id='x'>c</p><p id='x'>d</p></main>"
    )
    assert len(page.evaluate(STRUCTURE)) == 7
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
    assert "the waiver exceeds what is asked and unpaid" in page.inner_text("[role=alert]")
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


def test_a_day_is_closed_by_its_button(site: Site, enter: Open) -> None:
    page = enter()
    page.goto(f"{site.address}/console/day")
    day = site.fetch("SELECT business_date FROM book")[0][0]
    page.get_by_role("button", name=f"Close {day}").click()
    page.wait_for_selector("[role=status]", timeout=30_000)
    assert (site.fetch("SELECT business_date FROM book")[0][0] - day).days == 1


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


def test_language_and_colours_are_kept(site: Site, enter: Open) -> None:
    page = enter()
    page.select_option("select[name=language]", "zh")
    page.wait_for_selector("text=日终")
    page.select_option("select[name=theme]", "dark")
    page.wait_for_selector("html[data-theme=dark]")
    assert page.get_attribute("html", "lang") == "zh-CN"


def test_works_without_scripts(site: Site, browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.address}/console/borrowers")
    assert page.url.startswith(f"{site.address}/console/login")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.goto(written(site, LOAN))
    page.locator("a.why").first.click()
    assert "/why?figure=" in page.url
    context.close()
