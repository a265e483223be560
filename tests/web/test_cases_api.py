"""Cases through the API: the whole way of one, who may do what, files, refusals, sums."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.cases import corpus
from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from usance.core.identifiers import parse
from usance.day import verify
from usance.platform.clock import SystemClock

PASSWORD = "correct horse battery"
STAFF = {"anna": ["service"], "ben": ["service"], "clara": ["supervisor"], "dora": ["compliance"]}
_keys = itertools.count(1)


@dataclass
class Office:
    """The API, a machine client that may do everything, and staff with their sessions."""

    site: Site
    staff: dict[str, httpx.AsyncClient]
    ids: dict[str, int]

    async def ask(self, who: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """A change, asked for by a member of staff, or by the ``host``."""
        client = self.staff.get(who, self.site.client)
        key = more.pop("key", "") or f"office-{next(_keys)}"
        return await client.post(f"/v1/cases{path}", json=body or {}, headers={
            "idempotency-key": key}, **more)  # fmt: skip

    async def done(self, who: str, path: str, body: Any = None) -> dict[str, Any]:
        """The same, carried out."""
        answer = await self.ask(who, path, body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str = "", **query: Any) -> Any:
        """What is read."""
        answer = await self.site.client.get(f"/v1/cases{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def send(self, case: str, content: bytes, name: str = "a.png") -> httpx.Response:
        """A file, as it is."""
        headers = {"idempotency-key": f"office-{next(_keys)}",
                   "content-type": "application/octet-stream"}  # fmt: skip
        return await self.site.client.post(
            f"/v1/cases/{case}/attachments", params={"name": name}, content=content,
            headers=headers,
        )  # fmt: skip

    async def refused(self, rule: str, status: int, answering: Any) -> dict[str, Any]:
        """A problem document by this rule, and no table changed."""
        before = await fingerprint(self.site.pool)
        answer = await answering
        document: dict[str, Any] = answer.json()
        assert (answer.status_code, document["rule"]) == (status, rule), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        after = await fingerprint(self.site.pool)
        assert {n for n in before if before[n] != after[n]} <= {"staff_session", "rate_bucket"}
        return document

    async def account(self) -> tuple[str, str]:
        """A borrower and their pay-later account."""
        account = await self.site.account()
        page = (await self.site.client.get(f"/v1/contracts/{account}")).json()
        return page["contract"]["borrower_id"], account

    async def proposed(self, **proposal: Any) -> tuple[str, str]:
        """A case given to anna with a proposal of hers; its number, and the account's."""
        borrower, account = await self.account()
        body = {"kind": "complaint", "text": "Twice!", "borrower_id": borrower}
        case = (await self.done("host", "", body))["case_id"]
        await self.done("ben", f"/{case}/assignment", {"staff_id": self.ids["anna"]})
        remedy = {"kind": "goodwill", "contract_id": account, "amount": "5.00"}
        asked = {"result": "upheld", "reasons": "Our mistake.", "remedy": remedy} | proposal
        await self.done("anna", f"/{case}/proposals", asked)
        return case, account


@pytest_asyncio.fixture
async def office(database: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(database, tmp_path) as site, AsyncExitStack() as stack:
        staff, ids = {}, {}
        for name, roles in STAFF.items():
            ids[name] = await site.services.staff.create(name, PASSWORD, roles)
            token, session = await site.services.staff.log_in(name, PASSWORD)
            staff[name] = await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(site.app), base_url="http://usance.test",
                    headers={"x-csrf-token": session.csrf}, cookies={"usance_session": token},
                )
            )  # fmt: skip
        yield Office(site, staff, ids)


