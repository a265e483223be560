"""Attempts to log in, counted for all processes together."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Counts that live for a quarter of an hour; losing them would cost nothing."""
    op.execute(
        "CREATE TABLE log_in_attempt ("
        " subject BYTEA NOT NULL, attempts INTEGER NOT NULL,"
        " began_at TIMESTAMP WITH TIME ZONE NOT NULL,"
        " CONSTRAINT log_in_attempt_pkey PRIMARY KEY (subject))"
    )
    op.execute("CREATE INDEX log_in_attempt_began ON log_in_attempt (began_at)")
