"""What may be done to a case, by whom, and when. Pure: everything is told, nothing is asked.

Who *handled* a case (was given it, wrote a finding), who made the act that it complains of, and who
decided it before are never those who decide it. Actors are named as the audit log names them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from usance.core.refusals import Refused
from usance.core.rules import rule

COMPLAINT, APPEAL, DISPUTE, CORRECTION, INCIDENT, REVIEW = range(1, 7)
KINDS = {
    "complaint": COMPLAINT, "appeal": APPEAL, "dispute": DISPUTE, "correction": CORRECTION,
    "incident": INCIDENT, "human_review": REVIEW,
}  # fmt: skip
AGAINST_A_DECISION = (APPEAL, REVIEW)

OPEN, WAITING, DECIDED, WITHDRAWN, CLOSED = range(1, 6)
STATES = {
    "open": OPEN, "waiting": WAITING, "decided": DECIDED, "withdrawn": WITHDRAWN,
    "closed": CLOSED,
}  # fmt: skip
UNDER_WAY = (OPEN, WAITING)

PORTAL, CONSOLE, API = 1, 2, 3
CHANNELS = {"portal": PORTAL, "console": CONSOLE, "api": API}

NOTHING, CONTRACT, EVENT, OPERATION, CASE, NOTICE, FACT = range(7)
SUBJECTS = {
    "nothing": NOTHING, "contract": CONTRACT, "event": EVENT, "operation": OPERATION, "case": CASE,
    "notice": NOTICE, "fact": FACT,
}  # fmt: skip
DECISIONS = (EVENT, OPERATION, CASE)
"""What an appeal or a human review can be about: something that somebody, or a rule, decided."""

UPHELD, PARTLY, NOT_UPHELD = 1, 2, 3
RESULTS = {"upheld": UPHELD, "partly": PARTLY, "not_upheld": NOT_UPHELD}

PROPOSED, RETURNED, CARRIED_OUT, AWAITS, FINAL, FELL_THROUGH, DROPPED = range(1, 8)
OUTCOMES = {
    "proposed": PROPOSED, "returned": RETURNED, "being_carried_out": CARRIED_OUT,
    "waits_for_approval": AWAITS, "decided": FINAL, "fell_through": FELL_THROUGH,
    "dropped": DROPPED,
}  # fmt: skip
PENDING = (PROPOSED, CARRIED_OUT, AWAITS)
"""Outcomes beside which no other is proposed."""

FROM_BORROWER, TO_BORROWER, NOTE = 1, 2, 3
WAYS = {"from_borrower": FROM_BORROWER, "to_borrower": TO_BORROWER, "note": NOTE}

TEXT_MOST = 4_000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
"""What has no place in words: controls, and marks that turn the direction of text around."""

Name = dict[str, int]


@rule("R-DOC-01")
def code(table: Name, name: str, path: str) -> int:
    """The number of a name; raises ``Refused``."""
    if name not in table:
        raise Refused("R-DOC-01", f"{path} must be one of {', '.join(table)}", path)
    return table[name]


def name_of(table: Name, number: int) -> str:
    """The name of a number; empty for none."""
    return next((name for name, each in table.items() if each == number), "")


@rule("R-CASE-05")
def checked_text(text: str, path: str = "text") -> str:
    """Words as they are kept; raises ``Refused`` without repeating them."""
    plain = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    if not 1 <= len(plain) <= TEXT_MOST:
        raise Refused("R-CASE-05", f"a text has 1 to {TEXT_MOST} characters", path)
    if CONTROL.search(plain):
        raise Refused("R-CASE-05", "a text holds no control characters", path)
    return plain


# -- who -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Involved:
    """Who had a part in a case, as the audit log names them."""

    handled: frozenset[str]
    """Was given the case, or wrote a finding."""
    acted: frozenset[str]
    """Did what the case is about."""
    decided: frozenset[str]
    """Decided it before it was reopened."""


@rule("R-CASE-09")
def check_decider(actor: str, involved: Involved) -> None:
    """Who decides had no part in it; raises ``Refused``."""
    if actor in involved.handled:
        raise Refused("R-CASE-09", "who handled the case does not decide it")
    if actor in involved.acted:
        raise Refused("R-CASE-09", "who did what the case is about does not decide it")
    if actor in involved.decided:
        raise Refused("R-CASE-09", "who decided the case before does not decide it again")


@rule("R-CASE-06")
def check_assignee(actor: str, involved: Involved, *, may: bool) -> None:
    """A case is given to somebody who handles cases and has no interest in it."""
    if not may:
        raise Refused("R-CASE-06", "a case is given to a member of staff who handles cases", "to")
    if actor in involved.acted:
        raise Refused("R-CASE-06", "who did what the case is about does not handle it", "to")


@rule("R-CASE-08")
def check_handler(actor: str, assignee: str) -> None:
    """What only the handler does."""
    if not assignee or actor != assignee:
        raise Refused("R-CASE-08", "only who was given the case proposes its outcome")


@rule("R-CASE-10")
def check_extender(
    actor: str, handler: str, approval: str, involved: Involved, permissions: Collection[str]
) -> None:
    """The handler may put a case off, or who decides; a senior must not have handled it."""
    decides = "cases:decide" in permissions
    if approval == "senior" and (not decides or actor in involved.handled):
        detail = "this extension is given by somebody who decides cases and did not handle this one"
        raise Refused("R-CASE-10", detail)
    if not decides and actor != handler:
        raise Refused("R-CASE-10", "only the handler, or who decides cases, puts a case off")


# -- when ------------------------------------------------------------------------------------------


@rule("R-CASE-04")
def check_opening(kind: int, borrower_id: int, subject: int) -> None:
    """A case has a borrower, unless it is an incident; an appeal names what it is against."""
    if not borrower_id and kind != INCIDENT:
        raise Refused("R-CASE-04", "only an incident may be without a borrower", "borrower_id")
    if not borrower_id and subject not in (NOTHING, OPERATION):
        raise Refused("R-CASE-04", "what has a borrower belongs to the borrower's case", "subject")
    if kind in AGAINST_A_DECISION and subject not in DECISIONS:
        detail = "an appeal or a human review names the event, operation or case it is against"
        raise Refused("R-CASE-04", detail, "subject")


@rule("R-CASE-07")
def check_under_way(state: int) -> None:
    """The case is neither decided nor ended."""
    if state not in UNDER_WAY:
        raise Refused("R-CASE-07", "the case is no longer open")


@rule("R-CASE-07")
def check_takes_words(state: int) -> None:
    """Messages and files come to a case until it has ended; the borrower may answer a decision."""
    if state not in (*UNDER_WAY, DECIDED):
        raise Refused("R-CASE-07", "the case has ended")


@rule("R-CASE-07")
def check_closable(state: int) -> None:
    """Only what was decided is closed."""
    if state != DECIDED:
        raise Refused("R-CASE-07", "only a decided case is closed")


@rule("R-CASE-15")
def check_reopening(state: int, days_since: int, within: int) -> None:
    """What was decided, withdrawn or closed is taken up again, but not for ever."""
    if state in UNDER_WAY:
        raise Refused("R-CASE-15", "the case is open")
    if days_since > within:
        raise Refused("R-CASE-15", f"a case is reopened within {within} days of its end")


@rule("R-CASE-08")
def check_none_pending(states: Collection[int]) -> None:
    """One outcome at a time."""
    if any(each in PENDING for each in states):
        raise Refused("R-CASE-08", "an outcome is proposed already")


@rule("R-CASE-11")
def check_decidable(state: int) -> None:
    """An outcome is decided once."""
    if state != PROPOSED:
        raise Refused("R-CASE-11", "the outcome is decided already", "proposal")


@rule("R-CASE-11")
def check_not_carried_out(states: Collection[int]) -> None:
    """While a remedy is being carried out, nothing else ends the case."""
    if any(each in (CARRIED_OUT, AWAITS) for each in states):
        raise Refused("R-CASE-11", "the outcome is being carried out")
