"""The audit tree in the API and in the console."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.web.api_site import Site, opened
from usance.audit import store
from usance.audit.documents import shown
from usance.audit.key import open_key
from usance.audit.note import PublicKey, checkpoint_of
from usance.audit.sequencer import Sequencer

NAME, PASSWORD = "anna", "correct horse battery"


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        await found.account()
        await found.account()
        yield found


async def signed(site: Site) -> PublicKey:
    """Everything so far is in a signed tree; the key."""
    key = open_key(site.services.settings.audit_key_file)
    await Sequencer(site.pool, key).catch_up()
    return key.public


async def get(site: Site, path: str) -> Any:
    answer = await site.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, rule: str) -> bool:
    return (answer.status_code, answer.json()["rule"]) == (status, rule)


async def test_events_with_their_places(site: Site) -> None:
    """R-PROOF-01: an event shows whether it has its place; pages go on to the end."""
    before = (await get(site, "/v1/audit/events"))["items"]
    assert {each["leaf_index"] for each in before} == {None}
    await signed(site)
    found = (await get(site, "/v1/audit/events"))["items"]
    assert [each["event"] for each in found] == [each["event"] for each in before]
    assert {each["leaf_index"] for each in found} == set(range(len(found)))
    paged, cursor = [], ""
    while cursor is not None:
        page = await get(site, f"/v1/audit/events?limit=3&cursor={cursor}")
        paged += page["items"]
        cursor = page["next"]
    assert paged == found


async def test_events_of_somebody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    every = (await get(site, "/v1/audit/events"))["items"]
    actor = every[0]["event"]["actor"]
    borrower = next(each["event"]["borrower_id"] for each in every if each["event"]["borrower_id"])
    for query, name, value in (
        (f"actor={actor}", "actor", actor), ("action=Purchase", "action", "Purchase"),
        (f"borrower_id={borrower}", "borrower_id", borrower),
    ):  # fmt: skip
        wanted = [each for each in every if each["event"][name] == value]
        assert 0 < len(wanted) < len(every)
        assert (await get(site, f"/v1/audit/events?{query}"))["items"] == wanted
    both = f"/v1/audit/events?borrower_id={borrower}&action=Purchase"
    assert len((await get(site, both))["items"]) == 1
    monkeypatch.setattr(store, "WINDOW", 2)
    found, cursor = [], ""
    while cursor is not None:  # pages that may be empty, and go on all the same
        page = await get(site, f"/v1/audit/events?action=Purchase&limit=1&cursor={cursor}")
        found += page["items"]
        cursor = page["next"]
    assert found == [each for each in every if each["event"]["action"] == "Purchase"]
    wrong = await site.client.get("/v1/audit/events?borrower_id=nobody")
    assert refused(wrong, 422, "R-DOC-01")


async def test_a_proof_over_the_api(site: Site) -> None:
    """R-PROOF-05, R-PROOF-06, R-PROOF-11: refused until it is signed, then good anywhere."""
    event = (await get(site, "/v1/audit/events"))["items"][0]["event"]["operation_id"]
    path = f"/v1/audit/events/{event}/proof"
    assert refused(await site.client.get(path), 422, "R-PROOF-11")
    assert refused(await site.client.get("/v1/audit/checkpoint"), 422, "R-PROOF-11")
    assert refused(await site.client.get("/v1/audit/events/p-1/proof"), 404, "R-FOUND-01")
    assert refused(await site.client.get("/v1/audit/events/x/proof"), 404, "R-FOUND-01")
    key = await signed(site)
    proof = (await site.client.get(path)).content
    assert shown(proof, [key]).believed == key
    await site.account()
    await signed(site)
    newest = await get(site, "/v1/audit/checkpoint")
    assert newest["public_key"] == str(key)
    assert checkpoint_of(newest["checkpoint"]["note"], key).size == newest["checkpoint"]["size"]
    rows = (await get(site, "/v1/audit/checkpoints"))["items"]
    assert rows[0] == newest["checkpoint"]
    assert [row["number"] for row in rows] == [2, 1]
    first = (await get(site, "/v1/audit/checkpoints?limit=1&cursor=2"))["items"]
    assert first == rows[1:]
    old, new = rows[1]["size"], rows[0]["size"]
    content = (await site.client.get(f"/v1/audit/consistency?old={old}&new={new}")).content
    assert "is the beginning of" in shown(content, [key]).lines[1]
    wrong = await site.client.get(f"/v1/audit/consistency?old={new}&new={old}")
    assert refused(wrong, 422, "R-PROOF-06")


async def test_who_may_look(site: Site) -> None:
    key = await site.key(["operations:read"])
    for path in ("events", "checkpoint", "checkpoints", "events/p-1/proof", "consistency"):
        answer = await site.client.get(
            f"/v1/audit/{path}", headers={"authorization": f"Bearer {key}"}
        )
        assert refused(answer, 403, "R-AUTH-02"), path
        site.client.cookies.clear()


# -- the console -----------------------------------------------------------------------------------


async def logged_in(site: Site) -> dict[str, str]:
    """Headers of a member of staff."""
    await site.services.staff.create(NAME, PASSWORD, ["auditor"])
    token, _ = await site.services.staff.log_in(NAME, PASSWORD)
    return {"cookie": f"usance_session={token}; language=en", "authorization": ""}


async def look(site: Site, headers: dict[str, str], path: str) -> httpx.Response:
    """A page, without the key of the API's client."""
    request = site.client.build_request("GET", path, headers=headers)
    del request.headers["authorization"]
    return await site.client.send(request)


