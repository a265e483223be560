"""A person's details at the API and in the console: masked or noted, and nothing in between."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from tests.web.api_site import Site, opened
from tests.web.staff_site import Member, member, written
from usance.core.identifiers import parse
from usance.platform.clock import FixedClock
from usance.platform.personal import PARTS
from usance.web import personal, rulebook

NAME, PHONE = "王小明", "+86138"


@pytest.fixture
def at() -> FixedClock:
    return FixedClock(datetime.now(UTC))


@pytest_asyncio.fixture
async def site(
    module_database: str, tmp_path_factory: pytest.TempPathFactory, at: FixedClock
) -> AsyncIterator[Site]:
    home = Path(tmp_path_factory.getbasetemp()) / "access-home"
    async with opened(module_database, home, clock=at) as found:
        yield found


async def noted(site: Site, borrower: str) -> list[dict[str, Any]]:
    """The looks at a borrower, as the API says them."""
    answer = await site.client.get(f"/v1/borrowers/{borrower}/accesses")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_every_answer_with_details_is_noted(site: Site) -> None:
    """R-ACCESS-03: one person, a list, a search, each under the reason that was named."""
    first, second = await site.borrower(), await site.borrower()
    details = (await site.client.get(f"/v1/borrowers/{first}")).json()
    assert details["name"] == NAME
    headers = {"access-reason": "fraud"}
    await site.client.get("/v1/borrowers?limit=200", headers=headers)
    await site.client.post("/v1/borrowers/search", json={"phone": details["phone"]})
    assert [(each["reason"], each["what"]) for each in await noted(site, first)] == [
        ("integration", "search"), ("fraud", "list"), ("integration", "details"),
    ]  # fmt: skip
    (one,) = await noted(site, second)
    assert (one["reason"], one["what"], one["note"]) == ("fraud", "list", "")
    assert one["actor"].startswith("machine:")
    assert one["acted_as"].startswith("all ")


async def test_what_shows_nobody_notes_nobody(site: Site) -> None:
    borrower, count = await site.borrower(), "SELECT count(*) FROM access"
    before = await site.pool.fetchval(count)
    for path in (f"/v1/borrowers/{borrower}/lines", f"/v1/borrowers/{borrower}/contracts",
                 "/v1/borrowers/b-1", f"/v1/borrowers/{borrower}/accesses"):  # fmt: skip
        await site.client.get(path)
    await site.client.post("/v1/borrowers/search", json={"phone": "+8613099999999"})
    assert await site.pool.fetchval(count) == before


async def test_a_reason_that_is_none_shows_nothing(site: Site) -> None:
    """R-ACCESS-02."""
    borrower, before = await site.borrower(), await written(site)
    for reason in ("curiosity", "case case", "CASE", "\xff"):
        headers = {"access-reason": reason.encode("latin-1")}
        answer = await site.client.get(f"/v1/borrowers/{borrower}", headers=headers)
        assert (answer.status_code, answer.json()["rule"]) == (422, "R-ACCESS-02")
        assert NAME not in answer.text
    assert await written(site) == before


async def test_lists_of_looks_come_in_pages(site: Site) -> None:
    borrower = await site.borrower()
    for _ in range(5):
        await site.client.get(f"/v1/borrowers/{borrower}")
    path, seen, cursor = f"/v1/borrowers/{borrower}/accesses", [], ""
    while cursor is not None:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        document = (await site.client.get(path, params=query)).json()
        seen += [item["access_id"] for item in document["items"]]
        cursor = document["next"]
    assert len(seen) == len(set(seen)) == 5
    assert (await site.client.get("/v1/borrowers/b-1/accesses")).status_code == 404


@pytest.mark.parametrize(("role", "reason", "clear"), [
    ("service", "", False), ("service", "case", True), ("viewer", "", False),
    ("viewer", "case", False),
])  # fmt: skip
async def test_staff_at_the_api_see_no_more_than_in_the_console(
    site: Site, role: str, reason: str, clear: bool  # noqa: FBT001
) -> None:
    """R-ACCESS-01: masked without a reason, or without the permission; then noted."""
    borrower = await site.borrower()
    async with member(site, role) as who:
        headers = {"access-reason": reason} if reason else {}
        found = (await who.get(f"/v1/borrowers/{borrower}", headers=headers)).json()
        listed = await who.get("/v1/borrowers?limit=200", headers=headers)
    assert (found["name"], found["phone"].startswith(PHONE)) == (NAME if clear else "王••", clear)
    assert (NAME in listed.text) == clear
    looks = await noted(site, borrower)
    assert [each["acted_as"] for each in looks] == ([role] * 2 if clear else [])


async def test_staff_cannot_give_the_reason_of_a_machine(site: Site) -> None:
    borrower = await site.borrower()
    async with member(site, "service") as who:
        answer = await who.get(
            f"/v1/borrowers/{borrower}", headers={"access-reason": "integration"}
        )
    assert (answer.status_code, answer.json()["rule"]) == (422, "R-ACCESS-02")


SAID = "I planted this in a case."


async def told(site: Site, borrower: str) -> None:
    """A complaint of the borrower, in words of its own."""
    body = {"kind": "complaint", "text": SAID, "borrower_id": borrower}
    answer = await site.post("/v1/cases", body)
    assert answer.status_code == 201, answer.text


async def test_everything_held_is_for_whom_it_is_noted(site: Site) -> None:
    """R-ACCESS-01, R-ACCESS-03: neither a viewer nor who gives no reason sees what a case says."""
    borrower = await site.borrower()
    await told(site, borrower)
    path, given = f"/v1/borrowers/{borrower}/export", {"access-reason": "request"}
    async with member(site, "viewer") as viewer, member(site, "service") as who:
        before = await written(site)
        answers = [await viewer.get(path), await viewer.get(path, headers=given)]
        assert [(a.status_code, a.json()["rule"]) for a in answers] == [(403, "R-AUTH-02")] * 2
        bare = await who.get(path)
        assert (bare.status_code, bare.json()["rule"]) == (422, "R-ACCESS-01")
        odd = await who.get(path, headers={"access-reason": "integration"})
        assert (odd.status_code, odd.json()["rule"]) == (422, "R-ACCESS-02")
        assert not [a for a in (*answers, bare, odd) if SAID in a.text or NAME in a.text]
        assert await noted(site, borrower) == []
        assert {row[0] for row in await written(site) ^ before} <= {"rate_bucket"}
        whole = await who.get(path, headers=given)
        assert whole.json()["parts"]["cases"][0]["text"] == SAID
    (look,) = await noted(site, borrower)
    assert (look["acted_as"], look["reason"], look["what"]) == ("service", "request", "export")


async def test_a_machine_exports_with_a_scope_of_its_own(site: Site) -> None:
    """R-ACCESS-03: and each time is noted."""
    borrower = await site.borrower()
    await told(site, borrower)
    path = f"/v1/borrowers/{borrower}/export"
    for scope, status in (("borrowers:read", 403), ("people:export", 200)):
        headers = {"authorization": f"Bearer {await site.key([scope])}"}
        answer = await site.client.get(path, headers=headers)
        assert (answer.status_code, SAID in answer.text) == (status, status == 200)
    assert [each["what"] for each in await noted(site, borrower)] == ["export"]


async def test_what_is_not_noted_stays_closed(site: Site) -> None:
    """Whoever calls it: without a look nothing that is encrypted is opened."""
    borrower = await site.borrower()
    await told(site, borrower)
    found = await personal.export(
        site.pool, site.services.keys, parse("borrower", borrower), None
    )
    assert found is not None
    assert found.parts.keys() == PARTS.keys()
    assert SAID not in msgspec.json.encode(found).decode()


@pytest.mark.parametrize(("role", "shown"), [("service", True), ("viewer", False)])
async def test_notes_are_for_who_may_see_people(
    site: Site, role: str, shown: bool  # noqa: FBT001
) -> None:
    """R-ACCESS-01: the inside note of a look, at the API and in the console; no machine gets it."""
    borrower = await site.borrower()
    async with member(site, "service") as colleague, member(site, role) as who:
        given = {"reason": "case", "note": "asked for Xiao Ming"}
        await colleague.form(f"/console/borrowers/{borrower}/open", given)
        at_the_api = await who.get(f"/v1/borrowers/{borrower}/accesses")
        page = await who.get(f"/console/borrowers/{borrower}/accesses")
    assert (at_the_api.status_code, page.status_code) == (200, 200)
    assert [each["reason"] for each in at_the_api.json()["items"]] == ["case"]
    assert [given["note"] in each.text for each in (at_the_api, page)] == [shown] * 2
    assert [each["note"] for each in await noted(site, borrower)] == [""]


@pytest.mark.parametrize(("role", "shown"), [("service", True), ("viewer", False)])
async def test_what_staff_wrote_of_a_number_is_for_who_may_see_people(
    site: Site, role: str, shown: bool  # noqa: FBT001
) -> None:
    """R-ACCESS-01."""
    borrower, said = await site.borrower(), "Her sister called."
    place = f"/console/borrowers/{borrower}/contact"
    async with member(site, "service") as colleague, member(site, role) as who:
        phone = f"139{parse('borrower', borrower) % 10**8:08}"
        begun = await colleague.form(f"{place}/change", {"phone": phone, "reason": said})
        assert begun.status_code == 303, begun.text
        page = await who.get(place)
    assert (page.status_code, said in page.text) == (200, shown)


# -- the console -----------------------------------------------------------------------------------


async def in_clear(who: Member, borrower: str) -> bool:
    """On the page of a borrower and in the list alike."""
    page = (await who.get(f"/console/borrowers/{borrower}")).text
    assert (PHONE in page) == (NAME in page)
    return NAME in page


async def test_a_reason_opens_a_borrower_for_half_an_hour(site: Site, at: FixedClock) -> None:
    """R-ACCESS-01, R-ACCESS-03."""
    borrower, other = await site.borrower(), await site.borrower()
    async with member(site, "service") as who, member(site, "collections") as colleague:
        assert not await in_clear(who, borrower)
        assert NAME not in (await who.get("/console/borrowers")).text
        path = f"/console/borrowers/{borrower}/open"
        for wrong in ({}, {"reason": ""}, {"reason": "integration"}, {"reason": "curiosity"},
                      {"reason": "case", "note": "x" * 201}):  # fmt: skip
            answer = await who.form(path, wrong)
            assert (answer.status_code, "R-ACCESS-02" in answer.text) == (422, True)
            assert not await in_clear(who, borrower)
        given = {"reason": "case", "note": "no. 7 <b>", "key": "once"}
        answer = await who.form(path, given)
        assert answer.headers["location"].startswith(f"/console/borrowers/{borrower}?done=p-")
        assert (await who.form(path, given)).headers == answer.headers
        assert await in_clear(who, borrower)
        assert not await in_clear(who, other)
        assert not await in_clear(colleague, borrower)
        page = (await who.get(f"/console/borrowers/{borrower}/accesses")).text
        assert "no. 7 &lt;b&gt;" in page
        at.advance(timedelta(minutes=29))
        assert await in_clear(who, borrower)
        at.advance(timedelta(minutes=1))
        assert not await in_clear(who, borrower)
    (look,) = await noted(site, borrower)
    assert (look["acted_as"], look["reason"], look["what"]) == ("service", "case", "console")
    told = await site.services.accesses.shown_to_person(0, "en")
    assert told == []


async def test_a_new_session_starts_masked(site: Site) -> None:
    borrower = await site.borrower()
    async with member(site, "service") as who:
        await who.form(f"/console/borrowers/{borrower}/open", {"reason": "case"})
        assert await in_clear(who, borrower)
        await who.again()
        assert not await in_clear(who, borrower)


async def test_who_may_not_see_people_is_not_asked_why(site: Site) -> None:
    borrower = await site.borrower()
    async with member(site, "viewer") as who:
        path = f"/console/borrowers/{borrower}/open"
        for answer in (await who.get(path), await who.form(path, {"reason": "case"})):
            assert (answer.status_code, "R-AUTH-02" in answer.text) == (403, True)
        assert path not in (await who.get(f"/console/borrowers/{borrower}")).text


async def test_nobody_is_opened(site: Site) -> None:
    async with member(site, "service") as who:
        for borrower in ("b-1", "b-zzz!", "x"):
            path = f"/console/borrowers/{borrower}/open"
            for answer in (await who.get(path), await who.form(path, {"reason": "case"})):
                assert answer.status_code == 404, borrower


SHOWS_PEOPLE = {
    "web/api/borrowers.py", "web/console/access.py", "web/personal.py", "web/portal/scope.py",
}  # fmt: skip
"""The files that read people in clear, each with its note (the portal without: it shows a borrower
to the borrower); whoever else needs to adds itself here and says to whom it shows them."""


def test_nothing_else_reads_people_in_clear() -> None:
    """R-ACCESS-03: a page that shows a name goes through one of these."""
    source = rulebook.source_root() / "src/usance"
    reading = re.compile(r"(borrowers|Borrowers\([^)]*\))\.(read|read_many|page)\(")
    found = {
        path.relative_to(source).as_posix()
        for path in (source / "web").rglob("*.py")
        if reading.search(path.read_text("utf-8"))
    }
    assert found == SHOWS_PEOPLE
