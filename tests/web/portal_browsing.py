"""The portal in a real browser: what its tests share."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.web.console_site import Site

Visit = Callable[..., Any]
"""Opens the portal: of a width, in a language, light or dark, logged in or not."""
_keys = itertools.count(1)


def enter(site: Site, page: Any, who: int) -> None:
    """Come in by a signed link, as a host application would send somebody."""
    page.goto(link_for(site, who))
    page.click("button.main")
    page.wait_for_url(f"{site.address}/my")


def link_for(site: Site, who: int) -> str:
    """The address of a signed link."""
    answer = site.ask(site.services.access.links.make(
        who, "", actor="machine:1", key=f"test {next(_keys)}", request_hash=b""
    ))  # fmt: skip
    return str(site.address + answer.document["path"])


def forget(site: Site, *more: str) -> None:
    """Nobody has tried anything: one person of the tests asks for more codes than the rules let."""
    for table in ("limit_count", "notice_counter", "sandbox_message", *more):
        site.ask(site.pool.execute(f"DELETE FROM {table}"))


def axe(page: Any) -> list[str]:
    """What axe finds, as (rule, element)."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {node['html'][:100]}" for each in found for node in each["nodes"]]


def contracts(page: Any, site: Site) -> list[str]:
    page.goto(f"{site.address}/my")
    hrefs = [each.get_attribute("href") for each in page.locator("main .list a.name").all()]
    return [each for each in hrefs if each.startswith("/my/contracts/")]


def send(page: Any, form: str) -> None:
    """Send a form of the page, and be where it leads."""
    with page.expect_navigation():
        page.locator(f"main form{form} button").last.click()