async def test_the_whole_way_of_a_case(office: Office) -> None:
    """From the host application to the answer, with a file, a question, a note and a remedy."""
    borrower, account = await office.account()
    opened = await office.done("host", "", {
        "kind": "dispute", "text": "I never bought this.", "borrower_id": borrower,
        "subject": {"kind": "event", "id": account, "number": 2},
    })  # fmt: skip
    case = opened["case_id"]
    assert (opened["channel"], opened["state"], opened["rule_id"]) == ("api", "open", "any-2026")
    assert opened["acknowledged_on"] == opened["received_on"]
    sent = await office.send(case, corpus.GOOD["png"], "receipt.exe")
    assert (sent.status_code, sent.json()["media_type"]) == (201, "image/png")
    handlers = await office.get("/handlers")
    assert [each["name"] for each in handlers] == ["anna", "ben", "clara"]
    await office.done("ben", f"/{case}/assignment", {"staff_id": office.ids["anna"]})
    question = {"way": "to_borrower", "text": "When was it?", "wait": True}
    assert (await office.done("anna", f"/{case}/messages", question))["state"] == "waiting"
    note = {"way": "note", "text": "The merchant knows nothing."}
    await office.done("anna", f"/{case}/messages", note)
    answer = {"way": "from_borrower", "text": "On Monday."}
    assert (await office.done("host", f"/{case}/messages", answer))["state"] == "open"
    await office.done("anna", f"/{case}/extensions", {"reasons": "The merchant is slow."})
    proposal = {
        "result": "partly", "reasons": "The merchant could not show it.",
        "remedy": {"kind": "refund", "contract_id": account, "amount": "400.00", "of": 2},
    }  # fmt: skip
    assert (await office.done("anna", f"/{case}/proposals", proposal))["proposal"] == 1
    decided = await office.done("clara", f"/{case}/decision", {"proposal": 1, "follow": True})
    assert (decided["state"], decided["result"]) == ("decided", "partly")
    whole = await office.get(f"/{case}")
    assert whole["text"] == "I never bought this."
    assert whole["outcomes"][0]["operation_id"] == decided["remedy_operation_id"]
    assert whole["case"]["clock"] == "stopped"
    operation = (await office.site.client.get(
        f"/v1/operations/{decided['remedy_operation_id']}")).json()  # fmt: skip
    assert (operation["action"], operation["contract_id"]) == ("Refund", account)
    messages = (await office.get(f"/{case}/messages"))["items"]
    assert [each["way"] for each in messages] == [
        "to_borrower", "note", "from_borrower", "to_borrower", "to_borrower"
    ]
    assert messages[-1]["text"].startswith("我们部分支持您的诉求。")
    events = (await office.get(f"/{case}/events", limit=200))["items"]
    assert [each["kind"] for each in events] == [
        "opened", "attached", "assigned", "to_borrower", "note", "from_borrower", "extended",
        "proposed", "decided",
    ]  # fmt: skip
    assert len({each["operation_id"] for each in events}) == len(events)
    await office.done("host", f"/{case}/reopening", {"reasons": "All of it, please."})
    await office.done("host", f"/{case}/withdrawal")
    assert await verify.run(office.site.pool) == []


async def test_only_staff_decide_and_not_their_own(office: Office) -> None:
    """R-AUTH-02, R-CASE-09."""
    case, _ = await office.proposed()
    body = {"proposal": 1, "follow": True}
    await office.refused("R-AUTH-02", 403, office.ask("host", f"/{case}/decision", body))
    await office.refused("R-AUTH-02", 403, office.ask("anna", f"/{case}/decision", body))
    await office.done("ben", f"/{case}/assignment", {"staff_id": office.ids["clara"]})
    await office.refused("R-CASE-09", 422, office.ask("clara", f"/{case}/decision", body))
    back = {"proposal": 1, "follow": False, "note": "Ask the bank."}
    assert (await office.done("dora", f"/{case}/decision", back))["state"] == "open"
    await office.refused("R-CASE-11", 409, office.ask("dora", f"/{case}/decision", body))
    assert (await office.get(f"/{case}"))["outcomes"][0]["note"] == "Ask the bank."


async def test_a_case_opens_no_door(office: Office) -> None:
    """R-AUTH-02: collections may not book goodwill, so they may not propose it either."""
    case, account = await office.proposed(remedy=None)
    back = {"proposal": 1, "follow": False, "note": "Pay her."}
    await office.done("clara", f"/{case}/decision", back)
    await office.site.services.staff.change_roles(
        "anna", grant=["collections"], revoke=["service"]
    )
    remedy = {"kind": "goodwill", "contract_id": account, "amount": "5.00"}
    body = {"result": "upheld", "reasons": "Ours.", "remedy": remedy}
    await office.refused("R-AUTH-02", 403, office.ask("anna", f"/{case}/proposals", body))


