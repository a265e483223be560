"""The register of versions: policies and scorecards as two people adopted them."""

from sqlalchemy import Column, Date, Index, Integer, LargeBinary, Table, Text

from usance.platform.schema_parts import key, metadata, moment, whole, word

policy_version = Table(
    "policy_version", metadata,
    Column("policy_id", Text, primary_key=True), key("version", Integer),
    Column("body", Text, nullable=False), Column("digest", LargeBinary, nullable=False),
    Column("features", Text, nullable=False), Column("effective_on", Date, nullable=False),
    Column("adopted_by", Text, nullable=False), moment("adopted_at"), whole("operation_id"),
    Index("policy_version_digest", "digest", unique=True),
)  # fmt: skip
"""No row is ever changed. ``body`` is the document word for word, ``digest`` its SHA-256;
``features`` is what the dictionary said of its inputs when it was adopted, so that it reads the
same for ever. ``adopted_by`` is who asked for it; who agreed stands in the proposal."""

scorecard_version = Table(
    "scorecard_version", metadata,
    Column("name", Text, primary_key=True), key("version", Integer),
    Column("body", Text, nullable=False), Column("digest", LargeBinary, nullable=False),
    Column("role", Text, nullable=False), whole("share", Integer), word("report"),
    Column("effective_on", Date, nullable=False),
    Column("adopted_by", Text, nullable=False), moment("adopted_at"), whole("operation_id"),
    Index("scorecard_version_digest", "digest"),
)  # fmt: skip
"""No row is ever changed. ``role``: champion, challenger, shadow or retired, from a day on, of the
table of points in ``body``; ``share``: of borrowers whom a challenger scores, in 1/100 %."""
