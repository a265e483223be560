"""A borrower's case in a real browser, from the form to an appeal."""

from __future__ import annotations

import pytest

from tests.cases import corpus
from tests.web.browsing import flaws
from tests.web.console_site import NAME, SECOND, Site
from tests.web.portal_browsing import Visit, axe, contracts, send
from usance.cases import rules
from usance.cases.deciding import Finding
from usance.cases.work import Acting
from usance.core.identifiers import parse
from usance.identity.roles import permissions_of, roles

pytestmark = pytest.mark.browser


def acting(site: Site, name: str) -> Acting:
    """A member of staff with every role."""
    number = site.fetch("SELECT staff_id FROM staff WHERE name = $1", name)[0][0]
    return Acting(f"staff:{number}", permissions_of(roles()))


def ask_back(site: Site, case: str) -> None:
    """The case is given to somebody who asks the borrower something."""
    room, anna = site.services.cases, acting(site, NAME)
    staff_id = int(anna.actor.partition(":")[2])
    site.ask(room.work.assign(parse("case", case), staff_id, Acting("machine:1")))
    words = "When was it?\nPlease look it up."
    site.ask(room.work.say(parse("case", case), rules.TO_BORROWER, words, anna, wait=True))


def answer(site: Site, case: str) -> None:
    """The handler proposes, somebody else decides."""
    room, number = site.services.cases, parse("case", case)
    finding = Finding(result="partly", reasons="The entry is right, the charge is not.")
    site.ask(room.deciding.propose(number, finding, acting(site, NAME)))
    site.ask(room.deciding.decide(number, 1, acting(site, SECOND)))


@pytest.mark.parametrize(("width", "locale", "scheme"), [
    (360, "zh-CN", "light"), (360, "en-GB", "dark"), (1280, "en-GB", "light"),
    (1280, "zh-CN", "dark"),
])  # fmt: skip
def test_a_case_from_the_form_to_an_appeal(
    site: Site, visit: Visit, width: int, locale: str, scheme: str
) -> None:
    """Asked for in the form, refused, asked back, answered; every page sound on the way."""
    page, found = visit(width, locale, scheme), {}

    def look(name: str) -> None:
        if faults := axe(page) + flaws(page, width):
            found[name] = faults

    contract = contracts(page, site)[-1]
    page.goto(site.address + contract)
    look("contract")
    page.click("a[href^='/my/cases/new']")
    look("form")
    page.check("input[value=human_review]")
    page.fill("#text", "Nobody asked me.")
    send(page, "[action='/my/cases/new']")
    assert "R-CASE-04" in page.inner_text("#refusal")
    assert page.is_checked("input[value=human_review]")
    look("refused")
    page.select_option("#event", index=1)
    assert page.input_value("#text") == "Nobody asked me."
    send(page, "[action='/my/cases/new']")
    case = page.url.partition("?")[0].rpartition("/")[2]
    assert case in page.inner_text("[role=status]")
    look("opened")
    page.set_input_files("#file", files=[
        {"name": "receipt.png", "mimeType": "image/png", "buffer": corpus.POLYGLOTS["png + zip"]}
    ])  # fmt: skip
    send(page, "[action$='/attach']")
    assert "R-FILE-03" in page.inner_text("#refusal")
    look("file refused")
    page.set_input_files("#file", files=[
        {"name": "receipt.png", "mimeType": "image/png", "buffer": corpus.GOOD["png"]}
    ])  # fmt: skip
    send(page, "[action$='/attach']")
    with page.expect_download() as loaded:
        page.click("a[download]")
    assert loaded.value.suggested_filename.endswith(".png")
    ask_back(site, case)
    page.reload()
    look("asked")
    page.fill("#text", "On Monday, I think.\nIn the morning.")
    send(page, "[action$='/say']")
    assert page.locator("ol.talk li").count() == 2
    answer(site, case)
    page.goto(f"{site.address}/my/cases")
    look("list")
    page.click(f"main a[href='/my/cases/{case}']")
    assert "The entry is right, the charge is not." in page.inner_text("main")
    look("answered")
    page.click("main a.button[href*='appeal']")
    look("appeal")
    page.fill("#text", "All of it is wrong.")
    send(page, "[action='/my/cases/new']")
    look("appealed")
    send(page, "[action$='/withdraw']")
    look("withdrawn")
    page.fill("#again", "After all.")
    send(page, "[action$='/reopen']")
    assert page.locator("form[action$='/withdraw']").count() == 1
    assert found == {}
