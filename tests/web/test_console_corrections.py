"""The console in a real browser: receipts, a loan that was never paid out, a full recovery."""

from __future__ import annotations

import pytest

from tests.web.browsing import LATE_LOAN, LOAN, Open, flaws, sent, upload, written
from tests.web.console_site import Site

pytestmark = pytest.mark.browser

RECEIPT = "SELECT status, contract_id FROM receipt WHERE receipt_id = $1"


@pytest.mark.parametrize(("width", "locale", "scheme", "waits", "names"), [
    (1280, "en-GB", "light", "waiting", ("Allocate", "Return")),
    (360, "zh-CN", "dark", "待处理", ("分配", "退回")),
])  # fmt: skip
def test_a_receipt_is_allocated_and_another_returned(
    site: Site, enter: Open, width: int, locale: str, scheme: str, waits: str,
    names: tuple[str, str],
) -> None:  # fmt: skip
    """From the bank's row that no contract took; what is refused stands beside the form."""
    page = enter(width, locale, scheme)
    day = site.fetch("SELECT business_date FROM book")[0][0]
    rows = [f"{width}-{n},c-1001,{n}.50,{code},{day},"
            for n, code in ((1, "00"), (2, "00"), (3, "R1"))]  # fmt: skip
    upload(page, site, f"{width}.csv", rows)
    page.wait_for_url("**/bank-files/*")
    assert flaws(page, width) == []
    links = page.locator("tbody a[href*='/receipts/']")
    pages = [site.address + each.get_attribute("href") for each in links.all()]
    numbers = [int(each.rpartition("/")[2]) for each in pages]
    page.goto(f"{site.address}/console/receipts")
    assert flaws(page, width) == []
    shown = page.inner_text("tbody")
    assert all(f"{width}-{n}" in shown for n in (1, 2, 3))
    assert "−3.50" in shown
    row = page.locator("tr", has_text=f"{width}-3")
    assert row.get_by_text(names[0], exact=True).count() == 0  # what the bank took back
    page.locator("tr", has_text=f"{width}-1").get_by_text(names[0], exact=True).click()
    page.fill("dialog #f-contract_id", "c-1001")
    page.locator("dialog form button.main").click()
    page.wait_for_selector("#refusal")
    assert "R-FOUND-01" in page.inner_text("#refusal")
    assert flaws(page, width) == []
    loan = written(site, LOAN)
    page.fill("#f-contract_id", loan.rpartition("/")[2])
    page.locator("main form button.main").click()
    page.wait_for_selector("#flash")
    assert page.url == pages[0]
    assert loan.rpartition("/")[2] in page.inner_text("main")
    assert flaws(page, width) == []
    for each in pages[1:]:
        page.goto(each)
        assert waits in page.inner_text(".title")
        page.get_by_role("link", name=names[1], exact=True).click()
        page.locator("dialog form button.main").click()
        page.wait_for_selector("#flash")
    assert [site.fetch(RECEIPT, number)[0][0] for number in numbers] == [2, 3, 3]
    assert site.fetch(RECEIPT, numbers[0])[0][1] == site.fetch(LOAN)[0][0]
    page.goto(f"{site.address}/console/receipts")
    assert page.locator("tbody tr").count() == 0
    page.goto(f"{site.address}/console/receipts?all=1")
    assert page.locator("tbody tr", has_text=f"{width}-").count() == 3


def test_receipts_come_in_pages(site: Site, enter: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one on one page and no other, those that wait and all of them."""
    from usance.web.console import receipts

    monkeypatch.setattr(receipts, "PAGE", 2)
    page = enter()
    day = site.fetch("SELECT business_date FROM book")[0][0]
    upload(page, site, "many.csv", [f"many-{n},c-1001,9.00,00,{day}," for n in range(5)])
    page.wait_for_url("**/bank-files/*")
    for query in ("", "?all=1"):
        page.goto(f"{site.address}/console/receipts{query}")
        seen = page.locator("tbody th").all_inner_texts()
        while page.locator("a[rel=next]").count():
            page.locator("a[rel=next]").click()
            page.wait_for_url(f"**from={seen[-1]}")
            seen += page.locator("tbody th").all_inner_texts()
        waiting = "SELECT receipt_id FROM receipt WHERE $1 OR status = 1 ORDER BY receipt_id"
        found = [str(each[0]) for each in site.fetch(waiting, bool(query))]
        assert seen == (found[::-1] if query else found)


def test_a_loan_that_was_never_paid_out(site: Site, enter: Open) -> None:
    """Its page says so, its history shows it, and it is asked for only once."""
    page = enter()
    loan = written(site, f"{LOAN} DESC")
    sent(page, f"{loan}/do/restructure", {"instalments": "5", "first_due_on": "2099-01-01"})
    assert "R-RESTR-02" in page.inner_text("#refusal")
    page.fill("#f-first_due_on", "")
    page.locator("main form button.main").click()
    page.wait_for_selector("#flash")
    assert "5 instalments" in page.inner_text("main")
    page.goto(f"{loan}/do/return-drawing")
    page.select_option("#f-reason", "returned")
    page.locator("main form button.main").click()
    page.wait_for_selector("#flash")
    assert "never paid out" in page.inner_text(".title")
    assert "Drawing come back" in page.inner_text("main")
    assert page.locator("nav.actions a[href$='/do/return-drawing']").count() == 0
    for each in page.locator("table a.why[href*='figure=event']").all():
        assert page.request.get(site.address + each.get_attribute("href")).ok
    assert flaws(page, 1280) == []


def test_what_was_recovered_in_full_says_so(site: Site, enter: Open) -> None:
    page = enter(360, "zh-CN", "dark")
    loan = written(site, LATE_LOAN)
    sent(page, f"{loan}/do/charge-off", {})
    page.wait_for_url("**/approvals/q-*")
    assert "等待复核" in page.inner_text(".title")
    assert page.get_by_role("button", name="同意").count() == 0
    assert flaws(page, 360) == []
    site.agree()
    page.goto(loan)
    assert "已全额收回" not in page.inner_text(".title")
    owed = page.locator(".figures dd").nth(1).inner_text().split()[0]
    assert owed in page.locator("tr", has_text="核销").first.inner_text()
    sent(page, f"{loan}/do/recover", {"amount": owed})
    page.wait_for_selector("#flash")
    assert "已核销" in page.inner_text(".title")
    assert "已全额收回" in page.inner_text(".title")
    assert flaws(page, 360) == []


