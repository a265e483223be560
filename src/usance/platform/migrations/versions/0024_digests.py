"""Several notices in one message, and the hour at which somebody wants them so."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE notice ADD COLUMN bundle BIGINT DEFAULT 0 NOT NULL",
    "CREATE INDEX notice_bundle ON notice (cell, borrower_id, bundle) WHERE bundle <> 0",
    "ALTER TABLE notice_preference ADD COLUMN digest_at SMALLINT",
)


def upgrade() -> None:
    """Nothing that waits now goes with others."""
    for statement in STATEMENTS:
        op.execute(statement)
