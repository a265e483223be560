"""Templates of notices."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE notice_template (
        template_id TEXT NOT NULL,
        version SMALLINT NOT NULL,
        body TEXT NOT NULL,
        digest BYTEA NOT NULL,
        effective_on DATE NOT NULL,
        retired_on DATE,
        adopted_by TEXT NOT NULL,
        adopted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (template_id, version)
    )""",
    """CREATE TABLE notice_retirement (
        operation_id BIGINT NOT NULL,
        template_id TEXT NOT NULL,
        through SMALLINT DEFAULT 0 NOT NULL,
        retired_on DATE NOT NULL,
        retired_by TEXT NOT NULL,
        PRIMARY KEY (operation_id)
    )""",
    "CREATE INDEX notice_retirement_template ON notice_retirement (template_id)",
)


def upgrade() -> None:
    """The tables, empty: what is missing of the starting set is adopted when a process starts."""
    for statement in STATEMENTS:
        op.execute(statement)
