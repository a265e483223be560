"""Cases in the portal over HTTP: open, talk, files, the answer, an appeal; other people's are not
there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.cases import corpus
from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, visitor
from usance.cases import rules
from usance.cases.deciding import Finding
from usance.cases.work import Acting
from usance.core.identifiers import parse
from usance.identity.roles import permissions_of

PASSWORD = "correct horse battery"


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found


@pytest_asyncio.fixture
async def me(site: Site) -> Visitor:
    return await visitor(site)


async def opened_by(me: Visitor, **fields: str) -> str:
    """Open a case by the form; its number."""
    asked = {"kind": "complaint", "text": "You charged me twice.", "key": "one"} | fields
    answer = await me.post("/my/cases/new", asked)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("?done=opened")
    return answer.headers["location"].rpartition("/")[2].partition("?")[0]


async def staff(site: Site, name: str, role: str) -> Acting:
    """Somebody who works here."""
    number = await site.services.staff.create(name, PASSWORD, [role])
    return Acting(f"staff:{number}", permissions_of([role]))


async def answered(site: Site, case: str, result: str = "not_upheld") -> None:
    """A handler proposes, somebody else decides."""
    room, case_id = site.services.cases, parse("case", case)
    anna, clara = await staff(site, "anna", "service"), await staff(site, "clara", "supervisor")
    await room.work.assign(case_id, int(anna.actor.partition(":")[2]), clara)
    finding = Finding(result=result, reasons="The entry is right.")
    await room.deciding.propose(case_id, finding, anna)
    await room.work.say(case_id, rules.NOTE, "Never to be shown.", anna)
    await room.deciding.decide(case_id, 1, clara)


def refused(answer: httpx.Response, rule: str, status: int = 422) -> None:
    """The page says which rule refused it."""
    assert (answer.status_code, rule in answer.text) == (status, True), answer.text


async def test_open_talk_and_be_answered(site: Site, me: Visitor) -> None:
    """The whole way, with a file there and back, and an appeal that somebody else decides."""
    case = await opened_by(me)
    page = (await me.get(f"/my/cases/{case}?done=opened")).text
    assert case in page
    assert "You charged me twice." in page
    sent = await me.post(f"/my/cases/{case}/say", {"text": "It was on Monday.", "key": "two"})
    assert sent.headers["location"] == f"/my/cases/{case}"
    sent = await me.attach(case, "收据 .png", corpus.GOOD["png"])
    assert sent.headers["location"] == f"/my/cases/{case}"
    stored = await me.get(f"/my/cases/{case}/attachments/1")
    assert (stored.content, stored.headers["content-type"]) == (corpus.GOOD["png"], "image/png")
    assert stored.headers["content-disposition"].startswith("attachment;")
    assert stored.headers["x-content-type-options"] == "nosniff"
    await answered(site, case)
    page = (await me.get(f"/my/cases/{case}")).text
    assert "The entry is right." in page
    assert "Never to be shown." not in page
    assert f"/my/cases/new?kind=appeal&amp;against={case}" in page
    appeal = await opened_by(me, kind="appeal", against=case, text="I do not agree.", key="three")
    listed = (await me.get("/my/cases")).text
    assert {case, appeal} <= set(re.findall(r"m-[0-9a-z]+", listed))
    kept = await site.client.get(f"/v1/cases/{appeal}")
    found = kept.json()["case"]
    assert (found["channel"], found["kind"], found["subject"]) == (
        "portal", "appeal", {"kind": "case", "id": case, "number": None},
    )  # fmt: skip
    refused(await me.post(f"/my/cases/{case}/withdraw", {"key": "four"}), "R-CASE-07")


async def test_a_case_about_an_entry(site: Site, me: Visitor) -> None:
    """A contract's page leads to the form; a review names the entry."""
    assert f"/my/cases/new?contract={me.contract}" in (
        await me.get(f"/my/contracts/{me.contract}")
    ).text
    form = (await me.get(f"/my/cases/new?contract={me.contract}")).text
    assert '<option value="2"' in form
    fields = {"kind": "human_review", "contract": me.contract}
    asked = fields | {"text": "Why?", "key": "r"}
    refused(await me.post("/my/cases/new", asked), "R-CASE-04")
    case = await opened_by(me, **fields, event="2")
    found = (await site.client.get(f"/v1/cases/{case}")).json()["case"]
    assert found["subject"] == {"kind": "event", "id": me.contract, "number": 2}
    refused(await me.post("/my/cases/new", asked | {"event": "999"}), "R-CASE-04")


