"""Consents: documents that people agree to, where each agreement stands, and all that was said.

What stands as evidence is ciphertext under the borrower's own key, bound to the number of its
event's operation.
"""

from typing import Any

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

from usance.platform.schema_parts import cell, key, metadata, whole

consent_document = Table(
    "consent_document", metadata,
    Column("document_id", Text, primary_key=True), key("version", Integer),
    Column("purpose", Text, nullable=False), Column("two_sided", Boolean, nullable=False),
    Column("body", Text, nullable=False), Column("digest", LargeBinary, nullable=False),
    Column("effective_on", Date, nullable=False), Column("retired_on", Date),
    Column("adopted_by", Text, nullable=False),
    Column("adopted_at", DateTime(timezone=True), nullable=False),
    whole("operation_id"), whole("retired_by"),
)  # fmt: skip
"""``body`` is the document word for word, ``digest`` its SHA-256; neither ever changes. A document
that came with the book has no operation. ``retired_by`` is the operation that retired it."""


def said() -> list[Column[Any]]:
    """What an agreement says; fresh columns for each table."""
    return [
        Column("grantor_kind", Text, nullable=False), whole("grantor_id"),
        Column("counterparty_kind", Text, nullable=False, server_default=text("''")),
        whole("counterparty_id"),
        Column("document_id", Text, nullable=False), whole("version", Integer),
        Column("document_digest", LargeBinary, nullable=False),
        Column("language", Text, nullable=False),
        Column("scopes", JSONB, nullable=False), Column("channels", JSONB, nullable=False),
        Column("method", Text, nullable=False), whole("state", SmallInteger),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("valid_until", DateTime(timezone=True)),
        whole("linked_id"), whole("operation_id"),
    ]  # fmt: skip


consent = Table(
    "consent", metadata,
    cell(), key("borrower_id"), key("record_id"),
    *said(), whole("events", Integer), Column("reminded_at", DateTime(timezone=True)),
    Index("consent_party", "grantor_kind", "grantor_id", "document_id", "counterparty_kind",
          "counterparty_id", unique=True),
    Index("consent_ends", "valid_until", postgresql_where=text("state = 1")),
    Index("consent_given", "at", postgresql_where=text("state = 1")),
)  # fmt: skip
"""Where it stands now: state 1 given, 2 refused, 3 withdrawn, 4 expired, 5 invalidated. Of one
grantor, one document and one counterparty there is one. ``borrower_id`` is whose book it is in."""

consent_event = Table(
    "consent_event", metadata,
    cell(), key("borrower_id"), key("record_id"), key("number", Integer),
    *said(), Column("actor", Text, nullable=False),
    Column("evidence", LargeBinary, nullable=False, server_default=text("''")),
    Column("evidence_hash", LargeBinary, nullable=False, server_default=text("''")),
    Index("consent_event_operation", "operation_id", unique=True),
)  # fmt: skip
"""What was said, one row each time, never changed but for evidence that is forgotten with a person;
``state`` is what it led to."""
