"""Automated decisions at the API: made, explained, made again, reviewed; acts decided first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.reading import read_costs_at
from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from usance.cases.deciding import Finding
from usance.cases.work import Acting
from usance.core.identifiers import parse
from usance.day import verify
from usance.identity.roles import permissions_of
from usance.web.deciding import DecidedBook

LINE = {"product": "cash_loan", "declared": {"student": False}}


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found


async def made(site: Site, kind: str, borrower: str, **more: Any) -> dict[str, Any]:
    """A decision as it is answered."""
    if kind == "open":
        more.setdefault("declared", {"student": False})
    answer = await site.post("/v1/decisions", {"kind": kind, "borrower_id": borrower} | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def get(site: Site, path: str) -> Any:
    answer = await site.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_decision_is_explained_in_both_languages(site: Site) -> None:
    """R-DECIDE-01, R-DECIDE-02, R-DECIDE-08."""
    site.known.facts |= {"debt_service": 6_100}
    borrower = await site.borrower()
    said = await made(site, "open", borrower)
    assert said["outcome"] == {"answer": "refused"}
    assert [each["id"] for each in said["reasons"]] == ["debts-high"]
    found = await get(site, f"/v1/decisions/{said['decision_id']}")
    assert found["decision"]["row"] == 6
    assert found["en"]["reasons"][0]["says"] == "much of your income goes into debts already"
    assert found["zh"]["outcome"] == [{"name": "answer", "meaning": "是否开通", "value": "不同意"}]
    assert found["zh"]["reasons"][0]["helps"] == "减少他处债务，或提供更高的收入证明"
    assert [each["row"] for each in found["path"]] == [1, 2, 3, 4, 5, 6]
    assert found["path"][0] == {
        "row": 1, "taken": False, "failed": "of_age", "value": "yes",
        "conditions": [{"name": "of_age", "says": "false", "failed": True}],
    }  # fmt: skip
    assert found["path"][5]["taken"]
    facts = {each["name"]: each for each in found["facts"]}
    assert facts["debt_service"]["value"] == "61 %"
    assert facts["days_late"]["source"] == "book"
    assert parse("borrower", borrower) == int(facts["debt_service"]["fact"])
    assert found["rights"]["source"] == "CN-PIPL-24"
    looks = await site.pool.fetch("SELECT what, reason FROM access WHERE what = 'decision'")
    assert [tuple(each) for each in looks] == [("decision", "integration")]


async def test_decisions_of_a_borrower_in_pages(site: Site) -> None:
    borrower = await site.borrower()
    numbers = [(await made(site, kind, borrower))["decision_id"] for kind in ("open", "tier")]
    first = await get(site, f"/v1/borrowers/{borrower}/decisions?limit=1")
    assert [each["decision_id"] for each in first["items"]] == numbers[:0:-1]
    rest = await get(site, f"/v1/borrowers/{borrower}/decisions?limit=5&cursor={first['next']}")
    assert [each["decision_id"] for each in rest["items"]] == numbers[:1]
    assert rest["next"] is None


async def test_a_replay_is_the_same(site: Site) -> None:
    """R-DECIDE-03."""
    number = (await made(site, "tier", await site.borrower()))["decision_id"]
    answer = await site.post(f"/v1/decisions/{number}/replay", {})
    assert answer.json() == {"decision_id": number, "same": True, "differences": []}
    await site.pool.execute("UPDATE decision SET outcome = '{\"tier\": 4}'")
    answer = await site.post(f"/v1/decisions/{number}/replay", {})
    assert [each["what"] for each in answer.json()["differences"]] == ["fingerprint"]


@pytest.mark.parametrize(("body", "rule", "path"), [
    ({"declared": {"income": "900.00"}}, "R-DECIDE-05", "income"),
    ({"declared": {"student": "maybe"}}, "R-POLICY-03", "declared.student"),
    ({"declared": {"shoe": 1}}, "R-DECIDE-05", "shoe"),
    ({"declared": {}}, "R-POLICY-04", "student"),
    ({"asked_for": "1.234"}, "R-AMT-01", "asked_for"),
    ({"borrower_id": "b-zzz"}, "R-FOUND-01", "borrower_id"),
], ids=str)  # fmt: skip
async def test_what_cannot_be_decided(
    site: Site, body: dict[str, Any], rule: str, path: str
) -> None:
    """R-DECIDE-05."""
    borrower = await site.borrower()
    before = await fingerprint(site.pool)
    asked = {"kind": "open", "borrower_id": borrower} | body
    answer = await site.post("/v1/decisions", asked)
    assert answer.status_code in (404, 422)
    assert (answer.json()["rule"], answer.json()["path"]) == (rule, path)
    after = await fingerprint(site.pool)
    assert {n for n in after if after[n] != before[n]} <= {"rate_bucket"}


async def test_a_line_is_decided_and_opened_once(site: Site) -> None:
    """R-DECIDE-09."""
    borrower = await site.borrower()
    path = f"/v1/borrowers/{borrower}/decided-lines"
    answer = await site.post(path, LINE, "one")
    assert answer.status_code == 201, answer.text
    assert answer.json()["limit"] == "10000.00"  # of 10,000.00 a month, here for a short time
    assert len(answer.json()["decisions"]) == 2
    again = await site.post(path, LINE, "one")
    assert again.json() == answer.json()
    counts = "SELECT count(*) FROM decision"
    assert await site.pool.fetchval(counts) == 3  # open, limit, and the tier that it rests on
    other = await site.post(path, LINE | {"limit": "9.00"}, "one")
    assert (other.status_code, other.json()["rule"]) == (409, "R-IDEM-01")
    assert await verify.run(site.pool) == []


@pytest.mark.parametrize(("facts", "limit", "reasons"), [
    ({"of_age": 0}, None, ["not-of-age"]),
    ({"bureau_late": None}, None, ["bureau-late"]),
    ({"debt_service": 5_500}, "500.00", ["debts-high"]),
    ({}, "10000.01", ["new-here"]),
])  # fmt: skip
async def test_a_line_that_is_not_granted_is_not_opened(
    site: Site, facts: dict[str, int | None], limit: str | None, reasons: list[str]
) -> None:
    """R-DECIDE-09: the answer says why, and by which decision; nothing else is done."""
    site.known.facts |= facts
    borrower = await site.borrower()
    answer = await site.post(f"/v1/borrowers/{borrower}/decided-lines", LINE | {"limit": limit})
    found = answer.json()
    assert (answer.status_code, found["rule"]) == (422, "R-DECIDE-09")
    assert [each["id"] for each in found["reasons"]] == reasons
    assert found["decision_id"].startswith("j-")
    assert await site.pool.fetchval("SELECT count(*) FROM line") == 0


async def test_nothing_is_decided_for_what_cannot_be(site: Site) -> None:
    """R-DECIDE-09: a refusal of the book comes first, and leaves nothing."""
    borrower = await site.borrower()
    path = f"/v1/borrowers/{borrower}"
    draw = {"product": "cash_loan", "principal": "600.00", "instalments": 3}
    for route, body in ((f"{path}/decided-offers", draw),
                        (f"{path}/decided-lines", LINE | {"product": "instalment_plan"}),
                        (f"{path}/decided-lines", LINE | {"limit": "900000.00"}),
                        ("/v1/contracts/c-1001/decided-extensions", {"days": 5})):  # fmt: skip
        answer = await site.post(route, body)
        assert answer.status_code in (404, 422), answer.text
        assert answer.json()["rule"] != "R-DECIDE-09"
    assert await site.pool.fetchval("SELECT count(*) FROM decision") == 0


async def test_an_explicit_limit_by_staff_goes_on_as_ever(site: Site) -> None:
    site.known.facts |= {"of_age": 0}
    borrower = await site.borrower()
    line = {"product": "pay_later", "limit": "50000.00"}
    answer = await site.post(f"/v1/borrowers/{borrower}/lines", line)
    assert (answer.status_code, answer.json()["limit"]) == (201, "50000.00")
    assert await site.pool.fetchval("SELECT count(*) FROM decision") == 0


async def test_where_the_house_says_so_every_act_is_decided(site: Site) -> None:
    """R-DECIDE-09: with ``before`` in the policy document, whoever asks."""
    room = site.services.decisions
    everything = replace(
        room.deciding.policy, before=frozenset({"open", "limit", "draw", "extension"})
    )
    room.deciding.policy = everything
    borrower = await site.borrower()
    lines = f"/v1/borrowers/{borrower}/lines"
    site.known.facts |= {"student": 0}  # who opens by hand says nothing with it
    high = await site.post(lines, {"product": "cash_loan", "limit": "10000.01"})
    assert high.json()["detail"] == "the limit is above what was decided"
    done = await site.post(lines, {"product": "cash_loan", "limit": "10000.00"})
    assert done.status_code == 201, done.text
    raised = await site.client.put(
        f"{lines}/cash_loan/limit", json={"limit": "10000.01"}, headers={"idempotency-key": "r"}
    )
    assert raised.json()["rule"] == "R-DECIDE-09"
    before = await site.pool.fetchval("SELECT count(*) FROM decision")
    cut = await site.client.put(
        f"{lines}/cash_loan/limit", json={"limit": "9000.00"}, headers={"idempotency-key": "c"}
    )
    assert cut.status_code == 201, cut.text
    assert await site.pool.fetchval("SELECT count(*) FROM decision") == before
    offers = f"/v1/borrowers/{borrower}/offers"
    draw = {"product": "cash_loan", "principal": "9000.00", "instalments": 3}
    site.known.facts |= {"new_device_days": 0}
    refused = await site.post(offers, draw)
    assert refused.json()["outcome"] == {"answer": "step_up"}
    assert [each["id"] for each in refused.json()["reasons"]] == ["device-new"]
    site.known.facts |= {"new_device_days": 400}
    offer = (await site.post(offers, draw)).json()["offer_id"]
    await read_costs_at(site.post, f"{offers}/{offer}")
    loan = (await site.post(f"{offers}/{offer}/accept", {})).json()["contract_id"]
    site.known.facts |= {"extensions_12m": 1}
    long = await site.post(f"/v1/contracts/{loan}/extensions", {"days": 16})
    assert long.json()["detail"] == "that is longer than was decided"
    assert (await site.post(f"/v1/contracts/{loan}/extensions", {"days": 15})).status_code == 201
    assert await verify.run(site.pool) == []


class Breaking:
    """A book whose process dies before it is asked, so many times."""

    def __init__(self, book: Any, times: int) -> None:
        self.book, self.times = book, times

    async def submit(self, command: Any, **how: Any) -> Any:
        if self.times:
            self.times -= 1
            raise ConnectionError("gone")
        return await self.book.submit(command, **how)


async def test_what_broke_off_after_the_decision_is_done_by_the_same_request(
    site: Site,
) -> None:
    """R-DECIDE-09."""
    book = site.services.decided
    assert isinstance(book, DecidedBook)
    object.__setattr__(book, "book", Breaking(book.book, 1))
    path = f"/v1/borrowers/{await site.borrower()}/decided-lines"
    assert (await site.post(path, LINE, "k")).status_code == 503
    assert await site.pool.fetchval("SELECT count(*) FROM line") == 0
    assert (await site.post(path, LINE, "k")).status_code == 201
    assert await site.pool.fetchval("SELECT count(*) FROM line") == 1
    assert await site.pool.fetchval("SELECT count(*) FROM decision") == 3


# -- a person --------------------------------------------------------------------------------------


async def review(site: Site, number: str) -> str:
    """A case of human review; its number."""
    said = {"text": "I have paid everything, and the bureau is wrong."}
    answer = await site.post(f"/v1/decisions/{number}/review", said)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_id"])


async def decided(site: Site, case: str, result: str) -> None:
    """A handler finds something, and somebody else follows."""
    staff, room = site.services.staff, site.services.cases
    password = "correct horse battery"
    n = parse("case", case)
    anna = await staff.create(f"anna {n}", password, ["service"])
    clara = await staff.create(f"clara {n}", password, ["supervisor"])
    by = Acting(f"staff:{anna}", permissions_of(["service"]))
    other = Acting(f"staff:{clara}", permissions_of(["supervisor"]))
    await room.work.assign(n, anna, other)
    finding = Finding(result=result, reasons="The bureau has corrected its record.")
    proposal = (await room.deciding.propose(n, finding, by)).document["proposal"]
    await room.deciding.decide(n, proposal, other)


@pytest.mark.parametrize(("result", "status"), [
    ("upheld", "overturned"), ("partly", "overturned"), ("not_upheld", "confirmed"),
])  # fmt: skip
async def test_a_person_confirms_or_overturns(site: Site, result: str, status: str) -> None:
    """R-DECIDE-06: paused while a person looks, then as they say; the decision never changes."""
    borrower = await site.borrower()
    number = (await made(site, "open", borrower))["decision_id"]
    row = "SELECT d::text FROM decision d WHERE decision_id = $1"
    before = await site.pool.fetchval(row, parse("decision", number))
    case = await review(site, number)
    found = await get(site, f"/v1/decisions/{number}")
    assert (found["decision"]["status"], found["decision"]["case_id"]) == ("paused", case)
    await decided(site, case, result)
    found = await get(site, f"/v1/decisions/{number}")
    assert found["decision"]["status"] == status
    assert [each["state"] for each in found["reviews"]] == ["paused", status]
    assert await site.pool.fetchval(row, parse("decision", number)) == before
    assert await verify.run(site.pool) == []


async def test_nothing_is_decided_while_a_person_looks(site: Site) -> None:
    """R-DECIDE-06: of the same kind on the same; anything else goes on."""
    borrower = await site.borrower()
    number = (await made(site, "limit", borrower, product="cash_loan"))["decision_id"]
    case = await review(site, number)
    asked = {"kind": "limit", "borrower_id": borrower, "product": "cash_loan"}
    answer = await site.post("/v1/decisions", asked)
    assert (answer.status_code, answer.json()["rule"]) == (409, "R-DECIDE-06")
    tier = await site.post("/v1/decisions", {"kind": "tier", "borrower_id": borrower})
    assert tier.status_code == 409  # the tier was decided with the limit
    other = {"kind": "limit", "borrower_id": borrower, "product": "pay_later"}
    assert (await site.post("/v1/decisions", other)).status_code == 409  # it rests on the tier
    await made(site, "extension", borrower)
    twice = await site.post(f"/v1/decisions/{number}/review", {"text": "Again."})
    assert (twice.status_code, twice.json()["rule"]) == (409, "R-DECIDE-06")
    assert (await site.post(f"/v1/cases/{case}/withdrawal", {})).status_code == 201
    assert (await get(site, f"/v1/decisions/{number}"))["decision"]["status"] == "automatic"
    await made(site, "limit", borrower, product="cash_loan")
    again = {"reasons": "I want it after all."}
    assert (await site.post(f"/v1/cases/{case}/reopening", again)).status_code == 201
    assert (await get(site, f"/v1/decisions/{number}"))["decision"]["status"] == "paused"
    assert await verify.run(site.pool) == []


async def test_what_is_paused_is_acted_on_by_nobody(site: Site) -> None:
    """R-DECIDE-06: an act that was decided, and broke off, is not done meanwhile."""
    book = site.services.decided
    assert isinstance(book, DecidedBook)
    object.__setattr__(book, "book", Breaking(book.book, 1))
    borrower = await site.borrower()
    path = f"/v1/borrowers/{borrower}/decided-lines"
    assert (await site.post(path, LINE, "k")).status_code == 503
    found = await get(site, f"/v1/borrowers/{borrower}/decisions")
    (number,) = [each["decision_id"] for each in found["items"] if each["kind"] == "open"]
    await review(site, number)
    again = await site.post(path, LINE, "k")
    assert (again.status_code, again.json()["rule"]) == (409, "R-DECIDE-06")
    assert await site.pool.fetchval("SELECT count(*) FROM line") == 0


async def test_two_who_ask_for_a_person_open_one_case(site: Site) -> None:
    number = (await made(site, "tier", await site.borrower()))["decision_id"]
    path = f"/v1/decisions/{number}/review"
    answers = await asyncio.gather(*(site.post(path, {"text": "Look."}) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409, 409]
    assert await site.pool.fetchval("SELECT count(*) FROM case_file") == 1


async def test_who_may_decide_and_read(site: Site) -> None:
    number = (await made(site, "tier", await site.borrower()))["decision_id"]
    reader = {"authorization": f"Bearer {await site.key(['decisions:read'])}"}
    path = f"/v1/decisions/{number}"
    assert (await site.client.get(path, headers=reader)).status_code == 200
    asked = {"kind": "tier", "borrower_id": "b-1"}
    answer = await site.post("/v1/decisions", asked, headers=reader)
    assert answer.status_code == 403
    answer = await site.post(f"{path}/review", {"text": "Look."}, headers=reader)
    assert answer.status_code == 403
    other = {"authorization": f"Bearer {await site.key(['borrowers:read'])}"}
    assert (await site.client.get(path, headers=other)).status_code == 403
