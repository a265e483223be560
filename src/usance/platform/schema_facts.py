"""Facts of borrowers, and the reports that a credit bureau was asked for.

What a fact says, and what a bureau answered, is ciphertext under the borrower's own key, bound to
the number of its row.
"""

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table, Text, text

from usance.platform.schema_parts import cell, hashed, key, metadata, time, whole, word

fact = Table(
    "fact", metadata,
    cell(), key("borrower_id"), key("fact_id"),
    Column("name", Text, nullable=False), Column("source", Text, nullable=False),
    hashed("value"), Column("value_hash", LargeBinary, nullable=False),
    time("observed_at", needed=True), time("recorded_at", needed=True),
    time("valid_until", needed=True),
    whole("consent_id"), whole("consent_number", SmallInteger),
    whole("other_id"), whole("other_consent_id"), whole("other_consent_number", SmallInteger),
    whole("corrects"), whole("pull_id"), whole("operation_id"),
    Index("fact_operation", "operation_id"),
)  # fmt: skip
"""Never changed, but for a value that is forgotten with its person. ``consent_id`` and
``consent_number``: the agreement, and the last thing that had been said of it; of a household also
that of the other side, ``other_id``. ``corrects``: the fact in whose place it stands."""

bureau_pull = Table(
    "bureau_pull", metadata,
    cell(), key("borrower_id"), key("pull_id"),
    Column("bureau", Text, nullable=False), whole("state", SmallInteger, "1"), word("because"),
    whole("attempts", SmallInteger), time("next_at", needed=True),
    time("asked_at", needed=True), time("ended_at"),
    whole("consent_id"), whole("consent_number", SmallInteger),
    hashed("answer"), hashed("answer_hash"), whole("operation_id"), whole("ended_by"),
    Index("bureau_pull_due", "next_at", postgresql_where=text("state = 1")),
)  # fmt: skip
"""State 1 under way, 2 answered, 3 failed (``because``). ``answer`` is word for word what the
bureau said."""
