"""The tree over the audit events: leaves, checkpoints, and the form of digests.

Rows that are there keep the old form of digest (1), which PostgreSQL keeps as a default that was:
no row is written anew.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column first with what old rows have, then with what new rows get."""
    op.execute(
        "ALTER TABLE operation ADD COLUMN form smallint NOT NULL DEFAULT 1"
    )
    op.execute("ALTER TABLE operation ALTER COLUMN form SET DEFAULT 2")
    op.execute("ALTER TABLE receipt ADD COLUMN held_by bigint NOT NULL DEFAULT 0")
    op.execute(
        """CREATE TABLE audit_leaf (
            leaf_index bigint NOT NULL,
            operation_id bigint DEFAULT 0 NOT NULL,
            hash bytea NOT NULL,
            subtrees bytea NOT NULL,
            PRIMARY KEY (leaf_index)
        )"""
    )
    op.execute("CREATE UNIQUE INDEX audit_leaf_operation ON audit_leaf (operation_id)")
    op.execute(
        """CREATE TABLE audit_tree (
            one boolean DEFAULT true NOT NULL,
            size bigint DEFAULT 0 NOT NULL,
            checkpoints integer DEFAULT 0 NOT NULL,
            snapshot text NOT NULL,
            cluster text NOT NULL,
            seal bytea NOT NULL,
            PRIMARY KEY (one)
        )"""
    )
    op.execute(
        """CREATE TABLE audit_checkpoint (
            number integer NOT NULL,
            size bigint DEFAULT 0 NOT NULL,
            root bytea NOT NULL,
            note text NOT NULL,
            made_at timestamp with time zone NOT NULL,
            PRIMARY KEY (number)
        )"""
    )
    op.execute("CREATE UNIQUE INDEX audit_checkpoint_size ON audit_checkpoint (size)")