async def test_what_the_book_refuses_is_said_with_its_rule(office: Office) -> None:
    """R-CASE-13: and the case is as it was."""
    borrower_remedy = {"kind": "refund", "amount": "1000.01", "of": 2}
    case, account = await office.proposed(remedy=None)
    back = {"proposal": 1, "follow": False, "note": "Refund it."}
    await office.done("clara", f"/{case}/decision", back)
    remedy = borrower_remedy | {"contract_id": account}
    body = {"result": "upheld", "reasons": "Ours.", "remedy": remedy}
    await office.done("anna", f"/{case}/proposals", body)
    asked = office.ask("clara", f"/{case}/decision", {"proposal": 2, "follow": True})
    said = await office.refused("R-REFUND-03", 422, asked)
    assert said["detail"] == "refunds exceed the purchase"
    assert (await office.get(f"/{case}"))["outcomes"][1]["state"] == "proposed"


async def test_fifty_decisions_under_one_key_and_two_deciders(office: Office) -> None:
    """R-IDEM-01, R-CASE-11: one remedy, one answer."""
    case, account = await office.proposed()
    body = {"proposal": 1, "follow": True}
    path = f"/{case}/decision"
    answers = await asyncio.gather(
        *(office.ask("clara", path, body, key="one") for _ in range(50)),
        *(office.ask("dora", path, body, key="one") for _ in range(5)),
    )
    good = [each for each in answers if each.status_code == 201]
    assert len({each.content for each in good}) == 1
    assert {each.json()["rule"] for each in answers if each.status_code != 201} == {"R-CASE-11"}
    assert len(good) in (50, 5)
    events = await office.site.pool.fetch(
        "SELECT seq FROM event WHERE contract_id = $1 AND kind = 7", parse("contract", account)
    )
    assert len(events) == 1
    other = {"proposal": 1, "follow": False, "note": "No."}
    who = "clara" if len(good) == 50 else "dora"
    await office.refused("R-IDEM-01", 409, office.ask(who, path, other, key="one"))


async def approval_of(office: Office, case: str) -> Any:
    """The proposal that a case's remedy waits for, as approvals have it."""
    waiting = (await office.get(f"/{case}"))["outcomes"][-1]["approval_id"]
    return await office.site.services.approvals.found(parse("proposal", waiting))


async def test_a_large_remedy_waits_for_a_second_person(office: Office) -> None:
    """R-CASE-13: by the policy of approvals; decided, told and linked once it was done."""
    case, account = await office.proposed()
    back = {"proposal": 1, "follow": False, "note": "More."}
    await office.done("clara", f"/{case}/decision", back)
    remedy = {"kind": "goodwill", "contract_id": account, "amount": "300.00"}
    body = {"result": "upheld", "reasons": "Ours.", "remedy": remedy}
    await office.done("anna", f"/{case}/proposals", body)
    follow = {"proposal": 2, "follow": True}
    answer = await office.ask("clara", f"/{case}/decision", follow, key="once")
    assert (answer.status_code, answer.json()["outcome"]) == (202, "waits_for_approval")
    again = await office.ask("clara", f"/{case}/decision", follow, key="once")
    assert (again.status_code, again.content) == (202, answer.content)
    watch, approvals = office.site.services.cases.watch, office.site.services.approvals
    assert await watch.look() == 0
    assert (await office.get(f"/{case}"))["case"]["state"] == "open"
    assert (await office.get(f"/{case}/messages"))["items"] == []
    found = await approval_of(office, case)
    assert found.author == f"staff:{office.ids['clara']}"
    await office.refused("R-CASE-11", 409, office.ask("host", f"/{case}/withdrawal"))
    await approvals.approve(found.proposal_id, office.ids["dora"], found.digest, "")
    assert await watch.look() == 1
    whole = await office.get(f"/{case}")
    assert (whole["case"]["state"], whole["outcomes"][1]["state"]) == ("decided", "decided")
    done = await approvals.found(found.proposal_id)
    assert parse("operation", whole["outcomes"][1]["operation_id"]) == done.operation_id
    (told,) = (await office.get(f"/{case}/messages"))["items"]
    assert "我们已将款项记入您的合同" in told["text"]
    assert await verify.run(office.site.pool) == []


