"""What it costs, on a borrower's pages: read, confirmed, taken; nobody else's; a calculator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, visitor
from tests.web.portal_walk import hidden
from usance.platform.clock import FixedClock, SystemClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(SystemClock().now())


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Site]:
    async with opened(database, tmp_path, sandbox=True, reading=clock) as found:
        yield found


@pytest_asyncio.fixture
async def mine(site: Site) -> Visitor:
    found = await visitor(site)
    await found.enter()
    await found.post("/my/settings", {"language": "en", "back": "/my"})
    return found


async def test_it_is_read_before_it_is_taken(mine: Visitor, clock: FixedClock) -> None:
    """R-COST-03, R-COST-04: without JavaScript; too soon is said kindly and changes nothing."""
    offer = await mine.offer()
    home = (await mine.get("/my")).text
    assert "1 offer is open for you; you need not take it." in home
    page = f"/my/offers/{offer}"
    before = (await mine.get(page)).text
    assert "You pay back in all" not in before
    assert (await mine.post(f"{page}/accept", {})).status_code == 422
    assert (await mine.post(f"{page}/show", {})).status_code == 303
    shown = (await mine.get(page)).text
    assert "You pay back in all" in shown
    assert 'action="/my/offers/' in shown
    early = await mine.post(f"{page}/confirm", hidden(shown))
    assert early.status_code == 422
    assert "Please take the time to read it" in early.text
    assert "R-COST-04" in early.text
    assert hidden(early.text) == hidden(shown)
    clock.advance(timedelta(seconds=11))
    assert (await mine.post(f"{page}/confirm", hidden(shown))).status_code == 303
    taken = await mine.post(f"{page}/accept", {})
    assert taken.headers["location"].startswith("/my/contracts/c-")
    kept = (await mine.get(f"{taken.headers['location']}/costs")).text
    digest = hidden(shown)["digest"]
    assert digest in kept
    assert "Confirmed by you on" in kept
    assert "You have taken this offer." in (await mine.get(page)).text
    contract = taken.headers["location"].rpartition("/")[2]
    told = (await mine.site.client.get(f"/v1/contracts/{contract}/cost-sheet")).json()
    assert (told["digest"], told["how"], told["offer_id"]) == (digest, "borrower", offer)


async def test_an_offer_is_its_borrowers(mine: Visitor, site: Site) -> None:
    """R-PORTAL-01: somebody else's offer and sheet are not there."""
    offer = await mine.offer()
    other = await visitor(site)
    await other.enter()
    for path in (f"/my/offers/{offer}", f"/my/contracts/{mine.contract}/costs"):
        assert (await other.get(path)).status_code == 404
    for act in ("show", "confirm", "accept"):
        assert (await other.post(f"/my/offers/{offer}/{act}", {})).status_code == 404
    assert (await mine.get(f"/my/contracts/{mine.contract}/costs")).status_code == 200


async def test_the_calculator_says_what_an_offer_says(mine: Visitor) -> None:
    """R-COST-07: the same sheet, beside another; and nothing of it is kept."""
    offer = await mine.offer()
    before = await mine.site.written()
    path = f"/v1/borrowers/{mine.borrower}/offers/{offer}/cost-sheet"
    sheet = (await mine.site.client.get(path)).json()["sheet"]
    asked = {"product": "cash_loan", "amount": "3,000", "instalments": "3", "other": "12"}
    page = (await mine.get("/my/costs", params=asked)).text
    for each in sheet["sentences"]:
        assert each["en"] in page
    assert "Side by side" in page
    assert await mine.site.written() == before


@pytest.mark.parametrize(("amount", "instalments", "rule"), [
    ("1", "3", "R-OFFER-01"), ("x", "3", "R-AMT-01"), ("3000", "5", "R-OFFER-02"),
])  # fmt: skip
async def test_what_cannot_be_reckoned(
    mine: Visitor, amount: str, instalments: str, rule: str
) -> None:
    asked = {"product": "cash_loan", "amount": amount, "instalments": instalments}
    answer = await mine.get("/my/costs", params=asked)
    assert answer.status_code == 422
    assert rule in answer.text


async def test_a_line_before_it_is_opened(site: Site) -> None:
    """R-COST-06: for an application of the lender's own."""
    said = (await site.client.get("/v1/products/pay_later/cost-sheet?statement_day=5")).json()
    assert said["kind"] == "line"
    assert said["sheet"]["statement_day"] == 5
    for wrong in ("pay_later/cost-sheet?statement_day=29", "cash_loan/cost-sheet"):
        assert (await site.client.get(f"/v1/products/{wrong}")).status_code == 404
