"""Rotation of keys, erasure of people, legal holds."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Which keys were added and retired, who was erased, who must not be."""
    op.execute("CREATE INDEX directory_borrower ON directory (borrower_id)")
    op.execute(
        """CREATE TABLE key_epoch (
            kind text NOT NULL,
            key_id integer NOT NULL,
            added_at timestamp with time zone DEFAULT now() NOT NULL,
            retired_at timestamp with time zone,
            PRIMARY KEY (kind, key_id)
        )"""
    )
    op.execute(
        """CREATE TABLE erasure (
            cell smallint NOT NULL,
            borrower_id bigint NOT NULL,
            registered_at timestamp with time zone NOT NULL,
            reason text NOT NULL,
            erased_on date NOT NULL,
            operation_id bigint DEFAULT 0 NOT NULL,
            recorded_at timestamp with time zone DEFAULT now() NOT NULL,
            PRIMARY KEY (cell, borrower_id)
        )"""
    )
    op.execute(
        """CREATE TABLE legal_hold (
            cell smallint NOT NULL,
            borrower_id bigint NOT NULL,
            reason text NOT NULL,
            since date NOT NULL,
            operation_id bigint DEFAULT 0 NOT NULL,
            recorded_at timestamp with time zone DEFAULT now() NOT NULL,
            PRIMARY KEY (cell, borrower_id)
        )"""
    )
