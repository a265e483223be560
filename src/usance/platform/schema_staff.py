"""What staff may do, their second factors, and whose data they looked at."""

from sqlalchemy import Column, DateTime, LargeBinary, SmallInteger, Table, Text

from usance.platform.schema_parts import cell, key, metadata, moment, whole

staff_role = Table(
    "staff_role", metadata,
    key("staff_id"), Column("role", Text, primary_key=True), moment("granted_at"),
)  # fmt: skip
"""The roles that an account has; who gave them, the audit event says."""

staff_factor = Table(
    "staff_factor", metadata,
    key("staff_id"), key("state", SmallInteger),
    Column("data_key", LargeBinary, nullable=False), Column("secret", LargeBinary, nullable=False),
    whole("last_step"), moment("made_at"),
)  # fmt: skip
"""The secret of one-time codes, encrypted: state 1 is being enrolled, 2 is in force.
``last_step`` is the last time step whose code was accepted."""

staff_recovery_code = Table(
    "staff_recovery_code", metadata,
    key("staff_id"), Column("code_hash", LargeBinary, primary_key=True),
    Column("used_at", DateTime(timezone=True)),
)  # fmt: skip

provider_answer = Table(
    "provider_answer", metadata,
    Column("state_hash", LargeBinary, primary_key=True), moment("used_at"),
)  # fmt: skip
"""Answers of the identity provider that were looked at, so that none is looked at twice."""

access = Table(
    "access", metadata,
    cell(), key("borrower_id"), key("access_id"),
    Column("actor", Text, nullable=False), Column("acted_as", Text, nullable=False),
    Column("reason", Text, nullable=False), Column("note", LargeBinary, nullable=False),
    Column("what", Text, nullable=False),
    Column("session", LargeBinary, nullable=False), moment("at"), whole("operation_id"),
)  # fmt: skip
"""Who was shown a person's details, and why. ``acted_as``: a role of staff, or a client's name.
``note`` is ciphertext under the borrower's key, or empty. ``session``: for which session of staff
the details stay in clear for a while; empty for machines. ``operation_id``: the audit event that
binds the row; an answer with many borrowers has one for all of its rows."""
