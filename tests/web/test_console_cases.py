"""Cases in the console, in a real browser: the whole way of one, refusals, every page sound."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cases import corpus
from tests.web.browsing import LOAN, Open, flaws, written
from tests.web.console_site import NAME, SECOND, Site
from usance.cases import rules
from usance.cases.intake import Opening
from usance.cases.work import Acting
from usance.core.identifiers import parse

pytestmark = pytest.mark.browser

PLAIN = Acting("machine:1")


def press(page: Any, words: str) -> None:
    """The button or link of the page with these words."""
    page.locator("main").get_by_text(words, exact=True).first.click()


def fill(page: Any, fields: dict[str, str]) -> None:
    """Fill in what is open, page or window."""
    for name, value in fields.items():
        at = page.locator(f"#f-{name}")
        if at.evaluate("e => e.tagName") == "SELECT":
            at.select_option(value)
        else:
            at.fill(value)


def send(page: Any) -> None:
    """Send the form that is open; on to the page that it leads to."""
    with page.expect_navigation():
        page.locator("form button.main").last.click()


def handler_of(site: Site, name: str) -> str:
    return str(site.fetch("SELECT staff_id FROM staff WHERE name = $1", name)[0][0])


def prepared(site: Site, days_ago: int = 0, **more: Any) -> str:
    """A case of the first borrower, opened without a page."""
    borrower = site.fetch("SELECT borrower_id FROM borrower ORDER BY 1")[0][0]
    asked = {"kind": "complaint", "text": "Twice!\nPlease look.", "borrower_id": borrower} | more
    work = site.services.cases.work
    answer = site.ask(work.open(Opening(**asked), rules.PORTAL, PLAIN))
    number = str(answer.document["case_id"])
    if days_ago:
        site.fetch(
            "UPDATE case_file SET received_on = received_on - $2::int,"
            " decide_by = decide_by - $2::int WHERE case_id = $1 RETURNING 1",
            *(parse("case", number), days_ago),
        )
    return number


def proposed(site: Site, case: str, **more: Any) -> None:
    """A proposal of the demo's own account."""
    from usance.cases.deciding import Finding
    from usance.identity.roles import permissions_of, roles

    staff_id = int(handler_of(site, NAME))
    who = Acting(f"staff:{staff_id}", permissions_of(roles()))
    room, number = site.services.cases, parse("case", case)
    site.ask(room.work.assign(number, staff_id, PLAIN))
    finding = Finding(result="upheld", reasons="It was our mistake.", **more)
    site.ask(room.deciding.propose(number, finding, who))


def test_the_whole_way_of_a_case(site: Site, enter: Open) -> None:
    """Written down on a contract's page, worked on, decided by a second person, answered."""
    page, loan = enter(), written(site, LOAN)
    page.goto(loan)
    page.locator("section:has(h2:text-is('Cases')) a").click()
    page.wait_for_selector("dialog[open] #f-text")
    assert page.input_value("#f-about") == loan.rpartition("/")[2]
    fill(page, {"kind": "dispute", "text": "The second instalment was booked twice."})
    send(page)
    assert "Done: Case opened." in page.inner_text("#flash")
    case = page.url.partition("?")[0]
    assert "not yet" in page.inner_text(".figures")
    press(page, "Give to a handler")
    page.wait_for_selector("dialog[open] #f-to")
    fill(page, {"to": handler_of(site, NAME)})
    send(page)
    press(page, "Write")
    page.wait_for_selector("dialog[open] #f-way")
    fill(page, {"way": "to_borrower", "text": "We look at it.\nWhich day was it?"})
    page.check("#f-wait")
    send(page)
    assert "waiting for the borrower" in page.inner_text(".title")
    press(page, "Write")
    page.wait_for_selector("dialog[open] #f-way")
    fill(page, {"way": "note", "text": "Sounds right."})
    send(page)
    picture = page.screenshot(type="png")
    press(page, "Attach a file")
    page.wait_for_selector("dialog[open] #f-file")
    fill(page, {"way": "from_borrower"})
    page.set_input_files("#f-file", {"name": "页面.png", "mimeType": "x/y", "buffer": picture})
    send(page)
    with page.expect_download() as download:
        press(page, "页面.png")
    assert download.value.suggested_filename == "页面.png"
    assert download.value.path().read_bytes() == picture
    press(page, "Propose an outcome")
    page.wait_for_selector("dialog[open] #f-result")
    contract = loan.rpartition("/")[2]
    fill(page, {"result": "partly", "reasons": "The bank sent it twice.", "remedy": "goodwill",
                "contract_id": contract, "amount": "12.50"})  # fmt: skip
    send(page)
    sheet = page.inner_text(".proposal")
    assert "12.50" in sheet
    press(page, "Follow the proposal")
    page.wait_for_selector("dialog[open] #f-proposal")
    send(page)
    assert "Who handled the case does not decide it." in page.inner_text("#refusal")
    assert flaws(page, 1280) == []
    other = enter(name=SECOND)
    other.goto(case)
    press(other, "Follow the proposal")
    other.wait_for_selector("dialog[open] #f-proposal")
    send(other)
    assert "Done: Case decided." in other.inner_text("#flash")
    assert "upheld in part" in other.inner_text(".title")
    said = other.inner_text(".talk")
    assert "The bank sent it twice." in said
    assert "金融监管部门" in said
    operation = other.locator("section:has(h2:text-is('Outcomes')) td a.id").last.inner_text()
    other.goto(f"{loan}/all/events")
    assert operation in other.inner_text("main")
    rows = site.fetch("SELECT count(*) FROM case_event WHERE case_id = $1",
                      parse("case", case.rpartition("/")[2]))  # fmt: skip
    assert rows[0][0] == 7


