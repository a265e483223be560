"""Relatives over HTTP: the borrower's pages, and those of people without an account."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, newest_code, visitor
from usance.core.identifiers import parse
from usance.day import verify
from usance.identity import portal_store
from usance.identity.changing import Asking
from usance.notices import sealing

MOTHER = "13911110000"
LIST = "/my/family"
NAMED = {
    "name": "李梅", "relation": "parent", "phone": MOTHER, "language": "en", "speaks": "en",
    "tells": "after", "by-sms": "1", "scope-borrowing": "1", "version-borrowing": "1",
    "version-plan": "1", "version-overdue": "1",
}  # fmt: skip
ACCEPTED = {
    "answer": "yes", "key": "yes", "language": "en", "speaks": "en", "by-sms": "1",
    "scope-borrowing": "1", "scope-overdue": "1", "version-borrowing": "1", "version-plan": "1",
    "version-overdue": "1",
}  # fmt: skip


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path, sandbox=True) as found:
        yield found
        assert await verify.run(found.pool) == []


@pytest_asyncio.fixture
async def me(site: Site) -> Visitor:
    found = await visitor(site)
    found.client.cookies.set("language", "en")
    return found


@pytest_asyncio.fixture
async def mother(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody without an account."""
    async with browser(site) as found:
        yield found


def browser(site: Site) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app, raise_app_exceptions=False),
        base_url="http://usance.test", cookies={"language": "en"},
    )


async def named(me: Visitor, **changes: str) -> str:
    """A relative is named; their number."""
    answer = await me.post(f"{LIST}/new", NAMED | changes)
    assert answer.status_code == 303, answer.text
    page = (await me.get(LIST)).text
    return re.findall(r"/my/family/(h-\w+)/take-back", page)[0]


async def invitation(site: Site, member: str) -> str:
    """The code of an invitation, as the relative gets it."""
    row = await site.pool.fetchrow(
        "SELECT borrower_id, key, box FROM notice WHERE member_id = $1", parse("member", member)
    )
    who = await portal_store.active_borrower(site.pool, row["borrower_id"])
    assert who is not None
    data_key = site.services.keys.unwrap(who["data_key"], who["borrower_id"])
    return sealing.opened(data_key, who["borrower_id"], row["key"], row["box"])["code"]


async def stop_code(site: Site, me: Visitor, member: str) -> str:
    async with site.pool.acquire() as connection:
        found = await site.services.family.members.secrets(
            connection, me.borrower_id, parse("member", member)
        )
    return found["stop"]


async def shown_number(site: Site, mother: httpx.AsyncClient, code: str) -> httpx.Response:
    """The relative comes as far as the invitation."""
    answer = await mother.post("/family", data={"code": code.lower(), "digits": MOTHER[-4:]})
    assert answer.headers["location"] == "/family/code", answer.text
    one_time = await newest_code(site, "family-code")
    answer = await mother.post("/family/code", data={"code": one_time})
    assert answer.headers["location"] == "/family/invitation", answer.text
    return await mother.get("/family/invitation")


async def test_from_the_name_to_the_end(
    site: Site, me: Visitor, mother: httpx.AsyncClient
) -> None:
    """R-FAMILY-01, R-FAMILY-06, R-FAMILY-07, R-FAMILY-10."""
    page = (await me.get(f"{LIST}/new")).text
    assert page.count("What may come of it") == 3
    assert "does not become liable" in page
    answer = await me.post(f"{LIST}/new", NAMED | {"scope-overdue": "1"})
    assert answer.status_code == 200
    assert "once more" in answer.text
    assert 'name="phone" value="13911110000"' in answer.text
    member = await named(me, **{"scope-overdue": "1", "again": "1"})
    page = (await me.get(f"{LIST}?done=named")).text
    assert "Nothing is told before they have accepted" in page
    assert "Invited" in page
    assert "Nobody was told anything about you." in page

    assert "You were invited" in (await mother.get("/family")).text
    page = (await shown_number(site, mother, await invitation(site, member))).text
    assert "王小明 invites you" in page
    assert "New borrowing" not in page  # the title of the document stands there
    answer = await mother.post("/family/invitation", data=ACCEPTED)
    assert "once more" in answer.text
    answer = await mother.post("/family/invitation", data=ACCEPTED | {"again": "1"})
    assert answer.headers["location"] == "/family/done?what=accepted"
    assert "by which you end it" in (await mother.get(answer.headers["location"])).text
    page = (await me.get(LIST)).text
    assert "New borrowing, Late payments" in page
    answer = await mother.get("/family/invitation")
    assert (answer.status_code, "R-FAMILY-08" in answer.text) == (422, True)

    answer = await me.post(f"{LIST}/{member}/take-back", {})
    page = (await me.get(answer.headers["location"])).text
    assert "It is off from now on." in page
    assert "You have taken it back." in page
    assert "/take-back" not in page
    ((told,),) = await site.pool.fetch("SELECT template_id FROM notice WHERE scope = '' AND "
                                       "audience = 'family_member' AND state = 1 AND "
                                       "template_id <> 'family-invitation'")  # fmt: skip
    assert told == "family-withdrawn"


