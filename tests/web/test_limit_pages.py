"""Limits over the API, in the console and on a borrower's pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from tests.web.limit_offers import cut, good_tier, offered
from tests.web.portal_site import Visitor, visitor
from tests.web.test_console_templates import page, reader
from usance.core.identifiers import borrower_of_contract, parse, written
from usance.day import verify


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path, sandbox=True) as found:
        yield found


async def owner(site: Site) -> str:
    """A borrower with an account of 50,000.00, of which 1,000.00 is used."""
    account = await site.account()
    return written("borrower", borrower_of_contract(parse("contract", account)))


async def limits(site: Site, borrower: str) -> dict[str, Any]:
    answer = await site.client.get(f"/v1/borrowers/{borrower}/limits")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_limits_with_their_cap_and_history(site: Site) -> None:
    """R-LIMIT-04."""
    borrower = await owner(site)
    found = await limits(site, borrower)
    assert (found["in_all"], found["cap"], found["cap_source"]) == (
        "50000.00", "200000.00", "CN-CBIRC-2020-9"
    )  # fmt: skip
    (line,) = found["lines"]
    assert line == {"product": "pay_later", "limit": "50000.00", "used": "1000.00",
                    "available": "49000.00", "until": None}  # fmt: skip
    (change,) = found["history"]
    assert (change["what"], change["limit_to"], change["decision_id"]) == (
        "opened", "50000.00", None
    )  # fmt: skip
    answer = await site.client.get("/v1/borrowers/b-zz/limits")
    assert answer.status_code == 404
    cash = {"product": "cash_loan", "limit": "150000.01"}
    answer = await site.post(f"/v1/borrowers/{borrower}/lines", cash)
    assert (answer.status_code, answer.json()["rule"]) == (422, "R-LIMIT-04")


async def test_a_decided_line_is_whole_and_under_the_cap(site: Site) -> None:
    """R-LIMIT-05: 12,345.67 a month lets a newcomer have 12,300.00; the cap may leave less."""
    site.known.facts |= {"income": 1_234_567}
    declared = {"declared": {"student": False}}
    path = f"/v1/borrowers/{await site.borrower()}/decided-lines"
    answer = await site.post(path, {"product": "cash_loan"} | declared)
    assert answer.json()["limit"] == "12300.00", answer.text
    borrower = await site.borrower()
    await site.post(f"/v1/borrowers/{borrower}/lines", {"product": "pay_later", "limit": "195050"})
    path = f"/v1/borrowers/{borrower}/decided-lines"
    answer = await site.post(path, {"product": "cash_loan"} | declared)
    assert answer.json()["limit"] == "4900.00", answer.text
    assert await verify.run(site.pool) == []


async def test_an_offer_is_taken_over_the_api(site: Site) -> None:
    """R-LIMIT-07."""
    borrower = await owner(site)
    number = await offered(site, borrower, 6_000_000)
    (offer,) = (await limits(site, borrower))["offers"]
    assert (offer["limit_offer_id"], offer["state"], offer["kind"]) == (number, "open", "raise")
    path = f"/v1/borrowers/{borrower}/limit-offers/{number}"
    before = await fingerprint(site.pool)
    stranger = await site.borrower()
    answer = await site.post(f"/v1/borrowers/{stranger}/limit-offers/{number}/accept", {})
    assert answer.status_code == 404
    answer = await site.post(f"{path}/accept", {}, "one")
    assert answer.status_code == 201, answer.text
    assert (await site.post(f"{path}/accept", {}, "one")).json() == answer.json()
    answer = await site.post(f"{path}/decline", {}, "two")
    assert (answer.status_code, answer.json()["rule"]) == (422, "R-LIMIT-07")
    found = await limits(site, borrower)
    assert found["lines"][0]["limit"] == "60000.00"
    assert found["history"][0]["what"] == "accepted"
    assert found["history"][0]["decision_id"] == offer["decision_id"]
    assert found["history"][0]["reasons"]
    assert before != await fingerprint(site.pool)
    assert await verify.run(site.pool) == []


async def test_more_for_a_while_over_the_api(site: Site) -> None:
    """R-LIMIT-08: what was not decided is refused, and what cannot be is said."""
    borrower = await site.borrower()
    line = {"product": "cash_loan", "limit": "9000.00"}
    await site.post(f"/v1/borrowers/{borrower}/lines", line)
    await good_tier(site, borrower)
    today = await site.pool.fetchval("SELECT business_date FROM book")
    path = f"/v1/borrowers/{borrower}/lines/cash_loan/temporary-raises"
    body = {"limit": "9500.00", "until": str(today + timedelta(9))}
    for wrong, rule in (({"limit": "20000.00"}, "R-LIMIT-08"), ({"until": "x"}, "R-DATE-01"),
                        ({"until": str(today + timedelta(30))}, "R-LIMIT-08")):  # fmt: skip
        answer = await site.post(path, body | wrong)
        assert answer.status_code == 422, answer.text
        assert answer.json()["rule"] in (rule, "R-DOC-01"), answer.text
    answer = await site.post(path, body, "one")
    assert (answer.status_code, answer.json().get("limit_to")) == (201, "9500.00"), answer.text
    found = await limits(site, borrower)
    assert found["lines"][0]["until"] == body["until"]
    assert await verify.run(site.pool) == []


async def test_staff_see_limits_and_why(site: Site) -> None:
    borrower = await owner(site)
    await offered(site, borrower, 6_000_000)
    await cut(site, borrower, "30000.00")
    async with reader(site, "service") as who:
        assert f"/console/borrowers/{borrower}/limits" in await page(
            who, f"/console/borrowers/{borrower}"
        )
        text = await page(who, f"/console/borrowers/{borrower}/limits")
        for part in ("200,000.00", "CN-CBIRC-2020-9", "waits for an answer", "Cuts that were",
                     "30000.00 CNY", "Line opened", "R-LIMIT-04"):  # fmt: skip
            assert part in text, part
    async with reader(site, "administrator") as who:
        assert (await who.get(f"/console/borrowers/{borrower}/limits")).status_code == 403


async def english(site: Site) -> Visitor:
    mine = await visitor(site)
    mine.client.cookies.set("language", "en")
    return mine


async def test_a_borrower_takes_an_offer_or_leaves_it(site: Site) -> None:
    """R-LIMIT-07: nothing changes by looking, and a no is not held against anybody."""
    mine = await english(site)
    number = await offered(site, mine.borrower, 6_000_000)
    text = (await mine.get("/my/limits")).text
    for part in ("You may have a higher limit", "¥50,000.00", "¥60,000.00", "¥200,000.00", number):
        assert part in text, part
    answer = await mine.post(f"/my/limits/offers/{number}/decline", {})
    assert answer.headers["location"] == "/my/limits?done=declined"
    text = (await mine.get("/my/limits?done=declined")).text
    assert "Nothing is held against you" in text
    assert "You may have a higher limit" not in text
    answer = await mine.post(f"/my/limits/offers/{number}/accept", {})
    assert answer.status_code == 422
    assert "The offer was answered already." in answer.text
    second = await offered(site, mine.borrower, 6_000_000)
    assert (await mine.post(f"/my/limits/offers/{second}/accept", {})).status_code == 303
    text = (await mine.get("/my/limits?done=taken")).text
    assert "Raised: you took an offer" in text
    assert (await limits(site, mine.borrower))["lines"][0]["limit"] == "60000.00"


async def test_a_strangers_offer_is_not_there(site: Site) -> None:
    """R-PORTAL-01."""
    mine, theirs = await english(site), await english(site)
    number = await offered(site, theirs.borrower, 6_000_000)
    for deed in ("accept", "decline"):
        for wrong in (number, "x-zzz", "nothing"):
            answer = await mine.post(f"/my/limits/offers/{wrong}/{deed}", {})
            assert answer.status_code == 404
    assert number not in (await mine.get("/my/limits")).text


async def test_a_cut_is_told_with_why_and_how_to_object(site: Site) -> None:
    """R-LIMIT-09: in both languages."""
    mine = await english(site)
    await cut(site, mine.borrower, "30000.00")
    text = (await mine.get("/my/limits")).text
    for part in ("A limit is to be lowered", "30000.00 CNY", "You may object",
                 "Why, and ask for a person"):  # fmt: skip
        assert part in text, part
    mine.client.cookies.set("language", "zh")
    text = (await mine.get("/my/limits")).text
    assert "拟下调额度" in text
    assert "您可以提出异议" in text


@pytest.mark.parametrize(("fields", "words"), [
    ({"limit": "x", "until": "2026-01-10"}, "Not an amount of money"),
    ({"limit": "9999999", "until": "2026-01-10"}, "At most 20 percent above the limit."),
    ({"limit": "55000", "until": "soon"}, "Not a day"),
])  # fmt: skip
async def test_more_for_a_while_is_refused_in_words(
    site: Site, fields: dict[str, str], words: str
) -> None:
    """R-LIMIT-08: what was filled in is still there, and nothing changed."""
    mine = await english(site)
    await site.post("/v1/decisions", {"kind": "tier", "borrower_id": mine.borrower})
    before = await fingerprint(site.pool)
    answer = await mine.post("/my/limits/pay_later/more", fields)
    assert answer.status_code == 422
    assert words in answer.text
    after = await fingerprint(site.pool)
    assert {n for n in after if after[n] != before[n]} <= {"borrower_session", "device"}
