"""The portal over HTTP: own things only, a token on every form, nothing changed by a refusal."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, pair, visitor
from usance.core.identifiers import parse, written
from usance.identity.permissions import BORROWER, PUBLIC
from usance.identity.roles import roles
from usance.web.security import SAFE_METHODS, handlers_of

PLACE = re.compile(r"{(\w+)(?::\w+)?}")


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path, sandbox=True) as found:
        yield found


@pytest_asyncio.fixture
async def two(site: Site) -> tuple[Visitor, Visitor]:
    """Two borrowers, each with something of every kind."""
    return await pair(site)


def portal_routes(site: Site, permission: str) -> list[tuple[str, str]]:
    """(method, path) of every route under /my with a permission."""
    return sorted({
        (method, path)
        for handler in handlers_of(site.app) if handler.opt["permission"] == permission
        for method in handler.http_methods if method in ("GET", "POST")
        for path in whole_paths(site, handler) if path.startswith("/my")
    })  # fmt: skip


def whole_paths(site: Site, handler: Any) -> list[str]:
    return [
        route.path for route in site.app.routes
        if handler in getattr(route, "route_handlers", ())
    ]  # fmt: skip


def filled(path: str, ids: dict[str, str]) -> str:
    values = {
        "side": "new", "name": "portal.css", "document": "notices-service", "product": "pay_later",
    } | ids  # fmt: skip
    return PLACE.sub(lambda match: values[match[1]], path)


async def test_there_are_routes_to_look_at(site: Site) -> None:
    routes = portal_routes(site, BORROWER)
    assert len(routes) >= 31
    assert {"GET", "POST"} == {method for method, _ in routes}
    public = {path for _, path in portal_routes(site, PUBLIC)}
    assert public == {
        "/my/login", "/my/login/code", "/my/login/identity", "/my/login/not-me", "/my/enter",
        "/my/settings", "/my/static/{name:str}",
    }  # fmt: skip


async def test_another_borrowers_things_are_not_there_and_nothing_is_written(
    site: Site, two: tuple[Visitor, Visitor]
) -> None:
    """R-PORTAL-01, R-FOUND-01: every route of the portal with every id of somebody else."""
    mine, theirs = two
    seen = 0
    for method, path in portal_routes(site, BORROWER):
        if not set(PLACE.findall(path)) & theirs.ids.keys() - {"number"}:
            continue
        seen += 1
        address = filled(path, theirs.ids)
        before = await fingerprint(site.pool)
        if method == "GET":
            answer = await mine.get(address, params={"figure": "pay-off"})
        else:
            answer = await mine.post(address, {"code": "123456", "key": "k", "text": "Please."})
        assert (answer.status_code, "R-FOUND-01" in answer.text) == (404, True), address
        assert await fingerprint(site.pool) == before, address
    assert seen >= 13


async def test_what_is_not_there_at_all_is_answered_like_what_is_somebody_elses(
    site: Site, two: tuple[Visitor, Visitor]
) -> None:
    """R-FOUND-01."""
    mine, theirs = two
    nobodys = written("contract", parse("contract", mine.contract) + 7)
    said = [
        re.sub(r"[a-z]-[0-9a-z]+|\d", "", (await mine.get(f"/my/contracts/{each}")).text)
        for each in (theirs.contract, nobodys, "c-", "nonsense", "c-zzzzzzzzzzzzz")
    ]
    assert len(set(said)) == 1


@pytest.mark.parametrize("path", [
    "/my/pay?contract={}", "/my/contracts/{}/what-if?amount=1", "/my/cases/new?contract={}",
])  # fmt: skip
async def test_ids_in_queries_are_held_against_the_session_too(
    site: Site, two: tuple[Visitor, Visitor], path: str
) -> None:
    """R-PORTAL-01."""
    mine, theirs = two
    answer = await mine.get(path.format(theirs.contract))
    assert (answer.status_code, "R-FOUND-01" in answer.text) == (404, True)


async def test_nobody_pays_on_another_borrowers_contract(
    site: Site, two: tuple[Visitor, Visitor]
) -> None:
    """R-PORTAL-01."""
    mine, theirs = two
    before = await fingerprint(site.pool)
    fields = {"contract": theirs.contract, "choice": "1.00", "key": "stolen"}
    answer = await mine.post("/my/pay", fields)
    assert (answer.status_code, "R-FOUND-01" in answer.text) == (404, True)
    assert await fingerprint(site.pool) == before


async def test_own_things_are_there(site: Site, two: tuple[Visitor, Visitor]) -> None:
    """Every page with one's own ids is answered, and looking changes nothing."""
    mine, _ = two
    before = await fingerprint(site.pool)
    for method, path in portal_routes(site, BORROWER):
        if method == "GET":
            answer = await mine.get(filled(path, mine.ids), params={"figure": "pay-off"})
            assert answer.status_code == 200, path
            assert "R-FOUND" not in answer.text
    assert await fingerprint(site.pool) == before


