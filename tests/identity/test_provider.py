"""R-STAFF-09: log-in through an identity provider, against a real one that can lie in every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.identity import provider_site
from tests.identity.accounts import KEYS, clock, enrolled, logged_in, with_staff
from tests.identity.provider_site import (
    CLIENT_ID,
    SECRET,
    new_key,
    served,
    signed_by,
    signed_with_the_public_key,
    unsigned,
)
from usance.core.refusals import Refused
from usance.identity.provider import LASTS, Identity, Provider
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock
from usance.platform.config import IdentityProvider
from usance.platform.database import Pool

REDIRECT = "http://usance.test/console/login/provider/return"
Claims = dict[str, Any]


@pytest.fixture
def at() -> FixedClock:
    return clock()


@pytest_asyncio.fixture
async def staff(pool: Pool, at: FixedClock) -> AsyncIterator[Staff]:
    yield await with_staff(pool, at)


@pytest_asyncio.fixture
async def site(at: FixedClock) -> AsyncIterator[provider_site.Provider]:
    with served(provider_site.Provider(seconds=lambda: at.now().timestamp())) as found:
        yield found


class Browser:
    """Goes to the provider and comes back."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.cookie = ""
        self.anew = False

    async def back(self) -> dict[str, str]:
        """The provider's answer."""
        address, self.cookie = await self.provider.begin(
            REDIRECT, "/console/day", anew=self.anew
        )
        async with httpx.AsyncClient() as client:
            answer = await client.get(address)
        assert answer.status_code == 302
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    async def log_in(self) -> Identity:
        query = await self.back()
        identity, target = await self.provider.finish(self.cookie, query)
        assert target == "/console/day"
        return identity


def settings(site: provider_site.Provider, folder: Path, claim: str) -> IdentityProvider:
    file = folder / "secret"
    file.write_text(SECRET + "\n")
    return IdentityProvider(site.issuer, CLIENT_ID, file, claim)


@pytest.fixture
def browser(
    staff: Staff, site: provider_site.Provider, pool: Pool, at: FixedClock, tmp_path: Path
) -> Browser:
    known = settings(site, tmp_path, "preferred_username")
    return Browser(Provider(known, pool, KEYS, at))


async def refused(browser: Browser, query: dict[str, str] | None = None) -> None:
    """By one sentence that says nothing of what was wrong."""
    query = query or await browser.back()
    with pytest.raises(Refused) as found:
        await browser.provider.finish(browser.cookie, query)
    assert found.value.refusal.rule == "R-STAFF-09"
    assert "not accepted" in found.value.refusal.detail


async def test_who_the_provider_knows_comes_in(browser: Browser, staff: Staff) -> None:
    identity = await browser.log_in()
    assert identity.account == "anna"
    with pytest.raises(Refused, match="R-STAFF-09"):  # nobody is made an account
        await staff.enter_by_provider(identity.account, showed_factor=False)
    await staff.create("anna", "correct horse battery", ["service"])
    _, session = await staff.enter_by_provider(identity.account, showed_factor=False)
    assert (session.name, session.lacks) == ("anna", "")


async def test_who_is_locked_out_stays_out(browser: Browser, staff: Staff, pool: Pool) -> None:
    await logged_in(staff, "anna")
    await pool.execute("UPDATE staff SET active = false")
    identity = await browser.log_in()
    with pytest.raises(Refused, match="R-STAFF-09"):
        await staff.enter_by_provider(identity.account, showed_factor=True)


