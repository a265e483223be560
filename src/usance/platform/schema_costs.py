"""Tables of cost sheets: what was shown of the cost of borrowing before it was agreed to."""

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table, Text, text

from usance.platform.schema_parts import cell, key, metadata, moment, time, whole

cost_words = Table(
    "cost_words", metadata,
    Column("digest", LargeBinary, primary_key=True), Column("document", Text, nullable=False),
)  # fmt: skip
"""Cost sheets word for word, under their SHA-256; people whose sheets say the same share one."""

cost_sheet = Table(
    "cost_sheet", metadata,
    cell(), key("sheet_id"),
    whole("borrower_id"), whole("kind", SmallInteger), whole("contract_id"),
    Column("digest", LargeBinary, nullable=False),
    time("shown_at"), Column("language", Text, nullable=False, server_default=""),
    Column("nonce", Text, nullable=False, server_default=""), time("confirmed_at"),
    Column("how", Text, nullable=False, server_default=""), whole("operation_id"), moment(),
    Index("cost_sheet_borrower", "cell", "borrower_id"),
    Index("cost_sheet_contract", "cell", "contract_id", postgresql_where=text("contract_id <> 0")),
)  # fmt: skip
"""A cost sheet of an offer (``sheet_id`` is the offer's) or of a line that was opened: when it was
first shown, and when and how it was confirmed. Kind 1 loan, 2 plan, 3 line."""
