"""The first schema of the book."""

from alembic import op

from usance.platform.schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table. Forward only: a schema is put right by the next revision."""
    metadata.create_all(op.get_bind())
