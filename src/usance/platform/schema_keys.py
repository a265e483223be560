"""Rotation of master keys, and people who were erased."""

from sqlalchemy import Column, Date, DateTime, Integer, Table, Text

from usance.platform.schema_parts import cell, key, metadata, moment, whole

key_epoch = Table(
    "key_epoch", metadata,
    Column("kind", Text, primary_key=True), key("key_id", Integer),
    moment("added_at"), Column("retired_at", DateTime(timezone=True)),
)  # fmt: skip
"""Keys that were added or retired by a rotation; ``kind`` is ``master`` or ``index``. Whoever
still makes something with a retired key has an old key file."""

erasure = Table(
    "erasure", metadata,
    cell(), key("borrower_id"),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False), Column("erased_on", Date, nullable=False),
    whole("operation_id"), moment(),
)  # fmt: skip
"""Who was erased. With ``registered_at`` a restored backup knows whether it is the same person."""

legal_hold = Table(
    "legal_hold", metadata,
    cell(), key("borrower_id"),
    Column("reason", Text, nullable=False), Column("since", Date, nullable=False),
    whole("operation_id"), moment(),
)  # fmt: skip
"""Who must not be erased while it stands; the row goes when it is lifted."""
