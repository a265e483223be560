"""What a document and an agreement must have, case by case."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from usance.consents import rules
from usance.consents.documents import (
    ConsentDocument,
    Text,
    canonical,
    document_in,
    document_of,
    shipped,
)
from usance.consents.records import Party, Record, Saying, borrower
from usance.consents.rules import EXPIRED, GIVEN, INVALIDATED, REFUSED, WITHDRAWN
from usance.core.refusals import Refused
from usance.notices import documents

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
SHIPPED = {each.document_id: each for each in shipped()}
SERVICE, OVERDUE = SHIPPED["notices-service"], SHIPPED["family-overdue"]
FINE = Text("A title", ("Words.",), ("A risk.",))
DIGESTS = {
    "family-borrowing": "3a12dd42dad17f84", "family-overdue": "bb2a28ea41b24f92",
    "family-plan": "3e95e6e7e2bb1022", "notices-marketing": "454a2b7000beb21e",
    "notices-service": "53c8477e0c677f55", "bureau-pull": "29301b48f51fcaa0",
    "household-income": "afd278594a737a22",
}  # fmt: skip
"""What came with a book is not changed under its version: another text is another version."""


def changed(**changes: Any) -> ConsentDocument:
    return msgspec.structs.replace(SERVICE, **changes)


def refusal_of(call: Any, *args: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        call(*args)
    return caught.value.refusal.rule, caught.value.refusal.path


def texts(**changes: Any) -> dict[str, Text]:
    return {"zh": FINE, "en": msgspec.structs.replace(FINE, **changes)}


@pytest.mark.parametrize("document", shipped(), ids=lambda each: each.document_id)
def test_what_comes_with_the_book_is_whole(document: ConsentDocument) -> None:
    """R-CONSENT-01."""
    rules.check_document(document)
    assert document.version == 1
    assert document_of(canonical(document).decode()) == document


def test_what_comes_with_the_book_stays_word_for_word() -> None:
    """R-CONSENT-02."""
    assert {name: each.digest.hex()[:16] for name, each in SHIPPED.items()} == DIGESTS


def test_documents_speak_as_notices_do() -> None:
    """R-CONSENT-01: who sends asks with the words of the template."""
    for scope in ("borrowing", "plan", "overdue"):
        each = SHIPPED[f"family-{scope}"]
        assert (each.purpose, each.scopes) == ("family", (scope,))
        assert set(each.channels) <= set(documents.CHANNELS)
    assert "family" in documents.PURPOSES
    assert {"borrowing", "plan", "overdue"} <= {*documents.SCOPES}


def test_family_documents_name_two_sides_and_no_liability() -> None:
    for name, each in SHIPPED.items():
        assert each.two_sided == name.startswith(("family-", "household-"))
        if each.two_sided:
            assert "does not become liable" in " ".join(each.texts["en"].paragraphs)
            assert "不因此承担任何责任" in "".join(each.texts["zh"].paragraphs)


@pytest.mark.parametrize(("changes", "path"), [
    ({"document_id": ""}, "document_id"), ({"document_id": "Notices"}, "document_id"),
    ({"document_id": "a-"}, "document_id"), ({"document_id": "a" * 61}, "document_id"),
    ({"purpose": ""}, "purpose"), ({"purpose": "whim"}, "purpose"),
    ({"scopes": ()}, "scopes"), ({"scopes": ("all",)}, "scopes"),
    ({"scopes": ("offers", "offers")}, "scopes"), ({"recipients": ("press",)}, "recipients"),
    ({"channels": ("drum",)}, "channels"), ({"channels": ()}, "channels"),
    ({"withdrawal": ()}, "withdrawal"), ({"withdrawal": ("fax",)}, "withdrawal"),
    ({"jurisdictions": ("XX",)}, "jurisdictions"), ({"controller": " "}, "controller"),
    ({"days": -1}, "days"), ({"days": 3661}, "days"), ({"retention_years": 0}, "retention_years"),
    ({"retention_years": 31}, "retention_years"), ({"texts": {}}, "texts"),
    ({"texts": {"en": FINE}}, "texts"), ({"texts": {"zh": FINE, "en": FINE, "fr": FINE}}, "texts"),
    ({"texts": texts(title="")}, "texts.en.title"),
    ({"texts": texts(title="x" * 121)}, "texts.en.title"),
    ({"texts": texts(title="a\nb")}, "texts.en.title"),
    ({"texts": texts(paragraphs=())}, "texts.en.paragraphs"),
    ({"texts": texts(paragraphs=("a", " "))}, "texts.en.paragraphs"),
    ({"texts": texts(risks=())}, "texts.en.risks"),
    ({"texts": texts(risks=("x" * 2001,))}, "texts.en.risks"),
])  # fmt: skip
def test_a_document_that_says_too_little(changes: dict[str, Any], path: str) -> None:
    """R-CONSENT-01."""
    assert refusal_of(rules.check_document, changed(**changes)) == ("R-CONSENT-01", path)


@pytest.mark.parametrize(("last", "effective_on", "path"), [
    (0, NOON.date(), ""), (0, date(2026, 3, 2), ""), (0, date(2026, 2, 28), "effective_on"),
    (1, NOON.date(), "version"), (2, NOON.date(), "version"),
])  # fmt: skip
def test_the_next_version(last: int, effective_on: date, path: str) -> None:
    """R-CONSENT-02."""
    document = changed(effective_on=effective_on)
    if not path:
        rules.check_next(document, last, NOON.date())
    else:
        asked = document, last, NOON.date()
        assert refusal_of(rules.check_next, *asked) == ("R-CONSENT-02", path)


def test_the_end_of_a_version() -> None:
    """R-CONSENT-02."""
    today = NOON.date()
    rules.check_retirement(None, today, today)
    late = today - timedelta(days=1)
    assert refusal_of(rules.check_retirement, None, late, today)[1] == "retired_on"
    assert refusal_of(rules.check_retirement, today, today, today)[1] == "version"


SAID = Saying(1024, borrower(1024), "notices-service", 1, "en", "portal")
MOTHER = Party("relative", 7)


@pytest.mark.parametrize(("changes", "actor", "path"), [
    ({}, "borrower:1024", ""), ({}, "machine:1", ""), ({}, "staff:1", "method"),
    ({"method": "paper", "evidence": "folder 7"}, "staff:1", ""),
    ({"method": "paper"}, "staff:1", "evidence"), ({"method": "code"}, "machine:1", "evidence"),
    ({"method": "staff_by_phone", "evidence": " "}, "staff:1", "evidence"),
    ({"method": "shouting"}, "machine:1", "method"), ({"language": "fr"}, "machine:1", "language"),
    ({"scopes": ("offers",)}, "machine:1", "scopes"), ({"scopes": ("overdue",)}, "machine:1", ""),
    ({"scopes": ("overdue", "overdue")}, "machine:1", "scopes"),
    ({"channels": ("letter",)}, "machine:1", "channels"),
    ({"evidence": "x" * 2001}, "machine:1", "evidence"),
    ({"evidence": "a\x00b"}, "machine:1", "evidence"),
    ({"evidence": "two\nlines"}, "machine:1", ""),
    ({"counterparty": borrower(1024)}, "machine:1", "counterparty"),
])  # fmt: skip
def test_what_is_said(changes: dict[str, Any], actor: str, path: str) -> None:
    """R-CONSENT-03."""
    asked = replace(SAID, **changes), SERVICE, actor, GIVEN
    if path:
        assert refusal_of(rules.check_saying, *asked) == ("R-CONSENT-03", path)
    else:
        rules.check_saying(*asked)


def test_two_sides_need_another() -> None:
    """R-CONSENT-07."""
    said = replace(SAID, document_id="family-overdue")
    asked = said, OVERDUE, "machine:1", GIVEN
    assert refusal_of(rules.check_saying, *asked) == ("R-CONSENT-03", "counterparty")
    rules.check_saying(replace(said, counterparty=MOTHER), OVERDUE, "machine:1", GIVEN)


def test_nothing_stands_in_the_way_of_a_no() -> None:
    """R-CONSENT-03, R-CONSENT-05: no evidence."""
    said = replace(SAID, method="paper")
    rules.check_saying(said, SERVICE, "staff:1", REFUSED)
    rules.check_method("staff_by_phone", "", "staff:1", WITHDRAWN)


def record(state: int, until: datetime | None) -> Record:
    return Record(
        borrower_id=1024, record_id=1, grantor=borrower(1024), counterparty=Party(),
        document_id="notices-service", version=1, document_digest=b"", language="en", scopes=(),
        channels=(), method="portal", state=state, at=NOON, valid_until=until,
    )  # fmt: skip


@pytest.mark.parametrize(("state", "until", "retired", "is_live"), [
    (GIVEN, None, None, True), (GIVEN, NOON + MOMENT, None, True), (GIVEN, NOON, None, False),
    (GIVEN, NOON - MOMENT, None, False), (GIVEN, None, date(2026, 3, 2), True),
    (GIVEN, None, date(2026, 3, 1), False), (GIVEN, None, date(2026, 2, 1), False),
    *((each, None, None, False) for each in (REFUSED, WITHDRAWN, EXPIRED, INVALIDATED)),
])  # fmt: skip
def test_what_justifies(
    state: int, until: datetime | None, retired: date | None, *, is_live: bool
) -> None:
    """R-CONSENT-04."""
    assert rules.is_live(record(state, until), retired, NOON) is is_live


def test_ends() -> None:
    """R-CONSENT-05, R-CONSENT-06."""
    assert rules.valid_until(SERVICE, NOON) is None
    assert rules.valid_until(SHIPPED["notices-marketing"], NOON) == NOON + timedelta(days=365)
    assert [each for each in rules.STATES if rules.can_withdraw(each)] == [GIVEN, EXPIRED]


def test_the_same_document_has_the_same_bytes() -> None:
    """R-CONSENT-02: whatever order it was written in."""
    plain = json.loads(canonical(SERVICE))
    text = json.dumps(dict(reversed(plain.items())), ensure_ascii=False)
    assert document_in(text).digest == SERVICE.digest
    assert changed(days=1).digest != SERVICE.digest
    assert len({each.digest for each in SERVICE.texts.values()}) == 2
