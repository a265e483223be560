"""Automated decisions as they were made, and what became of those that a person looks at.

What a decision was made of is ciphertext under the borrower's own key, bound to the decision's own
number. A row is never changed, but for the ciphertext when the person gets a new key.
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

from usance.platform.schema_parts import cell, hashed, key, metadata, moment, whole, word

decision_words = Table(
    "decision_words", metadata,
    Column("digest", LargeBinary, primary_key=True), Column("body", Text, nullable=False), moment(),
)  # fmt: skip
"""What borrowers were told when a decision was made: the reasons, stored once for all decisions
that share them, so that one is told and replayed by the words of its day."""

decision = Table(
    "decision", metadata,
    cell(), key("borrower_id"), key("decision_id"),
    Column("kind", Text, nullable=False),
    Column("shadow", Boolean, nullable=False, server_default=text("false")),
    whole("of_decision_id"), word("product"), whole("contract_id"),
    Column("policy_id", Text, nullable=False), whole("policy_version", Integer),
    Column("policy_digest", LargeBinary, nullable=False), hashed("scorecard_digest"),
    Column("words_digest", LargeBinary, nullable=False),
    hashed("snapshot"), whole("row_taken", Integer), Column("tried", JSONB, nullable=False),
    Column("outcome", JSONB, nullable=False), Column("reasons", JSONB, nullable=False),
    Column("score", Integer), Column("fingerprint", LargeBinary, nullable=False),
    Column("actor", Text, nullable=False), Column("business_date", Date, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    whole("latency_us", Integer), whole("operation_id"),
    Index("decision_number", "decision_id"), Index("decision_operation", "operation_id"),
    Index("decision_policy", "policy_id", "decision_id"),
    Index("decision_scored", "business_date", postgresql_where=text("score IS NOT NULL")),
)  # fmt: skip
"""``snapshot`` seals facts, their sources, what the score lost, and a salt; ``fingerprint`` is
SHA-256 over the salt and all of the decision. ``tried``: of each row before the one taken, the
place of the input whose condition failed. ``shadow``: made beside ``of_decision_id``, and acted on
by nobody."""

decision_review = Table(
    "decision_review", metadata,
    cell(), key("borrower_id"), key("decision_id"), key("number", Integer),
    whole("state", SmallInteger), whole("case_id"), Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False), whole("operation_id"),
    Index("decision_review_operation", "operation_id"),
)  # fmt: skip
"""State 1 a person looks at it, 2 confirmed, 3 overturned, 4 taken back; the last one counts, and
without one the decision is automatic. Why, the case says."""
