"""Cases with their messages, attachments and clocks.

Words and files are ciphertext under the borrower's own key, bound to their row's own number. An
incident need not have a borrower (``borrower_id`` 0): it then has a key of its own.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from usance.platform.schema_parts import cell, key, metadata, whole, word


def sealed(name: str) -> Column[bytes]:
    """Ciphertext; empty for nothing."""
    return Column(name, LargeBinary, nullable=False, server_default=text("''"))


def flag(name: str) -> Column[bool]:
    """Yes or no; no unless it is said."""
    return Column(name, Boolean, nullable=False, server_default=text("false"))


case_file = Table(
    "case_file", metadata,
    cell(), key("borrower_id"), key("case_id"),
    whole("kind", SmallInteger), whole("state", SmallInteger, "1"),
    whole("channel", SmallInteger), Column("jurisdiction", Text, nullable=False),
    whole("subject", SmallInteger), whole("subject_id"), whole("subject_number", Integer),
    sealed("data_key"), sealed("text"),
    Column("opened_by", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("rule", JSONB, nullable=False),
    Column("received_on", Date, nullable=False),
    Column("acknowledge_by", Date, nullable=False), Column("acknowledged_on", Date),
    Column("decide_by", Date, nullable=False), Column("decided_on", Date),
    Column("ended_on", Date),
    whole("extensions", SmallInteger), whole("reopened", SmallInteger),
    flag("acknowledged_late"), flag("decided_late"),
    whole("assignee"), whole("result", SmallInteger), whole("outcome", SmallInteger),
    whole("events", Integer), whole("messages", Integer), whole("outcomes", SmallInteger),
    whole("attachments", SmallInteger), whole("attached_bytes", Integer),
    Index("case_file_id", "case_id"),
    Index("case_file_open", "decide_by", postgresql_where=text("state IN (1, 2)")),
    Index("case_file_decided", "decided_on", postgresql_where=text("state = 3")),
    Index("case_file_subject", "subject", "subject_id"),
)  # fmt: skip
"""State 1 open, 2 waits for the borrower, 3 decided, 4 withdrawn, 5 closed. ``rule`` is the row of
``policies/cases.yaml`` under which the case came in (or was reopened), as it stood then.
``outcome`` numbers the outcome that was decided or is being carried out."""

case_event = Table(
    "case_event", metadata,
    cell(), key("borrower_id"), key("case_id"), key("number", Integer),
    Column("kind", Text, nullable=False), Column("actor", Text, nullable=False),
    Column("detail", JSONB, nullable=False), whole("operation_id"),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("case_event_operation", "operation_id"),
)  # fmt: skip
"""What was done to a case, one row for each change, never changed. ``detail`` holds no words."""

case_message = Table(
    "case_message", metadata,
    cell(), key("borrower_id"), key("message_id"),
    whole("case_id"), whole("number", Integer), whole("way", SmallInteger),
    Column("actor", Text, nullable=False), sealed("text"), whole("operation_id"),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("case_message_case", "cell", "borrower_id", "case_id", "number", unique=True),
)  # fmt: skip
"""``way`` 1 from the borrower, 2 to the borrower, 3 a note that the borrower never sees."""

case_attachment = Table(
    "case_attachment", metadata,
    cell(), key("borrower_id"), key("attachment_id"),
    whole("case_id"), whole("number", SmallInteger), whole("way", SmallInteger),
    Column("actor", Text, nullable=False), Column("media_type", Text, nullable=False),
    whole("size", Integer), sealed("name"), sealed("content"), whole("operation_id"),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("case_attachment_case", "cell", "borrower_id", "case_id", "number", unique=True),
)  # fmt: skip

case_outcome = Table(
    "case_outcome", metadata,
    cell(), key("borrower_id"), key("outcome_id"),
    whole("case_id"), whole("number", SmallInteger),
    whole("state", SmallInteger, "1"), whole("result", SmallInteger),
    sealed("reasons"), Column("remedy", JSONB, nullable=False), sealed("value"), sealed("note"),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    word("decided_by"), Column("decided_at", DateTime(timezone=True)),
    word("waits_for"), word("refused_by"), whole("operation_id"),
    Index("case_outcome_case", "cell", "borrower_id", "case_id", "number", unique=True),
    Index("case_outcome_under_way", "decided_at", postgresql_where=text("state IN (3, 4)")),
    Index("case_outcome_operation", "operation_id", postgresql_where=text("operation_id > 0")),
)  # fmt: skip
"""State 1 proposed, 2 returned, 3 being carried out, 4 waits for approval, 5 decided, 6 fell
through, 7 dropped. ``remedy`` names amounts and places; the new value of a detail is ciphertext.
``operation_id`` is the operation by which the remedy was carried out."""
