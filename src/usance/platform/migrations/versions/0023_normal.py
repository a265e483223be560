"""How long what was sent is, by its words; the minutes of sending are found by their time."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column and an index."""
    op.execute("ALTER TABLE sending_slot ADD COLUMN length INTEGER DEFAULT 0 NOT NULL")
    op.execute("CREATE INDEX sending_slot_slot ON sending_slot (slot)")
