"""How somebody wants to be told, in the portal over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, visitor
from usance.notices.preferences import chosen_by

PLACE = "/my/notices/preferences"


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found


@pytest_asyncio.fixture
async def me(site: Site) -> Visitor:
    found = await visitor(site)
    found.client.cookies.set("language", "en")
    return found


async def test_news_may_come_once_a_day(site: Site, me: Visitor) -> None:
    """R-PREFER-02: chosen, shown again, refused outside of one's own hours, taken back."""
    page = (await me.get(PLACE)).text
    assert "once a day, at 9:00" in page
    assert (await me.post(PLACE, {"digest": "18"})).status_code == 303
    assert (await chosen_by(site.pool, me.borrower_id)).digest_at == 1_080
    page = (await me.get(PLACE)).text
    assert '<option value="18" selected>once a day, at 18:00' in page
    answer = await me.post(PLACE, {"digest": "18", "opens": "9", "closes": "18"})
    assert answer.status_code == 422
    assert "R-PREFER-02" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert '<option value="18" selected>once a day' in answer.text
    assert (await chosen_by(site.pool, me.borrower_id)).closes is None
    me.client.cookies.set("language", "zh")
    answer = await me.post(PLACE, {"digest": "18", "opens": "9", "closes": "18"})
    assert "合并告知的时刻须在您自己的时段之内" in answer.text
    assert (await me.post(PLACE, {})).status_code == 303
    assert (await chosen_by(site.pool, me.borrower_id)).digest_at is None


@pytest.mark.parametrize("hour", ["24", "99", "-1", "x"])
async def test_an_hour_that_is_none_is_none(site: Site, me: Visitor, hour: str) -> None:
    answer = await me.post(PLACE, {"digest": hour})
    assert answer.status_code in (303, 422)
    assert (await chosen_by(site.pool, me.borrower_id)).digest_at is None


async def test_the_app_is_offered_where_it_listens(site: Site, me: Visitor) -> None:
    """R-DELIVERY-08."""
    assert 'value="webhook"' not in (await me.get(PLACE)).text
    await site.pool.execute("INSERT INTO machine_client (name, scopes) VALUES ('shop', '[]')")
    await site.pool.execute(
        "INSERT INTO webhook_endpoint (client_id, url, types, data_key) SELECT max(client_id),"
        " 'https://a.example', '[\"notice.push\"]', ''::bytea FROM machine_client"
    )
    assert 'value="webhook"' in (await me.get(PLACE)).text
    assert (await me.post(PLACE, {"first": "webhook"})).status_code == 303
    chosen = await chosen_by(site.pool, me.borrower_id)
    assert chosen.ways == ("webhook", "sms", "email", "inbox")
