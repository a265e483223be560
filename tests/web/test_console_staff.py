"""Accounts of staff in the console: each deed, its refusals, and once however often it is sent."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.identity import provider_site
from tests.identity.provider_site import CLIENT_ID, SECRET
from tests.web.api_site import NOT_FORCED, Site, opened
from tests.web.staff_site import PASSWORD, Member, browser_of, member, written
from usance.approvals.rules import WAITING
from usance.core.identifiers import written as as_written
from usance.identity.roles import roles
from usance.web.console.staff import DEEDS


@pytest_asyncio.fixture
async def site(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    home = Path(tmp_path_factory.getbasetemp()) / "console-staff-home"
    async with opened(module_database, home) as found:
        yield found


def told(text: str) -> str:
    """The password that a page tells once."""
    found = re.search(r"<code>([a-z0-9-]{23})</code>", text)
    assert found is not None, text
    return html.unescape(found[1])


async def agreed(site: Site) -> None:
    """A second person approves what waits."""
    async with member(site, "compliance") as second:
        for each in await site.services.approvals.page([WAITING], 2**62, 50):
            path = f"/console/approvals/{as_written('proposal', each.proposal_id)}/approve"
            answer = await second.form(path, {"digest": each.digest.hex(), "reason": ""})
            assert answer.status_code == 303, answer.text


def path_of(who: Member, deed: str = "") -> str:
    page = f"/console/staff/{who.session.staff_id}"
    return f"{page}/do/{deed}" if deed else page


async def test_an_account_is_made_and_its_password_told_once(site: Site) -> None:
    """R-STAFF-06: an invitation; the same form again makes and tells nothing more."""
    async with member(site, "administrator") as chief:
        form = {"name": "Bert & Sons", "role-service": "1", "role-viewer": "1", "key": "invite"}
        made = await chief.form("/console/staff/new", form)
        password = told(made.text)
        await agreed(site)
        assert "Bert &amp; Sons" in made.text
        again = await chief.form("/console/staff/new", form)
        assert (again.status_code, password in again.text) == (303, False)
        assert await site.pool.fetchval("SELECT count(*) FROM staff WHERE name LIKE 'Bert%'") == 1
        other = await chief.form("/console/staff/new", form | {"name": "Ernie"})
        assert (other.status_code, "R-IDEM-01" in other.text) == (422, True)
        for wrong, rule in (({"name": ""}, "R-STAFF-02"), ({"name": "Bert & Sons"}, "R-STAFF-02"),
                            ({"name": "x", "role-king": "1"}, "R-ROLE-02")):  # fmt: skip
            answer = await chief.form("/console/staff/new", {"role-service": "1"} | wrong)
            assert (answer.status_code, rule in answer.text) == (422, True), wrong
        none = await chief.form("/console/staff/new", {"name": "x"})
        assert "R-ROLE-02" in none.text
        page = (await chief.get("/console/staff")).text
        assert "Bert &amp; Sons" in page
    _, session = await site.services.staff.log_in("Bert & Sons", password)
    assert (session.lacks, session.roles) == ("password", ("service", "viewer"))
    stored = await site.pool.fetch("SELECT detail::text FROM operation")
    assert [row for row in stored if password in row[0]] == []


async def test_roles_wait_for_a_second_person_as_the_policy_says(site: Site) -> None:
    async with member(site, "administrator") as chief, member(site, "viewer") as who:
        form = {"had": "viewer", "role-service": "1"}
        answer = await chief.form(path_of(who, "roles"), form)
        proposal = answer.headers["location"]
        assert proposal.startswith("/console/approvals/q-")
        shown = (await chief.get(proposal)).text
        assert who.name in shown
        account = await site.services.staff.account(who.session.staff_id)
        assert account is not None
        assert account.roles == ("viewer",)
        await agreed(site)
        account = await site.services.staff.account(who.session.staff_id)
        assert account is not None
        assert account.roles == ("service",)


async def test_what_cannot_be_is_refused_before_anybody_else_is_asked(site: Site) -> None:
    """R-STAFF-08: one's own roles; and nothing waits."""
    async with member(site, "administrator") as chief:
        before = await written(site)
        other = {"had": "administrator", "role-viewer": "1"}
        own = await chief.form(path_of(chief, "roles"), other)
        assert (own.status_code, "R-STAFF-08" in own.text) == (422, True)
        nothing = await chief.form(path_of(chief, "roles"), {"had": ""})
        assert "R-ROLE-02" in nothing.text
        assert await written(site) == before
        assert f"{path_of(chief)}/do/" not in (await chief.get(path_of(chief))).text


async def test_every_deed_once(site: Site) -> None:
    """Each with its key twice, and an audit event by who did it."""
    async with member(site, "administrator") as chief:
        for deed in DEEDS:
            if deed.name in ("roles", "reactivate", "reset-factor"):
                continue
            async with member(site, "viewer") as who:
                form = {"key": f"deed {deed.name}"}
                first = await chief.form(path_of(who, deed.name), form)
                assert first.status_code in (200, 303), (deed.name, first.text)
                count = "SELECT count(*) FROM operation WHERE actor = $1"
                done = await site.pool.fetchval(count, chief.session.actor)
                again = await chief.form(path_of(who, deed.name), form)
                assert again.status_code == 303, deed.name
                assert await site.pool.fetchval(count, chief.session.actor) == done
                page = (await chief.get(path_of(who))).text
                if deed.name == "deactivate":
                    assert path_of(who, "reactivate") in page
                    await chief.form(path_of(who, "reactivate"))
                    await agreed(site)
                    assert path_of(who, "deactivate") in (await chief.get(path_of(who))).text


