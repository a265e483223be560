"""The HTTP API: who may come in, what a request must look like, and nothing done twice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.reading import read_costs_at
from tests.web.api_site import Site, opened
from usance.core.identifiers import parse
from usance.day import close, verify
from usance.identity.permissions import SCOPES
from usance.identity.roles import roles
from usance.platform.config import ConfigurationError
from usance.web import rulebook
from usance.web.api.endpoint import Endpoint
from usance.web.api.routes import ENDPOINTS
from usance.web.security import check_declared, handlers_of

PROBLEM = {"type", "title", "status", "rule", "detail", "path"}
SAMPLE = {
    "borrower_id": "b-1", "contract_id": "c-1001", "offer_id": "o-1", "authorisation_id": "a-1",
    "operation_id": "p-1", "code": "pay_later", "number": "1", "file_id": "1",
    "business_date": "2026-01-05", "receipt_id": "1", "proposal_id": "q-1", "case_id": "m-1",
    "webhook_id": "1", "sequence": "1", "record_id": "r-1", "template_id": "paid",
    "notice_id": "t-1", "channel": "sms", "report_id": "w-1",
    "member_id": "h-1", "decision_id": "j-1", "policy_id": "cn-tier", "pull_id": "u-1",
    "alert_id": "l-1", "limit_offer_id": "x-1",
}  # fmt: skip
HEADERS = (
    "content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options",
    "cross-origin-opener-policy", "cache-control",
)  # fmt: skip


@pytest_asyncio.fixture
async def site(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    home = Path(tmp_path_factory.getbasetemp()) / "api-home"
    async with opened(module_database, home) as found:
        yield found


def is_problem(answer: httpx.Response, status: int, rule: str) -> bool:
    document = answer.json()
    found = answer.status_code, document["status"], document["rule"]
    kind = answer.headers["content-type"]
    return (
        found == (status, status, rule)
        and document.keys() == PROBLEM
        and kind == "application/problem+json"
        and document["type"] == f"urn:usance:rule:{rule}"
    )


def path_of(endpoint: Endpoint) -> str:
    return re.sub(r"{(\w+)}", lambda match: SAMPLE[match[1]], endpoint.path)


async def ask(site: Site, endpoint: Endpoint, headers: dict[str, str]) -> httpx.Response:
    content = b"{}" if endpoint.method != "GET" else b""
    more = {"content-type": endpoint.media_type, "idempotency-key": "matrix"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app), base_url="http://usance.test"
    ) as bare:
        return await bare.request(
            endpoint.method, path_of(endpoint), content=content, headers=more | headers
        )


async def test_every_endpoint_wants_its_own_scope(site: Site) -> None:
    """No credentials, a key with every other scope, a key with this scope, for every endpoint."""
    assert len(ENDPOINTS) > 45
    for permission in sorted({endpoint.permission for endpoint in ENDPOINTS}):
        others = await site.key(SCOPES - {permission})
        own = await site.key([permission]) if permission in SCOPES else ""
        for endpoint in (each for each in ENDPOINTS if each.permission == permission):
            assert is_problem(await ask(site, endpoint, {}), 401, "R-AUTH-01")
            bearer = {"authorization": f"Bearer {others}"}
            assert is_problem(await ask(site, endpoint, bearer), 403, "R-AUTH-02")
            if own:  # what is for people alone no key opens
                allowed = await ask(site, endpoint, {"authorization": f"Bearer {own}"})
                assert allowed.status_code in (200, 201, 404, 409, 422), endpoint.path


async def test_other_routes_are_public_by_name_or_closed(site: Site) -> None:
    public = {
        path
        for handler in handlers_of(site.app)
        for path in handler.paths
        if handler.opt["permission"] == "public"
    }
    assert {"/health", "/openapi.json"} <= public
    assert "/metrics" not in public
    assert not [path for path in public if "borrower" in path or "contract" in path]


@pytest.mark.parametrize("header", ["Bearer usk_wrong", "Basic abc", "Bearer", "", "Bearer é"])
async def test_wrong_keys(site: Site, header: str) -> None:
    headers = [(b"authorization", header.encode())]
    answer = await site.client.get("/v1/book", headers=headers)
    assert is_problem(answer, 401, "R-AUTH-01")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_route_without_a_known_permission_stops_the_start() -> None:
    with pytest.raises(ConfigurationError):
        check_declared(None, "GET", "route", True)
    with pytest.raises(ConfigurationError):
        check_declared("contracts:read", "POST", "route", True)
    check_declared("contracts:read", "POST", "route", False)


async def test_a_session_needs_its_token_and_our_own_pages(site: Site) -> None:
    name = "anna"
    await site.services.staff.create(name, "correct horse battery", roles())
    token, session = await site.services.staff.log_in(name, "correct horse battery")
    account = await site.account()
    path, body = f"/v1/contracts/{account}/repayments", {"amount": "1.00"}
    client = site.client
    del client.headers["authorization"]
    client.cookies.set("usance_session", token)
    right = {"x-csrf-token": session.csrf}
    assert (await client.get(f"/v1/contracts/{account}")).status_code == 200
    for headers in ({}, {"x-csrf-token": "x"}, right | {"origin": "https://elsewhere.test"},
                    right | {"sec-fetch-site": "cross-site"}):  # fmt: skip
        assert is_problem(await site.post(path, body, headers=headers), 403, "R-AUTH-03")
    good = await site.post(path, body, headers=right | {"origin": "http://usance.test"})
    assert good.status_code == 201
    actor = await site.pool.fetchval("SELECT actor FROM operation ORDER BY operation_id DESC")
    assert actor == session.actor
    await site.services.staff.log_out(token)
    assert is_problem(await site.post(path, body, headers=right), 401, "R-AUTH-01")


async def test_headers_are_on_every_answer(site: Site) -> None:
    for method, path in [("GET", "/v1/book"), ("GET", "/v1/nowhere"), ("GET", "/nowhere"),
                         ("GET", "/health"), ("TRACE", "/health"), ("PUT", "/v1/book"),
                         ("GET", "/console")]:  # fmt: skip
        answer = await site.client.request(method, path)
        assert [name for name in HEADERS if name not in answer.headers] == []
        assert "unsafe" not in answer.headers["content-security-policy"]


async def test_metrics_tell_of_a_day_that_another_process_closed(site: Site) -> None:
    query = "SELECT alarm FROM contract WHERE contract_id = $1"
    account = parse("contract", await site.account())
    alarm = date.fromordinal(await site.pool.fetchval(query, account))
    await close.run(site.pool, through=alarm)
    row = await site.pool.fetchrow(
        "SELECT extract(epoch FROM finished_at - started_at)::float8 AS seconds, woken "
        "FROM day_close WHERE business_date = $1",
        alarm,
    )
    answer = await site.client.get("/metrics")
    told = dict(line.split(" ", 1) for line in answer.text.splitlines() if line[0] != "#")
    assert row["seconds"] > 0
    assert row["woken"] > 0
    assert float(told["usance_day_close_seconds"]) == pytest.approx(row["seconds"])
    assert float(told["usance_contracts_woken"]) == row["woken"]


async def test_methods_and_routes_that_are_not(site: Site) -> None:
    for path in ("/v1/book", "/health"):
        for method in ("TRACE", "OPTIONS", "PROPFIND"):
            answer = await site.client.request(method, path)
            assert is_problem(answer, 405, "R-HTTP-02")
        answer = await site.client.delete(path)
        assert is_problem(answer, 405, "R-HTTP-02")
        assert "GET" in answer.headers["allow"]
    for path in ("/v1/nowhere", "/v1/", "/v1/contracts//dues", "/v1/book/", "/nowhere"):
        assert is_problem(await site.client.get(path), 404, "R-HTTP-01")


async def test_misshapen_requests_are_refused_and_write_nothing(site: Site) -> None:
    account = await site.account()
    path = f"/v1/contracts/{account}/repayments"
    before = await site.written()

    async def sent(content: bytes, kind: str = "application/json") -> httpx.Response:
        headers = {"content-type": kind, "idempotency-key": "misshapen"}
        return await site.client.post(path, content=content, headers=headers)

    good = b'{"amount": "1.00"}'
    assert is_problem(await sent(good, "text/plain"), 415, "R-HTTP-03")
    assert is_problem(await sent(b"{" + b" " * 1_000_000), 413, "R-HTTP-04")
    for raw in (b"{", b"\xff", b'{"amount": "\\ud800"}'):
        assert is_problem(await sent(raw), 400, "R-HTTP-05")
    for raw in (
        b"{}",
        b"[]",
        b"[" * 100_000,
        b'{"amount": 1}',
        b'{"amount": "1", "more": 1}',
        b"null",
    ):
        assert is_problem(await sent(raw), 422, "R-DOC-01")
    for rule, amounts in {
        "R-AMT-01": ("0", "-1", "1.001"),
        "R-DOC-01": ("1e3", "", "\u0661"),
    }.items():
        for amount in amounts:
            assert is_problem(await site.post(path, {"amount": amount}), 422, rule)
    assert is_problem(await site.post(path, {"amount": "1", "currency": "USD"}), 422,
                      "R-CURRENCY-01")  # fmt: skip
    for key in (None, "", " ", "a b", "x" * 201):
        headers = {} if key is None else {"idempotency-key": key}
        answer = await site.client.post(path, json={"amount": "1"}, headers=headers)
        assert is_problem(answer, 400, "R-IDEM-02")
    for unknown in ("c-1001", "c-", "x-7ew01", "c-iiii", "c-zzzzzzzzzzzzz", "%00", "c-1" * 99):
        answer = await site.post(f"/v1/contracts/{unknown}/repayments", {"amount": "1"})
        assert is_problem(answer, 404, "R-FOUND-01")
    assert await site.written() == before


async def test_a_body_in_pieces_is_stopped_at_the_limit(site: Site) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 50_000

    answer = await site.client.post(
        "/v1/quote", content=pieces(), headers={"content-type": "application/json"}
    )
    assert is_problem(answer, 413, "R-HTTP-04")


async def test_fifty_twins_change_one_thing(site: Site) -> None:
    account = await site.account()
    path = f"/v1/contracts/{account}/repayments"
    twins = [site.post(path, {"amount": "10.00"}, "twins") for _ in range(50)]
    answers = await asyncio.gather(*twins)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
    assert replayed.count(None) == 1
    events = (await site.client.get(f"/v1/contracts/{account}/events")).json()["items"]
    assert [event["kind"] for event in events].count("repayment") == 1
    for other_path, body in [
        (path, {"amount": "11.00"}),
        (path.replace("repayments", "refunds"), {"amount": "10.00"}),
    ]:
        other = await site.post(other_path, body, "twins")
        assert is_problem(other, 409, "R-IDEM-01")


async def test_lists_come_in_pages_without_gaps(site: Site) -> None:
    account = await site.account()
    for n in range(1, 6):
        await site.post(f"/v1/contracts/{account}/repayments", {"amount": f"{n}.00"})
    for name, one in (("events", "seq"), ("transfers", "event_seq")):
        path, seen, cursor = f"/v1/contracts/{account}/{name}", [], ""
        while cursor is not None:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            document = (await site.client.get(path, params=query)).json()
            seen += [item[one] for item in document["items"]]
            cursor = document["next"]
        assert seen == sorted(seen, reverse=True)
        assert set(seen) >= {2, 3, 4, 5, 6, 7}
        assert len(seen) == len(set(seen))
    for query in ("limit=0", "limit=201", "limit=x", "cursor=x", "cursor=-1", "more=1",
                  "limit=1&limit=2", "cursor=" + "9" * 19):  # fmt: skip
        answer = await site.client.get(f"/v1/contracts/{account}/events?{query}")
        assert is_problem(answer, 422, "R-DOC-01"), query


async def offered(site: Site, borrower: str) -> tuple[str, str]:
    """An offer of 6000.00 in six instalments, and its path."""
    await site.post(f"/v1/borrowers/{borrower}/lines", {"product": "cash_loan", "limit": "9000"})
    asked = {"product": "cash_loan", "principal": "6000.00", "instalments": 6}
    offer = (await site.post(f"/v1/borrowers/{borrower}/offers", asked)).json()["offer_id"]
    return offer, f"/v1/borrowers/{borrower}/offers/{offer}"


async def test_a_loan_from_offer_to_balances(site: Site) -> None:
    offer, path = await offered(site, await site.borrower())
    assert (await site.client.get(path)).json()["status"] == "open"
    await read_costs_at(site.post, path)
    contract = (await site.post(f"{path}/accept", {})).json()["contract_id"]
    page = (await site.client.get(f"/v1/contracts/{contract}")).json()
    assert page["contract"]["unpaid"]["principal"] == "6000.00"
    assert [due["n"] for due in page["dues"]] == [1, 2, 3, 4, 5, 6]
    assert (await site.post(f"/v1/contracts/{contract}/settlement", {})).status_code == 201
    closed = (await site.client.get(f"/v1/contracts/{contract}")).json()["contract"]
    assert (closed["status"], closed["pay_off"]) == ("closed", "0.00")
    balances = (await site.client.get(f"/v1/contracts/{contract}/balances")).json()
    assert sum(Decimal(each["balance"]) for each in balances["accounts"]) == 0
    elsewhere = await site.client.get(f"/v1/borrowers/{await site.borrower()}/offers/{offer}")
    assert is_problem(elsewhere, 404, "R-FOUND-01")


async def test_a_loan_planned_anew_written_off_and_recovered_in_full(site: Site) -> None:
    """The view says that nothing is owed any more; an event's amount is money, not a count."""
    _, path = await offered(site, await site.borrower())
    await read_costs_at(site.post, path)
    contract = (await site.post(f"{path}/accept", {})).json()["contract_id"]
    path = f"/v1/contracts/{contract}"
    assert (await site.post(f"{path}/restructurings", {"instalments": 5})).status_code == 201
    await site.approved(await site.post(f"{path}/charge-off", {}))
    for amount, whole in (("1000.00", False), ("5000.00", True)):
        assert (await site.post(f"{path}/recoveries", {"amount": amount})).status_code == 201
        view = (await site.client.get(path)).json()["contract"]
        assert (view["status"], view["recovered_in_full"]) == ("charged_off", whole)
    listed = (await site.client.get(f"{path}/events")).json()["items"]
    found = {each["kind"]: (each["amount"], each["instalments"]) for each in listed}
    assert found["restructure"] == ("0.00", 5)
    assert found["charge_off"] == ("6000.00", None)
    assert found["open"] == ("6000.00", None)


