"""Proposals that wait for a second person."""

from sqlalchemy import Column, DateTime, Index, LargeBinary, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from usance.platform.schema_parts import key, metadata, moment, whole

proposal = Table(
    "proposal", metadata,
    key("proposal_id"),
    Column("author", Text, nullable=False),
    Column("act", Text, nullable=False), Column("body", Text, nullable=False),
    Column("weight", Text, nullable=False), whole("approvers", SmallInteger),
    Column("policy", Text, nullable=False),
    whole("borrower_id"), whole("contract_id"),
    moment("created_at"), Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    whole("state", SmallInteger, "1"),
    Column("outcome", JSONB, nullable=False, server_default=text("'{}'")), whole("operation_id"),
    Index("proposal_open", "proposal_id", postgresql_where=text("state <= 2")),
)  # fmt: skip
"""``proposal_id`` is the audit event that made it. Only state, outcome and operation ever change:
1 waiting, 2 approved, 3 done, 4 failed, 5 refused, 6 revoked, 7 expired."""

approval = Table(
    "approval", metadata,
    key("proposal_id"), Column("approver", Text, primary_key=True),
    whole("decision", SmallInteger), Column("reason", Text, nullable=False),
    Column("on_behalf_of", Text, nullable=False, server_default=text("''")),
    Column("digest", LargeBinary, nullable=False), moment("decided_at"),
    whole("operation_id"),
)  # fmt: skip
"""One decision of one person: 1 yes, 2 no; ``digest`` is what they were shown."""

delegation = Table(
    "delegation", metadata,
    key("delegation_id"),
    whole("from_staff"), whole("to_staff"), Column("reason", Text, nullable=False),
    Column("from_at", DateTime(timezone=True), nullable=False),
    Column("until_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Index("delegation_to", "to_staff", "until_at"),
)  # fmt: skip
"""Somebody decides in another's place for some days."""
