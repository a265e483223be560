"""Alerts and monitors over the API: who may, what is answered, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.risk.warned import planted
from tests.web.api_site import Site, opened
from tests.web.test_policies_api import asks, rita
from usance.core.identifiers import parse, written


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found


async def test_an_alert_from_raised_to_closed(site: Site) -> None:
    """R-WARN-02, R-WARN-04: taken and closed once, by a person."""
    borrower = await site.borrower()
    number = written("alert", await planted(site.pool, parse("borrower", borrower)))
    listed = (await site.client.get("/v1/alerts")).json()
    (one,) = listed["items"]
    assert (one["alert_id"], one["borrower_id"], one["level"]) == (number, borrower, "look")
    assert (one["state"], one["owner"], one["usual"]) == ("open", None, 12)
    assert one["evidence"] == {"first_payment_late": 1}
    (told,) = listed["fatigue"]
    assert (told["signal"], told["raised"], told["noisy"]) == ("first-late", 1, False)
    path = f"/v1/alerts/{number}"
    machine = await site.post(f"{path}/take", {})
    assert machine.status_code == 403
    who = await rita(site)
    body = {"outcome": "true", "reason": "spoke-with"}
    refused = await asks(site, f"{path}/close", body, who)
    assert (refused.status_code, refused.json()["rule"]) == (422, "R-WARN-04")
    taken = await asks(site, f"{path}/take", {}, who, "take")
    assert (taken.status_code, taken.json()["state"]) == (201, "acknowledged")
    again = await asks(site, f"{path}/take", {}, who, "take")
    assert again.json() == taken.json()
    wrong = await asks(site, f"{path}/close", {"outcome": "true", "reason": "paid-since"}, who)
    assert (wrong.status_code, wrong.json()["path"]) == (422, "reason")
    misshapen = await asks(site, f"{path}/close", {"outcome": "maybe", "reason": "x"}, who)
    assert (misshapen.status_code, misshapen.json()["rule"]) == (422, "R-DOC-01")
    assert (await asks(site, f"{path}/close", body, who, "close")).status_code == 201
    found = (await site.client.get(path)).json()
    assert (found["state"], found["outcome"], found["reason"]) == ("closed", "true", "spoke-with")
    assert (await site.client.get("/v1/alerts")).json()["items"] == []
    closed = (await site.client.get("/v1/alerts?state=closed")).json()["items"]
    assert [each["alert_id"] for each in closed] == [number]


async def test_alerts_are_chosen(site: Site) -> None:
    """By borrower, by signal, page by page."""
    first, second = await site.borrower(), await site.borrower()
    for borrower in (first, second):
        for signal in ("first-late", "use-jumped"):
            await planted(site.pool, parse("borrower", borrower), signal)

    async def asked(query: str) -> Any:
        return (await site.client.get(f"/v1/alerts?{query}")).json()

    assert len((await asked(f"borrower_id={first}"))["items"]) == 2
    assert len((await asked("signal=use-jumped"))["items"]) == 2
    page = await asked("limit=3")
    assert len(page["items"]) == 3
    rest = await asked(f"limit=3&cursor={page['next']}")
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert (await asked("borrower_id=c-1"))["rule"] == "R-DOC-01"
    assert (await asked("state=odd"))["rule"] == "R-DOC-01"
    assert (await site.client.get("/v1/alerts/l-zz")).status_code == 404


async def test_the_book_as_of_a_day(site: Site) -> None:
    """R-PORT-01: and nothing before anything was measured."""
    await site.account()
    assert (await site.client.get("/v1/monitors/portfolio")).status_code == 404
    await site.close_days(3)
    await site.services.warning.alerts.look()
    found = (await site.client.get("/v1/monitors/portfolio")).json()
    assert found["as_of"] == "2026-01-07"
    assert [(each["opened"], each["band"], each["contracts"]) for each in found["parts"]] == [
        ("2026-01", 0, 1),
    ]  # fmt: skip
    assert (found["rolls"], [each["over_30"] for each in found["vintages"]]) == (None, [[0]])
    assert set(found["concentration"]) == {"product", "month", "band"}
    assert {each["day"] for each in found["by_day"]} == {
        "2026-01-05", "2026-01-06", "2026-01-07",
    }  # fmt: skip
    earlier = await site.client.get("/v1/monitors/portfolio?as_of=2026-01-06")
    assert earlier.json()["as_of"] == "2026-01-06"
    before = await site.client.get(f"/v1/monitors/portfolio?as_of={date(2025, 1, 1)}")
    assert before.status_code == 404
    cards = (await site.client.get("/v1/monitors/scorecards")).json()
    assert cards == {"as_of": "2026-01-08", "scorecards": []}
