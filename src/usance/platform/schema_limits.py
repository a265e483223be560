"""Limits that were offered, what came of it, and cuts that were approved.

Rows are never changed: an offer is open until it has an answer or its last day is over.
"""

from sqlalchemy import Column, Date, DateTime, Index, Integer, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from usance.platform.schema_parts import cell, key, metadata, whole

limit_offer = Table(
    "limit_offer", metadata,
    cell(), key("borrower_id"), key("offer_id"),
    whole("kind", SmallInteger, "1"), whole("product_id", SmallInteger),
    whole("limit_from"), whole("limit_to"),
    whole("offered_on", Integer), whole("valid_until", Integer),
    whole("decision_id"), whole("operation_id"),
    Index("limit_offer_operation", "operation_id"),
    Index("limit_offer_until", "valid_until"),
)  # fmt: skip
"""Kind 1: a step up that is offered until a day (ordinals). 2: more for a while, until the close of
that day. What they rest on is a decision of kind ``limit``."""

limit_answer = Table(
    "limit_answer", metadata,
    cell(), key("borrower_id"), key("offer_id"), key("state", SmallInteger),
    whole("answered_on", Integer), whole("changed_by"), Column("actor", Text, nullable=False),
    whole("operation_id"),
    Index("limit_answer_operation", "operation_id"),
)  # fmt: skip
"""State 1 taken: the limit was raised in the same transaction. 2 declined. 3: more for a while has
ended, and the limit fell back. 4: it ended, and the limit had been changed meanwhile.
``changed_by`` is the operation that changed the limit, 0 for none."""

limit_measure = Table(
    "limit_measure", metadata,
    cell(), key("borrower_id"), key("measure_id"),
    whole("product_id", SmallInteger), whole("limit_from"), whole("limit_to"),
    Column("reasons", JSONB, nullable=False), Column("notice", JSONB, nullable=False),
    Column("not_before", Date, nullable=False), whole("decision_id"),
    Column("approved_at", DateTime(timezone=True), nullable=False), whole("operation_id"),
    Index("limit_measure_operation", "operation_id"),
)  # fmt: skip
"""A cut that was approved: reasons and notice in both languages, and the first day on which it may
hold. It is not carried out here. The decision is the one that led to the tier."""
