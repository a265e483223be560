"""What providers tell of messages: found by their reference, and kept if it comes too early."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE INDEX notice_reference ON notice (reference, provider) WHERE reference <> ''",
    """CREATE TABLE receipt_waiting (
        provider TEXT NOT NULL,
        reference TEXT NOT NULL,
        word TEXT NOT NULL,
        error TEXT DEFAULT '' NOT NULL,
        came_at TIMESTAMP WITH TIME ZONE NOT NULL,
        look_at TIMESTAMP WITH TIME ZONE NOT NULL,
        looks SMALLINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (provider, reference, word)
    )""",
    "CREATE INDEX receipt_waiting_came ON receipt_waiting (came_at)",
    "CREATE INDEX receipt_waiting_look ON receipt_waiting (look_at)",
)


def upgrade() -> None:
    """An index and a table, empty."""
    for statement in STATEMENTS:
        op.execute(statement)
