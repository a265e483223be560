"""Attacks on sessions and forms at the gate: a clear refusal, and nothing is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.identity.accounts import App
from tests.web.api_site import Site, opened
from tests.web.staff_site import (
    PASSWORD,
    SECURE_COOKIE,
    Member,
    address,
    asked,
    browser_of,
    member,
    written,
)
from usance.approvals.rules import WAITING
from usance.core.identifiers import written as as_written
from usance.core.refusals import Refused
from usance.identity import acts
from usance.identity.changing import Asking
from usance.identity.machine import kept_of
from usance.identity.passwords import checked_hash
from usance.identity.permissions import BORROWER, COMING_IN, HALF_IN, PUBLIC, SCOPES, SIGNED
from usance.identity.roles import roles
from usance.identity.staff_policy import staff_policy
from usance.platform.clock import FixedClock
from usance.web.api.endpoint import ENDPOINTS
from usance.web.permission_table import CONSOLE, Route, declared

OF_STAFF = [each for each in declared() if each.permission not in (BORROWER, SIGNED)]
"""Routes that a session of staff is looked at for; those of borrowers are in test_portal.py."""
FORMS = [each for each in OF_STAFF if each.place == CONSOLE and each.method == "POST"]
GIVEN = frozenset().union(*(each.may for each in roles().values()))
"""Permissions that some role gives: links into the portal, say, are asked for by programs alone."""
CHANGES = [Route(e.method, e.path, e.permission, e.step_up) for e in ENDPOINTS
           if e.changes and e.permission in GIVEN]
LARGER = [Route(e.method, e.path, e.permission, e.step_up) for e in ENDPOINTS if e.body_max]
CHECKED = staff_policy().step_up


@pytest.fixture
def at() -> FixedClock:
    return FixedClock(datetime.now(UTC))


@pytest_asyncio.fixture
async def site(
    module_database: str, tmp_path_factory: pytest.TempPathFactory, at: FixedClock
) -> AsyncIterator[Site]:
    home = Path(tmp_path_factory.getbasetemp()) / "gate-home"
    async with opened(module_database, home, clock=at) as found:
        yield found


def token_in(answer: httpx.Response) -> str:
    """The session that an answer begins."""
    return next(c.value or "" for c in answer.cookies.jar if "usance_session" in c.name)


async def log_in(client: httpx.AsyncClient, name: str, **more: Any) -> httpx.Response:
    return await client.post("/console/login", data={"name": name, "password": PASSWORD}, **more)


async def is_in(client: httpx.AsyncClient) -> bool:
    """At the API and on a page alike."""
    api, page = await client.get("/v1/book"), await client.get("/console")
    assert (api.status_code == 200) == (page.status_code == 200)
    if api.status_code != 200:
        assert (api.status_code, api.json()["rule"]) == (401, "R-AUTH-01")
        assert page.headers["location"].startswith("/console/login?next=")
    return api.status_code == 200


# -- sessions --------------------------------------------------------------------------------------


async def test_a_session_that_was_planted_is_not_taken_over(site: Site) -> None:
    """R-AUTH-01: every log-in makes a token of its own; the one before it ends."""
    async with member(site, "viewer") as victim, member(site, "viewer") as attacker:
        for planted in ("planted-by-an-attacker", attacker.token):
            async with browser_of(site, planted) as client:
                answer = await log_in(client, victim.name)
                assert answer.status_code == 303
                assert token_in(answer) not in ("", planted, victim.token)
            async with browser_of(site, planted) as client:
                assert not await is_in(client)


async def test_a_session_is_over_after_log_out(site: Site) -> None:
    async with member(site, "viewer") as who:
        assert await is_in(who.client)
        assert (await who.form("/console/logout")).status_code == 303
        async with browser_of(site, who.token) as client:
            assert not await is_in(client)


async def test_who_is_locked_out_is_out_at_the_next_request(site: Site) -> None:
    """R-STAFF-07."""
    async with member(site, "viewer") as who, member(site, "administrator") as chief:
        assert await is_in(who.client)
        done = await chief.form(f"/console/staff/{who.session.staff_id}/do/deactivate")
        assert done.status_code == 303, done.text
        assert not await is_in(who.client)
        assert (await log_in(who.client, who.name)).status_code == 422


async def test_a_forged_cookie_opens_nothing(site: Site) -> None:
    async with member(site, "viewer") as who:
        stored = hashlib.sha256(who.token.encode()).hexdigest()
        forged = ["x", who.token[:-1], f"{who.token}x", who.token.swapcase(), stored,
                  "' OR 1=1 --", "%00", "a" * 4000]  # fmt: skip
        before = await written(site)
        for each in forged:
            async with browser_of(site, each) as client:
                assert not await is_in(client)
                answer = await client.post("/console/logout", data={"csrf_token": who.csrf})
                assert answer.headers["location"].startswith("/console/login")
        assert await written(site) == before


async def test_the_cookie_is_for_this_host_and_not_for_scripts(site: Site) -> None:
    async with member(site, "viewer") as who:
        for scheme, name, secure in (("http", "usance_session", False),
                                     ("https", SECURE_COOKIE, True)):  # fmt: skip
            async with browser_of(site, scheme=scheme) as client:
                answer = await log_in(client, who.name)
            said = answer.headers["set-cookie"].lower()
            assert said.startswith(f"{name.lower()}=")
            assert "domain" not in said
            wanted = ("httponly", "samesite=strict", "path=/;")
            assert [each for each in wanted if each not in said] == []
            assert ("secure" in said) == secure
            assert ("strict-transport-security" in answer.headers) == secure


async def test_a_cookie_of_plain_http_is_none_over_tls(site: Site) -> None:
    async with member(site, "viewer") as who, browser_of(site, scheme="https") as client:
        client.cookies.set("usance_session", who.token)
        assert not await is_in(client)
        client.cookies.set(SECURE_COOKIE, who.token)
        assert await is_in(client)


async def test_two_hosts_are_two_sites(site: Site) -> None:
    """R-AUTH-03: what the browser calls the origin must be the host that it asks."""
    async with member(site, "viewer") as who:
        form = {"csrf_token": who.csrf}
        for host, origin, allowed in (
            ("usance.test", "http://usance.test", True), ("usance.test", "null", False),
            ("usance.test", "http://other.test", False),
            ("other.test", "http://usance.test", False),
            ("usance.test", "http://usance.test:81", False),
            ("usance.test", "http://usance.test.evil.test", False),
        ):  # fmt: skip
            headers = {"host": host, "origin": origin}
            for path in ("/console/me/sessions/end", "/console/settings"):
                answer = await who.client.post(path, data=form, headers=headers)
                assert (answer.status_code != 403) == allowed, (path, host, origin)


# -- steps of coming in ----------------------------------------------------------------------------


async def half_in(site: Site, who: Member, at: FixedClock) -> tuple[str, str, App]:
    """(token, csrf) of a session that waits for the factor, and the app that shows it."""
    staff = site.services.staff
    await staff.begin_factor(who.session, Asking(who.session.actor))
    secret = await staff.factors.enrolling(who.session.staff_id)
    assert secret is not None
    app = App(secret, at)
    await staff.confirm_factor(who.session, who.token, app.code(), Asking(who.session.actor))
    at.advance(timedelta(seconds=30))
    token, session = await staff.log_in(who.name, PASSWORD)
    return token, session.csrf, app


async def test_a_session_that_waits_opens_nothing_else(site: Site, at: FixedClock) -> None:
    """R-FACTOR-01: on every route; above all not the page that enrols another factor."""
    async with member(site, *roles()) as who:
        token, csrf, app = await half_in(site, who, at)
        async with browser_of(site, token) as client:
            before = await written(site)
            for route in OF_STAFF:
                if route.permission in (PUBLIC, HALF_IN):
                    continue
                answer = await asked(client, route, csrf)
                if route.is_page:
                    where = answer.headers.get("location", "")
                    assert where.startswith("/console/login/code?next="), route
                else:
                    found = answer.status_code, answer.json()["rule"]
                    assert found == (401, "R-FACTOR-01"), route
            assert await written(site) == before
            page = await client.get("/console/login/code")
            assert page.status_code == 200
            assert "/console/borrowers" not in page.text  # no menu
            wrong = await client.post("/console/login/code",
                                      data={"csrf_token": csrf, "code": "000000"})  # fmt: skip
            assert wrong.status_code == 422
            right = await client.post("/console/login/code", data={
                "csrf_token": csrf, "code": app.code(), "next": "/console/day"})  # fmt: skip
            assert (right.status_code, right.headers["location"]) == (303, "/console/day")
            new = token_in(right)
            assert new not in ("", token)
        async with browser_of(site, token) as client:
            assert not await is_in(client)
        async with browser_of(site, new) as client:
            assert await is_in(client)


async def test_a_password_that_was_given_opens_the_page_that_changes_it(
    site: Site, at: FixedClock
) -> None:
    """R-STAFF-06."""
    async with member(site, *roles()) as who:
        given = acts.GivePassword(who.session.staff_id, await checked_hash(PASSWORD))
        await acts.perform(site.pool, given, Asking("staff:0"))
        await who.again()
        await shut_but_for(who, "R-STAFF-06", "/console/me/password")
        changed = await who.form("/console/me/password", {
            "old": PASSWORD, "password": "tide-lantern-violet", "again": "tide-lantern-violet",
            "next": "/console/day"})  # fmt: skip
        assert changed.headers["location"].startswith("/console/day?done=")
        assert await is_in(who.client)


async def shut_but_for(who: Member, rule: str, page: str) -> None:
    """Only the pages of coming in are open; all others lead to the one that is needed."""
    before = await written(who.site)
    for route in OF_STAFF:
        if route.permission in (PUBLIC, HALF_IN, COMING_IN):
            continue
        answer = await asked(who.client, route, who.csrf)
        if route.is_page:
            assert answer.headers.get("location", "").startswith(f"{page}?next="), route
        else:
            assert (answer.status_code, answer.json()["rule"]) == (403, rule), route
    assert await written(who.site) == before
    assert (await who.get(page)).status_code == 200


async def test_a_role_that_needs_a_factor_opens_the_page_that_enrols_one(
    database: str, tmp_path: Path, at: FixedClock
) -> None:
    """R-FACTOR-04: as the policy document has it; with the factor everything is open."""
    async with (
        opened(database, tmp_path, staff=staff_policy(), clock=at) as site,
        member(site, "administrator") as who,
    ):
        await shut_but_for(who, "R-FACTOR-04", "/console/me/factor")
        begun = await who.form("/console/me/factor/begin")
        assert begun.headers["location"] == "/console/me/factor"
        page = await who.get("/console/me/factor")
        assert "<svg" in page.text
        assert "style=" not in page.text
        secret = await site.services.staff.factors.enrolling(who.session.staff_id)
        assert secret is not None
        wrong = await who.form("/console/me/factor", {"code": "12345６"})
        assert (wrong.status_code, "R-FACTOR-02" in wrong.text) == (422, True)
        done = await who.form("/console/me/factor", {"code": App(secret, at).code()})
        assert done.text.count("<li><code>") == 10
        assert secret not in (await who.get("/console/me/factor")).text
        assert await is_in(who.client)


# -- forms -----------------------------------------------------------------------------------------


async def test_no_form_is_taken_from_anywhere_else(site: Site) -> None:
    """R-AUTH-03: without a token, with another session's, or from another site, on every route."""
    assert len(FORMS) > 50
    async with member(site, *roles()) as who, member(site, *roles()) as other:
        before = await written(site)
        for route in [*FORMS, *CHANGES]:
            foreign = [(who.csrf, {"origin": "https://elsewhere.test"}),
                       (who.csrf, {"origin": "null"}), (who.csrf, {"sec-fetch-site": "cross-site"}),
                       (who.csrf, {"sec-fetch-site": "same-site"})]  # fmt: skip
            if route.permission != PUBLIC:
                foreign += [("", {}), (other.csrf, {}), (who.csrf[:-1], {}), (who.token, {})]
            for csrf, headers in foreign:
                answer = await asked(who.client, route, csrf, **headers)
                assert answer.status_code == 403, (route, csrf, headers)
                assert "R-AUTH-03" in answer.text, (route, csrf, headers)
        assert await written(site) == before


