"""Machine clients and webhooks in a real browser: keys shown once, rotated, messages sent again."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.web.browsing import Open, flaws
from tests.web.console_site import Site
from tests.webhooks.receiver import receiving, status
from usance.identity.machine import MachineClients
from usance.web.console import labels
from usance.webhooks import types
from usance.webhooks.endpoints import Endpoints
from usance.webhooks.policy import Reach
from usance.webhooks.sender import (
    ADDRESS,
    CONNECTION,
    EARLY,
    NAME,
    NOT_HTTP,
    STATUS,
    TIMEOUT,
    TLS,
)  # fmt: skip
from usance.webhooks.worker import Worker

pytestmark = pytest.mark.browser

SIZES = [(1280, "en-GB", "light"), (360, "zh-CN", "dark")]


def test_every_type_and_outcome_has_a_name() -> None:
    assert {each.name: each.when for each in types.CHOICES.values()} == labels.WEBHOOK_TYPES
    assert labels.ATTEMPTS.keys() == {
        "", ADDRESS, CONNECTION, EARLY, NAME, NOT_HTTP, STATUS, TIMEOUT, TLS,
    }  # fmt: skip


def click(page: Any, words: str) -> None:
    """A button of a form."""
    page.locator("main form button.main", has_text=words).last.click()


def secret_on(page: Any) -> str:
    """What is shown once."""
    return str(page.locator("#secret code").inner_text())


def opens(site: Site, key: str) -> bool:
    """Whether the key is known."""
    return site.ask(MachineClients(site.pool).identify(key)) is not None


def new_client(page: Any, site: Site, name: str, scopes: list[str]) -> str:
    page.goto(f"{site.address}/console/clients/new")
    page.fill("#f-name", name)
    for each in scopes:
        page.check(f"input[name='check.{each}']")
    click(page, "Make a client")
    secret = secret_on(page)
    assert not opens(site, secret)
    site.agree()
    return secret


def test_a_client_from_its_first_key_to_its_end(site: Site, enter: Open) -> None:
    """R-CLIENT-04 and 05: a second key, the first retired, never a third, never none."""
    page = enter()
    first = new_client(page, site, "shop", ["book:read", "payments:write"])
    assert first.startswith("usk_")
    assert opens(site, first)
    page.click("text=Go on")
    assert first not in page.content()
    assert first[:10] in page.inner_text("main")
    page.goto(f"{site.address}/console/clients")
    page.click("main >> text=shop")
    assert first[:10] in page.inner_text("main")
    here = page.url
    page.goto(f"{here}/do/rotate")
    page.fill("#f-valid_days", "30")
    click(page, "Make a second key")
    second = secret_on(page)
    assert not opens(site, second)
    site.agree()
    assert opens(site, first)
    assert opens(site, second)
    page.goto(f"{here}/do/rotate")
    click(page, "Make a second key")
    assert "R-CLIENT-04" in page.inner_text("#refusal")
    page.goto(here)
    page.locator("tbody tr", has_text=first[:10]).locator("a", has_text="Retire").click()
    page.wait_for_selector("dialog[open]")
    page.locator("dialog button.main").click()
    page.wait_for_selector("#flash")
    assert not opens(site, first)
    assert opens(site, second)
    assert page.locator("tbody a", has_text="Retire").count() == 1
    page.locator("tbody a", has_text="Retire").click()
    page.wait_for_selector("dialog[open]")
    page.locator("dialog button.main").click()
    assert "R-CLIENT-05" in page.inner_text("#refusal")
    page.goto(f"{here}/do/deactivate")
    click(page, "Lock the client out")
    page.wait_for_selector("#flash")
    assert not opens(site, second)
    assert page.locator("nav.actions").count() == 0


def test_a_form_sent_twice_shows_its_key_once(site: Site, enter: Open) -> None:
    page = enter()
    page.goto(f"{site.address}/console/clients/new")
    page.fill("#f-name", "twice")
    page.check("input[name='check.book:read']")
    form = page.evaluate("Object.fromEntries(new FormData(document.querySelector('main form')))")
    first = page.request.post(page.url, form=form)
    again = page.request.post(page.url, form=form)
    assert (first.status, again.status) == (200, 200)
    assert len(re.findall(r"usk_[\w-]{43}", first.text())) == 1
    assert re.findall(r"usk_[\w-]{43}", again.text()) == []
    assert first.headers["cache-control"] == "no-store"
    site.agree()
    count = "SELECT count(*) FROM machine_key JOIN machine_client USING (client_id) WHERE name = $1"
    assert site.fetch(count, "twice")[0][0] == 1
    kept = site.fetch("SELECT string_agg(answer, '') FROM idempotency")[0][0] or ""
    assert "usk_" not in kept


def test_what_cannot_be_is_refused_beside_the_form(site: Site, enter: Open) -> None:
    page = enter()
    page.goto(f"{site.address}/console/clients/new")
    page.fill("#f-name", "nothing")
    click(page, "Make a client")
    assert "R-CLIENT-01" in page.inner_text("#refusal")
    new_client(page, site, "hooked", ["day:read"])
    page.goto(f"{site.address}/console/webhooks/new")
    page.select_option("#f-client_id", label="hooked")
    page.fill("#f-url", "https://10.0.0.1/in")
    page.check("input[name='check.day.closed']")
    click(page, "Register an endpoint")
    assert "R-HOOK-02" in page.inner_text("#refusal")
    assert page.input_value("#f-url") == "https://10.0.0.1/in"
    assert page.is_checked("input[name='check.day.closed']")
    page.fill("#f-url", "https://hooks.example.com/in")
    page.check("input[name='check.repayment.booked']")
    click(page, "Register an endpoint")
    assert "R-HOOK-03" in page.inner_text("#refusal")


async def sent(site: Site, answer: Any = None) -> list[str]:
    """Send what is due to a receiver at the address of all endpoints; the ids that came."""
    async with receiving() as receiver:
        receiver.answer = answer
        await site.pool.execute("UPDATE webhook_endpoint SET url = $1", receiver.url)
        reach = Reach(allow_http=True, networks=("127.0.0.1/32",))
        await Worker(Endpoints(site.pool, site.services.keys, reach=reach)).drain()
        return receiver.ids


@pytest.mark.parametrize(("width", "locale", "scheme"), SIZES)
def test_an_endpoint_from_its_secret_to_redelivery(
    site: Site, enter: Open, width: int, locale: str, scheme: str
) -> None:
    """Registered, tested, failed, given up, sent again; every page on the way is sound."""
    page, faults = enter(width, locale, scheme), {}

    def look(name: str) -> None:
        if found := flaws(page, width):
            faults[name] = found

    def do(place: str) -> None:
        page.goto(place)
        look(place.rpartition("/")[2])
        page.locator("main form button.main").last.click()
        page.wait_for_load_state()

    page.goto(f"{site.address}/console/webhooks/new")
    look("new")
    page.fill("#f-url", "https://hooks.example.com/a/rather/long/address/" + "x" * 150)
    page.check("input[name='check.day.closed']")
    page.locator("main form button.main").last.click()
    secret = secret_on(page)
    assert secret.startswith("whsec_")
    look("secret")
    page.locator("main p a.button").click()
    here = page.url
    assert secret not in page.content()
    look("fresh")
    for name in ("test", "rotate"):
        do(f"{here}/do/{name}")
    look("second secret")
    site.ask(sent(site, lambda *_: status("500 Oops", b"<b>it broke</b>")))
    page.goto(f"{here}/deliveries/1")
    assert "webhook.test" in page.inner_text("main")
    assert "<b>it broke</b>" in page.inner_text("main")
    look("delivery")
    page.goto(here)
    assert page.locator(".status.late").count() > 0
    look("failing")
    site.fetch("UPDATE webhook_delivery SET state = 2 WHERE state = 0")
    for name in ("again", "retire", "change", "stop", "start"):
        do(f"{here}/do/{name}")
    assert len(site.ask(sent(site))) == 1
    do(f"{here}/deliveries/1/do/redeliver")
    assert len(site.ask(sent(site))) == 1
    page.goto(f"{here}?state=1")
    assert page.locator("tbody tr").count() == 1
    look("delivered")
    for place in ("/console/webhooks", "/console/clients", "/console/clients/1"):
        page.goto(site.address + place)
        look(place)
    do(f"{here}/do/delete")
    assert page.url.partition("?")[0] == f"{site.address}/console/webhooks"
    assert page.goto(here).status == 404
    assert faults == {}
