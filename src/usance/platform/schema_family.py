"""Relatives that borrowers name: who is told what of whom, and who must never be asked again.

Name, number and address of a relative are ciphertext under the borrower's key; a number is found by
a keyed hash, a code by another one.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from usance.platform.schema_parts import cell, hashed, key, metadata, time, whole, word

family_link = Table(
    "family_link", metadata,
    cell(), key("borrower_id"), key("member_id"),
    whole("state", SmallInteger, "1"), word("because"),
    Column("number_hash", LargeBinary, nullable=False), hashed("box"),
    hashed("code_hash"), hashed("digits_hash"), hashed("stop_hash"), hashed("stop_box"),
    Column("scopes", JSONB, nullable=False), Column("channels", JSONB, nullable=False),
    Column("tells", Text, nullable=False), Column("language", Text, nullable=False),
    Column("opens", SmallInteger), Column("closes", SmallInteger),
    time("asked_at", needed=True), time("until", needed=True), time("accepted_at"),
    time("paused_at"), time("taken_back_at"), time("ended_at"),
    Index("family_link_number", "number_hash"),
    Index("family_link_code", "code_hash", postgresql_where=text("code_hash <> ''")),
    Index("family_link_stop", "stop_hash", postgresql_where=text("stop_hash <> ''")),
    Index("family_link_invited", "until", postgresql_where=text(
        "accepted_at IS NULL AND (state IN (1, 3) OR because = 'refused')")),
)  # fmt: skip
"""A relative whom a borrower named: state 1 invited, 2 on, 3 paused, 4 ended (``because``).
``scopes`` and ``channels`` are those asked for, then those that both agreed to. ``tells`` says when
of a borrowing: ``before`` or ``after``. A stop code ends it, for the relative."""

family_bar = Table(
    "family_bar", metadata,
    Column("number_hash", LargeBinary, primary_key=True),
    Column("borrower_id", BigInteger, primary_key=True, autoincrement=False),
    time("since", needed=True),
)  # fmt: skip
"""A number that this borrower (0: that anybody) must never have invited again."""

family_visit = Table(
    "family_visit", metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("borrower_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, nullable=False),
    time("ends_at", needed=True),
    Index("family_visit_ends", "ends_at"),
)  # fmt: skip
"""A browser in which a relative has shown the number that was invited."""