def test_real_files_are_taken_and_polyglots_are_not(site: Site, enter: Open) -> None:
    """R-FILE-03: what a browser prints and takes as pictures; the same with something inside."""
    page, case = enter(), prepared(site)
    address = f"{site.address}/console/cases/{case}/do/attach"
    printed, photo = page.pdf(), page.screenshot(type="jpeg")
    for name, content in {"a.pdf": printed, "b.jpg": photo, "c.txt": b"Hello"}.items():
        page.goto(address)
        page.set_input_files("#f-file", {"name": name, "mimeType": "x/y", "buffer": content})
        send(page)
        assert "Done: File of a case." in page.inner_text("#flash"), name
    before = site.fetch("SELECT count(*) FROM operation")[0][0]
    for content, words in {
        corpus.archive(printed): "R-FILE-03", photo + b"<?php ?>": "R-FILE-03",
        corpus.archive(): "R-FILE-01",
    }.items():  # fmt: skip
        page.goto(address)
        page.set_input_files("#f-file", {"name": "x.pdf", "mimeType": "application/pdf",
                                         "buffer": content})  # fmt: skip
        send(page)
        assert words in page.inner_text("#refusal")
        assert flaws(page, 1280) == []
    assert site.fetch("SELECT count(*) FROM operation")[0][0] == before


@pytest.mark.parametrize(("width", "locale", "scheme"), [
    (1280, "en-GB", "light"), (360, "zh-CN", "dark"), (360, "en-GB", "light"),
    (1280, "zh-CN", "dark"),
])  # fmt: skip
def test_every_page_of_cases_is_sound(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    page, case = enter(width, locale, scheme), prepared(site, kind="dispute")
    prepared(site, days_ago=20)
    prepared(site, kind="incident", borrower_id=0)
    proposed(site, case)
    here = f"/cases/{case}"
    faults = {}
    for address in [
        "/cases", "/cases?view=late", "/cases?view=mine", "/cases?view=all&state=open",
        "/cases/statistics", "/cases/statistics?since=2020-01-01&until=2020-02-01", "/cases/new",
        here, f"{here}/do/message", f"{here}/do/assign", f"{here}/do/extend", f"{here}/do/propose",
        f"{here}/do/attach", f"{here}/do/decide?proposal=1", f"{here}/do/send-back?proposal=1",
        f"{here}/do/withdraw", f"{here}/do/reopen", f"{here}/do/close",
    ]:  # fmt: skip
        answer = page.goto(f"{site.address}/console{address}")
        found = [] if answer.status == 200 else [f"status {answer.status}"]
        if found := found + flaws(page, width):
            faults[address] = found
    assert faults == {}


def test_the_most_urgent_is_on_top_with_words_and_not_only_a_colour(
    site: Site, enter: Open
) -> None:
    """R-CASE-17."""
    late = prepared(site, days_ago=900)
    page = enter()
    page.goto(f"{site.address}/console/cases")
    row = page.locator("tbody tr").first
    assert late in row.inner_text()
    assert "885 days late" in row.inner_text()
    page.goto(f"{site.address}/console/cases?view=all&kind=complaint&state=open")
    assert late in page.inner_text("tbody")
    page.goto(f"{site.address}/console/cases?view=all&state=closed")
    assert late not in page.inner_text("main")


def test_forms_that_are_refused_keep_what_was_written(site: Site, enter: Open) -> None:
    """R-CASE-04, R-CASE-05, R-CASE-12, R-FOUND-01, R-FORM-01: the refusal beside the form."""
    page, case = enter(), prepared(site)
    page.goto(f"{site.address}/console/cases/new")
    fill(page, {"kind": "complaint", "text": "Nobody in particular."})
    send(page)
    assert "R-CASE-04" in page.inner_text("#refusal")
    assert page.input_value("#f-text") == "Nobody in particular."
    fill(page, {"borrower": "b-zzz"})
    send(page)
    assert "R-FOUND-01" in page.inner_text("#refusal")
    proposed(site, case)
    page.goto(f"{site.address}/console/cases/{case}/do/propose")
    fill(page, {"reasons": "Mine.", "remedy": "goodwill"})
    send(page)
    assert "R-CASE-12" in page.inner_text("#refusal")
    assert page.input_value("#f-reasons") == "Mine."
    page.goto(f"{site.address}/console/cases/{case}/do/message")
    page.evaluate("document.querySelector('#f-text').removeAttribute('required')")
    send(page)
    assert "R-FORM-01" in page.inner_text("#refusal")
    answer = page.goto(f"{site.address}/console/cases/m-zzz")
    assert answer.status in (404, 422)


def test_who_may_only_decide_is_offered_only_that(site: Site, enter: Open) -> None:
    """Buttons are there for who may press them; the routes hold by themselves."""
    site.ask(site.services.staff.create("cora", "correct horse battery", ["compliance"]))
    case = prepared(site)
    proposed(site, case)
    page = enter(name="cora")
    page.goto(f"{site.address}/console/cases/{case}")
    assert page.locator("main").get_by_text("Follow the proposal").count() == 1
    assert page.locator("main").get_by_text("Put off", exact=True).count() == 0
    answer = page.goto(f"{site.address}/console/cases/{case}/do/extend")
    assert answer.status == 403
