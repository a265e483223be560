"""Log-in through an identity provider in a real browser, from one site to another and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.identity import provider_site
from tests.identity.provider_site import CLIENT_ID, SECRET
from tests.web.browsing import flaws
from tests.web.console_site import NAME, Site, need_browser, served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console at 127.0.0.1 whose provider is at localhost: two sites for a browser."""
    need_browser()
    home = tmp_path_factory.mktemp("home")
    (home / "secret").write_text(SECRET)
    person = {"preferred_username": NAME}
    with provider_site.served(provider_site.Provider(person=person), "localhost") as known:
        environment = {
            "USANCE_OIDC_ISSUER": known.issuer, "USANCE_OIDC_CLIENT_ID": CLIENT_ID,
            "USANCE_OIDC_CLIENT_SECRET_FILE": str(home / "secret"),
        }  # fmt: skip
        with served(
            module_database, home, borrowers=2, months=1, environment=environment
        ) as found:
            yield found


def test_the_session_comes_along_although_another_site_sent_the_browser(
    site: Site, browser: Any
) -> None:
    """R-STAFF-09: its cookie is strict, so a page leads on and not a redirect."""
    context = browser.new_context(locale="en-GB", viewport={"width": 360, "height": 700})
    page = context.new_page()
    page.goto(f"{site.address}/console/day")
    assert flaws(page, 360) == []
    page.get_by_role("link", name="Log in through your organisation").click()
    page.wait_for_url(f"{site.address}/console/day")
    assert page.inner_text("h1") == "Day close"
    again = page.goto(f"{site.address}/console/login/provider/return?code=x&state=y")
    assert again.status == 422
    assert "was not accepted" in page.inner_text("[role=alert]")
    context.close()


def test_a_factor_is_shown_again_at_the_provider(site: Site, browser: Any) -> None:
    """R-STEP-01: a session that is not fresh leads there, and the provider asks the person anew."""
    context = browser.new_context(locale="en-GB", viewport={"width": 360, "height": 700})
    page = context.new_page()
    page.goto(f"{site.address}/console/staff")
    page.get_by_role("link", name="Log in through your organisation").click()
    page.wait_for_url(f"{site.address}/console/staff")
    assert site.fetch("UPDATE staff_session SET fresh_at = NULL RETURNING staff_id")
    page.goto(f"{site.address}/console/fresh?next=/console/staff")
    assert flaws(page, 360) == []
    page.get_by_role("link", name="Log in through your organisation").click()
    page.wait_for_url(f"{site.address}/console/staff")
    page.goto(f"{site.address}/console/fresh?next=/console/day")
    page.wait_for_url(f"{site.address}/console/day")
    context.close()