@pytest.mark.parametrize("how", ["refused", "revoked"])
async def test_a_remedy_that_is_not_approved_is_not_promised(office: Office, how: str) -> None:
    """R-CASE-13: the case is open again, the outcome says which rule said no."""
    remedy = {"kind": "goodwill", "amount": "300.00"}
    case, account = await office.proposed(remedy=None)
    back = {"proposal": 1, "follow": False, "note": "More."}
    await office.done("clara", f"/{case}/decision", back)
    body = {"result": "upheld", "reasons": "Ours.", "remedy": remedy | {"contract_id": account}}
    await office.done("anna", f"/{case}/proposals", body)
    follow = {"proposal": 2, "follow": True}
    assert (await office.ask("clara", f"/{case}/decision", follow)).status_code == 202
    approvals, found = office.site.services.approvals, await approval_of(office, case)
    if how == "refused":
        await approvals.refuse(found.proposal_id, office.ids["dora"], found.digest, "Too much.")
    else:
        await approvals.revoke(found.proposal_id, found.author)
    assert await office.site.services.cases.watch.look() == 1
    outcome = (await office.get(f"/{case}"))["outcomes"][1]
    rule = {"refused": "R-APPR-05", "revoked": "R-APPR-07"}[how]
    assert (outcome["state"], outcome["refused_by"]) == ("fell_through", rule)
    assert (await office.get(f"/{case}/messages"))["items"] == []
    assert (await office.done("anna", f"/{case}/proposals", body))["proposal"] == 3


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["png", "jpeg", "pdf", "text"])
async def test_a_file_comes_back_as_it_was_to_be_stored(office: Office, name: str) -> None:
    """R-FILE-04: its true type, never in place, not to be guessed, for nobody without the scope."""
    borrower, _ = await office.account()
    body = {"kind": "complaint", "text": "See.", "borrower_id": borrower}
    case = (await office.done("host", "", body))["case_id"]
    sent = await office.send(case, corpus.GOOD[name], "事 proof.html")
    assert sent.status_code == 201
    answer = await office.site.client.get(f"/v1/cases/{case}/attachments/1")
    assert answer.content == corpus.GOOD[name]
    assert answer.headers["content-type"].partition(";")[0] == {
        "png": "image/png", "jpeg": "image/jpeg", "pdf": "application/pdf", "text": "text/plain",
    }[name]  # fmt: skip
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="attachment-1.')
    assert "html" not in disposition
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    (listed,) = await office.get(f"/{case}/attachments")
    assert (listed["name"], listed["size"]) == ("事 proof.html", len(corpus.GOOD[name]))
    other = await office.site.key({"cases:write"})
    bare = httpx.AsyncClient(
        transport=httpx.ASGITransport(office.site.app), base_url="http://usance.test"
    )
    for headers in ({}, {"authorization": f"Bearer {other}"}):
        answer = await bare.get(f"/v1/cases/{case}/attachments/1", headers=headers)
        assert answer.status_code in (401, 403)
    await bare.aclose()


async def test_who_reads_a_case_is_noted(office: Office) -> None:
    """R-ACCESS-03: a machine each time, a person once while they read; of nobody's case never."""
    borrower, _ = await office.account()
    body = {"kind": "complaint", "text": "See.", "borrower_id": borrower}
    case = (await office.done("host", "", body))["case_id"]
    await office.send(case, b"Proof.")
    incident = {"kind": "incident", "text": "The disk is full."}
    nobodys = (await office.done("host", "", incident))["case_id"]
    people = office.site.client, office.staff["anna"], office.staff["anna"]
    for client in people:
        for path in ("", "/messages", "/attachments", "/attachments/1", "/events"):
            assert (await client.get(f"/v1/cases/{case}{path}")).status_code == 200
        assert (await client.get(f"/v1/cases/{nobodys}")).status_code == 200
        assert (await client.get("/v1/cases")).status_code == 200
    looks = (await office.site.client.get(f"/v1/borrowers/{borrower}/accesses")).json()["items"]
    anna = ("service", "case", "case")
    found = [(each["acted_as"], each["reason"], each["what"]) for each in looks]
    assert found.count(anna) == 1
    assert {each[1:] for each in found if each != anna} == {("integration", "case")}
    assert len(found) == 5
    assert await office.site.pool.fetchval("SELECT count(*) FROM access") == 5
    page = await office.staff["ben"].get(f"/console/cases/{case}")
    assert page.status_code == 200
    assert await office.site.pool.fetchval("SELECT count(*) FROM access") == 6