async def test_a_borrower_is_found_by_phone_without_being_named_in_an_address(site: Site) -> None:
    borrower = await site.borrower()
    details = (await site.client.get(f"/v1/borrowers/{borrower}")).json()
    found = await site.client.post("/v1/borrowers/search", json={"phone": details["phone"]})
    assert found.json() == details
    both = {"phone": details["phone"], "identity_number": details["identity_number"]}
    for body in ({}, both):
        refused = await site.client.post("/v1/borrowers/search", json=body)
        assert is_problem(refused, 422, "R-DOC-01")


async def test_the_quote_is_the_librarys_and_needs_no_key(site: Site) -> None:
    from usance.contract.quote import quote

    document: dict[str, Any] = {
        "terms": {"kind": "term", "principal": "10000.00", "disbursed_on": "2024-01-01",
                  "rate": {"annual": "0.12"}, "instalments": 12}
    }  # fmt: skip
    answer = await site.client.post("/v1/quote", json=document)
    assert (answer.status_code, answer.json()) == (200, quote(document))
    document["terms"]["principal"] = "-1"
    refused = await site.client.post("/v1/quote", json=document)
    assert is_problem(refused, 422, "R-AMT-01")
    blank = {"terms": {"kind": "statement", "opened_on": ""}, "events": []}
    assert is_problem(await site.client.post("/v1/quote", json=blank), 422, "R-DOC-01")