async def test_a_token_in_the_address_is_no_token(site: Site) -> None:
    async with member(site, "viewer") as who:
        path = f"/console/me/sessions/end?csrf_token={who.csrf}"
        assert (await who.client.post(path, data={"key": "k"})).status_code == 403


async def test_a_body_that_is_too_large_is_not_read(site: Site) -> None:
    """R-HTTP-04: forms and API alike; the gate may refuse it before."""
    async with member(site, *roles()) as who:
        before = await written(site)
        for route in [*FORMS, *CHANGES]:
            if route in LARGER or route.path.endswith(("/bank-files", "/do/attach")):
                continue  # on purpose, with a limit of their own
            kind = "application/x-www-form-urlencoded" if route.is_page else "application/json"
            headers = {"content-type": kind, "idempotency-key": "k"}
            headers |= {} if route.is_page else {"x-csrf-token": who.csrf}
            content = f"csrf_token={who.csrf}&a={'x' * 1_000_000}".encode()
            answer = await who.client.request(
                route.method, address(route), content=content, headers=headers
            )
            assert answer.status_code == 413, (route, answer.status_code)
        assert await written(site) == before


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "CONNECT", "PROPFIND"])
async def test_methods_that_are_used_nowhere(site: Site, method: str) -> None:
    async with member(site, *roles()) as who:
        before = await written(site)
        for route in declared():
            answer = await who.client.request(method, address(route))
            assert answer.status_code == 405, (method, route)
            assert who.token not in answer.text
        assert await written(site) == before