async def test_a_form_without_its_key_does_nothing(site: Site) -> None:
    """R-IDEM-02."""
    async with member(site, "administrator") as chief, member(site, "viewer") as who:
        before = await written(site)
        for deed in DEEDS:
            answer = await chief.form(path_of(who, deed.name), {"key": ""})
            assert answer.status_code == 422, deed.name
        assert await written(site) == before


async def test_accounts_are_read_by_who_may_read_them(site: Site) -> None:
    async with member(site, "auditor") as who, member(site, *roles()) as other:
        page = (await who.get("/console/staff")).text
        assert "/console/staff/new" not in page
        account = await who.get(path_of(other))
        assert account.status_code == 200
        assert "/do/" not in account.text
        for number in ("0", "99999999999999999999"):
            assert (await who.get(f"/console/staff/{number}")).status_code == 404


async def test_own_account(site: Site) -> None:
    """R-STAFF-04, R-STAFF-05: password and sessions of one's own."""
    async with member(site, "viewer") as who:
        token, session = await site.services.staff.log_in(who.name, PASSWORD)
        page = (await who.get("/console/me")).text
        assert session.reference in page
        ended = await who.form("/console/me/sessions/end", {"session": session.reference})
        assert ended.headers["location"].startswith("/console/me?done=")
        assert await site.services.staff.session(token) is None
        again = await who.form("/console/me/sessions/end", {"session": session.reference})
        assert (again.status_code, "R-STAFF-05" in again.text) == (422, True)
        new = {"old": PASSWORD, "password": "tide-lantern-violet", "again": "tide-lantern-violets"}
        differ = await who.form("/console/me/password", new)
        assert (differ.status_code, "R-STAFF-04" in differ.text) == (422, True)
        assert "tide" not in differ.text
        done = await who.form("/console/me/password", new | {"again": new["password"]})
        assert done.status_code == 303
        hashed = await site.pool.fetch("SELECT request_hash FROM idempotency")
        assert len(hashed) == len({row[0] for row in hashed})


async def test_the_hash_of_a_form_knows_no_password(site: Site) -> None:
    """Two changes that differ in the password alone are one request to the table of keys."""
    async with member(site, "viewer") as who:
        form = {"old": PASSWORD, "password": "tide-lantern-violet", "again": "tide-lantern-violet",
                "key": "same"}  # fmt: skip
        assert (await who.form("/console/me/password", form)).status_code == 303
        again = await who.form("/console/me/password", form | {"password": "x", "again": "x"})
        assert again.status_code == 303


# -- the identity provider -------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [False, True])
async def test_log_in_through_the_organisation(
    database: str, tmp_path: Path, factor: bool  # noqa: FBT001
) -> None:
    """R-STAFF-09, R-FACTOR-05: from the button to the first page; a page leads on, no redirect."""
    (tmp_path / "secret").write_text(SECRET)
    person = {"preferred_username": "anna"} | ({"amr": ["mfa"]} if factor else {})
    with provider_site.served(provider_site.Provider(person=person)) as known:
        environment = {
            "USANCE_OIDC_ISSUER": known.issuer, "USANCE_OIDC_CLIENT_ID": CLIENT_ID,
            "USANCE_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        }  # fmt: skip
        forced = replace(NOT_FORCED, required_for_roles=frozenset({"service"}))
        async with (
            opened(database, tmp_path, staff=forced, environment=environment) as site,
            browser_of(site) as client,
        ):
            assert "/console/login/provider" in (await client.get("/console/login")).text
            before = await written(site)
            sent = await client.get("/console/login/provider?next=/console/day")
            assert await written(site) == before
            cookie = sent.headers["set-cookie"].lower()
            assert "samesite=lax" in cookie
            assert "httponly" in cookie
            back = await follow(sent.headers["location"])
            refused = await client.get(back)  # there is no such account yet
            assert refused.status_code == 422
            assert "没有与该身份对应的在用账号" in refused.text
            assert "usance_session" not in refused.headers.get("set-cookie", "")
            await site.services.staff.create("anna", PASSWORD, ["service"])
            sent = await client.get("/console/login/provider?next=/console/day")
            page = await client.get(await follow(sent.headers["location"]))
            assert page.status_code == 200
            target = "/console/day" if factor else "/console/me/factor"
            assert f'content="0; url={target}"' in page.text
            day = await client.get("/console/day")
            assert day.status_code == (200 if factor else 303)
            again = await client.get(back)
            assert again.status_code == 422


async def follow(address: str) -> str:
    """Where the provider sends the browser back to."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(address)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


async def test_without_a_provider_there_is_no_such_page(site: Site) -> None:
    async with browser_of(site) as client:
        assert "/console/login/provider" not in (await client.get("/console/login")).text
        for path in ("/console/login/provider", "/console/login/provider/return?code=x&state=y"):
            assert (await client.get(path)).status_code == 404