async def test_taken_back_and_taken_up_again(site: Site, me: Visitor) -> None:
    """R-CASE-07, R-CASE-15."""
    case = await opened_by(me)
    back = await me.post(f"/my/cases/{case}/withdraw", {"key": "back"})
    assert back.status_code == 303
    again = await me.post(f"/my/cases/{case}/withdraw", {"key": "back"})
    assert (again.status_code, again.headers["location"]) == (303, f"/my/cases/{case}")
    said = await me.post(f"/my/cases/{case}/say", {"text": "And?", "key": "say"})
    refused(said, "R-CASE-07")
    empty = await me.post(f"/my/cases/{case}/reopen", {"text": " ", "key": "up"})
    assert empty.status_code == 422
    up = await me.post(f"/my/cases/{case}/reopen", {"text": "After all.", "key": "up"})
    assert up.status_code == 303
    page = (await site.client.get(f"/v1/cases/{case}")).json()["case"]
    assert (page["state"], page["reopened"]) == ("open", 1)


async def test_what_is_refused_changes_nothing(site: Site, me: Visitor) -> None:
    """R-FILE-01 to R-FILE-03, R-FORM-01, R-CASE-04, R-CASE-05; the words stay in the form."""
    case = await opened_by(me)
    before = await fingerprint(site.pool)
    refused(await me.attach(case, "photo.png", corpus.WRONG_TYPE["zip"]), "R-FILE-01")
    refused(await me.attach(case, "photo.png", corpus.POLYGLOTS["png + zip"]), "R-FILE-03")
    refused(await me.attach(case, "long.txt", b"a" * 5_000_001), "R-FILE-02")
    refused(await me.post(f"/my/cases/{case}/attach", {"key": "k"}), "R-FORM-01")
    gross = await me.attach(case, "long.txt", b"a" * 5_300_000)
    assert gross.status_code == 413
    for fields in (
        {"kind": "incident"}, {"kind": "appeal"}, {"kind": "nonsense"}, {"text": ""},
        {"text": "a\x00b"}, {"text": "a" * 4001},
    ):  # fmt: skip
        asked = {"kind": "complaint", "text": "My words.", "key": "x"} | fields
        answer = await me.post("/my/cases/new", asked)
        assert answer.status_code == 422, fields
        assert ("My words." in answer.text) == ("text" not in fields)
    assert await fingerprint(site.pool) == before


async def test_other_peoples_contracts_and_cases_are_not_there(site: Site, me: Visitor) -> None:
    """R-PORTAL-01, R-FOUND-01: neither by the address nor by what a form names."""
    other = await visitor(site)
    theirs = await other.case()
    before = await fingerprint(site.pool)
    words = {"text": "Mine!", "key": "k"}
    for answer in (
        await me.get("/my/cases/new", params={"contract": other.contract}),
        await me.get("/my/cases/new", params={"against": theirs}),
        await me.post("/my/cases/new", words | {"kind": "dispute", "contract": other.contract}),
        await me.post("/my/cases/new", words | {"kind": "appeal", "against": theirs}),
        await me.attach(theirs, "a.txt", b"a"), await me.get(f"/my/cases/{theirs}/attachments/1"),
    ):  # fmt: skip
        refused(answer, "R-FOUND-01", 404)
    assert theirs not in (await me.get("/my/cases")).text
    assert await fingerprint(site.pool) == before


@pytest.mark.parametrize("path", ["new", "{}/say", "{}/withdraw"])
async def test_a_form_sent_ten_times_is_done_once(site: Site, me: Visitor, path: str) -> None:
    """R-IDEM-01."""
    case = await opened_by(me)
    fields = {"kind": "complaint", "text": "Once.", "key": "same"}
    address = "/my/cases/" + path.format(case)
    answers = await asyncio.gather(*(me.post(address, fields) for _ in range(10)))
    assert {each.headers.get("location") for each in answers} == {answers[0].headers["location"]}
    events = await site.pool.fetchval("SELECT count(*) FROM case_event")
    assert events == 2
    other = await me.post(address, fields | {"text": "Other.", "key": "same"})
    refused(other, "R-IDEM-01", 409)