async def test_files_that_are_refused(office: Office) -> None:
    """R-FILE-01 to R-FILE-04, R-HTTP-03, R-HTTP-04, R-FOUND-01."""
    borrower, _ = await office.account()
    body = {"kind": "complaint", "text": "See.", "borrower_id": borrower}
    case = (await office.done("host", "", body))["case_id"]
    send = office.send
    await office.refused("R-FILE-01", 422, send(case, corpus.WRONG_TYPE["zip"], "photo.png"))
    await office.refused("R-FILE-03", 422, send(case, corpus.POLYGLOTS["png + zip"]))
    await office.refused("R-FILE-02", 422, send(case, b""))
    await office.refused("R-HTTP-04", 413, send(case, b"a" * 5_000_001))
    await office.refused("R-FILE-04", 422, send(case, b"a", "a\u202eb"))
    await office.refused("R-DOC-01", 422, send(case, b"a", "x" * 121))
    await office.refused("R-FOUND-01", 404, send("m-1", b"a"))
    as_json = office.ask("host", f"/{case}/attachments?name=a", {"a": 1})
    await office.refused("R-HTTP-03", 415, as_json)
    largest = await send(case, b"a" * 5_000_000)
    assert largest.status_code == 201
    missing = office.site.client.get(f"/v1/cases/{case}/attachments/2")
    await office.refused("R-FOUND-01", 404, missing)


# -- lists, rules, sums ----------------------------------------------------------------------------


async def test_lists_are_filtered_and_come_in_pages(office: Office) -> None:
    borrower, account = await office.account()
    body = {"kind": "complaint", "text": "One.", "borrower_id": borrower}
    about = {"subject": {"kind": "contract", "id": account}}
    cases = [(await office.done("host", "", body | about))["case_id"] for _ in range(3)]
    await office.done("host", "", {"kind": "incident", "text": "The disk is full."})
    await office.done("ben", f"/{cases[0]}/assignment", {"staff_id": office.ids["anna"]})
    await office.done("host", f"/{cases[2]}/withdrawal")

    async def found(**query: Any) -> list[str]:
        return [each["case_id"] for each in (await office.get(**query))["items"]]

    assert len(await found()) == 4
    assert await found(borrower_id=borrower) == cases[::-1]
    assert await found(contract_id=account, state="open") == cases[1::-1]
    assert await found(state="withdrawn") == [cases[2]]
    assert len(await found(kind="incident")) == 1
    assert await found(assignee=office.ids["anna"]) == [cases[0]]
    first = await office.get(limit=3)
    rest = await office.get(limit=3, cursor=first["next"])
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (3, 1, None)
    assert await found(due="soon") == []
    get = office.site.client.get
    for query in ("state=lost", "due=now", "cursor=x&due=late", "limit=0", "assignee=-1"):
        await office.refused("R-DOC-01", 422, get(f"/v1/cases?{query}"))
    await office.refused("R-DOC-01", 422, get("/v1/cases?borrower_id=c-1"))


async def test_the_most_urgent_come_first_in_pages(office: Office) -> None:
    """R-CASE-17."""
    borrower, _ = await office.account()
    body = {"kind": "complaint", "text": "One.", "borrower_id": borrower}
    cases = [(await office.done("host", "", body))["case_id"] for _ in range(3)]
    for days, case in zip((-2, 1, -5), cases, strict=True):
        await office.site.pool.execute(
            "UPDATE case_file SET decide_by = $2 WHERE case_id = $1",
            *(parse("case", case), SystemClock().now().date() + timedelta(days)),
        )
    page = await office.get(due="late")
    assert [each["case_id"] for each in page["items"]] == [cases[2], cases[0]]
    assert [each["clock"] for each in page["items"]] == ["late", "late"]
    first = await office.get(due="soon", limit=2)
    rest = await office.get(due="soon", limit=2, cursor=first["next"])
    assert [each["case_id"] for each in rest["items"]] == [cases[1]]
    assert await office.site.services.cases.watch.look() == 2
    assert (await office.get(f"/{cases[0]}"))["case"]["decided_late"]


async def test_rules_are_told_as_of_a_day(office: Office) -> None:
    """R-CASE-01."""
    now = [each["id"] for each in await office.get("/rules")]
    assert "CN-complaint-2020" in now
    before = [each["id"] for each in await office.get("/rules", on="2016-06-29")]
    assert before == ["any-2026", "US-complaint-2012"]
    await office.refused("R-DOC-01", 422, office.site.client.get("/v1/cases/rules?on=soon"))