LIES: dict[str, Callable[[Claims], Claims]] = {
    "another audience": lambda c: c | {"aud": "another"},
    "no audience": lambda c: {k: v for k, v in c.items() if k != "aud"},
    "several audiences": lambda c: c | {"aud": [CLIENT_ID, "another"]},
    "for another party": lambda c: c | {"azp": "another"},
    "another issuer": lambda c: c | {"iss": "http://elsewhere.test"},
    "expired": lambda c: c | {"exp": c["iat"] - 61},
    "no expiry": lambda c: {k: v for k, v in c.items() if k != "exp"},
    "from the future": lambda c: c | {"iat": c["iat"] + 3600},
    "not yet": lambda c: c | {"nbf": c["iat"] + 3600},
    "another nonce": lambda c: c | {"nonce": "x"},
    "no nonce": lambda c: {k: v for k, v in c.items() if k != "nonce"},
    "no subject": lambda c: {k: v for k, v in c.items() if k != "sub"},
    "no name": lambda c: {k: v for k, v in c.items() if k != "preferred_username"},
    "a name that is none": lambda c: c | {"preferred_username": ["anna"]},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_does_not_hold(
    browser: Browser, site: provider_site.Provider, lie: str
) -> None:
    site.lie = LIES[lie]
    await refused(browser)
    site.lie = lambda claims: claims
    await browser.log_in()


async def test_a_party_that_is_named_may_share_the_audience(
    browser: Browser, site: provider_site.Provider
) -> None:
    site.lie = lambda c: c | {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
    await browser.log_in()


async def test_a_signature_that_is_not_the_providers(
    browser: Browser, site: provider_site.Provider
) -> None:
    other = new_key("of somebody else")
    signers: list[Callable[[Claims], str]] = [
        lambda claims: signed_by(other, claims, "one"), lambda claims: signed_by(other, claims),
        unsigned, signed_with_the_public_key(site.key),
        lambda claims: signed_by(site.key, claims)[:-4] + "AAAA", lambda _: "not.a.token",
        lambda _: "",
    ]  # fmt: skip
    for sign in signers:
        site.sign = sign
        await refused(browser)
    site.sign = None
    await browser.log_in()


async def test_a_new_key_of_the_provider_is_found_but_not_asked_for_at_will(
    browser: Browser, site: provider_site.Provider, at: FixedClock
) -> None:
    await browser.log_in()
    asked = site.requests.count("/keys")
    site.key = new_key("two")
    for _ in range(3):
        await refused(browser)
    assert site.requests.count("/keys") == asked
    at.advance(timedelta(seconds=31))
    await browser.log_in()
    assert site.requests.count("/keys") == asked + 1


async def test_an_answer_is_looked_at_once_and_for_the_browser_that_began(
    browser: Browser, pool: Pool
) -> None:
    query = await browser.back()
    mine, theirs = browser.cookie, Browser(browser.provider)
    await theirs.back()
    browser.cookie = theirs.cookie  # a log-in of mine, finished in another's browser
    await refused(browser, query)
    forged = mine[:-1] + ("0" if mine[-1] != "0" else "1")
    for cookie in ("", "x.y", forged, mine.partition(".")[0]):
        browser.cookie = cookie
        await refused(browser, query)
    assert await pool.fetchval("SELECT count(*) FROM provider_answer") == 0
    browser.cookie = mine
    await browser.provider.finish(mine, query)
    await refused(browser, query)
    twins = await browser.back()
    tries = (browser.provider.finish(browser.cookie, twins) for _ in range(6))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, Refused) for each in found) == 1


async def test_an_answer_that_is_none(browser: Browser) -> None:
    query = await browser.back()
    for change in ({"state": "x"}, {"state": ""}, {"iss": "http://elsewhere.test"}):
        await refused(browser, query | change)
    await refused(browser, query | {"error": "access_denied"})
    for change in ({"code": ""}, {"code": "guessed"}):
        await refused(browser, await browser.back() | change)


async def test_a_log_in_that_took_too_long(browser: Browser, at: FixedClock) -> None:
    query = await browser.back()
    at.advance(LASTS + timedelta(seconds=1))
    await refused(browser, query)


async def test_the_verifier_is_what_the_provider_was_told(
    browser: Browser, site: provider_site.Provider
) -> None:
    """PKCE: a code that leaks is of no use without what only this browser's log-in knows."""
    query = await browser.back()
    site.codes[query["code"]].challenge = "another"
    await refused(browser, query)


async def test_an_address_of_mail_only_if_it_was_verified(
    staff: Staff, site: provider_site.Provider, pool: Pool, at: FixedClock, tmp_path: Path
) -> None:
    browser = Browser(Provider(settings(site, tmp_path, "email"), pool, KEYS, at))
    site.person = {"email": "anna@example.org"}
    await refused(browser)
    for said in (False, "true"):
        site.person = {"email": "anna@example.org", "email_verified": said}
        await refused(browser)
    site.person = {"email": "anna@example.org", "email_verified": True}
    assert (await browser.log_in()).account == "anna@example.org"


@pytest.mark.parametrize("said", [
    {"issuer": "http://elsewhere.test"}, {"token_endpoint": "http://elsewhere.test/token"},
    {"jwks_uri": 5}, {"authorization_endpoint": None}, {"jwks_uri": "file:///etc/passwd"},
])  # fmt: skip
async def test_a_provider_that_says_odd_things_of_itself(
    browser: Browser, site: provider_site.Provider, said: Claims
) -> None:
    site.describe = said
    with pytest.raises(Refused, match="R-STAFF-09"):
        await browser.back()


