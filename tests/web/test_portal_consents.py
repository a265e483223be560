"""Consents in the portal over HTTP: read, agree, refuse, take back, keep the receipt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from tests.web.portal_site import Visitor, visitor
from usance.consents.acts import (
    AdoptConsentDocument,
    DocumentAct,
    RetireConsentDocument,
    perform,
)
from usance.consents.documents import shipped
from usance.day import verify
from usance.identity.changing import Asking
from usance.platform.clock import SystemClock

LIST, SERVICE = "/my/consents", "/my/consents/documents/notices-service"
SHOWN = {"version": "1", "language": "en", "by-sms": "1"}


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found
        assert await verify.run(found.pool) == []


@pytest_asyncio.fixture
async def me(site: Site) -> Visitor:
    found = await visitor(site)
    found.client.cookies.set("language", "en")
    return found


async def house_does(site: Site, act: DocumentAct) -> None:
    """What a second person has agreed to."""
    await perform(site.pool, SystemClock(), act, Asking("staff:1"))


async def test_nothing_is_on_and_a_document_says_what_may_come_of_it(me: Visitor) -> None:
    """R-CONSENT-01, R-CONSENT-04."""
    page = (await me.get(LIST)).text
    assert "Notices about your account" in page
    assert "Offers" in page
    assert "family" not in page  # those need somebody else, and come with another page
    assert page.count('<span class="value">Nothing said</span>') == 3
    assert page.count("Without your agreement") == 3
    assert "that belongs to your contract" in page  # said of what is sent anyway
    assert "/withdraw" not in page
    page = (await me.get(SERVICE)).text
    assert "What may come of it" in page
    assert "We send them whether you agree here or not." in page
    me.client.cookies.set("language", "zh")
    assert "账户通知" in (await me.get(SERVICE)).text
    assert (await me.get(LIST)).text.count("尚未表态</span>") == 3
    assert "我同意的事项" in (await me.get("/my/you")).text


async def test_agree_by_some_ways_take_it_back_and_keep_the_receipt(
    site: Site, me: Visitor
) -> None:
    """R-CONSENT-03, R-CONSENT-05, R-CONSENT-08."""
    answer = await me.post(f"{SERVICE}/give", SHOWN | {"key": "once"})
    assert answer.headers["location"] == f"{LIST}?done=given"
    await me.post(f"{SERVICE}/give", SHOWN | {"key": "once"})
    assert await site.pool.fetchval("SELECT count(*) FROM consent_event") == 1
    page = (await me.get(answer.headers["location"])).text
    assert "We have noted that you agree." in page
    assert "you take it back" in page
    (told,) = await site.services.consents.of_borrower(me.borrower_id)
    assert (told["channels"], told["method"], told["language"]) == (["sms"], "portal", "en")
    assert told["events"][0]["by"] == "borrower"
    record = told["record_id"]
    receipt = await me.get(f"{LIST}/{record}/receipt")
    assert receipt.headers["content-disposition"].startswith("attachment")
    assert receipt.json()["operation_id"] == told["operation_id"]
    assert "checked" in (await me.get(SERVICE)).text
    answer = await me.post(f"{LIST}/{record}/withdraw", {})
    page = (await me.get(answer.headers["location"])).text
    assert "You have taken it back; it holds no more." in page
    assert "You took it back" in page
    assert (await me.get(f"{LIST}/{record}/receipt")).json()["state"] == "withdrawn"


async def test_say_no(site: Site, me: Visitor) -> None:
    """R-CONSENT-05."""
    marketing = SERVICE.replace("service", "marketing")
    answer = await me.post(f"{marketing}/refuse", {"version": "1", "language": "zh"})
    page = (await me.get(answer.headers["location"])).text
    assert "We have noted that you do not agree." in page
    assert "You said no" in page
    (told,) = await site.services.consents.of_borrower(me.borrower_id)
    assert told["state"] == "refused"


@pytest.mark.parametrize(("document", "fields", "status", "rule"), [
    ("notices-service", {"by-sms": ""}, 422, "R-FORM-01"),
    ("notices-service", {"version": "2"}, 422, "R-CONSENT-02"),
    ("notices-service", {"version": "²"}, 422, "R-CONSENT-02"),
    ("notices-service", {"language": "fr"}, 422, "R-CONSENT-03"),
    ("family-overdue", {}, 404, "R-FOUND-01"), ("nothing", {}, 404, "R-FOUND-01"),
])  # fmt: skip
async def test_what_does_not_fit_changes_nothing(
    site: Site, me: Visitor, document: str, fields: dict[str, str], status: int, rule: str
) -> None:
    """R-CONSENT-02, R-CONSENT-03."""
    before = await fingerprint(site.pool)
    path = SERVICE.replace("notices-service", document)
    answer = await me.post(f"{path}/give", SHOWN | fields)
    assert (answer.status_code, rule in answer.text) == (status, True)
    after = await fingerprint(site.pool)
    assert {name for name in before if before[name] != after[name]} <= {"borrower_session"}


async def test_another_text_and_the_end_of_one(site: Site, me: Visitor) -> None:
    """R-CONSENT-02: who agreed to the old text sees so; who has agreed to one retired, the end."""
    await me.post(f"{SERVICE}/give", SHOWN)
    first = next(each for each in shipped() if each.document_id == "notices-service")
    today = SystemClock().now().date()
    second = msgspec.structs.replace(first, version=2, effective_on=today)
    await house_does(site, AdoptConsentDocument(second))
    page = (await me.get(SERVICE)).text
    assert "Version 2" in page
    assert "You agreed to version 1." in page
    await house_does(site, RetireConsentDocument("notices-service", 1, today))
    assert "It has ended" in (await me.get(LIST)).text
    await house_does(site, RetireConsentDocument("notices-service", 2, today))
    page = (await me.get(SERVICE)).text
    assert "It has ended" in page
    assert "I agree" not in page
