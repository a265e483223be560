"""Consents: the documents that people agree to, and what a borrower has agreed to."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from usance.consents import rules
from usance.consents.acts import AdoptConsentDocument, RetireConsentDocument
from usance.consents.documents import ConsentDocument
from usance.consents.records import NOBODY, Party, Saying, borrower
from usance.consents.service import Version
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.once import Answer
from usance.web.api.endpoint import PROPOSAL, Asked, Empty, change, read
from usance.web.api.paging import Page
from usance.web.api.values import Day, iso, ordinal, spelled
from usance.web.problems import not_found

Word = Annotated[str, Meta(min_length=1, max_length=60, pattern="^[a-z0-9_-]+$")]
Words = Annotated[list[Word], Meta(max_length=20)]
Language = Literal["zh", "en"]
Method = Literal["portal", "staff_by_phone", "paper", "code"]
Evidence = Annotated[
    str,
    Meta(max_length=rules.EVIDENCE_MAX,
         description="What shows that it was said; kept encrypted, and forgotten with the person."),
]  # fmt: skip


class ConsentBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """What the borrower says of a document; without scopes or channels, to all that it has."""

    document: Word
    version: Annotated[int, Meta(ge=1, le=2**31 - 1, description="That was shown.")]
    decision: Literal["given", "refused"]
    language: Language
    method: Method
    scopes: Words = []
    channels: Words = []
    evidence: Evidence = ""
    other_id: Annotated[
        str, Meta(max_length=20, description="Of a document with two sides, the other borrower.")
    ] = ""


class WithdrawalBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """How it was taken back; no reason is asked for."""

    method: Method
    evidence: Evidence = ""


class RetirementBody(Struct, forbid_unknown_fields=True):
    """From when on nobody can agree to the version, and who has agreed to it has to nothing."""

    retired_on: Day


class DocumentView(Struct):
    """A version of a consent document; ``digest`` is the SHA-256 of its canonical JSON."""

    document: ConsentDocument
    digest: str
    in_force: bool
    adopted_by: str
    adopted_at: str
    retired_on: str | None
    operation_id: str | None


class SaidView(Struct):
    """Something that was said of a consent: its receipt, and by what kind of actor."""

    receipt_id: str
    state: str
    at: str
    valid_until: str | None
    version: int
    document_digest: str
    language: str
    text_digest: str
    scopes: list[str]
    channels: list[str]
    method: str
    by: str
    evidence_hash: str | None
    operation_id: str


class ConsentView(Struct):
    """A consent as it stands, with a receipt of everything that was said of it.

    ``is_live``: whether it justifies anything now.
    """

    record_id: str
    state: str
    is_live: bool
    at: str
    valid_until: str | None
    grantor: dict[str, str]
    counterparty: dict[str, str] | None
    controller: str
    purpose: str
    scopes: list[str]
    recipients: list[str]
    channels: list[str]
    retention_years: int
    jurisdictions: list[str]
    document_id: str
    version: int
    document_digest: str
    language: str
    title: str
    method: str
    withdrawal: list[str]
    linked_record_id: str | None
    operation_id: str
    events: list[SaidView]


@read("/v1/consent-documents", "consents:read")
async def consent_documents(asked: Asked[Empty]) -> Page[DocumentView]:
    """Every version of every document, the newest of each first."""
    return Page(await document_views(asked, ""), None)


@read("/v1/consent-documents/{code}", "consents:read")
async def consent_document(asked: Asked[Empty]) -> Page[DocumentView]:
    """Every version of one document, the newest first."""
    found = await document_views(asked, asked.at["code"])
    if not found:
        raise not_found("consent document", "code")
    return Page(found, None)


async def document_views(asked: Asked[Any], code: str) -> list[DocumentView]:
    """Versions, and which of them can be agreed to today."""
    return [document_view(each) for each in await asked.services.consents.versions(code)]


def document_view(version: Version) -> DocumentView:
    """A version as the API says it."""
    return DocumentView(
        version.document, version.digest.hex(), version.in_force,
        version.adopted_by.partition(":")[0], version.adopted_at.isoformat(),
        iso(version.retired_on), spelled("operation", version.operation_id),
    )  # fmt: skip


@change("POST", "/v1/consent-documents", "consents:adopt", waiting=PROPOSAL)
async def adopt_consent_document(asked: Asked[Empty], body: ConsentDocument) -> Answer:
    """Propose a document, or the next version of one; it begins when a second person agrees."""
    return await asked.submitted(AdoptConsentDocument(body))


@change(
    "POST", "/v1/consent-documents/{code}/versions/{number}/retirement", "consents:adopt",
    waiting=PROPOSAL,
)  # fmt: skip
async def retire_consent_document(asked: Asked[Empty], body: RetirementBody) -> Answer:
    """Propose the end of a version."""
    retired_on = date.fromordinal(ordinal(body.retired_on, "retired_on"))
    return await asked.submitted(
        RetireConsentDocument(asked.at["code"], asked.at["number"], retired_on)
    )


@read("/v1/borrowers/{borrower_id}/consents", "consents:read")
async def consents(asked: Asked[Empty]) -> Page[ConsentView]:
    """What a borrower has agreed to, refused and taken back, oldest first."""
    borrower_id = asked.at["borrower_id"]
    if not await asked.services.borrowers.exists(borrower_id):
        raise not_found("borrower", "borrower_id")
    found = await asked.services.consents.of_borrower(borrower_id)
    return Page([consent_view(each) for each in found], None)


def consent_view(told: dict[str, Any]) -> ConsentView:
    """A consent as the API says it."""
    said = [SaidView(**{name: each[name] for name in SaidView.__struct_fields__})
            for each in told["events"]]  # fmt: skip
    known = {name: told[name] for name in ConsentView.__struct_fields__ if name != "events"}
    return ConsentView(**known, events=said)


@change("POST", "/v1/borrowers/{borrower_id}/consents", "consents:write")
@rule("R-CONSENT-03")
async def say_of_consent(asked: Asked[Empty], body: ConsentBody) -> Answer:
    """The borrower agrees to a document or refuses it; the answer is the receipt."""
    borrower_id, consents = asked.at["borrower_id"], asked.services.consents
    said = Saying(
        borrower_id, borrower(borrower_id), body.document, body.version, body.language,
        body.method, counterparty=other_side(body.other_id), scopes=tuple(body.scopes),
        channels=tuple(body.channels), evidence=body.evidence,
    )  # fmt: skip
    say = consents.grant if body.decision == "given" else consents.refuse
    return await say(said, asked.asking)


@rule("R-FACT-11")
def other_side(text: str) -> Party:
    """Whom a borrower agrees with: another borrower, or nobody. Raises ``Refused``."""
    if not text:
        return NOBODY
    with suppress(ValueError):
        return borrower(parse("borrower", text))
    raise Refused("R-FOUND-01", "there is no such borrower", "other_id")


@change("POST", "/v1/borrowers/{borrower_id}/consents/{record_id}/withdrawal", "consents:write")
async def withdraw_consent(asked: Asked[Empty], body: WithdrawalBody) -> Answer:
    """The borrower takes a consent back, at once; again it changes nothing."""
    return await asked.services.consents.withdraw(
        asked.at["borrower_id"], asked.at["record_id"], body.method, body.evidence, asked.asking
    )