async def test_sums(office: Office) -> None:
    case, _ = await office.proposed()
    await office.done("clara", f"/{case}/decision", {"proposal": 1, "follow": True})
    await office.done("host", "", {"kind": "incident", "text": "The disk is full."})
    found = await office.get("/statistics")
    kinds = {each["kind"]: each for each in found["kinds"]}
    assert kinds["complaint"]["results"] == {"upheld": 1, "partly": 0, "not_upheld": 0}
    assert (kinds["complaint"]["in_time_share"], kinds["complaint"]["median_days"]) == ("1.0000", 0)
    assert (found["total"]["cases"], found["total"]["decided"]) == (2, 1)
    assert kinds["incident"]["open_by_age"] == [1, 0, 0, 0, 0]
    past = await office.get("/statistics", since="2020-01-01", until="2020-12-31")
    assert past["total"]["cases"] == 0
    get = office.site.client.get
    await office.refused("R-DOC-01", 422, get("/v1/cases/statistics?since=2020-13-01"))


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "status", "rule"), [
    ({"kind": "wish", "text": "x"}, 422, "R-DOC-01"), ({"kind": "complaint"}, 422, "R-DOC-01"),
    ({"kind": "complaint", "text": "x", "assignee": 1}, 422, "R-DOC-01"),
    ({"kind": "complaint", "text": "x"}, 422, "R-CASE-04"),
    ({"kind": "complaint", "text": "x", "borrower_id": "b-zzz"}, 404, "R-FOUND-01"),
    ({"kind": "complaint", "text": "x", "borrower_id": "nobody"}, 404, "R-FOUND-01"),
    ({"kind": "incident", "text": "a\x00b"}, 422, "R-CASE-05"),
    ({"kind": "incident", "text": "x", "jurisdiction": "ZZ"}, 422, "R-CASE-01"),
    ({"kind": "incident", "text": "x", "subject": {"kind": "operation", "id": "p-7"}}, 422,
     "R-CASE-04"),
    ({"kind": "incident", "text": "x", "subject": {"kind": "operation", "id": "c-7"}}, 422,
     "R-CASE-04"),
])  # fmt: skip
async def test_openings_that_are_refused(
    office: Office, body: dict[str, Any], status: int, rule: str
) -> None:
    said = await office.refused(rule, status, office.ask("host", "", body))
    assert body.get("text", "?") not in said["detail"].split()


async def test_what_ended_takes_nothing_more(office: Office) -> None:
    """R-CASE-07, R-CASE-10, R-CASE-15: and an unknown number is not there."""
    case, _ = await office.proposed()
    await office.done("clara", f"/{case}/decision", {"proposal": 1, "follow": True})
    await office.done("anna", f"/{case}/closing")
    words = {"way": "note", "text": "x"}
    await office.refused("R-CASE-07", 422, office.ask("anna", f"/{case}/messages", words))
    await office.refused("R-CASE-07", 422, office.send(case, b"a"))
    await office.refused("R-CASE-07", 422, office.ask("anna", f"/{case}/extensions", {
        "reasons": "x"}))  # fmt: skip
    await office.refused("R-CASE-07", 422, office.ask("host", f"/{case}/withdrawal"))
    await office.refused("R-FOUND-01", 404, office.ask("anna", "/m-zz/messages", words))
    await office.refused("R-FOUND-01", 404, office.ask("anna", "/b-zz/messages", words))


async def test_nothing_of_a_case_is_in_the_audit_log(office: Office) -> None:
    """R-AUDIT-01: codes and numbers, no words, no names of files."""
    case, _ = await office.proposed(reasons="Planted-Reason")
    planted = {"way": "note", "text": "Planted-Note"}
    await office.done("anna", f"/{case}/messages", planted)
    await office.send(case, b"Planted-Content", "Planted-Name.txt")
    for table in ("operation", "case_event", "idempotency", "case_file", "case_message",
                  "case_attachment", "case_outcome"):  # fmt: skip
        rows = [str(dict(row)) for row in await office.site.pool.fetch(f"SELECT * FROM {table}")]
        assert not [each for each in rows if "Planted" in each], table
