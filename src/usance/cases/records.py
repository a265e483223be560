"""A case and what belongs to it, as rows: fields are the columns of their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec

from usance.cases.clocks import ClockRule, clock_rule_of
from usance.cases.remedies import Remedy, remedy_of

Row: TypeAlias = Mapping[str, Any]


@dataclass(slots=True, repr=False)
class Case:
    """A row of ``case_file``; ``text`` and ``data_key`` are ciphertext."""

    cell: int
    borrower_id: int
    case_id: int
    kind: int
    state: int
    channel: int
    jurisdiction: str
    subject: int
    subject_id: int
    subject_number: int
    data_key: bytes
    text: bytes
    opened_by: str
    opened_at: datetime
    rule: str
    received_on: date
    acknowledge_by: date
    acknowledged_on: date | None
    decide_by: date
    decided_on: date | None = None
    ended_on: date | None = None
    extensions: int = 0
    reopened: int = 0
    acknowledged_late: bool = False
    decided_late: bool = False
    assignee: int = 0
    result: int = 0
    outcome: int = 0
    events: int = 0
    messages: int = 0
    outcomes: int = 0
    attachments: int = 0
    attached_bytes: int = 0

    @property
    def clock_rule(self) -> ClockRule:
        """The row of the policy document under which it came in, as it stood then."""
        return clock_rule_of(msgspec.json.decode(self.rule))

    @property
    def handler(self) -> str:
        """Who was given the case, as the audit log names them; empty for nobody."""
        return f"staff:{self.assignee}" if self.assignee else ""


@dataclass(slots=True, repr=False)
class Outcome:
    """A row of ``case_outcome``; ``reasons``, ``value`` and ``note`` are ciphertext."""

    cell: int
    borrower_id: int
    outcome_id: int
    case_id: int
    number: int
    state: int
    result: int
    reasons: bytes
    remedy: str
    value: bytes
    note: bytes
    proposed_by: str
    proposed_at: datetime
    decided_by: str = ""
    decided_at: datetime | None = None
    waits_for: str = ""
    refused_by: str = ""
    operation_id: int = 0

    @property
    def asks(self) -> Remedy:
        """What is to be done."""
        return remedy_of(msgspec.json.decode(self.remedy))


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A row of ``case_message``."""

    cell: int
    borrower_id: int
    message_id: int
    case_id: int
    number: int
    way: int
    actor: str
    text: bytes
    operation_id: int
    at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Attachment:
    """A row of ``case_attachment``; ``content`` is left out of lists."""

    cell: int
    borrower_id: int
    attachment_id: int
    case_id: int
    number: int
    way: int
    actor: str
    media_type: str
    size: int
    name: bytes
    content: bytes
    operation_id: int
    at: datetime


def columns(record: type) -> tuple[str, ...]:
    """The names of a record's columns."""
    return tuple(each.name for each in fields(record))


CASE_KEY = ("cell", "borrower_id", "case_id")
CASE_CHANGES = (
    "state", "rule", "received_on", "acknowledge_by", "acknowledged_on", "decide_by", "decided_on",
    "ended_on", "extensions", "reopened", "acknowledged_late", "decided_late", "assignee", "result",
    "outcome", "events", "messages", "outcomes", "attachments", "attached_bytes",
)  # fmt: skip
OUTCOME_KEY = ("cell", "borrower_id", "outcome_id")
OUTCOME_CHANGES = (
    "state", "note", "decided_by", "decided_at", "waits_for", "refused_by", "operation_id",
)  # fmt: skip
"""What changes in a row after it was written; everything else stays as it came."""