async def test_a_route_of_a_borrower_is_closed_to_everybody_else(
    site: Site, two: tuple[Visitor, Visitor]
) -> None:
    """R-PORTAL-02: nobody, a key with every scope, a member of staff with every role."""
    mine, _ = two
    await site.services.staff.create("anna", "correct horse battery", roles())
    token, session = await site.services.staff.log_in("anna", "correct horse battery")
    before = await fingerprint(site.pool)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app), base_url="http://usance.test"
    ) as bare:
        for method, path in portal_routes(site, BORROWER):
            address = filled(path, mine.ids)
            for cookies in ({}, {"usance_session": token}, {"usance_my": token},
                            {"usance_my": f"{mine.borrower}.x"}):  # fmt: skip
                bare.cookies.clear()
                bare.cookies.update(cookies)
                answer = await bare.request(method, address, data={"csrf_token": session.csrf})
                assert answer.status_code == 303, (address, cookies)
                assert answer.headers["location"].startswith("/my/login"), address
            bare.cookies.clear()
            key = {"authorization": site.client.headers["authorization"]}
            answer = await bare.request(method, address, headers=key)
            assert (answer.status_code, "R-AUTH-02" in answer.text) == (403, True), address
    assert await fingerprint(site.pool) == before


async def test_a_borrower_opens_neither_console_nor_api(
    site: Site, two: tuple[Visitor, Visitor]
) -> None:
    """R-AUTH-01: the cookie of the portal opens nothing else, under no name."""
    mine, _ = two
    token = mine.client.cookies["usance_my"]
    for cookies in ({}, {"usance_session": token}):
        mine.client.cookies.update(cookies)
        for path in (f"/v1/borrowers/{mine.borrower}", "/v1/book", "/metrics"):
            answer = await mine.get(path)
            assert (answer.status_code, answer.json()["rule"]) == (401, "R-AUTH-01")
        answer = await mine.get("/console/borrowers")
        assert answer.headers["location"].startswith("/console/login")
    path = f"/v1/contracts/{mine.contract}/goodwill"
    answer = await mine.client.post(path, json={"amount": "1.00"},
                                    headers={"idempotency-key": "x"})  # fmt: skip
    assert answer.status_code == 401


async def test_every_form_of_the_portal_needs_its_sessions_token(
    site: Site, two: tuple[Visitor, Visitor]
) -> None:
    """R-AUTH-03: without, with another session's, from another site; nothing is written."""
    mine, theirs = two
    posts = [path for method, path in portal_routes(site, BORROWER) if method == "POST"]
    assert len(posts) >= 15
    before = await fingerprint(site.pool)
    for path in posts:
        address = filled(path, mine.ids)
        for fields, headers in (
            ({}, {}), ({"csrf_token": ""}, {}), ({"csrf_token": theirs.csrf}, {}),
            ({"csrf_token": mine.csrf}, {"origin": "https://evil.example"}),
            ({"csrf_token": mine.csrf}, {"sec-fetch-site": "cross-site"}),
        ):  # fmt: skip
            answer = await mine.client.post(address, data={"phone": "13900000077"} | fields,
                                            headers=headers)  # fmt: skip
            assert (answer.status_code, "R-AUTH-03" in answer.text) == (403, True), address
    assert await fingerprint(site.pool) == before


