"""Consents through the API: documents behind a second person, what a borrower says, who may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from tests.servicing.books import fingerprint
from tests.web.api_site import Site, opened
from tests.web.staff_site import Member, member
from usance.approvals.rules import FAILED, policy
from usance.consents.acts import AdoptConsentDocument, RetireConsentDocument
from usance.consents.documents import ConsentDocument, shipped
from usance.core.identifiers import parse
from usance.day import verify
from usance.platform.clock import SystemClock

SAID = {"document": "notices-service", "version": 1, "decision": "given", "language": "en",
        "method": "portal"}  # fmt: skip
PAPER = SAID | {"method": "paper", "evidence": "folder 7"}


@pytest_asyncio.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(database, tmp_path) as found:
        yield found
        assert await verify.run(found.pool) == []


@pytest_asyncio.fixture
async def dora(site: Site) -> AsyncIterator[Member]:
    """Somebody of compliance, who may propose documents."""
    async with member(site, "compliance") as found:
        yield found


@pytest_asyncio.fixture
async def anna(site: Site) -> AsyncIterator[Member]:
    """Somebody of customer service."""
    async with member(site, "service") as found:
        yield found


async def asked(who: Member, path: str, body: Any, key: str = "") -> Any:
    """A change, asked for by a member of staff."""
    headers = {"idempotency-key": key or f"k-{id(body)}", "x-csrf-token": who.csrf}
    return await who.client.post(path, json=body, headers=headers)


def shipped_service() -> ConsentDocument:
    """The service document as it came with the book."""
    return next(each for each in shipped() if each.document_id == "notices-service")


def next_version(**changes: Any) -> dict[str, Any]:
    """The service document once more, as its second version that begins today."""
    first = shipped_service()
    today = SystemClock().now().date()
    second = msgspec.structs.replace(first, version=2, effective_on=today)
    found: dict[str, Any] = msgspec.to_builtins(second)
    return found | changes


async def test_what_a_borrower_says(site: Site) -> None:
    """R-CONSENT-03, R-CONSENT-05, R-CONSENT-08, R-IDEM-01."""
    path = f"/v1/borrowers/{await site.borrower()}/consents"
    receipt = await site.post(path, SAID, "k")
    assert receipt.status_code == 201, receipt.text
    again = await site.post(path, SAID, "k")
    assert (again.json(), again.headers["idempotent-replayed"]) == (receipt.json(), "true")
    other = await site.post(path, SAID | {"decision": "refused"}, "k")
    assert (other.status_code, other.json()["rule"]) == (409, "R-IDEM-01")
    (held,) = (await site.client.get(path)).json()["items"]
    assert (held["state"], held["is_live"], len(held["events"])) == ("given", True, 1)
    assert held["events"][0]["operation_id"] == receipt.json()["operation_id"]
    off = f"{path}/{held['record_id']}/withdrawal"
    for _ in range(2):
        gone = await site.post(off, {"method": "portal"})
        assert (gone.status_code, gone.json()["state"]) == (201, "withdrawn")
    (held,) = (await site.client.get(path)).json()["items"]
    assert (held["is_live"], [each["state"] for each in held["events"]]) == (
        False, ["given", "withdrawn"],
    )  # fmt: skip


@pytest.mark.parametrize(("changes", "rule", "at"), [
    ({"document": "none"}, "R-FOUND-01", "document"), ({"version": 7}, "R-CONSENT-02", "version"),
    ({"scopes": ["offers"]}, "R-CONSENT-03", "scopes"),
    ({"method": "paper"}, "R-CONSENT-03", "evidence"), ({"language": "fr"}, "R-DOC-01", "language"),
    ({"whim": 1}, "R-DOC-01", ""),
])  # fmt: skip
async def test_what_does_not_fit(site: Site, changes: dict[str, Any], rule: str, at: str) -> None:
    """R-CONSENT-02, R-CONSENT-03."""
    path = f"/v1/borrowers/{await site.borrower()}/consents"
    before = await fingerprint(site.pool)
    answer = await site.post(path, SAID | changes)
    assert (answer.json()["rule"], answer.json()["path"]) == (rule, at)
    after = await fingerprint(site.pool)
    assert {name for name in before if before[name] != after[name]} <= {"rate_bucket"}


async def test_nobody_elses(site: Site) -> None:
    """R-FOUND-01."""
    mine, theirs = [f"/v1/borrowers/{await site.borrower()}/consents" for _ in range(2)]
    record = (await site.post(theirs, SAID)).json()["record_id"]
    answer = await site.post(f"{mine}/{record}/withdrawal", {"method": "portal"})
    assert answer.status_code == 404
    assert (await site.client.get("/v1/borrowers/b-zzz/consents")).status_code == 404
    assert (await site.client.get("/v1/consent-documents/nothing")).status_code == 404


async def test_staff_and_machines_say_it_as_far_as_they_may(
    site: Site, dora: Member, anna: Member
) -> None:
    """R-CONSENT-03, R-AUTH-02."""
    path = f"/v1/borrowers/{await site.borrower()}/consents"
    answer = await asked(anna, path, SAID)
    assert (answer.status_code, answer.json()["rule"]) == (422, "R-CONSENT-03")
    assert (await asked(anna, path, PAPER)).status_code == 201
    assert (await asked(dora, path, PAPER)).status_code == 403
    assert (await dora.client.get(path)).status_code == 200
    key = await site.key(["consents:read"])
    only_reads = {"authorization": f"Bearer {key}"}
    assert (await site.client.get(path, headers=only_reads)).status_code == 200
    assert (await site.post(path, SAID, headers=only_reads)).status_code == 403
    assert (await site.post("/v1/consent-documents", next_version())).status_code == 403


async def test_a_document_comes_into_force_through_a_second_person(
    site: Site, dora: Member
) -> None:
    """R-CONSENT-02, R-APPR-01, R-APPR-08: and who shows the old one is told so."""
    path = f"/v1/borrowers/{await site.borrower()}/consents"
    first = await site.post(path, SAID)
    answer = await asked(dora, "/v1/consent-documents", next_version())
    proposal = await site.client.get(f"/v1/approvals/{answer.json()['proposal_id']}")
    assert proposal.json()["asked"]["document"]["texts"]["zh"]["title"] == "账户通知"
    (known,) = (await site.client.get("/v1/consent-documents/notices-service")).json()["items"]
    assert (known["document"]["version"], known["in_force"]) == (1, True)
    page = await dora.client.get(f"/console/approvals/{answer.json()['proposal_id']}")
    for text in shipped_service().texts.values():  # who decides reads it word for word
        assert text.title in page.text
        assert all(each.replace("'", "&#39;") in page.text for each in text.paragraphs)
        assert all(each in page.text for each in text.risks)
    outcome = await site.approved(answer)
    versions = (await site.client.get("/v1/consent-documents/notices-service")).json()["items"]
    assert [(each["document"]["version"], each["in_force"]) for each in versions] == [
        (2, True), (1, False),
    ]  # fmt: skip
    assert versions[0]["digest"] == outcome["digest"]
    (held,) = (await site.client.get(path)).json()["items"]
    assert (held["version"], held["is_live"]) == (1, True)
    answer = await site.post(path, SAID)
    assert (answer.status_code, answer.json()["rule"]) == (422, "R-CONSENT-02")
    second = await site.post(path, SAID | {"version": 2})
    assert (second.status_code, second.json()["record_id"]) == (201, first.json()["record_id"])


async def test_a_version_is_retired_through_a_second_person(site: Site, dora: Member) -> None:
    """R-CONSENT-02."""
    path = f"/v1/borrowers/{await site.borrower()}/consents"
    await site.post(path, SAID)
    off = "/v1/consent-documents/notices-service/versions/1/retirement"
    today = SystemClock().now().date()
    late = await asked(dora, off, {"retired_on": f"{today - timedelta(days=1)}"}, "a")
    assert (late.status_code, late.json()["rule"]) == (422, "R-CONSENT-02")
    none = await asked(dora, off.replace("/1/", "/2/"), {"retired_on": f"{today}"}, "b")
    assert none.status_code == 404
    await site.approved(await asked(dora, off, {"retired_on": f"{today}"}, "c"))
    (held,) = (await site.client.get(path)).json()["items"]
    assert (held["state"], held["is_live"]) == ("given", False)
    (known,) = (await site.client.get("/v1/consent-documents/notices-service")).json()["items"]
    assert (known["retired_on"], known["in_force"]) == (f"{today}", False)
    again = await asked(dora, off, {"retired_on": f"{today}"}, "d")
    assert (again.status_code, again.json()["rule"]) == (422, "R-CONSENT-02")


@pytest.mark.parametrize(("changes", "rule"), [
    ({"version": 3}, "R-CONSENT-02"), ({"version": 1}, "R-CONSENT-02"),
    ({"effective_on": "2020-01-01"}, "R-CONSENT-02"), ({"channels": []}, "R-CONSENT-01"),
    ({"purpose": "whim"}, "R-CONSENT-01"), ({"texts": {}}, "R-CONSENT-01"),
    ({"document_id": "a-new-one"}, "R-CONSENT-02"), ({"whim": 1}, "R-DOC-01"),
])  # fmt: skip
async def test_what_could_not_come_into_force_never_waits(
    site: Site, dora: Member, changes: dict[str, Any], rule: str
) -> None:
    """R-CONSENT-01, R-CONSENT-02, R-APPR-01."""
    answer = await asked(dora, "/v1/consent-documents", next_version(**changes))
    assert (answer.status_code, answer.json()["rule"]) == (422, rule)
    assert await site.pool.fetchval("SELECT count(*) FROM proposal") == 0


async def test_two_next_versions_are_one(site: Site, dora: Member) -> None:
    """R-CONSENT-02: both were approved, at the same time; the second finds its number taken."""
    answers = [
        await asked(dora, "/v1/consent-documents", next_version(days=days), f"v{days}")
        for days in (10, 20)
    ]
    ben = await site.services.staff.create("ben", "correct horse battery", ["supervisor"])
    found = [
        await site.services.approvals.found(parse("proposal", each.json()["proposal_id"]))
        for each in answers
    ]
    ended = await asyncio.gather(*(
        site.services.approvals.approve(each.proposal_id, ben, each.digest, "") for each in found
    ))
    assert sorted(each.state for each in ended)[1] == FAILED
    failed = next(each for each in ended if each.state == FAILED)
    assert failed.outcome["rule"] == "R-CONSENT-02"
    assert await site.pool.fetchval("SELECT max(version) FROM consent_document") == 2


def test_the_policy_weighs_both_acts() -> None:
    """R-CONSENT-02, R-APPR-01."""
    document: ConsentDocument = shipped()[0]
    acts = (AdoptConsentDocument(document), RetireConsentDocument("x", 1, document.effective_on))
    weights = [policy(2).acts[type(each).__name__][0].weight.name for each in acts]
    assert weights == ["heavy", "light"]
