"""Approvals in a real browser: asked for by one person, decided by another, seen by both."""

from __future__ import annotations

import pytest

from tests.web.browsing import LOAN, Open, flaws, sent, written
from tests.web.console_site import SECOND, Site

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "locale", "scheme", "words"), [
    (1280, "en-GB", "light", ("Goodwill", "waiting for a second person", "Approve", "done")),
    (360, "zh-CN", "dark", ("善意减免", "等待复核", "同意", "已执行")),
])  # fmt: skip
def test_one_asks_another_decides(
    site: Site, enter: Open, width: int, locale: str, scheme: str, words: tuple[str, ...]
) -> None:
    what, waits, agree, done = words
    asked = enter(width, locale, scheme)
    loan = written(site, LOAN)
    sent(asked, f"{loan}/do/goodwill", {"amount": "234.56"})
    asked.wait_for_url("**/approvals/q-*")
    address = asked.url
    assert what in asked.inner_text("h1")
    assert waits in asked.inner_text(".title")
    assert "234.56" in asked.inner_text("main")
    assert asked.get_by_role("button", name=agree, exact=True).count() == 0
    assert flaws(asked, width) == []
    decides = enter(width, locale, scheme, SECOND)
    decides.goto(f"{site.address}/console/approvals")
    assert flaws(decides, width) == []
    decides.get_by_role("link", name=address.rpartition("/")[2]).click()
    decides.wait_for_url("**/approvals/q-*")
    assert flaws(decides, width) == []
    decides.get_by_role("button", name=agree, exact=True).click()
    decides.wait_for_load_state()
    assert done in decides.inner_text(".title")
    assert flaws(decides, width) == []
    asked.goto(loan)
    assert "234.56" in asked.inner_text("main")


def test_many_are_approved_at_once_and_own_ones_are_not(site: Site, enter: Open) -> None:
    asked, decides = enter(1280, "en-GB", "light"), enter(1280, "en-GB", "light", SECOND)
    loan = written(site, LOAN)
    for amount in ("201.01", "202.02"):
        sent(asked, f"{loan}/do/goodwill", {"amount": amount})
        asked.wait_for_url("**/approvals/q-*")
    decides.goto(f"{site.address}/console/approvals")
    asked.goto(f"{site.address}/console/approvals")
    boxes = decides.locator("tbody input[type=checkbox]")
    assert boxes.count() == 2
    assert asked.locator("tbody input[type=checkbox]").count() == 0
    for box in boxes.all():
        box.check()
    decides.get_by_role("button", name="Approve those chosen").click()
    decides.wait_for_selector(".empty")
    states = site.fetch("SELECT state, count(*) FROM proposal GROUP BY 1 ORDER BY 1")
    assert [tuple(each) for each in states if each[0] < 3] == []


def test_a_refusal_needs_a_reason_and_an_author_takes_back(site: Site, enter: Open) -> None:
    asked, decides = enter(360, "en-GB", "dark"), enter(360, "en-GB", "dark", SECOND)
    loan = written(site, LOAN)
    sent(asked, f"{loan}/do/goodwill", {"amount": "300.00"})
    asked.wait_for_url("**/approvals/q-*")
    decides.goto(asked.url)
    decides.fill("#f-reason", "not agreed with the borrower")
    decides.get_by_role("button", name="Refuse it").click()
    decides.wait_for_load_state()
    assert "not agreed with the borrower" in decides.inner_text("main")
    sent(asked, f"{loan}/do/goodwill", {"amount": "301.00"})
    asked.wait_for_url("**/approvals/q-*")
    asked.get_by_role("button", name="Take it back").click()
    asked.wait_for_load_state()
    assert "taken back" in asked.inner_text(".title")
    assert flaws(asked, 360) == []


def test_standing_in(site: Site, enter: Open) -> None:
    page = enter(360, "en-GB", "light", SECOND)
    page.goto(f"{site.address}/console/delegations")
    page.fill("#f-to", "nobody")
    page.fill("#f-until", site.fetch("SELECT (now() + interval '2 days')::date::text")[0][0])
    page.fill("#f-reason", "on leave")
    page.locator("main form button.main").click()
    page.wait_for_selector("#refusal")
    page.fill("#f-to", "demo")
    page.locator("main form button.main").click()
    page.get_by_role("button", name="End it").wait_for()
    assert flaws(page, 360) == []
    page.get_by_role("button", name="End it").click()
    page.wait_for_selector(".empty")
