"""Automated decisions on pages: as staff sees them, and as the person does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from tests.web.portal_site import visitor
from tests.web.test_console_templates import page, reader
from usance.core.identifiers import parse


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path, sandbox=True) as found:
        yield found


async def made(site: Site, kind: str, borrower: str, **more: Any) -> str:
    """The number of a decision."""
    if kind == "open":
        more.setdefault("declared", {"student": False})
    answer = await site.post("/v1/decisions", {"kind": kind, "borrower_id": borrower} | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["decision_id"])


# -- staff -----------------------------------------------------------------------------------------


async def test_the_way_through_the_table(site: Site) -> None:
    """R-DECIDE-01, R-DECIDE-02: each row tried, what failed, reasons, versions; never the facts."""
    site.known.facts |= {"debt_service": 6_100}
    borrower = await site.borrower()
    number = await made(site, "open", borrower)
    async with reader(site, "auditor") as who:
        front = await page(who, f"/console/borrowers/{borrower}")
        assert f"/console/borrowers/{borrower}/decisions" in front
        rows = await page(who, f"/console/borrowers/{borrower}/decisions")
        for part in (number, "refused", "much of your income goes into debts already",
                     "cn-pay-later-open 1", "automatic"):  # fmt: skip
            assert part in rows, part
        text = await page(who, f"/console/decisions/{number}")
        for part in ("<s>of_age false</s>", "debt_service &gt;= 60.01 %", "this row decided",
                     "owe less elsewhere, or show a higher income"):  # fmt: skip
            assert part in text, part
        assert "61 %" not in text
        assert "Closed until a reason is given" in text
        assert "/open" not in text  # who may see nobody is not asked for a reason
        for nobody in ("j-1", "x"):
            assert (await who.get(f"/console/decisions/{nobody}")).status_code in (404, 422)


async def test_what_it_was_made_of_opens_for_a_reason(site: Site) -> None:
    """R-ACCESS-01: with the sources of the facts, and what the failed conditions met."""
    borrower = await site.borrower()
    number = await made(site, "open", borrower)
    path = f"/console/decisions/{number}"
    async with reader(site, "service") as who, reader(site, "service") as other:
        assert "20 %" not in await page(who, path)
        await who.form(f"/console/borrowers/{borrower}/open", {"reason": "case"})
        text = await page(who, path)
        for part in ("20 %", "Proof of income", "The book", "of_age = yes"):
            assert part in text, part
        assert "20 %" not in await page(other, path)


async def test_made_again_on_the_page(site: Site) -> None:
    """R-DECIDE-03: looking changes nothing."""
    number = await made(site, "tier", await site.borrower())
    async with reader(site, "risk") as who:
        path = f"/console/decisions/{number}?again=1"
        assert "Made again, it is the same." in await page(who, path)
        await site.pool.execute("UPDATE decision SET outcome = '{\"tier\": 4}'")
        text = await page(who, path)
        assert "Made again, it differs." in text
        assert "fingerprint" in text


async def test_staff_ask_for_a_person_and_see_where_it_stands(site: Site) -> None:
    """R-DECIDE-06."""
    borrower = await site.borrower()
    number = await made(site, "tier", borrower)
    async with reader(site, "service") as who:
        text = await page(who, f"/console/decisions/{number}")
        form = text.partition('href="/console/cases/new?')[2].partition('"')[0]
        filled = await page(who, f"/console/cases/new?{form.replace('&amp;', '&')}")
        assert 'value="human_review" selected' in filled
        operation = form.rpartition("about=")[2]
        given = {"kind": "human_review", "borrower": borrower, "subject": "operation",
                 "about": operation, "text": "She has called.", "number": ""}  # fmt: skip
        answer = await who.form("/console/cases/new", given)
        assert answer.status_code == 303, answer.text
        case = answer.headers["location"].partition("?")[0].rpartition("/")[2]
        text = await page(who, f"/console/decisions/{number}")
        assert "a person looks at it" in text
        assert f"/console/cases/{case}" in text
        assert "cases/new" not in text


async def test_who_may_not_see_decisions_is_not_led_there(site: Site) -> None:
    borrower = await site.borrower()
    number = await made(site, "tier", borrower)
    async with reader(site, "viewer") as who:
        assert "/decisions" not in await page(who, f"/console/borrowers/{borrower}")
        assert (await who.get(f"/console/borrowers/{borrower}/decisions")).status_code == 403
        assert (await who.get(f"/console/decisions/{number}")).status_code == 403


async def test_a_long_list_has_pages(site: Site) -> None:
    borrower = await site.borrower()
    numbers = [await made(site, "tier", borrower) for _ in range(42)]
    async with reader(site, "auditor") as who:
        path = f"/console/borrowers/{borrower}/decisions"
        first = await page(who, path)
        assert numbers[0] not in first
        more = first.partition(f'href="{path}?')[2].partition('"')[0]
        rest = await page(who, f"{path}?{more}")
        assert numbers[0] in rest
        assert numbers[-1] not in rest


# -- the person ------------------------------------------------------------------------------------


async def test_my_limit_and_why(site: Site) -> None:
    """R-DECIDE-08: the newest about each line, why, what would change it, and of what."""
    site.known.facts |= {"debt_service": 5_500}
    mine = await visitor(site)
    mine.client.cookies.set("language", "en")
    old = await mine.decision()
    new = await mine.decision()
    text = (await mine.get("/my/decisions")).text
    assert f"/my/decisions/{new}" in text
    assert old not in text
    for part in ("much of your income goes into debts already", "decided by a computer",
                 "owe less elsewhere, or show a higher income",
                 "Personal Information Protection Law, article 24",
                 "ask for a person", "5000.00 CNY"):  # fmt: skip
        assert part in text, part
    one = (await mine.get(f"/my/decisions/{new}")).text
    assert "55 %" in one
    assert "the proof of your income" in one


async def test_a_shadow_is_not_shown(site: Site) -> None:
    """R-DECIDE-07."""
    mine = await visitor(site)
    number = await mine.decision()
    await site.pool.execute(
        "UPDATE decision SET shadow = true WHERE decision_id = $1", parse("decision", number)
    )
    assert number not in (await mine.get("/my/decisions")).text
    assert (await mine.get(f"/my/decisions/{number}")).status_code == 404
    answer = await mine.post(f"/my/decisions/{number}/review", {"text": "Look."})
    assert answer.status_code == 404


async def test_the_person_asks_for_a_person(site: Site) -> None:
    """R-DECIDE-06: paused at once; again, and without words, it is refused with nothing done."""
    mine = await visitor(site)
    mine.client.cookies.set("language", "en")
    number = await mine.decision()
    path = f"/my/decisions/{number}/review"
    before = await fingerprint(site.pool)
    assert (await mine.post(path, {"text": " "})).status_code == 422
    assert await fingerprint(site.pool) == before
    answer = await mine.post(path, {"text": "The proof of income is an old one."})
    assert answer.status_code == 303, answer.text
    case = answer.headers["location"].partition("?")[0]
    assert "The proof of income is an old one." in (await mine.get(case)).text
    text = (await mine.get(f"/my/decisions/{number}")).text
    assert "A person looks at it." in text
    assert f'href="{case}"' in text
    before = await fingerprint(site.pool)
    again = await mine.post(path, {"text": "Again."})
    assert (again.status_code, "R-DECIDE-06" in again.text) == (409, True)
    assert await fingerprint(site.pool) == before


@pytest.mark.parametrize(("language", "words"), [("en", "Your limit"), ("zh", "您的额度")])
async def test_in_both_languages(site: Site, language: str, words: str) -> None:
    mine = await visitor(site)
    mine.client.cookies.set("language", language)
    number = await mine.decision()
    for path in ("/my/decisions", f"/my/decisions/{number}"):
        assert words in (await mine.get(path)).text
