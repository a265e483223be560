"""What it costs, in a real browser: read, confirmed, taken; the calculator; each page sound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.web.browsing import flaws
from tests.web.console_site import Site
from tests.web.portal_browsing import Visit, axe, send
from usance.core.identifiers import written
from usance.servicing import commands as asked

pytestmark = pytest.mark.browser
LOOKS = [(360, "en-GB", "light"), (360, "zh-CN", "dark"), (1280, "zh-CN", "light"),
         (1280, "en-GB", "dark")]  # fmt: skip


def offer_for(site: Site, who: int) -> str:
    """A new offer, on a line that is there or opened."""
    book = site.services.book
    line = asked.OpenLine(borrower_id=who, product="cash_loan", limit=5_000_000)
    site.ask(book.submit(line, actor="staff:1"))
    raised = asked.ChangeLimit(borrower_id=who, product="cash_loan", limit=20_000_000)
    site.ask(book.submit(raised, actor="staff:1"))
    make = asked.MakeOffer(
        borrower_id=who, product="cash_loan", principal=123_400, instalments=12
    )
    answer = site.ask(book.submit(make, actor="staff:1"))
    assert answer.status == 201, answer.document
    return str(answer.document["offer_id"])


def kept(page: Any, name: str) -> None:
    """A picture, where somebody wants to look at the pages."""
    if folder := os.environ.get("USANCE_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize(("width", "locale", "scheme"), LOOKS)
def test_what_it_costs_is_read_before_it_is_taken(
    site: Site, visit: Visit, who: int, width: int, locale: str, scheme: str
) -> None:
    """R-COST-03, R-COST-04: one thing at a time, a countdown, the question, the contract."""
    offer, found = offer_for(site, who), {}
    page = visit(width, locale, scheme)

    def look(name: str) -> None:
        kept(page, f"{name}-{width}-{locale}-{scheme}")
        if faults := axe(page) + flaws(page, width):
            found[name] = faults

    page.clock.install()
    page.goto(f"{site.address}/my")
    look("home")
    page.goto(f"{site.address}/my/offers")
    look("offers")
    page.click(f"a[href='/my/offers/{offer}']")
    look("before")
    send(page, "[action$='/show']")
    button = page.locator("form[action$='/confirm'] button")
    assert button.is_disabled()
    look("reading")
    wait = int(page.locator("[data-wait]").get_attribute("data-wait"))
    page.clock.fast_forward((wait + 1) * 1000)
    assert button.is_enabled()
    send(page, "[action$='/confirm']")
    look("confirmed")
    send(page, "[action$='/accept']")
    page.click("main a[href$='/costs']")
    look("kept")
    account = site.fetch(f"SELECT contract_id FROM line WHERE borrower_id = {who}"
                         " AND contract_id <> 0 ORDER BY 1 LIMIT 1")  # fmt: skip
    if account:
        page.goto(f"{site.address}/my/contracts/{written('contract', account[0][0])}/costs")
        look("line")
    page.goto(f"{site.address}/my/offers/{offer}")
    look("taken")
    assert found == {}


@pytest.mark.parametrize(("width", "locale", "scheme"), LOOKS)
def test_the_calculator(
    site: Site, visit: Visit, width: int, locale: str, scheme: str
) -> None:
    """R-COST-07: two ways side by side."""
    page = visit(width, locale, scheme)
    page.goto(f"{site.address}/my/costs")
    page.fill("#principal", "3000")
    page.select_option("#instalments", "3")
    page.select_option("#other", "12")
    send(page, "[action='/my/costs']")
    assert page.locator("main table").first.locator("tr").count() == 5
    kept(page, f"calculator-{width}-{locale}-{scheme}")
    assert axe(page) + flaws(page, width) == []