# -- a fresh factor --------------------------------------------------------------------------------

WEIGHTY = {
    *(f"/v1/contracts/{{contract_id}}/{name}" for name in
      ("charge-off", "reversals", "waivers", "goodwill")),
    *(f"/console/contracts/{{contract}}/do/{name}" for name in
      ("charge-off", "reverse", "waive", "goodwill")),
    "/console/staff/new",
    *(f"/console/staff/{{staff_id}}/do/{name}" for name in
      ("roles", "password", "reset-factor", "end-sessions", "deactivate", "reactivate")),
    "/console/me/factor", "/console/me/factor/begin", "/console/me/codes",
    *(f"/console/borrowers/{{borrower}}/contact/{name}" for name in ("change", "vouch")),
}  # fmt: skip


def test_what_weighs_much_is_known_by_name() -> None:
    """R-STEP-01: every act of the list, and what one does to one's own factor."""
    assert {each.path for each in declared() if each.weighty} >= WEIGHTY
    permissions = {each.permission for each in declared() if each.weighty}
    assert {"staff:write", "approvals:decide", "cases:decide"} <= permissions
    light = {each.path for each in declared() if not each.weighty}
    assert "/console/contracts/{contract}/do/repay" in light
    assert "/console/me/password" in light  # asks for the old one anyway


