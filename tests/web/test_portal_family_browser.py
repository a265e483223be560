"""Relatives in a real browser: named, invited, accepted, told apart, ended; every page sound."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.web.browsing import flaws
from tests.web.console_site import Site
from tests.web.portal_browsing import Visit, axe, forget, send
from usance.core.identifiers import parse
from usance.identity import portal_store
from usance.notices import sealing

pytestmark = pytest.mark.browser
VARIANTS = [(360, "zh-CN", "light"), (360, "en-GB", "dark"), (1280, "en-GB", "light"),
            (1280, "zh-CN", "dark")]  # fmt: skip
PHONE = "13911110000"
SHOTS = os.environ.get("USANCE_SHOTS", "")
"""Where pictures of the pages go, for whoever wants to look at them."""


async def code_of(site: Site, member: str) -> str:
    """The code of an invitation."""
    row = await site.pool.fetchrow(
        "SELECT borrower_id, key, box FROM notice WHERE member_id = $1", parse("member", member)
    )
    who = await portal_store.active_borrower(site.pool, row["borrower_id"])
    assert who is not None
    data_key = site.services.keys.unwrap(who["data_key"], who["borrower_id"])
    return sealing.opened(data_key, who["borrower_id"], row["key"], row["box"])["code"]


async def one_time_code(site: Site) -> str:
    """The newest one-time code of a relative that the sandbox was given."""
    delivery = site.services.notices.delivery
    assert delivery is not None, "this site is no sandbox"
    await delivery.look()
    sent = await site.services.access.sandbox.newest(site.pool)
    words = [str(each["words"]) for each in sent if each["kind"] == "family-code"]
    return re.findall(r"(?<!\d)\d{6}(?!\d)", words[0])[0] if words else ""


def free(site: Site) -> None:
    """Nobody has named anybody, nor tried anything."""
    forget(site, "family_link", "family_bar", "consent_event", "consent")


class Looker:
    """Looks at pages on the way, and keeps what is wrong with them."""

    def __init__(self, width: int, variant: str) -> None:
        self.width, self.variant = width, variant
        self.found: dict[str, list[str]] = {}

    def __call__(self, page: Any, name: str) -> None:
        if faults := axe(page) + flaws(page, self.width):
            self.found[name] = faults
        if SHOTS:
            path = Path(SHOTS) / f"{name}-{self.variant}.png"
            page.screenshot(path=str(path), full_page=True)


def named(site: Site, page: Any, look: Looker) -> str:
    """The borrower names somebody, is refused once and asked twice; the relative's number."""
    page.goto(f"{site.address}/my/family")
    look(page, "nobody")
    page.click("main a[href='/my/family/new']")
    page.fill("#name", "李梅")
    page.fill("#phone", "12")
    for scope in ("borrowing", "overdue"):
        page.check(f"[name=scope-{scope}]")
    look(page, "name")
    send(page, "[action='/my/family/new']")
    assert "R-BORR-01" in page.inner_text("#refusal")
    assert page.is_checked("[name=scope-overdue]")
    page.fill("#phone", PHONE)
    send(page, "[action='/my/family/new']")
    look(page, "again")
    page.click("button[value='1']")
    page.wait_for_url(f"{site.address}/my/family?done=named")
    look(page, "named")
    return str(page.get_attribute("form[action$='/take-back']", "action")).split("/")[3]


def accepted(site: Site, hers: Any, member: str, look: Looker) -> None:
    """The relative comes by the code, shows the number, and accepts."""
    hers.goto(f"{site.address}/family")
    look(hers, "start")
    hers.fill("#code", site.ask(code_of(site, member)).lower())
    hers.fill("#digits", PHONE[-4:])
    send(hers, "[action='/family']")
    look(hers, "code")
    hers.fill("#code", waited_for(site, hers))
    send(hers, "[action='/family/code']")
    assert "invitation" in hers.url
    for scope in ("borrowing", "overdue"):
        hers.check(f"[name=scope-{scope}]")
    look(hers, "invitation")
    hers.click("button.main")
    look(hers, "once more")
    hers.click("button[value='1']")
    hers.wait_for_url(f"{site.address}/family/done?what=accepted")
    look(hers, "accepted")


def turned_away(site: Site, hers: Any, look: Looker) -> None:
    """Codes that are none of ours."""
    for name in ("stop", "report"):
        hers.goto(f"{site.address}/family/{name}")
        hers.fill("#code", "ABCDE-FGHJK")
        if name == "report":
            hers.fill("#text", "He presses me.")
        hers.click("button.main")
        assert "R-FAMILY-10" in hers.inner_text("#refusal")
        look(hers, name)


@pytest.mark.parametrize(("width", "locale", "scheme"), VARIANTS)
def test_a_relative_from_the_name_to_the_end(
    site: Site, visit: Visit, width: int, locale: str, scheme: str
) -> None:
    """R-FAMILY-01, R-FAMILY-06, R-FAMILY-10."""
    free(site)
    look, page = Looker(width, f"{width}-{locale}-{scheme}"), visit(width, locale, scheme)
    member = named(site, page, look)
    hers = visit(width, locale, scheme, known=False)
    accepted(site, hers, member, look)
    page.goto(f"{site.address}/my/family")
    look(page, "on")
    page.click("main a[href$='/report']")
    look(page, "report of mine")
    page.fill("#text", "She did not want it.")
    send(page, "[action$='/report']")
    look(page, "paused")
    turned_away(site, hers, look)
    send(page, "[action$='/take-back']")
    look(page, "ended")
    assert look.found == {}


def waited_for(site: Site, page: Any) -> str:
    """The one-time code, once the messenger has it."""
    for _ in range(40):
        if code := site.ask(one_time_code(site)):
            return str(code)
        page.wait_for_timeout(250)
    raise AssertionError("no code came")
