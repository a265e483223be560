"""Asking and reporting through pages and API: who may, what is said, and what is never said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.notices.asking_house import DIGITS, WRONG, Sent, sent
from tests.web.api_site import Site, opened
from tests.web.portal_site import visitor
from tests.web.staff_site import Member, member
from usance.core.identifiers import parse
from usance.day import verify

FORGED = "[Usance] Pay CNY 900.00 today: http://usance-pay.example/x or call 13800009999."
OWN = {"sec-fetch-site": "same-origin", "origin": "null"}


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path, sandbox=True) as found:
        yield found
        assert await verify.run(found.pool) == []


@pytest_asyncio.fixture
async def anybody(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has logged in with."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(site.app, raise_app_exceptions=False),
        base_url="http://usance.test", headers={"accept-language": "en", **OWN},
    ) as client:
        yield client


@pytest_asyncio.fixture
async def notice(site: Site) -> Sent:
    """A reminder that was sent."""
    return await sent(site.pool, parse("borrower", await site.borrower()), site.services.keys)


async def test_a_right_answer_shows_the_genuine_facts(
    anybody: httpx.AsyncClient, notice: Sent
) -> None:
    """R-VERIFY-03, R-VERIFY-04: and nothing of the person, nor what was typed."""
    answer = await anybody.post("/verify", data={"code": notice.code.lower(), "digits": DIGITS})
    assert answer.status_code == 200
    for said in ("Due tomorrow", "¥1,234.50", "2 March 2026", "Text message", "asked for 1 time"):
        assert said in answer.text, said
    for secret in ("王小明", notice.code, DIGITS, "138"):
        assert secret not in answer.text
    again = await anybody.post("/verify", data={"code": notice.code, "digits": DIGITS})
    assert "asked for 2 times" in again.text
    assert "somebody else has this message" in again.text


async def test_whatever_is_not_found_looks_alike(
    anybody: httpx.AsyncClient, notice: Sent
) -> None:
    """R-CODE-03, R-VERIFY-03."""
    pages = []
    for code in (notice.code, "0123456789"):
        answer = await anybody.post("/verify", data={"code": code, "digits": WRONG})
        assert answer.status_code == 200
        pages.append((answer.text.replace(code, "CODE"), sorted(answer.headers.items())))
        assert "may be forged" in answer.text
    (one, heads), (other, other_heads) = pages
    assert one == other
    assert [h for h in heads if h[0] != "date"] == [h for h in other_heads if h[0] != "date"]


async def test_pages_give_nothing_away(anybody: httpx.AsyncClient, notice: Sent) -> None:
    """R-VERIFY-03: no referrer, no search engine, no cookie, nothing kept; POST alone."""
    for path in ("/verify", "/verify/report"):
        answer = await anybody.get(path)
        assert answer.status_code == 200
        assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        assert '<meta name="robots" content="noindex' in answer.text
        assert 'method="post"' in answer.text
        assert "csrf" not in answer.text
    asked = f"/verify?code={notice.code}&digits={DIGITS}"
    answer = await anybody.get(asked)
    assert "Due tomorrow" not in answer.text
    assert notice.code not in answer.text
    elsewhere = await anybody.get("/my/login")
    assert elsewhere.headers.get_list("referrer-policy") == ["same-origin"]


@pytest.mark.parametrize(("headers", "status"), [
    ({"sec-fetch-site": "same-origin", "origin": "null"}, 200),
    ({"sec-fetch-site": "same-origin", "origin": "http://usance.test"}, 200),
    ({"sec-fetch-site": "cross-site", "origin": "null"}, 403),
    ({"sec-fetch-site": "same-origin", "origin": "http://evil.example"}, 403),
])  # fmt: skip
async def test_other_sites_cannot_have_their_visitors_ask(
    anybody: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    """R-AUTH-03."""
    data = {"code": "0123456789", "digits": WRONG}
    assert (await anybody.post("/verify", data=data, headers=headers)).status_code == status


async def test_only_stateless_pages_take_a_null_origin(anybody: httpx.AsyncClient) -> None:
    """R-AUTH-03."""
    assert (await anybody.post("/my/login", data={"number": "1"})).status_code == 403


@pytest.mark.parametrize(("data", "status", "path"), [
    ({"code": "ABC", "digits": WRONG}, 422, "code"),
    ({"code": "0123456789", "digits": "12"}, 422, "digits"), ({}, 422, "digits"),
])  # fmt: skip
async def test_what_can_be_no_code_is_said_beside_its_field(
    anybody: httpx.AsyncClient, data: dict[str, str], status: int, path: str
) -> None:
    """R-CODE-02."""
    answer = await anybody.post("/verify", data=data)
    assert answer.status_code == status
    field = answer.text.partition(f'id="{path}"')[2].partition(">")[0]
    assert "aria-invalid" in field
    assert "R-CODE-02" in answer.text


async def test_too_many_asks(anybody: httpx.AsyncClient) -> None:
    """R-VERIFY-02: 429, in words."""
    for number in range(20):
        data = {"code": f"00000000{number:02}", "digits": WRONG}
        assert (await anybody.post("/verify", data=data)).status_code == 200
    answer = await anybody.post("/verify", data=data)
    assert answer.status_code == 429
    assert "R-VERIFY-02" in answer.text


async def test_language_and_colours_of_these_pages(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.post("/verify/settings", data={
        "language": "zh", "theme": "dark", "back": "/verify/report"})  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, "/verify/report")
    page = (await anybody.get("/verify")).text
    assert 'lang="zh-CN" data-theme="dark"' in page
    assert "这条消息是我们发的吗？" in page
    elsewhere = await anybody.post("/verify/settings", data={"back": "https://evil.example"})
    assert elsewhere.headers["location"] == "/verify"


# -- reports ---------------------------------------------------------------------------------------


async def newest(site: Site) -> dict[str, Any]:
    return dict(await site.pool.fetchrow(
        "SELECT * FROM suspicious_report ORDER BY report_id DESC LIMIT 1"
    ))  # fmt: skip


async def test_anybody_reports_a_message(
    site: Site, anybody: httpx.AsyncClient, notice: Sent
) -> None:
    """R-VERIFY-06: what was checked is kept in numbers, the words only as ciphertext."""
    data = {"text": FORGED, "channel": "sms", "sender": "+852 6000 0000", "code": notice.code}
    answer = await anybody.post("/verify/report", data=data)
    assert answer.status_code == 200
    assert "Its number is w-" in answer.text
    assert "genuine" not in answer.text.lower().partition("<main")[2]
    row = await newest(site)
    assert row["findings"] == (
        '{"code": "made", "sender": "other", "foreign_links": 1, "foreign_numbers": 1}'
    )
    assert (row["way"], row["case_id"], row["state"]) == ("public", 0, 1)
    for secret in ("usance-pay", "13800009999", "6000", notice.code):
        assert secret.encode() not in row["box"]
        assert secret not in str({**row, "box": "", "data_key": ""})


@pytest.mark.parametrize(("change", "path"), [
    ({"text": ""}, "text"), ({"text": "x" * 2_001}, "text"), ({"text": "a\x00b"}, "text"),
    ({"channel": "pigeon"}, "channel"), ({"sender": "x" * 101}, "sender"),
    ({"code": "x" * 41}, "code"),
])  # fmt: skip
async def test_a_report_that_is_none(
    site: Site, anybody: httpx.AsyncClient, change: dict[str, str], path: str
) -> None:
    """R-VERIFY-06: refused, with what was typed still there."""
    given = {"text": "Pay!", "channel": "sms"} | change
    answer = await anybody.post("/verify/report", data=given)
    assert answer.status_code == 422
    assert "R-VERIFY-06" in answer.text
    assert await site.pool.fetchval("SELECT count(*) FROM suspicious_report") == 0


async def test_a_network_reports_only_so_much(anybody: httpx.AsyncClient) -> None:
    """R-VERIFY-02."""
    data = {"text": "Pay!", "channel": "sms"}
    got = [(await anybody.post("/verify/report", data=data)).status_code for _ in range(6)]
    assert got == [200] * 5 + [429]


async def test_a_report_too_large(anybody: httpx.AsyncClient) -> None:
    """R-HTTP-04."""
    answer = await anybody.post("/verify/report", data={"text": "x" * 30_000, "channel": "sms"})
    assert answer.status_code == 413


async def test_a_borrowers_report_is_a_case(site: Site) -> None:
    """R-VERIFY-06: an incident of theirs, with its number and clocks; once for its form."""
    who = await visitor(site)
    page = await who.get("/my/suspicious")
    assert page.status_code == 200
    fields = {"text": FORGED, "channel": "email", "sender": "x@evil.example", "key": "once"}
    answers = [await who.post("/my/suspicious", fields) for _ in range(2)]
    assert {each.status_code for each in answers} == {303}
    (place,) = {each.headers["location"] for each in answers}
    case = await who.get(place)
    assert "usance-pay.example" in case.text
    rows = await site.pool.fetch("SELECT kind, borrower_id FROM case_file")
    assert [(row["kind"], row["borrower_id"]) for row in rows] == [(5, who.borrower_id)]
    row = await newest(site)
    assert (row["way"], row["box"], row["data_key"]) == ("portal", b"", b"")
    assert row["case_id"] == parse("case", place.partition("?")[0].rpartition("/")[2])
    refused = await who.post("/my/suspicious", {"text": "", "channel": "sms"})
    assert refused.status_code == 422


# -- programs --------------------------------------------------------------------------------------


async def test_programs_ask_for_their_users(site: Site, notice: Sent) -> None:
    """R-VERIFY-03, R-VERIFY-04: counted by the address that they name."""
    body = {"code": notice.code, "digits": DIGITS, "address": "203.0.113.9"}
    found = (await site.client.post("/v1/verify", json=body)).json()
    assert found["is_genuine"]
    assert found["notice"] | {"first_asked_at": "", "sent_at": ""} == {
        "template_id": "due-tomorrow", "event": "due.reminder", "channel": "sms", "state": "sent",
        "titles": {"zh-CN": "明天是应还日", "en": "Due tomorrow"}, "amount": "1234.50",
        "due_on": "2026-03-02", "times_asked": 1, "first_asked_at": "", "sent_at": "",
    }  # fmt: skip
    wrong = (await site.client.post("/v1/verify", json=body | {"digits": WRONG})).json()
    never = (await site.client.post("/v1/verify", json=body | {"code": "0123456789"})).json()
    assert wrong == never == {"is_genuine": False, "notice": None}
    no_code = await site.client.post("/v1/verify", json=body | {"code": "x"})
    assert (no_code.status_code, no_code.json()["rule"]) == (422, "R-CODE-02")
    for _ in range(20):
        last = await site.client.post("/v1/verify", json=body)
    assert (last.status_code, last.json()["rule"]) == (429, "R-VERIFY-02")


async def test_programs_report_and_staff_closes(site: Site) -> None:
    """R-VERIFY-06, R-VERIFY-07."""
    path = "/v1/suspicious-messages"
    made = await site.post(path, {"text": FORGED, "channel": "sms"}, "one")
    again = await site.post(path, {"text": FORGED, "channel": "sms"}, "one")
    assert (made.status_code, again.json()) == (201, made.json())
    report = made.json()["report_id"]
    (listed,) = (await site.client.get(path)).json()["items"]
    assert (listed["report_id"], listed["is_open"], listed["way"]) == (report, True, "api")
    assert FORGED not in str(listed)
    whole = (await site.client.get(f"{path}/{report}")).json()
    assert whole["words"] == {"text": FORGED, "sender": "", "code": ""}
    closed = await site.post(f"{path}/{report}/closing", {"reason": "A known forgery."})
    assert closed.status_code == 201
    assert (await site.post(f"{path}/{report}/closing", {"reason": "Again."})).status_code == 404
    borrower = await site.borrower()
    theirs = await site.post(path, {"text": "Hm.", "channel": "sms", "borrower_id": borrower})
    assert theirs.json()["case_id"].startswith("m-")
    assert (await site.client.get(f"{path}?limit=1")).json()["next"]


async def test_words_are_destroyed_some_time_after_a_report_was_closed(site: Site) -> None:
    """R-VERIFY-07."""
    path = "/v1/suspicious-messages"
    report = (await site.post(path, {"text": FORGED, "channel": "sms"})).json()["report_id"]
    await site.post(f"{path}/{report}/closing", {"reason": "A known forgery."})
    await site.pool.execute("UPDATE suspicious_report SET closed_at = now() - interval '179 days'")
    await site.services.genuine.watch.look()
    assert (await site.client.get(f"{path}/{report}")).json()["words"]
    await site.pool.execute("UPDATE suspicious_report SET closed_at = now() - interval '181 days'")
    site.services.genuine.watch._swept = None
    await site.services.genuine.watch.look()
    assert (await site.client.get(f"{path}/{report}")).json()["words"] is None


# -- staff -----------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def olga(site: Site) -> AsyncIterator[Member]:
    """Somebody of operations."""
    async with member(site, "operations") as found:
        yield found


async def test_staff_sees_and_acknowledges_an_alarm(site: Site, olga: Member) -> None:
    """R-VERIFY-05, R-VERIFY-07."""
    for number in range(30):
        await site.services.genuine.asking.ask(f"00000000{number:02}", WRONG, f"10.{number}.0.1")
    await site.services.genuine.watch.look()
    english = {"accept-language": "en"}
    page = (await olga.client.get("/console/verification", headers=english)).text
    assert "30 asks in vain within ten minutes" in page
    (alarm,) = (await site.client.get("/v1/verification")).json()["alarms"]
    form = f"/console/verification/alarms/{alarm['number']}/acknowledge"
    assert form in page
    fields = {"csrf_token": olga.csrf, "key": "k1", "reason": "no"}
    refused = await olga.client.post(form, data=fields)
    assert refused.status_code == 422
    assert "R-VERIFY-07" in refused.text
    done = await olga.client.post(form, data=fields | {"reason": "Forgeries about parcels."})
    assert done.status_code == 303
    seen = (await site.client.get("/v1/verification")).json()
    assert seen["alarms"][0]["reason"] == "Forgeries about parcels."
    assert len(seen["hours"]) == 48
    assert seen["hours"][-1]["missed"] == 30
    assert (await olga.client.get("/console/verification/alarms/99/acknowledge")).status_code > 400


async def test_staff_reads_and_closes_a_report(
    site: Site, olga: Member, anybody: httpx.AsyncClient
) -> None:
    """R-VERIFY-06, R-VERIFY-07: the words for who may close it, the list for who may look."""
    await anybody.post("/verify/report", data={"text": FORGED, "channel": "sms", "sender": "95001"})
    listed = (await olga.client.get("/console/verification")).text
    report = listed.partition("/console/verification/reports/")[2].partition('"')[0]
    page = (await olga.client.get(f"/console/verification/reports/{report}")).text
    assert "usance-pay.example" in page
    assert '<a href="http://usance-pay' not in page
    async with member(site, "supervisor") as paula:
        assert report in (await paula.client.get("/console/verification")).text
        shown = await paula.client.get(f"/console/verification/reports/{report}")
        assert shown.status_code == 403
    form = f"/console/verification/reports/{report}/close"
    fields = {"csrf_token": olga.csrf, "key": "k2", "reason": "Handed to the carrier."}
    assert (await olga.client.post(form, data=fields)).status_code == 303
    page = (await olga.client.get(f"/console/verification/reports/{report}")).text
    assert "Handed to the carrier." in page
