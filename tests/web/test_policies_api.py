"""Policies over the API: lists, versions, drafts checked and tried, what waits for somebody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest_asyncio

from tests.policy.documents import document
from tests.risk.registering import CARD, OTHER, register, says
from tests.web.api_site import Site, opened
from usance.core.identifiers import parse
from usance.identity.staff import StaffSession
from usance.policy import shipped

TODAY = "2026-01-05"
PATH = "/v1/policies"


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found


async def rita(site: Site) -> dict[str, str]:
    """The headers of a member of risk."""
    staff = site.services.staff
    await staff.create("rita", "correct horse battery", ["risk"])
    token, session = await staff.log_in("rita", "correct horse battery")
    assert isinstance(session, StaffSession)
    return {"cookie": f"usance_session={token}", "x-csrf-token": session.csrf}


async def asks(site: Site, path: str, body: Any, who: dict[str, str], key: str = "") -> Any:
    """A mutation by a person, who has no key of a machine."""
    request = site.client.build_request(
        "POST", path, json=msgspec.to_builtins(body),
        headers={"idempotency-key": key or f"k{id(body)}"} | who,
    )  # fmt: skip
    del request.headers["authorization"]
    return await site.client.send(request)


def draft(version: int = 2, on: str = TODAY, **changed: Any) -> dict[str, Any]:
    """A version of the policy of tiers, as JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(says(version, date.fromisoformat(on), **changed))
    return plain


def stricter() -> list[dict[str, Any]]:
    """One row more than the shipped policy has: who failed one debit is D."""
    rows: list[dict[str, Any]] = document("cn-tier")["rows"]
    place = next(n for n, each in enumerate(rows) if each["then"] == {"tier": "C"})
    row = {"when": {"failed_debits_90d": ">= 2"}, "then": {"tier": "D"}}
    return [*rows[:place], row | {"because": ["debits-failed"]}, *rows[place:]]


async def listed(site: Site, path: str = PATH, **query: str) -> list[dict[str, Any]]:
    answer = await site.client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_book_lists_its_policies_as_of_a_day(site: Site) -> None:
    """R-POLICY-16, R-POLICY-17."""
    found = await listed(site)
    assert [each["policy_id"] for each in found] == [each.says.id for each in shipped.policies()]
    assert {(each["version"], each["effective_on"]) for each in found} == {(1, TODAY)}
    before = await listed(site, on="2026-01-04")
    assert {each["version"] for each in before} == {None}
    (one,) = await listed(site, f"{PATH}/cn-tier")
    assert (one["adopted_by"], one["in_force"], one["changes"]) == ("usance", True, [])
    assert one["rows"][0] == "if days_late >= 30 days: tier E"
    assert one["document"]["title"]["zh"] == "风险等级"
    for path in (f"{PATH}/nothing", f"{PATH}/a%20b"):
        assert (await site.client.get(path)).status_code == 404
    assert (await site.client.get(PATH, params={"on": "soon"})).status_code == 422


async def test_a_version_is_proposed_adopted_and_taken_back(site: Site) -> None:
    """R-POLICY-15, R-POLICY-16: 202, then in force with what it changed; then as it was before."""
    who = await rita(site)
    first = await asks(site, PATH, draft(rows=stricter()), who, "first")
    again = await asks(site, PATH, draft(rows=stricter()), who, "first")
    assert (first.status_code, again.json()) == (202, first.json())
    assert len(await listed(site, f"{PATH}/cn-tier")) == 1
    assert (await site.approved(first))["version"] == 2
    second, one = await listed(site, f"{PATH}/cn-tier")
    assert (second["in_force"], one["in_force"]) == (True, False)
    assert second["changes"] == [
        "row 9 is new: if failed_debits_90d >= 2: tier D",
    ]  # fmt: skip
    back = {"version": 1, "effective_on": "2026-02-01"}
    assert (await asks(site, f"{PATH}/cn-tier/as-before", back, who)).status_code == 202
    wrong = await asks(site, f"{PATH}/cn-tier/as-before", back | {"version": 7}, who)
    assert (wrong.status_code, wrong.json()["rule"]) == (422, "R-POLICY-16")
    await site.approved(await asks(site, f"{PATH}/cn-tier/as-before", back, who, "back"))
    third, *_ = await listed(site, f"{PATH}/cn-tier", on="2026-02-01")
    assert (third["version"], third["in_force"]) == (3, True)
    assert third["rows"] == one["rows"]
    assert third["digest"] != one["digest"]


