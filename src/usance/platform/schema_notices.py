"""Templates of notices."""

from sqlalchemy import Column, Date, LargeBinary, SmallInteger, Table, Text, text

from usance.platform.schema_parts import key, metadata, moment, whole

notice_template = Table(
    "notice_template", metadata,
    Column("template_id", Text, primary_key=True), key("version", SmallInteger),
    Column("body", Text, nullable=False), Column("digest", LargeBinary, nullable=False),
    Column("effective_on", Date, nullable=False), Column("retired_on", Date),
    Column("adopted_by", Text, nullable=False), moment("adopted_at"), whole("operation_id"),
    Column("retired_by", Text, nullable=False, server_default=text("''")),
    whole("retired_operation"),
)  # fmt: skip
"""Versions of templates. ``body`` is the canonical document and never changes; only retirement
(day, by whom, by which operation) is ever written to a row. ``adopted_by`` is who asked for it; who
agreed stands in the proposal that the operation carried out."""
