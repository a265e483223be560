"""The Merkle tree over the audit events, and its signed checkpoints."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from usance.platform.schema_parts import key, metadata, whole

FORM = 2
"""How the digest of an operation is made today (``docs/people.md``, R-PROOF-09)."""


def form_column() -> Column[int]:
    """The form of an operation's digest."""
    return whole("form", SmallInteger, str(FORM))


audit_leaf = Table(
    "audit_leaf", metadata,
    key("leaf_index"), whole("operation_id"),
    Column("hash", LargeBinary, nullable=False), Column("subtrees", LargeBinary, nullable=False),
    Index("audit_leaf_operation", "operation_id", unique=True),
)  # fmt: skip
"""An operation's place in the tree. ``subtrees`` are the hashes of the complete subtrees that end
with this leaf, of 2, 4, 8, ... leaves: every inner node stands with the leaf that completed it."""

audit_tree = Table(
    "audit_tree", metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    whole("size"), whole("checkpoints", Integer),
    Column("snapshot", Text, nullable=False), Column("cluster", Text, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)  # fmt: skip
"""One row: how many leaves and checkpoints there are, and what the sequencer had seen (PostgreSQL's
snapshot, of the cluster with this identifier). ``seal`` is the hash of the row."""

audit_checkpoint = Table(
    "audit_checkpoint", metadata,
    key("number", Integer), whole("size"),
    Column("root", LargeBinary, nullable=False), Column("note", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Index("audit_checkpoint_size", "size", unique=True),
)  # fmt: skip
"""What was signed: numbered from 1, each of a larger tree than the one before."""