async def test_what_is_wrong_is_refused_at_once(site: Site) -> None:
    """R-POLICY-15: nothing waits that could not be adopted; a machine proposes nothing."""
    who = await rita(site)
    for body, rule in (
        (draft(3), "R-POLICY-15"), (draft(1), "R-POLICY-15"),
        (draft(on="2026-01-04"), "R-POLICY-15"), (draft(rows=stricter()[:3]), "R-POLICY-06"),
        (draft() | {"hit": "some"}, "R-DOC-01"), (draft(inputs=["stars"]), "R-POLICY-02"),
    ):  # fmt: skip
        answer = await asks(site, PATH, body, who)
        assert (answer.status_code, answer.json()["rule"]) == (422, rule), answer.text
    assert await site.pool.fetchval("SELECT count(*) FROM proposal") == 0
    assert (await site.post(PATH, draft())).status_code == 403


async def test_a_draft_is_checked_and_not_kept(site: Site) -> None:
    before = await site.written()
    fine = (await site.client.post(f"{PATH}/check", json=draft())).json()
    assert fine["findings"] == []
    assert len(fine["rows"]) == len(document("cn-tier")["rows"])
    wrong = [stricter()[0], *stricter()]
    found = (await site.client.post(f"{PATH}/check", json=draft(rows=wrong))).json()["findings"]
    assert [(each["rule"], each["path"]) for each in found] == [("R-POLICY-06", "rows[1]")]
    odd = draft(inputs=["stars"])
    (only,) = (await site.client.post(f"{PATH}/check", json=odd)).json()["findings"]
    assert (only["rule"], only["path"]) == ("R-POLICY-02", "inputs")
    assert await site.written() == before


async def test_a_draft_is_compared_in_words(site: Site) -> None:
    """R-POLICY-14, R-POLICY-18: a book that has decided nothing has no cases."""
    answer = await site.client.post(f"{PATH}/diff", json={"policy": draft(rows=stricter())})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["against"], found["changes"]) == (
        1, ["row 9 is new: if failed_debits_90d >= 2: tier D"],
    )  # fmt: skip
    assert found["trial"] == {
        "cases": 0, "same": 0, "unanswered": 0, "cut": False, "moved": [],
    }  # fmt: skip
    body = {"policy": draft(), "against": 9}
    assert (await site.client.post(f"{PATH}/diff", json=body)).json()["rule"] == "R-FOUND-01"


async def test_scorecards_are_proposed_and_stand(site: Site) -> None:
    """R-SCORE-06, R-SCORE-07."""
    who, on = await rita(site), date.fromisoformat(TODAY)
    for act in (register(on=on), register(2, "challenger", OTHER, on, share=2_000)):
        await site.approved(await asks(site, "/v1/scorecards", act, who))
    other, one = await listed(site, "/v1/scorecards")
    assert (other["role"], other["share"], one["role"]) == ("challenger", 2_000, "champion")
    assert one["stands"]
    assert one["scorecard"]["base"] == CARD.base
    again = await asks(site, "/v1/scorecards", register(3, on=on), who)
    assert (again.status_code, again.json()["rule"]) == (422, "R-SCORE-06")
    assert not (await listed(site, "/v1/scorecards", on="2026-01-04"))[0]["stands"]
    assert parse("operation", one["operation_id"]) > 0


async def test_the_register_of_law_says_what_rests_on_each(site: Site) -> None:
    """R-POLICY-08."""
    found = (await site.client.get("/v1/legal-sources")).json()
    by_id = {each["source"]["id"]: each for each in found["sources"]}
    assert by_id["CN-NFRA-2025-9"]["policies"] == ["cn-cash-loan-price 1"]
    assert "R-CAP-01" in by_id["CN-NFRA-2025-9"]["rules"]
    assert "cn-tier 1" in by_id["CN-PIPL-24"]["policies"]
    assert found["changes"][0]["sources"] == ["CN-NFRA-2025-9"]
