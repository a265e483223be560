"""Templates of notices."""

from sqlalchemy import Column, Date, Index, LargeBinary, SmallInteger, Table, Text

from usance.platform.schema_parts import key, metadata, moment, whole

notice_template = Table(
    "notice_template", metadata,
    Column("template_id", Text, primary_key=True), key("version", SmallInteger),
    Column("body", Text, nullable=False), Column("digest", LargeBinary, nullable=False),
    Column("effective_on", Date, nullable=False), Column("retired_on", Date),
    Column("adopted_by", Text, nullable=False), moment("adopted_at"), whole("operation_id"),
)  # fmt: skip
"""Versions of templates; no row is ever changed. ``body`` is the canonical document, from which the
days are. ``adopted_by`` is who asked for it; who agreed stands in the proposal that the operation
carried out."""

notice_retirement = Table(
    "notice_retirement", metadata,
    key("operation_id"), Column("template_id", Text, nullable=False),
    whole("through", SmallInteger), Column("retired_on", Date, nullable=False),
    Column("retired_by", Text, nullable=False),
    Index("notice_retirement_template", "template_id"),
)  # fmt: skip
"""From a day on, no version up to ``through`` is in force; of several the earliest counts."""
