"""An index of back-dated transfers, for balances as of an effective day."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Few transfers are back-dated, so writing them costs nothing more."""
    op.execute(
        "CREATE INDEX transfer_back_dated ON transfer (booked_on, effective_on)"
        " WHERE effective_on < booked_on"
    )