async def test_a_weighty_act_needs_a_fresh_factor_and_nothing_else_does(
    site: Site, at: FixedClock
) -> None:
    """R-STEP-01: on every route of the application."""
    async with member(site, *roles()) as who:
        at.advance(CHECKED)
        before = await written(site)
        for route in OF_STAFF:
            if route.permission in (PUBLIC, HALF_IN):
                continue
            answer = await asked(who.client, route, who.csrf)
            if not route.is_page:
                stepped = answer.status_code == 403 and answer.json()["rule"] == "R-STEP-01"
            elif route.method == "GET":
                stepped = answer.headers.get("location", "").startswith("/console/fresh?next=")
            else:
                stepped = answer.status_code == 403 and 'name="proof"' in answer.text
            assert stepped == route.weighty, (route, answer.status_code)
        # When it was used; a factor and a code that were none.
        touched = ("staff_session", "log_in_attempt", "limit_count")
        after = {row for row in await written(site) if row[0] not in touched}
        assert after == {row for row in before if row[0] not in touched}


async def test_a_form_brings_the_factor_along_and_loses_nothing(site: Site, at: FixedClock) -> None:
    async with member(site, "administrator") as chief, member(site, "viewer") as who:
        at.advance(CHECKED)
        path = f"/console/staff/{who.session.staff_id}/do/end-sessions"
        asked_for = await chief.form(path, {"note": "kept <&"})
        assert asked_for.status_code == 403
        assert 'name="note" value="kept &lt;&amp;"' in asked_for.text
        assert f'action="{path}"' in asked_for.text
        wrong = await chief.form(path, {"proof": "wrong"})
        assert (wrong.status_code, "R-STAFF-04" in wrong.text) == (403, True)
        assert await is_in(who.client)
        done = await chief.form(path, {"proof": PASSWORD})
        assert (done.status_code, await is_in(who.client)) == (303, False)
        again = await chief.form(path)  # fresh now
        assert again.status_code == 303


async def test_the_page_that_asks_leads_back(site: Site, at: FixedClock) -> None:
    async with member(site, "administrator") as who:
        at.advance(CHECKED)
        sent = await who.get("/console/staff/new")
        assert sent.headers["location"] == "/console/fresh?next=%2Fconsole%2Fstaff%2Fnew"
        page = await who.get(sent.headers["location"])
        assert 'value="/console/staff/new"' in page.text
        wrong = await who.form("/console/fresh", {"proof": "x", "next": "/console/staff/new"})
        assert wrong.status_code == 422
        right = await who.form("/console/fresh", {"proof": PASSWORD, "next": "/console/staff/new"})
        assert right.headers["location"] == "/console/staff/new"
        assert (await who.get("/console/staff/new")).status_code == 200
        elsewhere = await who.form("/console/fresh", {"proof": PASSWORD, "next": "//evil.test"})
        assert elsewhere.headers["location"] == "/console"


