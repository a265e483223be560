"""The first schema of the book, as it was: ``0001_book.sql``."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table. Forward only: a schema is put right by the next revision."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8").split(";\n")
    for statement in filter(None, map(str.strip, statements)):
        op.get_bind().exec_driver_sql(statement)
