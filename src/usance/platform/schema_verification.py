"""Asking whether a notice is genuine: limits, what was asked, alarms, suspicious messages.

Nothing here says of whom a notice is but the count of its asks; a message that somebody reports is
kept under a key of its own.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from usance.platform.schema_parts import cell, hashed, key, metadata, whole, word

verify_bucket = Table(
    "verify_bucket", metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("filled_until", DateTime(timezone=True), nullable=False),
    Index("verify_bucket_filled", "filled_until"),
)  # fmt: skip
"""A leaky bucket of an address, a code or the whole page, by a keyed hash: until when what was
asked has not leaked out. One that has leaked out may be deleted."""

verify_minute = Table(
    "verify_minute", metadata,
    key("minute"), whole("found", Integer), whole("missed", Integer), whole("refused", Integer),
)  # fmt: skip
"""What became of asks in a minute (of the epoch)."""

verify_alarm = Table(
    "verify_alarm", metadata,
    Column("alarm_id", BigInteger, Identity(), primary_key=True),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    whole("missed", Integer), whole("usual", Integer), whole("mark", Integer),
    whole("peak", Integer),
    Column("calm_at", DateTime(timezone=True)),
    Column("acknowledged_at", DateTime(timezone=True)),
    word("acknowledged_by"),
    word("reason"),
    Index("verify_alarm_up", text("(calm_at IS NULL)"), unique=True,
          postgresql_where=text("calm_at IS NULL")),
)  # fmt: skip
"""A surge of misses: at most one is up. ``usual`` is in hundredths of a miss a window; ``mark`` is
what it was raised at."""

notice_asked = Table(
    "notice_asked", metadata,
    cell(), key("borrower_id"), key("notice_id"),
    whole("times", Integer),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
)  # fmt: skip
"""How often a notice was asked for rightly."""

suspicious_report = Table(
    "suspicious_report", metadata,
    key("report_id"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("channel", Text, nullable=False), Column("way", Text, nullable=False),
    whole("case_id"),
    hashed("data_key"),
    hashed("box"),
    Column("findings", JSONB, nullable=False),
    whole("state", SmallInteger, "1"),
    Column("closed_at", DateTime(timezone=True)),
    word("closed_by"),
    word("reason"),
    Index("suspicious_report_open", "report_id", postgresql_where=text("state = 1")),
    Index("suspicious_report_kept", "closed_at", postgresql_where=text("data_key <> ''")),
)  # fmt: skip
"""A message that somebody thinks is not the lender's. ``box`` has its words, who sent it and its
code, under ``data_key``; of a borrower's, the case has them. State 1 open, 2 closed."""