async def test_late_payments_are_left_out_by_a_press(
    site: Site, me: Visitor, mother: httpx.AsyncClient
) -> None:
    """R-FAMILY-06."""
    member = await named(me, **{"scope-overdue": "1", "again": "0"})
    await shown_number(site, mother, await invitation(site, member))
    page = (await mother.get("/family/invitation")).text
    assert "scope-overdue" not in page
    only = {name: each for name, each in ACCEPTED.items() if name != "scope-overdue"}
    answer = await mother.post("/family/invitation", data=only)
    assert answer.headers["location"].endswith("accepted")


@pytest.mark.parametrize("way", ["invitation", "stop code"])
async def test_stop_by_a_code_and_never_again(
    site: Site, me: Visitor, mother: httpx.AsyncClient, way: str
) -> None:
    """R-FAMILY-10, R-FAMILY-12: without a log-in, a number, or a reason."""
    member = await named(me)
    code = await invitation(site, member)
    if way == "stop code":
        await shown_number(site, mother, code)
        only = {name: each for name, each in ACCEPTED.items() if name != "scope-overdue"}
        await mother.post("/family/invitation", data=only)
        code = await stop_code(site, me, member)
    fields = {"code": code, "never": "1", "key": "\x00"}  # a lost key stands in nobody's way
    answer = await mother.post("/family/stop", data=fields)
    assert answer.headers["location"] == "/family/done?what=never"
    assert "nobody can have you invited again" in (
        await mother.get(answer.headers["location"])).text
    page = (await me.get(LIST)).text
    assert ("Invited" in page) == (way == "invitation")
    assert ("does not want it any more" in page) == (way == "stop code")
    other = await visitor(site)
    theirs = await named(other)
    async with site.pool.acquire() as connection:
        person = await site.services.family.members.person(
            connection, other.borrower_id, parse("member", theirs)
        )
    assert person is None


async def test_no(site: Site, me: Visitor, mother: httpx.AsyncClient) -> None:
    """R-FAMILY-12: nothing tells the borrower."""
    member = await named(me)
    before = (await me.get(LIST)).text
    await shown_number(site, mother, await invitation(site, member))
    answer = await mother.post("/family/invitation", data={"answer": "no", "key": "no"})
    assert answer.headers["location"] == "/family/done?what=refused"
    key = re.compile(r'name="key" value="\w+"')
    assert key.sub("", (await me.get(LIST)).text) == key.sub("", before)


async def test_a_relative_reports_and_the_borrower_sees_nothing(
    site: Site, me: Visitor, mother: httpx.AsyncClient
) -> None:
    """R-FAMILY-14."""
    member = await named(me)
    code, key = await invitation(site, member), re.compile(r'name="key" value="\w+"')
    before = (await me.get(LIST)).text
    said = {"code": code, "text": "He presses me.", "key": "once"}
    answer = await mother.post("/family/report", data=said)
    assert answer.headers["location"] == "/family/done?what=reported", answer.text
    assert key.sub("", (await me.get(LIST)).text) == key.sub("", before)
    assert "case" not in (await me.get("/my/cases")).text.partition("<main")[2].replace("cases", "")
    row = await site.pool.fetchrow("SELECT kind, borrower_id FROM case_file")
    assert tuple(row) == (5, 0)
    answer = await mother.post("/family", data={"code": code, "digits": MOTHER[-4:]})
    assert "R-FAMILY-08" in answer.text


async def test_a_borrower_reports(site: Site, me: Visitor) -> None:
    """R-FAMILY-14."""
    member = await named(me)
    assert "李梅" in (await me.get(f"{LIST}/{member}/report")).text
    answer = await me.post(f"{LIST}/{member}/report", {"text": ""})
    assert (answer.status_code, "R-CASE-05" in answer.text) == (422, True)
    answer = await me.post(f"{LIST}/{member}/report", {"text": "I was made to name her."})
    page = (await me.get(answer.headers["location"])).text
    assert "Nothing more is told until we have looked at it." in page
    assert "Paused" in page
    assert await site.pool.fetchval("SELECT borrower_id FROM case_file") == me.borrower_id