async def test_the_page(site: Site) -> None:
    """Newest first, with filters; each with its place, and a proof to take along."""
    staff = await logged_in(site)
    page = await look(site, staff, "/console/audit")
    assert page.status_code == 200
    assert ">waits<" in page.text
    assert "/proof" not in page.text
    key = await signed(site)
    page = await look(site, staff, "/console/audit")
    assert ">waits<" not in page.text
    assert str(key) in page.text.replace("&#43;", "+")
    proofs = re.findall(r'href="(/console/audit/p-\w+/proof)"', page.text)
    assert len(proofs) == await site.pool.fetchval("SELECT size FROM audit_tree")
    answer = await look(site, staff, proofs[0])
    assert "attachment" in answer.headers["content-disposition"]
    assert shown(answer.content, [key]).believed == key
    chinese = staff | {"cookie": staff["cookie"].replace("=en", "=zh")}
    assert "最新检查点" in (await look(site, chinese, "/console/audit")).text


async def test_its_filters(site: Site) -> None:
    staff = await logged_in(site)
    borrower = (await get(site, "/v1/audit/events?action=Purchase"))["items"][0]["event"][
        "borrower_id"
    ]
    for query, rows in (("action=Purchase", 2), (f"borrower={borrower}", 3), ("actor=staff:77", 0),
                        ("borrower=b-zzzzz", 0), ("borrower=%3Cu%3E", 0)):  # fmt: skip
        page = await look(site, staff, f"/console/audit?{query}")
        assert page.text.count("<tr id=") == rows, query
        assert "<u>" not in page.text
    assert "There is no such borrower." in page.text


async def test_pages_go_on_with_their_filter(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from usance.web.console import audit

    monkeypatch.setattr(audit, "PAGE", 1)
    staff = await logged_in(site)
    page = await look(site, staff, "/console/audit?action=Purchase")
    found = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert found is not None
    following = await look(site, staff, found[1].replace("&amp;", "&"))
    assert following.text.count("<tr id=") == 1
    assert re.findall(r'<tr id="(.*?)"', page.text) != re.findall(r'<tr id="(.*?)"', following.text)


async def test_a_proof_that_is_not_there_yet_is_a_page(site: Site) -> None:
    """R-PROOF-11, in words."""
    staff = await logged_in(site)
    event = (await get(site, "/v1/audit/events"))["items"][0]["event"]["operation_id"]
    page = await look(site, staff, f"/console/audit/{event}/proof")
    assert page.status_code == 422
    assert "No checkpoint covers the event yet." in page.text
    assert (await look(site, staff, "/console/audit/p-0/proof")).status_code == 404
    assert (await look(site, {}, "/console/audit")).status_code == 303
