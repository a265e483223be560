"""A served console and a browser for it, one for each module of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.web.browsing import Open
from tests.web.console_site import ARGUMENTS, CHROMIUM, NAME, PASSWORD, Site, need_browser, served
from tests.web.portal_browsing import Visit
from tests.web.portal_browsing import enter as come_in
from usance.demo.store import interesting


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


@pytest.fixture
def new_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """A page in a context of its own; afterwards nothing may have been said on any console."""
    said: list[str] = []
    contexts = []

    def open_page(**how: Any) -> Any:
        context = browser.new_context(**how)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: said.append(str(e)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [each for each in said if "Content Security Policy" in each] == []
    assert [each for each in said if "status of 4" not in each] == []


@pytest.fixture
def enter(site: Site, new_page: Callable[..., Any]) -> Open:
    """Opens a logged-in page of the console."""

    def open_page(
        width: int = 1280, locale: str = "en-GB", scheme: str = "light", name: str = NAME
    ) -> Any:
        size = {"width": width, "height": 900}
        page = new_page(viewport=size, locale=locale, color_scheme=scheme)
        page.goto(f"{site.address}/console")
        page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.click("button.main")
        page.wait_for_url(f"{site.address}/console")
        return page

    return open_page


@pytest.fixture(scope="module")
def who(site: Site) -> int:
    """A borrower whose book has something to show."""
    found: int = site.ask(interesting(site.pool))
    return found


@pytest.fixture
def visit(site: Site, new_page: Callable[..., Any], who: int) -> Visit:
    """Opens pages of the portal."""

    def open_page(
        width: int = 360, locale: str = "en-GB", scheme: str = "light", *, known: bool = True
    ) -> Any:
        size = {"width": width, "height": 780}
        page = new_page(viewport=size, locale=locale, color_scheme=scheme)
        language = "en" if locale.startswith("en") else "zh"
        cookie = {"name": "language", "value": language, "domain": "127.0.0.1"}
        page.context.add_cookies([cookie | {"path": path} for path in ("/my", "/family")])
        if known:
            come_in(site, page, who)
        return page

    return open_page