async def test_a_form_that_is_too_large_is_not_read(
    site: Site, two: tuple[Visitor, Visitor]
) -> None:
    """R-HTTP-04: on every form of the portal and of the sandbox's bank; nothing is written."""
    mine, _ = two
    reference = await site.pool.fetchval("SELECT min(reference) FROM sandbox_order")
    both = portal_routes(site, BORROWER) + portal_routes(site, PUBLIC)
    posts = [path for method, path in both if method == "POST"]
    before = await fingerprint(site.pool)
    for path in [*posts, f"/sandbox/bank/{reference}"]:
        size = 6_000_000 if path.endswith("/attach") else 1_000_000  # of a file it is another
        answer = await mine.client.post(
            filled(path, mine.ids), content=f"csrf_token={mine.csrf}&a={'x' * size}".encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        assert (answer.status_code, "R-HTTP-04" in answer.text) == (413, True), path
    assert await fingerprint(site.pool) == before


async def test_forms_before_log_in_come_from_our_own_pages(site: Site) -> None:
    """R-AUTH-03."""
    before = await fingerprint(site.pool)
    for method, path in [*portal_routes(site, PUBLIC), ("POST", "/sandbox/bank/abc")]:
        if method in SAFE_METHODS:
            continue
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await site.client.post(path, data={"number": "13800000001"}, headers=headers)
            assert answer.status_code == 403, path
    assert await fingerprint(site.pool) == before


async def test_the_cookie_is_bound_to_its_host_where_there_is_tls(site: Site) -> None:
    """Over TLS: __Host-, Secure, HttpOnly, SameSite; no script ever sees it."""
    mine = await visitor(site)
    path = f"/v1/borrowers/{mine.borrower}/portal-links"
    token = (await site.post(path, {})).json()["path"].partition("?t=")[2]
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://usance.test") as safe:
        answer = await safe.post("/my/enter", data={"t": token})
    found = answer.headers.get_list("set-cookie")
    (session,) = [each for each in found if each.startswith("__Host-usance_my=b-")]
    for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert word in session
    assert "Domain" not in session
    assert [each for each in found if each.startswith("__Host-usance_device=")]


async def test_a_link_of_one_borrower_in_anothers_browser_changes_the_session(site: Site) -> None:
    """R-LINK-01: whoever opens it sees its borrower, and no mixture."""
    mine, theirs = await visitor(site), await visitor(site)
    made = await site.post(f"/v1/borrowers/{theirs.borrower}/portal-links", {"target": "pay"})
    token = made.json()["path"].partition("?t=")[2]
    answer = await mine.client.post("/my/enter", data={"t": token})
    assert answer.headers["location"] == "/my/pay"
    assert mine.client.cookies["usance_my"].startswith(f"{theirs.borrower}.")
    assert (await mine.get(f"/my/contracts/{mine.contract}")).status_code == 404


async def test_link_abuse_over_http(site: Site) -> None:
    """R-LINK-01, R-LINK-03: previews use nothing up; a second use and a forgery are refused."""
    mine = await visitor(site)
    path = f"/v1/borrowers/{mine.borrower}/portal-links"
    address = (await site.post(path, {"target": ""})).json()["path"]
    token = address.partition("?t=")[2]
    for _ in range(3):
        preview = await site.client.get(address)
        assert preview.status_code == 200
        assert "set-cookie" not in preview.headers
        assert (await site.client.head(address)).status_code in (200, 405)
    forged = token.replace(mine.borrower, "b-1")
    for bad, rule in ((forged, "R-LINK-01"), ("x", "R-LINK-01")):
        for answer in (await site.client.get(f"/my/enter?t={bad}"),
                       await site.client.post("/my/enter", data={"t": bad})):  # fmt: skip
            assert (answer.status_code, rule in answer.text) == (422, True)
    assert (await site.client.post("/my/enter", data={"t": token})).status_code == 303
    again = await site.client.post("/my/enter", data={"t": token})
    assert (again.status_code, "R-LINK-03" in again.text) == (422, True)


async def test_a_link_needs_its_scope_and_its_key(site: Site) -> None:
    mine = await visitor(site)
    path = f"/v1/borrowers/{mine.borrower}/portal-links"
    first = await site.post(path, {"target": "pay"}, key="same")
    again = await site.post(path, {"target": "pay"}, key="same")
    assert (first.status_code, first.json()) == (201, again.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = await site.post(path, {"target": "data"}, key="same")
    assert (other.status_code, other.json()["rule"]) == (409, "R-IDEM-01")
    theirs = f"contracts/{(await visitor(site)).contract}"
    refused = await site.post(path, {"target": theirs})
    assert (refused.status_code, refused.json()["rule"]) == (422, "R-LINK-01")
    nobody = await site.post("/v1/borrowers/b-zzz/portal-links", {})
    assert (nobody.status_code, nobody.json()["rule"]) == (404, "R-FOUND-01")


async def test_next_leads_nowhere_else(site: Site) -> None:
    """After a log-in one is on a page of the portal, whatever the address said."""
    for target in ("//evil.example", "https://evil.example", "/console", "/myself", "/my\\x", ""):
        page = await site.client.get("/my/login", params={"next": target})
        assert 'name="next" value="/my"' in page.text


async def test_the_log_in_pages_say_the_same_for_everybody(site: Site) -> None:
    """R-LOGIN-04: status, page and headers, for a number that somebody has and one nobody has."""
    mine = await visitor(site)
    who = await site.services.borrowers.read(mine.borrower_id)
    assert who is not None
    answers = []
    for number in (who.phone, "+8613700000000"):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(site.app), base_url="http://usance.test"
        ) as browser:
            asked = await browser.post("/my/login", data={"number": number, "next": "/my"})
            page = await browser.get(asked.headers["location"])
            wrong = await browser.post("/my/login/code", data={"code": "000000"})
            answers.append((asked.status_code, sorted(asked.headers), page.text, wrong.status_code,
                            wrong.text))  # fmt: skip
    assert answers[0] == answers[1]


async def test_without_a_sandbox_there_is_none_of_it(database: str, tmp_path: Path) -> None:
    """R-PORTAL-04, R-LOGIN-07: no messages to read, no bank to pay at, no code to log in with."""
    async with opened(database, tmp_path) as site:
        mine = await visitor(site)
        await site.services.staff.create("anna", "correct horse battery", roles())
        token, _ = await site.services.staff.log_in("anna", "correct horse battery")
        del site.client.headers["authorization"]
        site.client.cookies["usance_session"] = token
        answer = await site.client.get("/console/sandbox/messages")
        assert (answer.status_code, "R-FOUND-01" in answer.text) == (404, True)
        assert "sandbox" not in (await site.client.get("/console")).text
        assert (await mine.get("/sandbox/bank/x")).status_code == 404
        refused = await mine.post("/my/pay", {"choice": "1.00", "key": "k"})
        assert (refused.status_code, "R-PORTAL-04" in refused.text) == (422, True)
        asked = await site.client.post("/my/login", data={"number": "13800000001"})
        assert (asked.status_code, "R-LOGIN-07" in asked.text) == (422, True)
        told = await site.client.post("/bank/notifications", content=b"{}")
        assert (told.status_code, told.json()["rule"]) == (401, "R-PAY-03")


async def test_a_notification_over_http(site: Site) -> None:
    """R-PAY-03, R-PAY-04: refusals are problem documents and change nothing."""
    mine = await visitor(site)
    await mine.payment()
    caught: list[tuple[bytes, dict[str, str]]] = []
    bank: Any = site.services.bank
    real = bank.post

    async def keep(path: str, body: bytes, headers: Any) -> int:
        caught.append((body, dict(headers)))
        return int(await real(path, body, headers))

    bank.post = keep
    reference = await site.pool.fetchval("SELECT reference FROM sandbox_order")
    answer = await mine.client.post(f"/sandbox/bank/{reference}", data={"decision": "pay"})
    assert answer.headers["location"].startswith("/my/payments/y-")
    ((body, headers),) = caught
    before = await fingerprint(site.pool)
    for changed, raw, status, rule in (
        ({}, body, 409, "R-PAY-04"), ({"bank-signature": "0"}, body, 401, "R-PAY-03"),
        ({}, body + b" ", 401, "R-PAY-03"), ({"bank-key": "x"}, body, 401, "R-PAY-03"),
    ):  # fmt: skip
        told = await site.client.post("/bank/notifications", content=raw, headers=headers | changed)
        assert (told.status_code, told.json()["rule"]) == (status, rule)
        assert told.headers["content-type"] == "application/problem+json"
    assert await fingerprint(site.pool) == before
    large = await site.client.post("/bank/notifications", content=b"x" * 20_000, headers=headers)
    assert large.status_code == 413
