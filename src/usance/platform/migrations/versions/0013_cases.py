"""Cases, with what is said in them and attached to them: ``0013_cases.sql``."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Words and files are ciphertext; a case that is changed is locked by its whole key."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8").split(";\n")
    for statement in filter(None, map(str.strip, statements)):
        op.get_bind().exec_driver_sql(statement)