@pytest.mark.parametrize(("fields", "status", "rule"), [
    ({"scope-borrowing": ""}, 422, "R-FAMILY-01"), ({"phone": "x"}, 422, "R-BORR-01"),
    ({"by-sms": ""}, 422, "R-FAMILY-01"), ({"version-borrowing": "2"}, 422, "R-CONSENT-02"),
    ({"version-borrowing": "²"}, 422, "R-CONSENT-02"), ({"opens": "9"}, 422, "R-FAMILY-01"),
    ({"relation": ""}, 422, "R-FAMILY-01"), ({"language": "fr"}, 422, "R-CONSENT-03"),
])  # fmt: skip
async def test_a_form_that_does_not_fit_is_shown_again(
    site: Site, me: Visitor, fields: dict[str, str], status: int, rule: str
) -> None:
    before = await fingerprint(site.pool)
    answer = await me.post(f"{LIST}/new", NAMED | fields)
    assert (answer.status_code, rule in answer.text) == (status, True)
    assert 'value="李梅"' in answer.text
    after = await fingerprint(site.pool)
    assert {name for name in before if before[name] != after[name]} <= {"borrower_session"}


@pytest.mark.parametrize(("path", "fields", "rule"), [
    ("/family", {"code": "ABCDE-FGHJK", "digits": "0000"}, "R-FAMILY-07"),
    ("/family", {}, "R-FAMILY-07"), ("/family/code", {"code": "12"}, "R-LOGIN-03"),
    ("/family/code", {"code": "123456"}, "R-LOGIN-01"), ("/family/stop", {}, "R-FAMILY-10"),
    ("/family/stop", {"code": "ABCDEFGHJK"}, "R-FAMILY-10"),
    ("/family/report", {"code": "ABCDEFGHJK", "text": "x", "key": "k"}, "R-FAMILY-10"),
    ("/family/report", {"code": "x", "text": "", "key": "k"}, "R-CASE-05"),
    ("/family/invitation", {"answer": "no", "key": "k"}, "R-FAMILY-08"),
])  # fmt: skip
async def test_strangers_get_nowhere(
    site: Site, mother: httpx.AsyncClient, path: str, fields: dict[str, Any], rule: str
) -> None:
    answer = await mother.post(path, data=fields)
    assert (answer.status_code, rule in answer.text) == (422, True)
    assert "/my/login" not in answer.text


async def test_a_strangers_page_has_its_own_settings(mother: httpx.AsyncClient) -> None:
    answer = await mother.post("/family/settings", data={"language": "zh", "back": "/family/stop"})
    assert answer.headers["location"] == "/family/stop"
    assert "Path=/family" in answer.headers["set-cookie"]
    for back in ("//evil.example", "/familyx", "https://evil.example"):
        answer = await mother.post("/family/settings", data={"back": back})
        assert answer.headers["location"] == "/family"
    assert (await mother.get("/family/nothing")).status_code == 404
    answer = await mother.post("/family/stop", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


async def test_staff_sees_how_it_stands_and_not_who(site: Site, me: Visitor) -> None:
    """R-FAMILY-16: in the console and over the API, what the borrower sees, without names."""
    member = await named(me)
    async with member_of_staff(site) as anna:
        page = (await anna.get(f"/console/borrowers/{me.borrower}")).text
    assert member in page
    assert "Invited" in page
    assert "李梅" not in page
    answer = await site.client.get(f"/v1/borrowers/{me.borrower}/relatives")
    (found,) = answer.json()["items"]
    assert (found["member_id"], found["state"]) == (member, "invited")
    assert "李梅" not in answer.text
    answer = await site.client.get(f"/v1/borrowers/{me.borrower}/relatives/notices")
    assert answer.json()["items"] == []
    answer = await site.client.get("/v1/borrowers/b-1zzz/relatives")
    assert answer.status_code == 404


@asynccontextmanager
async def member_of_staff(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may look at borrowers and consents."""
    password = "correct horse battery"
    await site.services.staff.create("anna", password, ["service"])
    async with browser(site) as client:
        fields = {"name": "anna", "password": password}
        answer = await client.post("/console/login", data=fields)
        assert answer.status_code == 303, answer.text
        yield client


async def test_a_browser_from_which_far_too_many_are_named(site: Site, me: Visitor) -> None:
    """R-FAMILY-19: page and address are counted by keyed hashes, and a refusal is told."""
    await named(me)
    rows = await site.pool.fetch(
        "SELECT subject FROM notice_counter WHERE counts ? 'WATCHED' ORDER BY subject"
    )
    kinds = [bytes(row["subject"]).partition(b":") for row in rows]
    assert [kind for kind, _, _ in kinds if kind != b"contact"] == [b"device", b"network"]
    name = next(rest.hex() for kind, _, rest in kinds if kind == b"device")
    await site.pool.execute(
        "INSERT INTO breaker VALUES ('device', $1, 'open', 'many', now())", name
    )
    answer = await me.post(f"{LIST}/new", NAMED | {"phone": "13911110001"})
    assert answer.status_code == 422
    assert "R-FAMILY-19" in answer.text
    assert "ask us" in answer.text
    await site.services.notices.health.close(
        "device", name, "A branch of ours, with one desk.", Asking("staff:1")
    )
    answer = await me.post(f"{LIST}/new", NAMED | {"phone": "13911110001", "key": "again"})
    assert answer.status_code == 303
