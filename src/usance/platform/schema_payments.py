"""Payments that a borrower begins and a bank confirms; and the bank of the sandbox."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from usance.platform.schema_parts import cell, key, metadata, moment, whole

payment_intent = Table(
    "payment_intent", metadata,
    cell(), key("borrower_id"), key("intent_id"),
    whole("contract_id"), whole("amount"), whole("status", SmallInteger, "1"),
    Column("form_key", Text, nullable=False),
    Column("bank_reference", Text, nullable=False, server_default=text("''")),
    Column("bank_page", Text, nullable=False, server_default=text("''")),
    whole("paid"), Column("outcome", Text, nullable=False, server_default=text("''")),
    Column("rule", Text, nullable=False, server_default=text("''")),
    whole("operation_id"), whole("receipt_id"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Index("payment_intent_key", "cell", "borrower_id", "form_key", unique=True),
)  # fmt: skip
"""What a borrower wants to pay (contract 0: on all of them). Status 1 created, 2 submitted to the
bank, 3 succeeded, 4 failed, 5 expired; ``outcome`` of what succeeded: booked or unallocated."""

bank_notification = Table(
    "bank_notification", metadata,
    Column("notification_id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    whole("borrower_id"), whole("intent_id"),
    Column("result", Text, nullable=False), whole("amount"), moment("received_at"),
)  # fmt: skip
"""What the bank said, once for each of its own numbers."""

bank_signature = Table(
    "bank_signature", metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Index("bank_signature_seen", "seen_at"),
)  # fmt: skip
"""Signatures that were accepted, kept longer than any of them is valid: each opens once."""

sandbox_order = Table(
    "sandbox_order", metadata,
    Column("reference", Text, primary_key=True),
    Column("intent", Text, nullable=False), whole("amount"),
    Column("currency", Text, nullable=False), whole("status", SmallInteger, "1"),
    whole("paid"), Column("delivered", Boolean, nullable=False, server_default=text("false")),
    moment("made_at"), Index("sandbox_order_intent", "intent", unique=True),
)  # fmt: skip
"""An order at the bank of the sandbox: status 1 open, 2 paid, 3 declined."""