async def test_a_provider_that_is_away(
    staff: Staff, pool: Pool, at: FixedClock, tmp_path: Path
) -> None:
    with served(provider_site.Provider()) as gone:
        known = settings(gone, tmp_path, "sub")
    with pytest.raises(Refused, match="R-STAFF-09"):
        await Provider(known, pool, KEYS, at).begin(REDIRECT, "/console")


# -- when it was shown -----------------------------------------------------------------------------


async def fresh(browser: Browser, staff: Staff) -> bool:
    """Whether the session of a log-in, just begun, counts as one with a fresh factor."""
    identity = await browser.log_in()
    _, session = await staff.enter_by_provider(
        identity.account, showed_factor=True, shown_at=identity.shown_at
    )
    return session.fresh


async def test_a_silent_log_in_makes_nothing_fresh(
    browser: Browser, staff: Staff, site: provider_site.Provider, at: FixedClock
) -> None:
    """R-STEP-01: the provider knew the browser and asked nobody; asked anew, it asks."""
    await staff.create("anna", "correct horse battery", ["service"])
    assert await fresh(browser, staff)
    assert site.asked_max_age == "43200"
    at.advance(timedelta(minutes=9))
    assert await fresh(browser, staff)
    at.advance(timedelta(minutes=2))
    assert not await fresh(browser, staff)
    browser.anew = True
    assert await fresh(browser, staff)
    assert site.asked_max_age == "0"


@pytest.mark.parametrize("lie", [
    lambda c: {k: v for k, v in c.items() if k != "auth_time"}, lambda c: c | {"auth_time": None},
])  # fmt: skip
async def test_who_does_not_say_when_makes_nothing_fresh(
    browser: Browser, staff: Staff, site: provider_site.Provider, lie: Callable[[Claims], Claims]
) -> None:
    """R-STEP-01: the person comes in, and shows a factor here before what weighs much."""
    token = await staff.create("anna", "correct horse battery", ["service"])
    site.lie, browser.anew = lie, True
    assert not await fresh(browser, staff)
    identity = await browser.log_in()
    token, session = await staff.enter_by_provider(identity.account, showed_factor=False)
    await staff.freshen(session, token, "correct horse battery")
    session = await staff.session(token)
    assert session is not None
    assert session.fresh


@pytest.mark.parametrize("when", [
    lambda now: now + 3600, lambda now: now - 13 * 3600, lambda _: 0, str,
    lambda _: True, lambda now: now + 0.5, lambda now: [now], lambda _: 10**30, lambda _: -(10**30),
])  # fmt: skip
async def test_a_moment_that_cannot_be(
    browser: Browser, site: provider_site.Provider, when: Callable[[int], Any]
) -> None:
    """R-STAFF-09."""
    site.lie = lambda c: c | {"auth_time": when(c["iat"])}
    await refused(browser)


async def test_who_was_asked_anew_does_not_answer_from_memory(
    browser: Browser, staff: Staff, site: provider_site.Provider, at: FixedClock
) -> None:
    """R-STEP-01, R-STAFF-09: neither from before, nor from ahead within what clocks may differ."""
    await staff.create("anna", "correct horse battery", ["service"])
    browser.anew = True
    site.lie = lambda c: c | {"auth_time": c["iat"] - 300}
    await refused(browser)
    site.lie = lambda c: c | {"auth_time": c["iat"] + 50}
    identity = await browser.log_in()
    assert identity.shown_at == at.now()


# -- a second factor that was shown there ----------------------------------------------------------


@pytest.mark.parametrize(("claims", "counts"), [
    ({"amr": ["pwd", "mfa"]}, True), ({"amr": ["pwd"]}, False), ({"amr": "mfa"}, False),
    ({}, False), ({"amr": [["mfa"]]}, False), ({"acr": "silver"}, False), ({"acr": 1}, False),
])  # fmt: skip
async def test_what_the_provider_says_counts_as_the_policy_has_it(
    pool: Pool, at: FixedClock, claims: Claims, *, counts: bool
) -> None:
    """R-FACTOR-05, R-FACTOR-04."""
    staff = await with_staff(pool, at, forced=True)
    await staff.create("anna", "correct horse battery", ["administrator"])
    shown = staff.policy.provider_showed_factor(claims)
    assert shown == counts
    token, session = await staff.enter_by_provider("anna", showed_factor=shown)
    assert session.lacks == ("" if counts else "factor")
    if not counts:
        await enrolled(staff, token, at)
        _, session = await staff.enter_by_provider("anna", showed_factor=False)
        assert session.lacks == "code"
        _, session = await staff.enter_by_provider("anna", showed_factor=True)
        assert session.lacks == ""
