"""The page of the audit tree in a browser: on a phone, in both languages, with a proof to keep."""

from __future__ import annotations

import pytest

from tests.web.browsing import Open, flaws
from tests.web.console_site import Site
from usance.audit.documents import shown
from usance.audit.note import PrivateKey
from usance.audit.sequencer import Sequencer

pytestmark = pytest.mark.browser
KEY = PrivateKey("usance/0123456789abcdef", b"k" * 32)


@pytest.mark.parametrize(("width", "locale", "scheme", "title"), [
    (1280, "en-GB", "light", "Audit"), (360, "zh-CN", "dark", "审计"),
])  # fmt: skip
def test_the_page_and_its_proofs(
    site: Site, enter: Open, width: int, locale: str, scheme: str, title: str
) -> None:
    """R-PROOF-05: a filter, the newest checkpoint, and a proof that is downloaded."""
    site.ask(Sequencer(site.pool, KEY).catch_up())
    page = enter(width, locale, scheme)
    page.goto(f"{site.address}/console/audit")
    assert page.inner_text("h1") == title
    assert flaws(page, width) == []
    page.click("details summary >> text=/signed|签名/")
    assert KEY.public.name in page.inner_text("pre")
    assert flaws(page, width) == []
    page.select_option("select[name=action]", "Repay")
    page.locator("form.search button.main").click()
    assert "action=Repay" in page.url
    assert page.locator("tbody tr").count() > 0
    assert flaws(page, width) == []
    with page.expect_download() as download:
        page.locator("tbody a[href$='/proof']").first.click()
    with open(download.value.path(), "rb") as file:
        assert "Repay by " in shown(file.read(), [KEY.public]).lines[0]
