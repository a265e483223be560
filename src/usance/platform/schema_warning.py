"""What watches the book: how late contracts were, the days added up, alerts, what is monitored."""

from sqlalchemy import Column, Date, DateTime, Index, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from usance.platform.schema_parts import TransactionId, cell, key, metadata, whole, word

late_band = Table(
    "late_band", metadata,
    cell(), key("contract_id"), Column("since", Date, primary_key=True),
    Column("until", Date), whole("band", SmallInteger),
    Index("late_band_now", "cell", "contract_id", postgresql_where=text("until IS NULL")),
)  # fmt: skip
"""How late a contract was, of days that were measured: in ``band`` from the day ``since`` to the
day before ``until`` (none: still). Without a row it was not late."""

portfolio_day = Table(
    "portfolio_day", metadata,
    Column("day", Date, primary_key=True), key("product_id", SmallInteger),
    Column("opened", Date, primary_key=True), key("band", SmallInteger),
    whole("contracts"), whole("principal"),
)  # fmt: skip
"""Contracts that were not settled at the end of a closed day, and their unpaid principal, by
product, first day of the month in which they were opened, and band."""

monitor_day = Table(
    "monitor_day", metadata,
    Column("monitor", Text, primary_key=True), Column("day", Date, primary_key=True),
    Column("figures", JSONB, nullable=False),
)  # fmt: skip
"""What a monitor found on a day, as whole numbers by their names."""

warning_feed = Table(
    "warning_feed", metadata,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("through", TransactionId, nullable=False), Column("day_through", Date),
)  # fmt: skip
"""How far what was committed has been looked at: transactions, and closed days."""

alert = Table(
    "alert", metadata,
    cell(), key("borrower_id"), key("alert_id"),
    Column("signal", Text, nullable=False), whole("level", SmallInteger),
    Column("raised_on", Date, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("evidence", JSONB, nullable=False), Column("threshold", JSONB, nullable=False),
    Column("policy", Text, nullable=False), whole("usual"),
    whole("state", SmallInteger, "1"), whole("owner"),
    Column("taken_at", DateTime(timezone=True)), Column("closed_at", DateTime(timezone=True)),
    word("outcome"), word("reason"), whole("operation_id"),
    Index("alert_open", "cell", "borrower_id", "signal", unique=True,
          postgresql_where=text("state <> 3")),
    Index("alert_number", "alert_id"), Index("alert_raised", "raised_on"),
)  # fmt: skip
"""Something that asks for a look: at a borrower, or (borrower 0) at the whole book. ``threshold``
is what it was raised by, of ``policy``; ``usual`` what is usual of the signal (R-WARN-02). State 1
open, 2 taken by ``owner`` (a member of staff), 3 closed with ``outcome`` and ``reason``."""