async def test_an_accident_says_nothing_of_the_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(type(site.services.book), "submit", broken)
    answer = await site.post("/v1/contracts/c-1001/repayments", {"amount": "1"})
    assert is_problem(answer, 500, "R-HTTP-06")
    assert "secret" not in answer.text
    number = re.search(r"[0-9a-f]{16}", answer.json()["detail"])
    assert number is not None


async def test_the_description_names_every_endpoint_and_every_refusal(site: Site) -> None:
    document = (await site.client.get("/openapi.json")).json()
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= document["components"]["schemas"].keys()
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert {"401", "403", "405"} <= operation["responses"].keys()
        keyed = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
        assert bool(keyed) == endpoint.changes


def test_every_rule_of_the_edge_has_a_sentence() -> None:
    rooms = "AUTH|BOOK|BORR|CLIENT|CURRENCY|FOUND|HTTP|IDEM|STAFF"
    used = {
        rule
        for folder in ("web", "identity", "cli")
        for path in (rulebook.source_root() / "src/usance" / folder).rglob("*.py")
        for rule in re.findall(rf'"(R-(?:{rooms})-\d+)"', path.read_text())
    }
    assert len(used) > 20
    assert sorted(rule for rule in used if rulebook.rule_text(rule) is None) == []


async def test_a_bank_file_is_loaded_once_and_every_invariant_holds(site: Site) -> None:
    account = await site.account()
    lines = "reference,id,amount,result_code,value_date,bank_transaction_id\n"
    lines += (
        f"debit-{account},{account},100.00,00,2026-01-05,t1\nother,c-1001,5.00,00,2026-01-05,\n"
    )

    async def load(content: str, key: str) -> httpx.Response:
        headers = {"content-type": "text/csv", "idempotency-key": key}
        path = "/v1/bank-files?name=day.csv"
        return await site.client.post(path, content=content.encode(), headers=headers)

    first, again = await load(lines, "file-1"), await load(lines, "file-1")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert [row["outcome"] for row in first.json()["rows"]] == ["already_paid", "unmatched"]
    assert is_problem(await load(lines + "\n", "file-1"), 409, "R-IDEM-01")
    assert is_problem(await load("no,such,header\n", "file-2"), 422, "R-DEBIT-02")
    path = f"/v1/bank-files/{first.json()['file_id']}/rows"
    rows = (await site.client.get(path, params={"limit": 1})).json()
    assert rows["items"][0]["outcome"] == "already_paid"
    assert rows["next"] is not None
    assert await verify.run(site.pool) == []
