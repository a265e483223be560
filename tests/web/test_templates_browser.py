"""Templates, consent documents and a borrower's consents in a real browser: each page is sound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.web.browsing import Open, flaws, in_clear
from tests.web.console_site import SECOND, Site
from tests.web.portal_browsing import axe
from usance.core.identifiers import written

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("USANCE_SHOTS", "")
"""A folder to look at every page in, if there is one."""
SIZES = [(1280, "en-GB", "light"), (360, "zh-CN", "dark")]
if SHOTS:
    SIZES += [(1280, "zh-CN", "dark"), (360, "en-GB", "light")]


def look(page: Any, width: int, name: str, faults: dict[str, list[str]]) -> None:
    """What is wrong with a page."""
    if SHOTS:
        scheme = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        kind = f"{name}-{width}-{'dark' if scheme else 'light'}.png"
        page.screenshot(path=str(Path(SHOTS) / kind), full_page=True)
    if found := axe(page) + flaws(page, width):
        faults[name] = found


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_a_template_is_written_compared_and_agreed_with(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    page, base, faults = enter(width, locale, scheme), f"{site.address}/console", {}
    for name, path in (("list", "/templates"), ("one", "/templates/due-today"),
                       ("family", "/templates/family-plan"),
                       ("first", "/templates/paid/changes"),
                       ("new", "/template-drafts"),
                       ("retire", "/templates/refund/do/retire")):  # fmt: skip
        page.goto(base + path)
        look(page, width, name, faults)
    template = ("paid", "refund", "opened", "drawn")[SIZES.index((width, locale, scheme))]
    page.goto(f"{base}/template-drafts?template={template}")
    look(page, width, "draft", faults)
    text = page.locator("[id='f-channels.sms.en.text']")
    text.fill("Pay at http://bad.example or call 13812345678.")
    page.locator("button[formaction$='/look']").click()
    page.wait_for_selector("#refusal")
    look(page, width, "refused", faults)
    page.locator("#refusal a[href^='#f-']").first.click()
    assert page.evaluate("document.activeElement.id").startswith("f-channels.sms.")
    page.goto(f"{base}/template-drafts?template={template}")
    text.fill(text.input_value().replace(".", "..", 1))
    page.locator("button[formaction$='/look']").click()
    page.wait_for_selector("#readings [role=status]")
    look(page, width, "looked-at", faults)
    page.locator("main form button.main").click()
    page.wait_for_url("**/approvals/q-*")
    look(page, width, "proposal", faults)
    proposal = page.url
    page.goto(f"{base}/templates")
    look(page, width, "list-waiting", faults)
    second = enter(width, locale, scheme, SECOND)
    second.goto(proposal)
    second.locator("form[action$='/approve'] button.main").click()
    second.wait_for_url(proposal)
    page.goto(f"{base}/templates/{template}")
    look(page, width, "two-versions", faults)
    page.goto(f"{base}/templates/{template}/changes?from=1&to=2")
    look(page, width, "changes", faults)
    assert faults == {}


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_consent_documents(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    page, base, faults = enter(width, locale, scheme), f"{site.address}/console", {}
    document = ("notices-service", "notices-marketing", "family-plan", "family-overdue")[
        SIZES.index((width, locale, scheme))
    ]
    for name, path in (("documents", "/consent-documents"),
                       ("document", f"/consent-documents/{document}"),
                       ("document-new", "/consent-drafts"),
                       ("document-end", f"/consent-documents/{document}/versions/1/do/retire"),
                       ("document-draft", f"/consent-drafts?document={document}")):  # fmt: skip
        page.goto(base + path)
        look(page, width, name, faults)
    page.locator("[id='f-texts.en.risks']").fill("")
    page.locator("main form button.main").click()
    page.wait_for_selector("#refusal")
    look(page, width, "document-refused", faults)
    page.locator("[id='f-texts.en.risks']").fill("Nothing else.")
    page.locator("main form button.main").click()
    page.wait_for_url("**/approvals/q-*")
    look(page, width, "document-proposal", faults)
    page.goto(f"{base}/consent-documents/{document}/changes")
    look(page, width, "document-changes", faults)
    assert faults == {}


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_what_a_borrower_agreed_to(
    site: Site, enter: Open, who: int, width: int, locale: str, scheme: str
) -> None:
    """R-ACCESS-01: evidence opens with a reason."""
    said = {"document": "notices-marketing", "version": 1, "language": "en"}
    site.ask(agree(site, who, said["document"]))
    page, faults = enter(width, locale, scheme), {}
    borrower = f"{site.address}/console/borrowers/{written('borrower', who)}"
    page.goto(borrower)
    page.click("main a[href$='/consents']")
    page.wait_for_url("**/consents")
    assert "she called on the second" not in page.inner_text("main")
    look(page, width, "consents", faults)
    in_clear(page, borrower)
    page.goto(f"{borrower}/consents")
    assert "she called on the second" in page.inner_text("main")
    look(page, width, "consents-open", faults)
    assert faults == {}


async def agree(site: Site, who: int, document: str) -> None:
    """By telephone, entered by staff with what shows it; once."""
    from usance.consents.records import Saying, borrower
    from usance.identity.changing import Asking

    saying = Saying(who, borrower(who), document, 1, "en", "staff_by_phone",
                    evidence="she called on the second")  # fmt: skip
    await site.services.consents.grant(saying, Asking("staff:1", f"agree {document}", b"x"))
