"""On a borrower's page in a real browser: a legal hold, an erasure, everything held as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web.browsing import Open, flaws, in_clear
from tests.web.console_site import Site
from usance.core.identifiers import written

pytestmark = pytest.mark.browser
NEWCOMER = {"name": "林小满", "phone": "13377778888", "identity_number": "ERASE0001"}


def registered(page: Any, site: Site, number: int) -> str:
    """A borrower who never had a contract; the address of the page."""
    page.goto(f"{site.address}/console/borrowers/new")
    for name, value in NEWCOMER.items():
        page.fill(f"#f-{name}", value[:-1] + str(number))
    page.locator("main form button.main").last.click()
    page.wait_for_url("**/console/borrowers/b-*")
    return str(page.url.partition("?")[0])


@pytest.mark.parametrize(("width", "locale", "scheme", "number", "words"), [
    (1280, "en-GB", "light", 1, ("Set a legal hold", "Legal hold", "Lift the legal hold",
                                 "Erase the person", "Erased person", "A legal hold stands since")),
    (360, "zh-CN", "dark", 2, ("设置法律保全", "法律保全", "解除法律保全", "清除此人资料",
                               "已清除的借款人", "起有法律保全")),
])  # fmt: skip
def test_from_a_hold_to_an_erasure(
    site: Site, enter: Open, width: int, locale: str, scheme: str, number: int,
    words: tuple[str, ...],
) -> None:  # fmt: skip
    """R-ERASE-03 and R-ERASE-05, each step by its form, each page sound."""
    hold, standing, lift, erase, erased, refusal = words
    page = enter(width, locale, scheme)
    address = registered(page, site, number)
    assert flaws(page, width) == []
    page.goto(f"{address}/data/legal-hold")
    assert page.inner_text("h1") == hold
    assert flaws(page, width) == []
    page.select_option("#f-reason", "court")
    page.locator("main form button.main").last.click()
    page.wait_for_url("**/console/borrowers/b-*")
    assert standing in page.inner_text(".note-box >> nth=-1")
    assert page.get_by_role("link", name=erase).count() == 0
    assert flaws(page, width) == []
    page.goto(f"{address}/data/erase")
    page.locator("main form button.main").last.click()
    assert refusal in page.inner_text("#refusal")
    assert flaws(page, width) == []
    page.goto(f"{address}/data/lift-hold")
    assert page.inner_text("h1") == lift
    page.locator("main form button.main").last.click()
    page.wait_for_url("**/console/borrowers/b-*")
    page.get_by_role("link", name=erase).click()
    page.locator("dialog form button.main, main form button.main").last.click()
    page.wait_for_url("**/console/approvals/q-*")  # R-APPR-01
    assert flaws(page, width) == []
    page.goto(address)
    assert page.inner_text("h1") != erased
    site.agree()
    page.goto(address)
    assert page.inner_text("h1") == erased
    assert NEWCOMER["name"] not in page.content()
    assert page.get_by_role("link", name=erase).count() == 0
    assert flaws(page, width) == []
    page.goto(f"{site.address}/console/borrowers")
    assert erased in page.inner_text("main table")
    assert flaws(page, width) == []


def test_who_owes_is_not_erased(site: Site, enter: Open) -> None:
    """R-ERASE-01: beside the form, and nothing is changed."""
    page = enter()
    row = site.fetch("SELECT borrower_id FROM contract WHERE status = 1 ORDER BY 1 LIMIT 1")
    borrower = written("borrower", row[0][0])
    page.goto(f"{site.address}/console/borrowers/{borrower}/data/erase")
    page.locator("main form button.main").last.click()
    assert "A contract is still open." in page.inner_text("#refusal")
    assert "R-ERASE-01" in page.inner_text("#refusal")
    assert site.fetch("SELECT status FROM borrower WHERE borrower_id = $1", row[0][0])[0][0] == 1


def test_everything_held_is_a_file(site: Site, enter: Open, tmp_path: Path) -> None:
    page = enter()
    row = site.fetch("SELECT borrower_id FROM contract WHERE status = 1 ORDER BY 1 LIMIT 1")
    borrower = written("borrower", row[0][0])
    page.goto(f"{site.address}/console/borrowers/{borrower}")
    page.get_by_role("link", name="Everything held, as a file").click()
    page.wait_for_selector("dialog #f-reason")  # R-ACCESS-01: a reason first
    in_clear(page, f"{site.address}/console/borrowers/{borrower}")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Everything held, as a file").click()
    assert waiting.value.suggested_filename == f"{borrower}.json"
    waiting.value.save_as(tmp_path / "all.json")
    found = json.loads((tmp_path / "all.json").read_text("utf-8"))
    assert found["borrower"]["borrower_id"] == borrower
    assert len(found["parts"]["contracts"]) >= 1
    looks = [each["reason"] for each in found["parts"]["accesses"]]
    assert looks == ["Request of the borrower"] * 2


def test_addresses_of_nothing(site: Site, enter: Open) -> None:
    page = enter()
    row = site.fetch("SELECT borrower_id FROM borrower ORDER BY 1 LIMIT 1")
    borrower = written("borrower", row[0][0])
    for path in (f"{borrower}/data/nothing", "b-zzz/data/erase", "b-zzz/export", "x/data/erase"):
        answer = page.goto(f"{site.address}/console/borrowers/{path}")
        assert answer.status == 404, path
