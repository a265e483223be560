"""How borrowers come in: codes, devices, contacts, links, sessions, and what they are told.

What is not yet anybody's (a code that was asked for, an attempt that is counted) is found by a hash
and has no cell. Numbers and addresses stand here only as keyed hashes or as ciphertext under the
borrower's own key.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from usance.platform.schema_parts import cell, hashed, key, metadata, moment, time, whole, word

limit_count = Table(
    "limit_count", metadata,
    Column("subject", LargeBinary, primary_key=True),
    whole("counted"), time("ends_at", needed=True),
    Index("limit_count_ends", "ends_at"),
)  # fmt: skip
"""How often something was tried or sent until a moment; ``subject`` is a keyed hash of what."""

one_time_code = Table(
    "one_time_code", metadata,
    Column("challenge", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False), whole("borrower_id"), whole("change_id"),
    Column("number_hash", LargeBinary, nullable=False),
    Column("code_hash", LargeBinary, nullable=False),
    whole("attempts", SmallInteger), whole("state", SmallInteger, "1"),
    time("made_at", needed=True), time("expires_at", needed=True),
    Index("one_time_code_expires", "expires_at"),
)  # fmt: skip
"""A code that was sent, or (borrower 0) would have been. ``challenge`` is the hash of what only the
browser has that asked; ``number_hash`` stands for the number it went to. State 1 open, 2 right and
one more question asked, 3 used, 4 locked."""

borrower_session = Table(
    "borrower_session", metadata,
    cell(), key("borrower_id"), key("session_id"),
    Column("token_hash", LargeBinary, nullable=False), Column("csrf", Text, nullable=False),
    whole("device_id"), Column("opened_by", Text, nullable=False),
    time("created_at", needed=True), time("seen_at", needed=True), time("ended_at"),
    Index("borrower_session_token", "cell", "borrower_id", "token_hash", unique=True),
)  # fmt: skip

device = Table(
    "device", metadata,
    cell(), key("borrower_id"), key("device_id"),
    Column("token_hash", LargeBinary, nullable=False), Column("family", Text, nullable=False),
    time("first_seen_at", needed=True), time("last_seen_at", needed=True), time("forgotten_at"),
    Index("device_token", "cell", "borrower_id", "token_hash", unique=True),
)  # fmt: skip
"""A browser in which the borrower was logged in; ``family`` says no more than its kind."""

portal_link = Table(
    "portal_link", metadata,
    cell(), key("borrower_id"), key("link_id"),
    Column("target", Text, nullable=False), Column("made_by", Text, nullable=False),
    time("made_at", needed=True), time("expires_at", needed=True), time("used_at"),
)  # fmt: skip
"""A signed link that a host application asked for; the link itself is kept nowhere."""

contact = Table(
    "contact", metadata,
    cell(), key("borrower_id"), Column("kind", Text, primary_key=True),
    time("verified_at"), time("used_at"), time("suspended_at"),
)  # fmt: skip
"""What is known of the number that a borrower's messages go to; no row: nothing yet."""

contact_change = Table(
    "contact_change", metadata,
    cell(), key("borrower_id"), key("change_id"),
    Column("kind", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    whole("status", SmallInteger, "1"),
    time("asked_at", needed=True), time("new_proven_at"), time("old_proven_at"),
    word("vouched_by"),
    time("effective_at"), time("ended_at"),
    Index("contact_change_open", "cell", "borrower_id", "kind", unique=True,
          postgresql_where=text("status IN (1, 2)")),
)  # fmt: skip
"""A new number on its way: status 1 to be proven, 2 cooling, 3 done, 4 stopped, 5 fell through."""

contact_flag = Table(
    "contact_flag", metadata,
    cell(), key("borrower_id"), key("flag_id"),
    Column("kind", Text, nullable=False), whole("change_id"),
    time("raised_at", needed=True), time("closed_at"),
    word("closed_by"),
    hashed("reason"),
    Index("contact_flag_open", "raised_at", postgresql_where=text("closed_at IS NULL")),
)  # fmt: skip
"""Something about a number that staff should look at; the reason of its end is ciphertext."""

sandbox_message = Table(
    "sandbox_message", metadata,
    cell(), key("borrower_id"),
    Column("message_id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False), Column("content", LargeBinary, nullable=False), moment(),
    Index("sandbox_message_recorded", "recorded_at"),
)  # fmt: skip
"""What the sandbox messenger was given, address and words as ciphertext of the borrower."""
