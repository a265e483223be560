"""Facts through API, console and portal: recorded, masked, asked of a bureau, put right, ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, visitor
from tests.web.staff_site import Member, member
from tests.web.test_console_templates import page, reader
from usance.day import verify
from usance.platform.clock import SystemClock
from usance.risk.facts import check_of

NOW = SystemClock().now().isoformat()
INCOME = {"name": "income", "source": "income", "value": "8000.00 CNY", "observed_at": NOW,
          "reference": "payslip no. 7"}  # fmt: skip
AGREES = {"document": "bureau-pull", "version": 1, "decision": "given", "language": "en",
          "method": "paper", "evidence": "folder 7"}  # fmt: skip
HOUSEHOLD = AGREES | {"document": "household-income"}


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path, sandbox=True) as found:
        yield found
        await found.services.bureau.stop()
        assert await verify.run(found.pool) == []


@pytest_asyncio.fixture
async def me(site: Site) -> Visitor:
    found = await visitor(site)
    found.client.cookies.set("language", "en")
    return found


async def done(site: Site, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await site.post(path, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def facts(site: Site, borrower: str, query: str = "") -> dict[str, dict[str, Any]]:
    """Facts in use, by name."""
    answer = await site.client.get(f"/v1/borrowers/{borrower}/facts{query}")
    assert answer.status_code == 200, answer.text
    return {each["name"]: each for each in answer.json()["items"] if each["state"] == "current"}


async def adult(site: Site) -> str:
    """Somebody whose identity number says when they were born."""
    digits = "11010119900307002"
    body = {"name": "Li", "phone": "13912345678", "identity_number": digits + check_of(digits)}
    return str((await done(site, "/v1/borrowers", body))["borrower_id"])


async def household(site: Site, borrower: str, other: str) -> tuple[str, str]:
    """Both sides agree; the fact is recorded."""
    mine = await done(site, f"/v1/borrowers/{borrower}/consents", HOUSEHOLD | {"other_id": other})
    theirs = await done(site, f"/v1/borrowers/{other}/consents",
                        HOUSEHOLD | {"other_id": borrower})  # fmt: skip
    body = {"name": "household_income", "source": "household", "value": "15000 CNY",
            "observed_at": NOW, "other_id": other}  # fmt: skip
    await done(site, f"/v1/borrowers/{borrower}/facts", body)
    return mine["record_id"], theirs["record_id"]


async def test_recorded_and_read_as_of_a_moment(site: Site) -> None:
    """R-FACT-01, R-FACT-06, R-ACCESS-03"""
    borrower = await adult(site)
    path = f"/v1/borrowers/{borrower}/facts"
    made = await done(site, path, INCOME)
    found = await facts(site, borrower)
    income = found["income"]
    assert (income["value"], income["fact_id"]) == ("8000.00 CNY", made["fact_id"])
    assert (income["source"], income["reference"]) == ("income", "payslip no. 7")
    assert found["of_age"]["value"] == "true"
    assert found["of_age"]["fact_id"] is None
    assert "income" not in await facts(site, borrower, "?at=2026-01-01T00:00:00Z")
    looks = (await site.client.get(f"/v1/borrowers/{borrower}/accesses")).json()["items"]
    assert {each["what"] for each in looks} == {"facts"}
    for query in ("?at=yesterday", "?at=2026-01-01T00:00:00", "?of=1"):
        assert (await site.client.get(path + query)).status_code == 422
    assert (await site.client.get("/v1/borrowers/b-1/facts")).status_code == 404


@pytest.mark.parametrize(
    ("changed", "status", "rule"),
    [
        ({"name": "age", "source": "identity"}, 422, "R-FACT-03"),
        ({"name": "wit"}, 422, "R-FACT-01"), ({"value": "8000.00 USD"}, 422, "R-FACT-02"),
        ({"value": True}, 422, "R-FACT-02"), ({"source": "book"}, 422, "R-DOC-01"),
        ({"value": 8000}, 422, "R-DOC-01"),
        ({"observed_at": "2026-01-01T00:00:00"}, 422, "R-DOC-01"),
        ({"corrects": "v-77"}, 422, "R-FACT-09"), ({"corrects": "b-77"}, 404, "R-FOUND-01"),
        ({"name": "bureau_lenders", "source": "bureau", "value": "3"}, 422, "R-FACT-05"),
        ({"observed_at": "2020-01-01T00:00:00Z"}, 422, "R-FACT-08"),
    ],
)  # fmt: skip
async def test_bad_facts_are_refused(
    site: Site, changed: dict[str, Any], status: int, rule: str
) -> None:
    """R-FACT-01, R-FACT-02, R-FACT-03, R-FACT-05, R-FACT-08, R-FACT-09"""
    borrower = await site.borrower()
    answer = await site.post(f"/v1/borrowers/{borrower}/facts", INCOME | changed)
    assert (answer.status_code, answer.json()["rule"]) == (status, rule)
    assert await site.pool.fetchval("SELECT count(*) FROM fact") == 0


async def test_a_bureau_is_asked(site: Site) -> None:
    """R-BUREAU-01, R-BUREAU-04: over a real socket, by whoever looks after it."""
    borrower = await site.borrower()
    path = f"/v1/borrowers/{borrower}/bureau-pulls"
    refused = await site.post(path, {})
    assert (refused.status_code, refused.json()["rule"]) == (422, "R-BUREAU-01")
    await done(site, f"/v1/borrowers/{borrower}/consents", AGREES)
    asked = await done(site, path, {})
    assert asked["state"] == "under_way"
    assert await site.services.bureau.look() == 1
    pull = (await site.client.get(f"{path}/{asked['pull_id']}")).json()
    listed = (await site.client.get(path)).json()["items"]
    assert [each["pull_id"] for each in listed] == [pull["pull_id"]]
    found = await facts(site, borrower)
    if pull["state"] == "answered":
        assert found["bureau_lenders"]["pull_id"] == pull["pull_id"]
    else:
        assert pull["because"] == "no_record"
    for nobody in ("/v1/borrowers/b-1/bureau-pulls", f"{path}/u-1", f"{path}/x"):
        assert (await site.client.get(nobody)).status_code == 404


async def test_values_are_for_who_gives_a_reason(site: Site) -> None:
    """R-ACCESS-01"""
    borrower = await adult(site)
    await done(site, f"/v1/borrowers/{borrower}/facts", INCOME)
    profile = f"/console/borrowers/{borrower}/profile"
    async with reader(site, "service") as who, reader(site, "auditor") as other:
        assert (await other.get(profile)).status_code == 403
        text = await page(who, profile)
        assert "8,000.00" not in text
        assert "payslip" not in text
        assert "proved income in a month" in text
        answer = await who.get(f"/v1/borrowers/{borrower}/facts")
        assert {each["value"] for each in answer.json()["items"]} == {None}
        await who.form(f"/console/borrowers/{borrower}/open", {"reason": "case"})
        text = await page(who, profile)
        for part in ("8,000.00", "payslip no. 7", "Proof of income", "needed for the contract",
                     "in use", "yes", "reckoned now"):  # fmt: skip
            assert part in text, part
        who.client.cookies.set("language", "zh")
        text = await page(who, profile)
        assert "经核实的月收入" in text
        assert "收入证明" in text


async def test_staff_record_and_ask_from_the_profile(site: Site) -> None:
    """R-FACT-02, R-FACT-04, R-FACT-11, R-BUREAU-01"""
    borrower, other = await site.borrower(), await site.borrower()
    profile = f"/console/borrowers/{borrower}/profile"
    today = SystemClock().now().date().isoformat()
    given = {"name": "student", "value": "false", "observed_on": today}
    async with reader(site, "service") as who:
        assert "Record a fact" in await page(who, f"{profile}/record")
        answer = await who.form(f"{profile}/record", given)
        assert answer.headers["location"].startswith(profile)
        for changed, rule in (
            ({"name": "bureau_lenders"}, "R-FORM-04"), ({"name": "age"}, "R-FORM-04"),
            ({"value": "perhaps"}, "R-FACT-02"), ({"observed_on": "2999-01-01"}, "R-FACT-08"),
            ({"other": "x"}, "R-FOUND-01"), ({"other": other}, "R-FACT-05"),
        ):  # fmt: skip
            answer = await who.form(f"{profile}/record", given | changed)
            assert rule in answer.text, changed
        answer = await who.form(f"{profile}/ask")
        assert "R-BUREAU-01" in answer.text
        await done(site, f"/v1/borrowers/{borrower}/consents", AGREES)
        answer = await who.form(f"{profile}/ask")
        assert answer.status_code == 303, answer.text
        assert "under way" in await page(who, profile)
        await household(site, borrower, other)
        text = await page(who, profile)
        assert "Household, agreed by both" in text
        assert other in text
    assert (await facts(site, borrower))["student"]["value"] == "false"


async def test_what_is_known_about_me(site: Site, me: Visitor) -> None:
    """R-FACT-06, R-FACT-11, R-PORTAL-01"""
    text = (await me.get("/my/known")).text
    assert "Days since the device was first seen" in text
    assert "It follows from your log-ins" in text
    assert "nothing of a household is known" in text
    await done(site, f"/v1/borrowers/{me.borrower}/facts", INCOME)
    other = await site.borrower()
    mine, _ = await household(site, me.borrower, other)
    text = (await me.get("/my/known")).text
    for part in ("¥8,000.00", "payslip no. 7", "Your proof of income", "Correct this",
                 "¥15,000.00", "Counting the income of our household", other):  # fmt: skip
        assert part in text, part
    assert "/my/known" in (await me.get("/my/you")).text
    answer = await me.post(f"/my/known/{mine}/withdraw", {})
    assert answer.headers["location"] == "/my/known?done=withdrawn"
    text = (await me.get("/my/known?done=withdrawn")).text
    assert "Not used: the agreement has ended" in text
    assert "You took it back" in text
    assert "household_income" not in await facts(site, me.borrower)
    me.client.cookies.set("language", "zh")
    assert "关于我的已知信息" in (await me.get("/my/known")).text


async def test_the_other_side_takes_it_back_on_their_pages(site: Site, me: Visitor) -> None:
    """R-FACT-07, R-FACT-11"""
    other = await site.borrower()
    _, theirs = await household(site, other, me.borrower)
    assert "household_income" in await facts(site, other)
    text = (await me.get("/my/known")).text
    assert "15,000" not in text  # what is known of the other side is theirs
    assert theirs in text
    await me.post(f"/my/known/{theirs}/withdraw", {})
    assert "household_income" not in await facts(site, other)


async def test_a_fact_is_put_right_by_a_case(site: Site, me: Visitor) -> None:
    """R-FACT-09, R-CASE-04, R-CASE-12, R-CASE-13, R-CASE-19"""
    path = f"/v1/borrowers/{me.borrower}/facts"
    fact = (await done(site, path, INCOME))["fact_id"]
    form = f"/my/cases/new?kind=correction&fact={fact}"
    assert "proved income in a month" in (await me.get(form)).text
    fields = {"kind": "correction", "fact": fact, "text": "It is 9500."}
    answer = await me.post("/my/cases/new", fields)
    number = answer.headers["location"].rpartition("/")[2].partition("?")[0]
    assert "/my/known" in (await me.get(f"/my/cases/{number}")).text
    for wrong in ("v-1", "x"):
        answer = await me.post("/my/cases/new", fields | {"fact": wrong})
        assert answer.status_code in (404, 422), answer.text
    stranger = await site.borrower()
    theirs = (await done(site, f"/v1/borrowers/{stranger}/facts", INCOME))["fact_id"]
    answer = await me.post("/my/cases/new", fields | {"fact": theirs})
    assert "R-CASE-04" in answer.text
    async with member(site, "service") as anna, member(site, "supervisor") as clara:
        await given_to(anna, number)
        remedy = {"kind": "fact", "value": "9500"}
        wrong = {"result": "upheld", "reasons": "Seen.", "remedy": remedy}
        refused = await asked(anna, f"/v1/cases/{number}/proposals", wrong)
        assert refused.json()["rule"] == "R-FACT-02"
        right = wrong | {"remedy": {"kind": "fact", "value": "9500.00 CNY"}}
        await asked(anna, f"/v1/cases/{number}/proposals", right, 201)
        text = (await anna.get(f"/console/cases/{number}")).text
        assert "9500.00 CNY" in text
        assert fact in text
        decided = {"proposal": 1, "follow": True}
        await asked(clara, f"/v1/cases/{number}/decision", decided, 201)
    found = (await facts(site, me.borrower))["income"]
    assert (found["value"], found["corrects"]) == ("9500.00 CNY", fact)


async def test_only_a_case_about_a_fact_puts_one_right(site: Site, me: Visitor) -> None:
    """R-CASE-19"""
    number = await me.case()
    async with member(site, "service") as anna:
        await given_to(anna, number)
        body = {"result": "upheld", "reasons": "Seen.", "remedy": {"kind": "fact", "value": "1"}}
        refused = await asked(anna, f"/v1/cases/{number}/proposals", body)
        assert refused.json()["rule"] == "R-CASE-19"


async def given_to(who: Member, number: str) -> None:
    """The case is theirs."""
    await asked(who, f"/v1/cases/{number}/assignment", {"staff_id": who.session.staff_id}, 201)


async def asked(who: Member, path: str, body: dict[str, Any], status: int = 0) -> Any:
    """A change, asked for by a member of staff, with a fresh factor."""
    key = f"k-{path}-{id(body)}"
    headers = {"idempotency-key": key, "x-csrf-token": who.csrf}
    answer = await who.client.post(path, json=body, headers=headers)
    assert not status or answer.status_code == status, answer.text
    return answer
