"""What staff may do, their second factors, and whose data they looked at."""

from sqlalchemy import Column, Table, Text

from usance.platform.schema_parts import key, metadata, moment

staff_role = Table(
    "staff_role", metadata,
    key("staff_id"), Column("role", Text, primary_key=True), moment("granted_at"),
)  # fmt: skip
"""The roles that an account has; who gave them, the audit event says."""
