"""Cases as documents: what staff see of one, and what its borrower sees.

The borrower never sees notes, who works on the case, what was proposed, or another's act.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from usance.cases import rules
from usance.cases.records import Attachment, Case, Message, Outcome, Row
from usance.cases.sealing import Seal
from usance.core.identifiers import written
from usance.core.rules import rule

BORROWERS_OWN = (rules.FROM_BORROWER, rules.TO_BORROWER)
"""What a borrower sees of messages and attachments."""
TOLD = {
    "opened", "from_borrower", "to_borrower", "attached", "extended", "decided", "withdrawn",
    "reopened", "closed",
}  # fmt: skip
"""What a borrower sees of a case's history."""


def subject_of(case: Case) -> dict[str, Any] | None:
    """What a case is about."""
    if case.subject == rules.NOTHING:
        return None
    kind = rules.name_of(rules.SUBJECTS, case.subject)
    named = {rules.OPERATION: "operation", rules.CASE: "case", rules.FACT: "fact"}
    spelled = named.get(case.subject, "contract")
    return {
        "kind": kind, "id": written(spelled, case.subject_id),
        "number": case.subject_number or None,
    }  # fmt: skip


def told(case: Case) -> dict[str, Any]:
    """What may be told to anybody who may see the case at all."""
    return {
        "case_id": written("case", case.case_id),
        "kind": rules.name_of(rules.KINDS, case.kind),
        "state": rules.name_of(rules.STATES, case.state),
        "jurisdiction": case.jurisdiction,
        "subject": subject_of(case),
        "opened_at": case.opened_at.isoformat(),
        "received_on": case.received_on.isoformat(),
        "decide_by": case.decide_by.isoformat(),
        "extensions": case.extensions,
        "decided_on": iso(case.decided_on),
        "ended_on": iso(case.ended_on),
        "result": rules.name_of(rules.RESULTS, case.result) or None,
        "reopened": case.reopened,
    }


def summary(case: Case) -> dict[str, Any]:
    """A case without its words, for staff."""
    return told(case) | {
        "borrower_id": written("borrower", case.borrower_id) if case.borrower_id else None,
        "channel": rules.name_of(rules.CHANNELS, case.channel),
        "opened_by": case.opened_by,
        "assignee": case.handler or None,
        "rule_id": msgspec.json.decode(case.rule)["id"],
        "acknowledge_by": case.acknowledge_by.isoformat(),
        "acknowledged_on": iso(case.acknowledged_on),
        "acknowledged_late": case.acknowledged_late,
        "decided_late": case.decided_late,
        "messages": case.messages,
        "attachments": case.attachments,
    }


def message_document(each: Message, seal: Seal) -> dict[str, Any]:
    """A message, for staff."""
    return {
        "number": each.number, "way": rules.name_of(rules.WAYS, each.way), "by": each.actor,
        "at": each.at.isoformat(), "text": seal.message(each),
    }  # fmt: skip


def attachment_document(each: Attachment, seal: Seal) -> dict[str, Any]:
    """An attachment without its content, for staff."""
    return {
        "number": each.number, "way": rules.name_of(rules.WAYS, each.way), "by": each.actor,
        "at": each.at.isoformat(), "name": seal.name_of(each), "media_type": each.media_type,
        "size": each.size,
    }  # fmt: skip


def outcome_document(each: Outcome, seal: Seal) -> dict[str, Any]:
    """An outcome, for staff."""
    return {
        "number": each.number, "state": rules.name_of(rules.OUTCOMES, each.state),
        "result": rules.name_of(rules.RESULTS, each.result),
        "reasons": seal.outcome(each, "reasons"),
        "remedy": each.asks.document(), "value": seal.outcome(each, "value"),
        "proposed_by": each.proposed_by, "proposed_at": each.proposed_at.isoformat(),
        "decided_by": each.decided_by or None,
        "decided_at": each.decided_at.isoformat() if each.decided_at else None,
        "note": seal.outcome(each, "note"), "approval_id": each.waits_for or None,
        "refused_by": each.refused_by or None,
        "operation_id": written("operation", each.operation_id) if each.operation_id else None,
    }  # fmt: skip


def event_document(row: Row) -> dict[str, Any]:
    """Something that was done to a case, for staff."""
    return {
        "number": row["number"], "kind": row["kind"], "by": row["actor"],
        "at": row["at"].isoformat(), "detail": msgspec.json.decode(row["detail"]),
        "operation_id": written("operation", row["operation_id"]),
    }  # fmt: skip


@rule("R-CASE-14")
def own_message(each: Message, seal: Seal) -> dict[str, Any]:
    """A message as its borrower sees it: not who of the house wrote it, nor its number.

    Numbers would have gaps where notes are.
    """
    document = message_document(each, seal)
    return {name: document[name] for name in ("way", "at", "text")}


@rule("R-CASE-14")
def own_attachment(each: Attachment, seal: Seal) -> dict[str, Any]:
    """An attachment as its borrower sees it."""
    document = attachment_document(each, seal)
    return {name: each for name, each in document.items() if name != "by"}


@rule("R-CASE-14")
def own_event(row: Row) -> dict[str, Any]:
    """Something that was done to a case, as its borrower sees it."""
    return {"kind": row["kind"], "at": row["at"].isoformat()}


def iso(day: date | None) -> str | None:
    """A day as text; None for none."""
    return day.isoformat() if day else None
