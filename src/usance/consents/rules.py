"""What a consent document and an agreement must have, and what justifies anything. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, timedelta

from usance.consents.documents import ConsentDocument, Text
from usance.consents.records import Record, Saying
from usance.core.refusals import Refused
from usance.core.rules import rule

GIVEN, REFUSED, WITHDRAWN, EXPIRED, INVALIDATED = range(1, 6)
STATES = {
    GIVEN: "given", REFUSED: "refused", WITHDRAWN: "withdrawn", EXPIRED: "expired",
    INVALIDATED: "invalidated",
}  # fmt: skip
ACTIONS = {
    GIVEN: "GiveConsent", REFUSED: "RefuseConsent", WITHDRAWN: "WithdrawConsent",
    EXPIRED: "ExpireConsent", INVALIDATED: "InvalidateConsent",
}  # fmt: skip
"""The audit event of what led to a state."""

LANGUAGES = ("zh", "en")
PURPOSES = (
    "service-notices", "marketing", "family", "debit-mandate", "household", "friend-agreement",
    "credit-report",
)  # fmt: skip
SCOPES = (
    "reminders", "statements", "offers", "borrowing", "plan", "overdue", "debits",
    "household-overview", "agreement-terms", "credit-report", "household-income",
)  # fmt: skip
CHANNELS = ("sms", "email", "voice", "inbox", "letter", "inquiry")
"""Purpose, scopes and channels of notices are called as ``notices.documents`` calls them: who sends
asks with the words of the template. By ``inquiry`` something is looked up, and nobody is told."""
RECIPIENTS = ("grantor", "relative", "friend", "messenger", "bank", "bureau")
METHODS = ("portal", "staff_by_phone", "paper", "code")
JURISDICTIONS = ("any", "CN", "GB", "US", "TW")
NEEDS_EVIDENCE = ("staff_by_phone", "paper", "code")
"""Nobody but who wrote it down would know of it."""

ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
ID_MAX, TITLE_MAX, PARAGRAPH_MAX, PARAGRAPHS_MAX, EVIDENCE_MAX = 60, 120, 2000, 40, 2000
DAYS_MAX, YEARS_MAX = 3660, 30
YEAR = timedelta(days=365)
"""After so long without a word of it, a person is told that a consent is on."""


# -- documents -------------------------------------------------------------------------------------


@rule("R-CONSENT-01")
def check_document(document: ConsentDocument) -> None:
    """It says everything, in both languages and in known words; raises ``Refused``."""
    if not ID.fullmatch(document.document_id) or len(document.document_id) > ID_MAX:
        raise unfit("an id is lower-case words with hyphens", "document_id")
    _check_words(document.purpose and (document.purpose,), PURPOSES, "purpose")
    _check_words(document.scopes, SCOPES, "scopes")
    _check_words(document.recipients, RECIPIENTS, "recipients")
    _check_words(document.channels, CHANNELS, "channels")
    _check_words(document.withdrawal, METHODS, "withdrawal")
    _check_words(document.jurisdictions, JURISDICTIONS, "jurisdictions")
    _check_line(document.controller, TITLE_MAX, "controller")
    if not 0 <= document.days <= DAYS_MAX:
        raise unfit(f"days are 0 (until it is withdrawn) to {DAYS_MAX}", "days")
    if not 1 <= document.retention_years <= YEARS_MAX:
        raise unfit(f"a record is kept for 1 to {YEARS_MAX} years", "retention_years")
    if sorted(document.texts) != sorted(LANGUAGES):
        raise unfit(f"a text in each of {', '.join(LANGUAGES)} is needed", "texts")
    for language, text in document.texts.items():
        _check_text(text, f"texts.{language}")


def _check_text(text: Text, path: str) -> None:
    _check_line(text.title, TITLE_MAX, f"{path}.title")
    for name, paragraphs in (("paragraphs", text.paragraphs), ("risks", text.risks)):
        if not 1 <= len(paragraphs) <= PARAGRAPHS_MAX:
            raise unfit(f"1 to {PARAGRAPHS_MAX} paragraphs are needed", f"{path}.{name}")
        for paragraph in paragraphs:
            _check_line(paragraph, PARAGRAPH_MAX, f"{path}.{name}")


def _check_line(text: str, most: int, path: str) -> None:
    if not text.strip() or len(text) > most or not text.isprintable():
        raise unfit(f"1 to {most} printable characters are needed", path)


def _check_words(given: Collection[str], known: Collection[str], path: str) -> None:
    if not given or len(set(given)) < len(given) or not set(given) <= set(known):
        raise unfit(f"each is named once, of {', '.join(known)}", path)


def unfit(detail: str, path: str) -> Refused:
    """A document that does not do."""
    return Refused("R-CONSENT-01", detail, path)


@rule("R-CONSENT-02")
def check_next(document: ConsentDocument, last: int, today: date) -> None:
    """It is the next version, and does not begin before today; raises ``Refused``."""
    if document.version != last + 1:
        raise Refused("R-CONSENT-02", f"the next version is {last + 1}", "version")
    if document.effective_on < today:
        raise Refused("R-CONSENT-02", f"it begins on {today} at the earliest", "effective_on")


@rule("R-CONSENT-02")
def in_force(document: ConsentDocument, retired_on: date | None, today: date) -> bool:
    """Whether the version has begun and is not retired."""
    return document.effective_on <= today and (retired_on is None or today < retired_on)


@rule("R-CONSENT-02")
def check_retirement(already: date | None, retired_on: date, today: date) -> None:
    """It stands, and does not end before today; raises ``Refused``."""
    if already is not None:
        raise Refused("R-CONSENT-02", f"it is retired from {already} on", "version")
    if retired_on < today:
        raise Refused("R-CONSENT-02", f"it ends on {today} at the earliest", "retired_on")


# -- agreements ------------------------------------------------------------------------------------


@rule("R-CONSENT-03")
def check_saying(saying: Saying, document: ConsentDocument, actor: str, state: int) -> None:
    """What is said fits the document and how it was said; raises ``Refused``."""
    if saying.language not in document.texts:
        raise misfit(f"language must be one of {', '.join(sorted(document.texts))}", "language")
    for given, covered, path in (
        (saying.scopes, document.scopes, "scopes"),
        (saying.channels, document.channels, "channels"),
    ):  # fmt: skip
        if len(set(given)) < len(given) or not set(given) <= set(covered):
            raise misfit(f"each is named once, of {', '.join(covered)}", path)
    if document.two_sided and not saying.counterparty.kind:
        raise misfit("it needs the other side", "counterparty")
    if saying.counterparty == saying.grantor:
        raise misfit("nobody agrees with themselves", "counterparty")
    check_method(saying.method, saying.evidence, actor, state)


@rule("R-CONSENT-03")
def check_method(method: str, evidence: str, actor: str, state: int) -> None:
    """How it was said is known and fits who enters it; raises ``Refused``.

    A refusal or a withdrawal needs no evidence: nothing stands in its way.
    """
    if method not in METHODS:
        raise misfit(f"method must be one of {', '.join(METHODS)}", "method")
    if method == "portal" and actor.startswith("staff:"):
        raise misfit("staff says nothing in a borrower's pages", "method")
    if len(evidence) > EVIDENCE_MAX or not evidence.replace("\n", " ").isprintable():
        raise misfit(f"evidence has at most {EVIDENCE_MAX} printable characters", "evidence")
    if state == GIVEN and method in NEEDS_EVIDENCE and not evidence.strip():
        raise misfit("what shows that it was said is needed", "evidence")


def misfit(detail: str, path: str) -> Refused:
    """Something said that does not do."""
    return Refused("R-CONSENT-03", detail, path)


def valid_until(document: ConsentDocument, at: datetime) -> datetime | None:
    """The end of what is given at a moment; None: until it is withdrawn."""
    return at + timedelta(days=document.days) if document.days else None


@rule("R-CONSENT-04")
def is_live(record: Record, retired_on: date | None, now: datetime) -> bool:
    """Whether it justifies anything now: given, not past its end, its document not retired."""
    in_time = record.valid_until is None or now < record.valid_until
    stands = retired_on is None or now.date() < retired_on
    return record.state == GIVEN and in_time and stands


@rule("R-CONSENT-05")
def can_withdraw(state: int) -> bool:
    """Whether a withdrawal changes anything: what was given, also after it has expired."""
    return state in (GIVEN, EXPIRED)
