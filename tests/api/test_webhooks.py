"""Webhooks and rates through the API: a client's own endpoints, from registering to redelivery."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.web.api_site import Site
from tests.webhooks.receiver import Receiver, receiving
from usance.allowance.leases import Allowance
from usance.allowance.policy import Rates
from usance.allowance.rules import MILLION, Rate
from usance.identity.permissions import SCOPES
from usance.platform.clock import FixedClock
from usance.web.app import create_app
from usance.webhooks.policy import Reach
from usance.webhooks.verify import Memory, verify
from usance.webhooks.worker import Worker

URL = "https://hooks.example.com/in"
BODY = {"url": URL, "types": ["repayment.booked", "day.closed"]}


def refused(answer: httpx.Response, status: int, rule: str) -> bool:
    return (answer.status_code, answer.json()["rule"]) == (status, rule)


async def registered(site: Site, **more: Any) -> dict[str, Any]:
    answer = await site.post("/v1/webhooks", BODY | more)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_client_registers_changes_and_deletes(site: Site) -> None:
    made = await registered(site)
    path = f"/v1/webhooks/{made['webhook_id']}"
    assert made["secret"].startswith("whsec_")
    shown = (await site.client.get(path)).json()
    assert (shown["url"], shown["types"]) == (URL, ["day.closed", "repayment.booked"])
    assert (shown["active"], shown["secrets"], "secret" in shown) == (True, 1, False)
    change = {"url": "https://hooks.example.com/b", "types": ["line.changed"], "active": False}
    headers = {"idempotency-key": "change"}
    answer = await site.client.request("PATCH", path, json=change, headers=headers)
    assert answer.status_code == 201
    shown = (await site.client.get(path)).json()
    assert (shown["url"], shown["types"], shown["active"]) == tuple(change.values())
    assert [each["webhook_id"] for each in (await site.client.get("/v1/webhooks")).json()["items"]]
    gone = await site.client.request("DELETE", path, headers={"idempotency-key": "gone"})
    assert gone.status_code == 201
    assert refused(await site.client.get(path), 404, "R-FOUND-01")
    again = await site.client.request("DELETE", path, headers={"idempotency-key": "gone"})
    assert again.headers["idempotent-replayed"] == "true"
    other = await site.client.request("DELETE", path, headers={"idempotency-key": "other"})
    assert refused(other, 404, "R-FOUND-01")


async def test_fifty_requests_at_once_register_one(site: Site) -> None:
    answers = await asyncio.gather(*(site.post("/v1/webhooks", BODY, "one") for _ in range(50)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.content for each in answers}) == 1
    assert len((await site.client.get("/v1/webhooks")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "rule"),
    [({"url": "http://hooks.example.com/"}, 422, "R-HOOK-02"),
     ({"url": "https://127.0.0.1/x"}, 422, "R-HOOK-02"),
     ({"url": "https://[::1]/x"}, 422, "R-HOOK-02"), ({"url": ""}, 422, "R-DOC-01"),
     ({"types": []}, 422, "R-DOC-01"), ({"types": ["x"]}, 422, "R-HOOK-03"),
     ({"more": 1}, 422, "R-DOC-01")],
)  # fmt: skip
async def test_what_cannot_be_registered_changes_nothing(
    site: Site, body: dict[str, Any], status: int, rule: str
) -> None:
    before = await site.written()
    assert refused(await site.post("/v1/webhooks", BODY | body), status, rule)
    assert await site.written() == before


async def test_another_clients_endpoint_is_not_there(site: Site) -> None:
    made = await registered(site)
    path = f"/v1/webhooks/{made['webhook_id']}"
    await site.post(f"{path}/test", {})
    other = {"authorization": f"Bearer {await site.key(SCOPES)}"}
    assert (await site.client.get("/v1/webhooks", headers=other)).json()["items"] == []
    for place in ("", "/deliveries", "/deliveries/1"):
        answer = await site.client.get(path + place, headers=other)
        assert refused(answer, 404, "R-FOUND-01"), place
    for method, place in (
        ("PATCH", ""), ("DELETE", ""), ("POST", "/secrets"), ("POST", "/secrets/retirement"),
        ("POST", "/test"), ("POST", "/redelivery"), ("POST", "/deliveries/1/redelivery"),
    ):  # fmt: skip
        headers = other | {"idempotency-key": f"{method}{place}"}
        answer = await site.client.request(method, path + place, headers=headers)
        assert refused(answer, 404, "R-FOUND-01"), place


async def test_types_are_those_that_the_client_may_read(site: Site) -> None:
    key = await site.key(["webhooks:read", "webhooks:write", "day:read"])
    mine = {"authorization": f"Bearer {key}"}
    found = (await site.client.get("/v1/webhook-types", headers=mine)).json()["items"]
    assert [each["type"] for each in found] == ["day.closed"]
    answer = await site.post("/v1/webhooks", BODY, headers=mine)
    assert refused(answer, 422, "R-HOOK-03")


async def test_from_registering_to_redelivery(site: Site) -> None:
    """R-HOOK-09: a real receiver, a failure, the log, and the message again."""
    async with receiving() as receiver:
        services = site.services.webhooks
        services.reach = Reach(allow_http=True, networks=("127.0.0.1/32",))
        worker = Worker(services)
        made = await registered(site, url=receiver.url)
        path = f"/v1/webhooks/{made['webhook_id']}"
        account = await site.account()
        await site.post(f"/v1/contracts/{account}/repayments", {"amount": "12.34"})
        await worker.drain()
        (came,) = receiver.received
        assert came.document["data"]["amount"] == "12.34"
        assert came.document["data"]["contract_id"] == account
        now = datetime.now(UTC).timestamp()
        assert verify(came.headers, came.body, [made["secret"]], now=now, memory=Memory())
        await check_log(site, path, receiver, worker)


async def check_log(site: Site, path: str, receiver: Receiver, worker: Worker) -> None:
    """The log of the one message; then it is sent again."""
    (item,) = (await site.client.get(f"{path}/deliveries?state=delivered")).json()["items"]
    assert (item["sequence"], item["type"], item["attempts"]) == (1, "repayment.booked", 1)
    assert (await site.client.get(f"{path}/deliveries?state=waiting")).json()["items"] == []
    whole = (await site.client.get(f"{path}/deliveries/1")).json()
    assert whole["body"] == receiver.received[0].document
    assert [each["status"] for each in whole["attempts"]] == [204]
    assert refused(await site.client.get(f"{path}/deliveries/2"), 404, "R-FOUND-01")
    answer = await site.post(f"{path}/deliveries/1/redelivery", {})
    assert answer.status_code == 201
    assert refused(await site.post(f"{path}/deliveries/1/redelivery", {}), 422, "R-HOOK-09")
    await worker.drain()
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert refused(await site.client.get(f"{path}/deliveries?state=lost"), 422, "R-DOC-01")


async def test_a_secret_is_rotated_with_an_overlap(site: Site) -> None:
    """R-HOOK-05."""
    made = await registered(site)
    path = f"/v1/webhooks/{made['webhook_id']}"
    rotated = (await site.post(f"{path}/secrets", {})).json()
    assert rotated["secret"] not in (None, made["secret"])
    assert refused(await site.post(f"{path}/secrets", {}), 422, "R-HOOK-05")
    assert (await site.post(f"{path}/secrets/retirement", {})).status_code == 201
    assert refused(await site.post(f"{path}/secrets/retirement", {}), 422, "R-HOOK-05")
    assert (await site.client.get(path)).json()["secrets"] == 1


# -- rates -----------------------------------------------------------------------------------------


async def test_who_asks_too_often_is_told_when_to_come_back(site: Site) -> None:
    """R-RATE-01: 429 with Retry-After, before the body is read, and for that client alone."""
    clock = FixedClock(datetime.now(UTC))
    kinds = {"every": Rate(MILLION, 5), "search": Rate(MILLION // 10, 1)}
    rates = Rates(timedelta(seconds=1), kinds, {"POST /v1/borrowers/search": "search"})
    services = dataclasses.replace(
        site.services, allowance=Allowance(site.pool, clock, rates)
    )
    transport = httpx.ASGITransport(create_app(services))
    other = {"authorization": f"Bearer {await site.key(SCOPES)}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://usance.test", headers=dict(site.client.headers)
    ) as client:
        search = [await client.post("/v1/borrowers/search", json={"phone": "1"}) for _ in range(2)]
        assert [each.status_code for each in search] == [422, 429]
        assert (search[1].headers["retry-after"], search[1].json()["rule"]) == ("10", "R-RATE-01")
        found = [await client.get("/v1/book") for _ in range(5)]
        assert [each.status_code for each in found] == [200] * 4 + [429]
        assert found[-1].headers["retry-after"] == "1"
        assert found[-1].headers["content-type"] == "application/problem+json"
        assert (await client.get("/metrics")).status_code == 429
        assert (await client.get("/v1/book", headers=other)).status_code == 200
        clock.advance(timedelta(seconds=1))
        assert (await client.get("/v1/book")).status_code == 200
