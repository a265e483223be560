"""Everything held about a person: whole, readable, and of every table that holds something."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.notices.asking_house import DIGITS, sent
from tests.reading import read_costs_at
from tests.risk.warned import planted
from tests.web.api_site import Site, opened
from usance.core.identifiers import parse
from usance.identity import erasure
from usance.identity.changing import Asking
from usance.identity.contact_changes import Asker
from usance.identity.devices import device_of
from usance.platform import personal as registry
from usance.platform.personal import OPENED_PARTS, PARTS, SEALED, SHOWN_TABLES, WRAPPED
from usance.platform.schema import metadata
from usance.web import personal
from usance.web.app import workers_of

SOURCE = Path(personal.__file__).parents[1]
ELSEWHERE = {
    "borrower": "the details stand at the head of the export",
    "directory": "keyed hashes of phone and identity number, which the head shows in clear",
    "transfer": "the ledger's side of events that are shown",
    "accrual_change": "how the ledger accrues interest that events and dues show; folded daily",
    "state_change": "changes of contracts and lines that are shown, until webhooks are told",
    "late_band": "how late contracts were, as their events and dues show",
    "family_bar": "who must never be invited again: the relative's wish, which nobody learns",
    "family_visit": "that a relative has shown the number, for half an hour",
    "legal_hold": "may be part of an investigation that the person must not learn of",
}
"""Tables about a borrower that the export leaves out, and why."""
KNOWN_CLEAR = {
    "directory.purpose", "directory.lookup", "operation.actor", "operation.action",
    "operation.digest", "operation.detail", "bank_file_row.reference", "bank_file_row.result",
    "bank_file_row.outcome", "bank_file_row.detail", "offer.document", "offer.cost",
    "cost_sheet.digest", "cost_sheet.language", "cost_sheet.nonce", "cost_sheet.how",
    "contract_opening.document", "authorisation.merchant",
    "erasure.reason", "legal_hold.reason",
    "borrower.language", "proposal.author", "proposal.act", "proposal.body", "proposal.weight",
    "proposal.policy", "proposal.digest", "proposal.outcome",
    "access.actor", "access.acted_as", "access.reason", "access.what", "access.session",
    "case_file.jurisdiction", "case_file.opened_by", "case_file.rule", "case_event.kind",
    "case_event.actor", "case_event.detail", "case_message.actor", "case_attachment.actor",
    "case_attachment.media_type", "case_outcome.remedy", "case_outcome.proposed_by",
    "case_outcome.decided_by", "case_outcome.waits_for", "case_outcome.refused_by",
    "borrower_session.token_hash", "borrower_session.csrf", "borrower_session.opened_by",
    "device.token_hash", "device.family", "portal_link.target", "portal_link.made_by",
    "contact.kind", "contact_change.kind", "contact_change.vouched_by", "contact_flag.kind",
    "contact_flag.closed_by", "sandbox_message.kind", "one_time_code.challenge",
    "one_time_code.purpose", "one_time_code.number_hash", "one_time_code.code_hash",
    "payment_intent.form_key", "payment_intent.bank_reference", "payment_intent.bank_page",
    "payment_intent.outcome", "payment_intent.rule", "bank_notification.notification_id",
    "bank_notification.digest", "bank_notification.result",
    *(f"{table}.{column}" for table in ("consent", "consent_event") for column in (
        "grantor_kind", "counterparty_kind", "document_id", "document_digest", "language",
        "scopes", "channels", "method")),
    "consent_event.actor", "consent_event.evidence_hash",
    "fact.name", "fact.source", "fact.value_hash",
    "bureau_pull.bureau", "bureau_pull.because", "bureau_pull.answer_hash",
    *(f"notice.{column}" for column in (
        "key", "template_id", "purpose", "audience", "scope", "facts", "channel", "provider",
        "reference", "said", "because", "stopped_by", "contact_hash", "code_hash",
        "digits_hash")),
    *(f"notice_step.{column}" for column in ("kind", "channel", "provider", "said", "trace")),
    *(f"notice_preference.{column}" for column in ("ways", "refused", "zone")),
    *(f"family_link.{column}" for column in (
        "because", "number_hash", "code_hash", "digits_hash", "stop_hash", "scopes", "channels",
        "tells", "language")),
    *(f"alert.{column}" for column in (
        "signal", "evidence", "threshold", "policy", "outcome", "reason")),
    "family_bar.number_hash", "family_visit.token_hash",
    *(f"decision.{column}" for column in (
        "kind", "product", "policy_id", "policy_digest", "scorecard_digest", "words_digest",
        "tried", "outcome", "reasons", "fingerprint", "actor")),
    "limit_answer.actor", "limit_measure.notice", "limit_measure.reasons",
    "decision_review.actor",
}  # fmt: skip
"""Columns of words and bytes in tables about a borrower that hold nothing of the person in clear
(tests/web/test_planted.py), so that an erasure may leave them as they are."""


def about_a_borrower() -> dict[str, Any]:
    return {
        table.name: table for table in metadata.sorted_tables
        if {"borrower_id", "contract_id"} & set(table.columns.keys())
    }  # fmt: skip


def test_the_export_shows_every_table_about_a_borrower() -> None:
    """A room that adds a table enters a part of the export (``platform.personal.part``)."""
    assert about_a_borrower().keys() - SHOWN_TABLES - ELSEWHERE.keys() == set()
    assert SHOWN_TABLES.isdisjoint(ELSEWHERE)
    assert about_a_borrower().keys() >= SHOWN_TABLES


def test_every_column_of_words_is_encrypted_or_known_to_say_nothing() -> None:
    """A room that keeps words of a person enters them (``personal.sealed_fields``)."""
    found = {
        f"{name}.{column.name}"
        for name, table in about_a_borrower().items() for column in table.columns
        if column.type.__class__.__name__ in ("Text", "LargeBinary", "JSONB")
    }  # fmt: skip
    sealed = {f"{table}.{column}" for table, each in SEALED.items() for column in each.columns}
    assert found - sealed - WRAPPED.keys() - KNOWN_CLEAR == set()


async def test_an_erasure_forgets_what_requests_said(database: str, tmp_path: Path) -> None:
    """R-ERASE-05, R-IDEM-01: with a copy of the database nobody finds out what a person's requests
    said; they are refused when they are sent again, and those about a contract are not."""
    async with opened(database, tmp_path) as site:
        person = {"name": "王小明", "phone": "13812345678", "identity_number": "FORGET01"}
        other = person | {"phone": "13812345679", "identity_number": "FORGET02"}
        said = await site.post("/v1/borrowers", person, "registered")
        stays = await site.post("/v1/borrowers", other, "stays")
        borrower = said.json()["borrower_id"]
        line = {"product": "pay_later", "limit": "50000.00"}
        account = (await site.post(f"/v1/borrowers/{borrower}/lines", line)).json()["contract_id"]
        path, bought = f"/v1/contracts/{account}/purchases", {"amount": "5.00"}
        first = await site.post(path, bought, "bought")
        words = {"kind": "complaint", "text": "My name is 王小明.", "borrower_id": borrower}
        case = (await site.post("/v1/cases", words, "case")).json()["case_id"]
        await site.post(f"/v1/cases/{case}/messages", {"way": "note", "text": "Ms Wang"}, "note")
        async with site.pool.acquire() as connection:
            await erasure.sql.forget_requests(connection, parse("borrower", borrower))
        rows = await site.pool.fetch("SELECT key, request_hash FROM idempotency")
        empty = {row["key"] for row in rows if not row["request_hash"]}
        assert empty >= {"registered", "case", "note"}
        assert empty.isdisjoint({"stays", "bought"})
        before = await site.written()
        again = await site.post("/v1/borrowers", person, "registered")
        assert (again.status_code, again.json()["rule"]) == (409, "R-IDEM-01")
        again = await site.post("/v1/cases", words, "case")
        assert (again.status_code, again.json()["rule"]) == (409, "R-IDEM-01")
        assert await site.written() == before
        assert (await site.post(path, bought, "bought")).json() == first.json()
        assert (await site.post("/v1/borrowers", other, "stays")).json() == stays.json()
        await erasure.erase(
            site.pool, parse("borrower", stays.json()["borrower_id"]), "request", actor="staff:1",
            list_file=tmp_path / "erasures",
        )  # fmt: skip
        again = await site.post("/v1/borrowers", other, "stays")
        assert (again.status_code, again.json()["rule"]) == (409, "R-IDEM-01")


async def lived(site: Site) -> str:
    """A borrower with something in every part."""
    account = await site.account()
    page = (await site.client.get(f"/v1/contracts/{account}")).json()
    borrower = str(page["contract"]["borrower_id"])
    path = f"/v1/borrowers/{borrower}"
    await site.post(f"{path}/lines", {"product": "cash_loan", "limit": "50000.00"})
    asked = {"product": "cash_loan", "principal": "6000.00", "instalments": 3}
    offer = (await site.post(f"{path}/offers", asked)).json()["offer_id"]
    await read_costs_at(site.post, f"{path}/offers/{offer}")
    await site.post(f"{path}/offers/{offer}/accept", {})
    hold = {"product": "pay_later", "merchant": "Tea", "amount": "5.00"}
    await site.post(f"{path}/authorisations", hold)
    head = "reference,id,amount,result_code,value_date,bank_transaction_id"
    row = f"D1,{borrower},3.00,00,2026-01-05,"
    await site.client.post(
        "/v1/bank-files?name=a.csv", content=f"{head}\n{row}\n".encode(),
        headers={"idempotency-key": "f", "content-type": "text/csv"},
    )  # fmt: skip
    opened = {"kind": "complaint", "text": "Twice!", "borrower_id": borrower}
    case = (await site.post("/v1/cases", opened)).json()["case_id"]
    said = {"document": "notices-service", "version": 1, "decision": "given", "language": "zh",
            "method": "paper", "evidence": "folder 7"}  # fmt: skip
    assert (await site.post(f"{path}/consents", said)).status_code == 201
    fact = {"name": "student", "source": "declared", "value": "false",
            "observed_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    assert (await site.post(f"{path}/facts", fact)).status_code == 201
    agreed = said | {"document": "bureau-pull"}
    assert (await site.post(f"{path}/consents", agreed)).status_code == 201
    assert (await site.post(f"{path}/bureau-pulls", {})).status_code == 201
    named = {"name": "李梅", "relation": "parent", "phone": "13911110000", "scopes": ["plan"],
             "channels": ["sms"], "versions": {"plan": 1}, "language": "zh",
             "method": "portal"}  # fmt: skip
    assert (await site.post(f"{path}/relatives", named)).status_code == 201
    tier = {"kind": "tier", "borrower_id": borrower}
    decision = (await site.post("/v1/decisions", tier)).json()["decision_id"]
    looked_at = {"text": "It is wrong."}
    assert (await site.post(f"/v1/decisions/{decision}/review", looked_at)).status_code == 201
    note = {"way": "note", "text": "She called again."}
    await site.post(f"/v1/cases/{case}/messages", note)
    await asked_for(site, borrower)
    await site.close_days(60)
    await come_in(site, borrower)
    await planted(site.pool, parse("borrower", borrower))
    waits = await site.post(f"/v1/contracts/{account}/charge-off", {})
    assert waits.status_code == 202, waits.text
    return borrower


async def asked_for(site: Site, borrower: str) -> None:
    """A notice of theirs, for which somebody asked."""
    one = await sent(site.pool, parse("borrower", borrower), site.services.keys)
    assert await site.services.genuine.asking.ask(one.code, DIGITS, "192.0.2.7") is not None


async def come_in(site: Site, borrower: str) -> None:
    """A log-in, a payment, a change of the number, and what was told of them."""
    number, access = parse("borrower", borrower), site.services.access
    made = await site.post(f"/v1/borrowers/{borrower}/portal-links", {})
    token = made.json()["path"].partition("?t=")[2]
    await access.links.enter(token, device_of("", "Firefox Linux"))
    await access.changes.ask(number, "+8613999999999", Asker("staff:1", "half"), "at the counter")
    bank = site.services.bank
    assert bank is not None
    await site.services.payments.begin(bank, number, 0, 100, 100, form_key="k", actor="borrower:1")
    await workers_of(site.services).until_idle()
    delivery = site.services.notices.delivery
    assert delivery is not None
    await delivery.look()


async def test_everything_held_about_a_borrower(database: str, tmp_path: Path) -> None:
    async with opened(database, tmp_path, sandbox=True) as site:
        borrower = await lived(site)
        hold = erasure.SetLegalHold(parse("borrower", borrower), "court")
        await erasure.perform(site.pool, hold, Asking("staff:1"), tmp_path / "none")
        answer = await site.client.get(f"/v1/borrowers/{borrower}/export")
        found = answer.json()
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert (found["format"], found["as_of"]) == ("usance-export-1", "2026-03-06")
        details = (await site.client.get(f"/v1/borrowers/{borrower}")).json()
        assert found["borrower"] == details
        assert found["borrower"]["name"] == "王小明"
        parts = found["parts"]
        assert parts.keys() == PARTS.keys() | OPENED_PARTS.keys()
        review, case = parts["cases"]
        assert review["text"] == "It is wrong."
        (decision,) = parts["decisions"]
        assert decision["facts"]["paid_share_6m"] == {"value": 10_000, "source": "income"}
        assert [each["state"] for each in decision["reviews"]] == [1]
        assert (case["text"], case["messages"][0]["text"]) == ("Twice!", "She called again.")
        assert {each["by"] for each in case["events"]} == {"machine"}
        assert {name for name, part in parts.items() if not part} == set()
        assert [each["status"] for each in parts["number"]["changes"]] == [1]
        assert [each["kind"] for each in parts["number"]["signs"]] == ["vouched"]
        (waiting,) = parts["proposals"]
        assert (waiting["act"], waiting["by"], waiting["state"]) == (
            "ChargeOff", "machine", "waiting",
        )  # fmt: skip
        by_id = {each["contract"]["contract_id"]: each for each in parts["contracts"]}
        for contract, each in by_id.items():
            await whole(site, contract, each)
        text = json.dumps(parts["operations"])
        kinds = {"machine", "staff", "operator", "borrower"}
        assert {each["by"] for each in parts["operations"]} <= kinds
        assert "machine:" not in text
        assert "LegalHold" not in text
        actions = {each["action"] for each in parts["operations"]}
        assert actions >= {"RegisterBorrower", "OpenLine", "AcceptOffer", "Purchase", "Authorise"}


async def whole(site: Site, contract: str, found: dict[str, Any]) -> None:
    """As many dues, statements and events as there are, in the shapes of the API."""
    number = parse("contract", contract)
    for table in ("due", "statement", "event"):
        count = await site.pool.fetchval(
            f"SELECT count(*) FROM {table} WHERE contract_id = $1", number
        )
        assert len(found[f"{table}s"]) == count, table
    page = (await site.client.get(f"/v1/contracts/{contract}")).json()
    assert found["contract"] == page["contract"]
    newest = (await site.client.get(f"/v1/contracts/{contract}/events?limit=5")).json()["items"]
    assert found["events"][:5] == newest
    assert found["opening"]


async def test_who_is_erased_is_still_told_what_is_left(database: str, tmp_path: Path) -> None:
    async with opened(database, tmp_path) as site:
        borrower = await site.borrower()
        number = parse("borrower", borrower)
        list_file = site.services.settings.erasures_file
        await erasure.erase(site.pool, number, "request", actor="staff:1", list_file=list_file)
        found = (await site.client.get(f"/v1/borrowers/{borrower}/export")).json()
        assert (found["borrower"]["status"], found["borrower"]["name"]) == ("erased", "")
        assert [e["action"] for e in found["parts"]["operations"]] == [
            "EraseBorrower", "RegisterBorrower",
        ]  # fmt: skip
        listed = (await site.client.get("/v1/borrowers")).json()["items"]
        assert [(each["status"], each["name"]) for each in listed] == [("erased", "")]
        search = {"phone": "13800000001"}
        answer = await site.client.post("/v1/borrowers/search", json=search)
        assert answer.status_code == 404


async def test_nobody_is_not_exported(database: str, tmp_path: Path) -> None:
    async with opened(database, tmp_path) as site:
        assert (await site.client.get("/v1/borrowers/b-zzz/export")).status_code == 404
        key = await site.key(["lines:read"])
        headers = {"authorization": f"Bearer {key}"}
        borrower = await site.borrower()
        answer = await site.client.get(f"/v1/borrowers/{borrower}/export", headers=headers)
        assert answer.status_code == 403


def test_no_two_parts_have_one_name() -> None:
    """Else one of them is not told."""
    texts = [path.read_text("utf-8") for path in SOURCE.rglob("*.py")]
    names = re.findall(r'@(?:opened_)?part\("(\w+)"', "\n".join(texts))
    assert len(names) > 15
    assert [each for each in names if names.count(each) > 1] == []


async def test_another_room_adds_a_part(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SHOWN_TABLES", set())
    monkeypatch.setitem(PARTS, "accesses", PARTS["lines"])

    @registry.part("accesses", "access")
    async def accesses(connection: Any, borrower_id: int) -> list[dict[str, str]]:
        return [{"by": "staff", "reason": "complaint"}]

    async with opened(database, tmp_path) as site:
        number = parse("borrower", await site.borrower())
        found = await personal.export(site.pool, site.services.keys, number, None)
        assert found is not None
        assert found.parts["accesses"] == [{"by": "staff", "reason": "complaint"}]
        assert found.borrower["name"] == "王••"  # to whom nothing is noted, nothing is shown