async def test_wrong_factors_at_a_form_are_attempts(site: Site, at: FixedClock) -> None:
    """R-AUTH-05."""
    async with member(site, "administrator") as who:
        at.advance(CHECKED)
        path = "/console/staff/99/do/end-sessions"
        said = [(await who.form(path, {"proof": "wrong"})).text for _ in range(11)]
        assert ["R-AUTH-05" in each for each in said] == [False] * 10 + [True]
        assert "R-AUTH-05" in (await who.form(path, {"proof": PASSWORD})).text


async def test_a_machine_is_not_asked_for_a_factor(site: Site) -> None:
    answer = await site.post("/v1/contracts/c-1001/charge-off", {})
    assert (answer.status_code, answer.json()["rule"]) == (404, "R-FOUND-01")


# -- nobody becomes their own second person --------------------------------------------------------


async def test_a_password_that_one_person_gives_opens_nothing(site: Site) -> None:
    """R-APPR-01: a supervisor who comes by an identity provider has no factor that would stop it.

    Nor is an account that was locked out let in by one person alone.
    """
    async with (
        member(site, "administrator") as chief, member(site, "compliance") as second,
        member(site, "supervisor") as who,
    ):
        path = f"/console/staff/{who.session.staff_id}/do"
        told = (await chief.form(f"{path}/password")).text
        found = re.search(r"<code>([a-z0-9-]{23})</code>", told)
        assert found is not None, told
        with pytest.raises(Refused, match="R-AUTH-04"):
            await site.services.staff.log_in(who.name, found[1])
        assert await is_in(who.client)
        (waiting,) = await site.services.approvals.page([WAITING], 2**62, 50)
        assert waiting.act == "GivePassword"
        await site.services.approvals.approve(
            waiting.proposal_id, second.session.staff_id, waiting.digest, ""
        )
        assert (await site.services.staff.log_in(who.name, found[1]))[1].lacks == "password"
        assert (await chief.form(f"{path}/deactivate")).status_code == 303
        sent = await chief.form(f"{path}/reactivate")
        assert sent.headers["location"].startswith("/console/approvals/q-")
        with pytest.raises(Refused, match="R-AUTH-04"):
            await site.services.staff.log_in(who.name, found[1])


async def test_a_key_that_one_person_makes_opens_nothing(site: Site) -> None:
    """R-APPR-01, R-CLIENT-04: neither of a new client nor of one that is there."""
    async with member(site, "administrator") as chief, member(site, "compliance") as second:
        everything = {f"check.{each}": "on" for each in SCOPES}
        (client, *_) = await site.services.clients.all()
        new, rotate = "/console/clients/new", f"/console/clients/{client.client_id}/do/rotate"
        for path, fields in ((new, {"name": "all mine"} | everything),
                             (rotate, {"valid_days": "", "overlap_hours": "48"})):  # fmt: skip
            form = {"key": path} | fields
            answer = await chief.form(path, form)
            (secret,) = re.findall(r"usk_[\w-]{43}", answer.text)
            assert re.findall(r"usk_[\w-]{43}", (await chief.form(path, form)).text) == []
            assert 'href="/console/approvals/q-' in answer.text
            headers = {"authorization": f"Bearer {secret}"}
            async with browser_of(site) as program:
                assert (await program.get("/v1/book", headers=headers)).status_code == 401
                (waiting,) = await site.services.approvals.page([WAITING], 2**62, 1)
                number = as_written("proposal", waiting.proposal_id)
                shown = (await second.get(f"/console/approvals/{number}")).text
                assert "contracts:correct" in shown
                assert secret not in shown
                assert kept_of(secret)[0] not in shown
                await second.form(
                    f"/console/approvals/{number}/approve",
                    {"digest": waiting.digest.hex(), "reason": ""},
                )
                assert (await program.get("/v1/book", headers=headers)).status_code == 200
            stored = await site.pool.fetch("SELECT p::text FROM proposal p")
            assert [row for row in stored if secret in row[0]] == []
