"""Templates over the API: lists, versions, drafts checked, what waits for a second person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.notices.drafts import draft, words
from tests.web.api_site import Site, opened
from usance.notices.starting import starting_set

TODAY = "2026-01-05"
PATH = "/v1/notice-templates"


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found


def new(**changed: Any) -> dict[str, Any]:
    """A draft that could be adopted today."""
    return draft(effective_on=TODAY) | changed


async def listed(site: Site, path: str = PATH) -> list[dict[str, Any]]:
    """Every item, page by page."""
    found, cursor = [], ""
    while True:
        answer = await site.client.get(path, params={"limit": 10, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = page["next"]


async def test_a_book_lists_its_templates(site: Site) -> None:
    """R-TEMPLATE-19."""
    found = await listed(site)
    names = [each["template_id"] for each in found]
    assert names == sorted(names)
    assert len(names) == len(set(names)) == len(starting_set())
    assert {each["state"] for each in found} == {"in force"}
    (one,) = await listed(site, f"{PATH}/due-tomorrow")
    assert (one["adopted_by"], one["effective_on"]) == ("usance", TODAY)
    assert one["document"]["event"] == "due.reminder"
    assert one["operation_id"].startswith("p-")
    for path in (f"{PATH}/nothing", f"{PATH}/Nothing%20"):
        assert (await site.client.get(path)).status_code == 404


async def test_a_version_is_proposed_and_adopted(site: Site) -> None:
    """R-TEMPLATE-16, R-TEMPLATE-17: 202, then in force, with what it changed."""
    first = await site.post(PATH, new(), "first")
    again = await site.post(PATH, new(), "first")
    assert (first.status_code, again.json()) == (202, first.json())
    assert (await site.client.get(f"{PATH}/hello")).status_code == 404
    assert (await site.approved(first))["version"] == 1
    spoken = {"sms": words("谢谢，收到{amount}。", "We received {amount}. Thank you.")}
    await site.approved(await site.post(PATH, new(version=2, channels=spoken)))
    second, one = await listed(site, f"{PATH}/hello")
    assert (second["version"], one["version"]) == (2, 1)
    assert {each["where"]: each["old"] for each in second["changes"]} == {
        "channels sms en text": "We received {amount}.",
        "channels sms zh-CN text": "收到{amount}。",
    }  # fmt: skip
    later = await site.post(PATH, new(version=3, effective_on="2026-02-01"))
    await site.approved(later)
    states = {each["template_id"]: each["state"] for each in await listed(site)}
    assert (states["hello"], states["paid"]) == ("to come", "in force")


async def test_what_is_wrong_is_refused_at_once(site: Site) -> None:
    """R-TEMPLATE-01, R-TEMPLATE-16: nothing waits that could not be adopted."""
    for body, rule in (
        (new(version=2), "R-TEMPLATE-01"), (new(effective_on="2026-01-04"), "R-TEMPLATE-16"),
        (new(event="due.reminder"), "R-TEMPLATE-12"), (new(version="1"), "R-DOC-01"),
        (new(more=1), "R-DOC-01"), (new(effective_on="soon"), "R-DOC-01"),
    ):  # fmt: skip
        answer = await site.post(PATH, body)
        assert (answer.status_code, answer.json()["rule"]) == (422, rule)
    assert await site.pool.fetchval("SELECT count(*) FROM proposal") == 0


async def test_a_template_is_retired(site: Site) -> None:
    """R-TEMPLATE-16."""
    gone = {"retired_on": TODAY}
    assert (await site.post(f"{PATH}/nothing/retirement", gone)).status_code == 404
    early = await site.post(f"{PATH}/refund/retirement", {"retired_on": "2026-01-04"})
    assert (early.status_code, early.json()["rule"]) == (422, "R-TEMPLATE-16")
    await site.approved(await site.post(f"{PATH}/refund/retirement", gone))
    states = {each["template_id"]: each["state"] for each in await listed(site)}
    assert {name for name, state in states.items() if state == "ended"} == {"refund"}
    (one,) = await listed(site, f"{PATH}/refund")
    assert (one["retired_on"], one["retired_by"][:8]) == (TODAY, "machine:")


async def test_a_draft_is_checked_and_not_kept(site: Site) -> None:
    """R-TEMPLATE-06, R-TEMPLATE-15: all findings, previews, parts of text messages."""
    before = await site.written()
    spoken = {"sms": words("{amount} 13800000000", "{amount}, court")}
    answer = await site.client.post(f"{PATH}/check", json=new(version=9, channels=spoken))
    assert answer.status_code == 200
    assert [(each["rule"], each["path"]) for each in answer.json()["findings"]] == [
        ("R-TEMPLATE-09", "channels.sms.en.text"), ("R-TEMPLATE-15", "channels.sms.zh-CN.text"),
    ]  # fmt: skip
    chinese, english = answer.json()["previews"]
    assert (chinese["text"], chinese["sms"]["segments"]) == ("12,345.67 元 13800000000", 1)
    assert (english["language"], english["sms"]["encoding"]) == ("en", "UCS-2")
    good = await site.client.post(f"{PATH}/check", json=new())
    assert good.json()["findings"] == []
    assert await site.written() == before


async def test_reading_and_writing_are_apart(site: Site) -> None:
    """R-AUTH-02."""
    key = await site.key(["notices:read"])
    headers = {"authorization": f"Bearer {key}"}
    assert (await site.client.get(PATH, headers=headers)).status_code == 200
    answer = await site.client.post(f"{PATH}/check", json=new(), headers=headers)
    assert answer.status_code == 200
    assert (await site.post(PATH, new(), headers=headers)).status_code == 403
    other = {"authorization": f"Bearer {await site.key(['book:read'])}"}
    assert (await site.client.get(PATH, headers=other)).status_code == 403
