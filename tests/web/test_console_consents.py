"""Consents in the console: what a borrower said, and the documents that it was said of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import structs

from tests.web.api_site import Site, opened
from tests.web.test_console_templates import agreed, page, reader
from usance.consents.documents import ConsentDocument, shipped
from usance.platform.clock import SystemClock
from usance.web.console.consent_drafts import FIELDS, document_of, given_of

LIST, DRAFTS = "/console/consent-documents", "/console/consent-drafts"
SERVICE = next(each for each in shipped() if each.document_id == "notices-service")
SAID = {"document": "notices-marketing", "version": 1, "decision": "given", "language": "zh",
        "method": "staff_by_phone", "evidence": "call no. 4711"}  # fmt: skip


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found


# -- of a person -----------------------------------------------------------------------------------


async def test_what_was_said_with_its_document_and_its_end(site: Site) -> None:
    """R-CONSENT-03, R-CONSENT-05: to whom, how, in which words, until when, how it ended."""
    borrower = await site.borrower()
    path = f"/v1/borrowers/{borrower}/consents"
    given = await site.post(path, SAID)
    record = given.json()["record_id"]
    async with reader(site, "auditor") as who:
        front = await page(who, f"/console/borrowers/{borrower}")
        assert f"/console/borrowers/{borrower}/consents" in front
        text = await page(who, f"/console/borrowers/{borrower}/consents")
        for part in (record, "Advertising", "by telephone, entered by staff", "kept, closed",
                     "中文", f"{LIST}/notices-marketing?version=1#text-zh", "a connected system",
                     given.json()["text_digest"]):  # fmt: skip
            assert part in text, part
        assert ">agreed to<" in text
        await site.post(f"{path}/{record}/withdrawal", {"method": "paper"})
        text = await page(who, f"/console/borrowers/{borrower}/consents")
        assert ">withdrawn<" in text
        assert "on paper" in text
        assert "not now" in text
        assert "/open" not in text  # who may see nobody is not asked for a reason
        for nobody in ("b-1", "x"):
            assert (await who.get(f"/console/borrowers/{nobody}/consents")).status_code == 404


async def test_evidence_opens_for_a_reason(site: Site) -> None:
    """R-ACCESS-01, R-CONSENT-09: and the look is noted."""
    borrower = await site.borrower()
    await site.post(f"/v1/borrowers/{borrower}/consents", SAID)
    path = f"/console/borrowers/{borrower}"
    async with reader(site, "service") as who, reader(site, "service") as other:
        assert SAID["evidence"] not in await page(who, f"{path}/consents")
        await who.form(f"{path}/open", {"reason": "case"})
        assert SAID["evidence"] in await page(who, f"{path}/consents")
        assert SAID["evidence"] not in await page(other, f"{path}/consents")
    looks = (await site.client.get(f"/v1/borrowers/{borrower}/accesses")).json()["items"]
    assert [each["what"] for each in looks] == ["console"]


async def test_who_may_not_see_consents_is_not_led_there(site: Site) -> None:
    borrower = await site.borrower()
    async with reader(site, "viewer") as who:
        assert "/consents" not in await page(who, f"/console/borrowers/{borrower}")
        assert (await who.get(f"/console/borrowers/{borrower}/consents")).status_code == 403


# -- documents -------------------------------------------------------------------------------------


def sent(**changed: str) -> dict[str, str]:
    """The next version of a document, as its form is sent."""
    today = SystemClock().now().date()
    return dict(given_of(structs.replace(SERVICE, version=2, effective_on=today))) | changed


@pytest.mark.parametrize("document", shipped(), ids=lambda each: each.document_id)
def test_a_form_gives_back_the_document_it_shows(document: ConsentDocument) -> None:
    found = document_of(dict(given_of(document)))
    assert {*found.scopes} == {*document.scopes}
    same = structs.replace(found, scopes=document.scopes, recipients=document.recipients,
                           channels=document.channels, withdrawal=document.withdrawal,
                           jurisdictions=document.jurisdictions)  # fmt: skip
    assert same == document
    assert len(FIELDS) == len(set(FIELDS))


async def test_read_written_agreed_and_retired(site: Site) -> None:
    """R-CONSENT-02: word for word; who asked and who agreed; what it changed."""
    async with reader(site, "compliance") as who:
        assert (await page(who, LIST)).count(">in force<") == len(shipped())
        text = await page(who, f"{LIST}/notices-service")
        for language in ("zh", "en"):
            for paragraph in SERVICE.texts[language].paragraphs:
                assert paragraph in text
        assert 'name="version" value="2"' in await page(who, f"{DRAFTS}?document=notices-service")
        changed = sent(**{"texts.en.title": "Notices <about> your account"})
        answer = await who.form(DRAFTS, changed)
        assert answer.status_code == 303, answer.text
        proposal = answer.headers["location"]
        waits = await page(who, proposal)
        assert "What it changes of version 1" in waits
        assert "Notices &lt;about&gt; your account" in waits
        assert "a proposal waits" in await page(who, LIST)
        await agreed(site, proposal)
        text = await page(who, f"{LIST}/notices-service")
        assert "<h3>Notices &lt;about&gt; your account</h3>" in text
        assert proposal in text
        assert ">replaced<" in text
        assert who.name in text
        differs = await page(who, f"{LIST}/notices-service/changes?from=1&to=2")
        assert "English › title" in differs
        end = f"{LIST}/notices-service/versions/2/do/retire"
        yesterday = SystemClock().now().date() - timedelta(days=1)
        refused = await who.form(end, {"retired_on": yesterday.isoformat()})
        assert (refused.status_code, "R-CONSENT-02" in refused.text) == (422, True)
        ends = await who.form(end, {"retired_on": SystemClock().now().date().isoformat()})
        await agreed(site, ends.headers["location"])
        assert ">ended<" in await page(who, f"{LIST}/notices-service?version=2")
        for path in (f"{LIST}/nothing", f"{LIST}/notices-service?version=9",
                     f"{LIST}/nothing/changes", f"{LIST}/notices-service/changes?from=9",
                     f"{LIST}/notices-service/versions/9/do/retire"):  # fmt: skip
            assert (await who.get(path)).status_code == 404, path


async def test_what_is_wrong_with_a_document_stands_beside_its_field(site: Site) -> None:
    """R-CONSENT-01: one thing at a time, as the rule finds it."""
    async with reader(site, "compliance") as who:
        for field, value, rule in (
            ("texts.en.title", "", "R-CONSENT-01"), ("texts.zh.risks", "", "R-CONSENT-01"),
            ("controller", "", "R-CONSENT-01"), ("days", "-1", "R-FORM-02"),
            ("retention_years", "99", "R-CONSENT-01"), ("effective_on", "soon", "R-FORM-03"),
            ("effective_on", "2000-01-01", "R-CONSENT-02"), ("purpose", "x", "R-CONSENT-01"),
        ):  # fmt: skip
            answer = await who.form(DRAFTS, sent(**{field: value}))
            assert answer.status_code == 422, (field, answer.headers)
            beside = answer.text.partition(f'id="e-{field}">')[2].partition("</ul>")[0]
            assert rule in beside, (field, value)
        none = {name: value for name, value in sent().items() if "check.scopes" not in name}
        answer = await who.form(DRAFTS, none)
        assert 'id="e-scopes">' in answer.text
        late = await who.form(DRAFTS, sent(version="3"))
        assert "The next version is 2" in late.text
        assert "A first version" not in late.text
    assert await site.pool.fetchval("SELECT count(*) FROM proposal") == 0
