"""The register of versions of policies and scorecards."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE policy_version (
        policy_id TEXT NOT NULL,
        version INTEGER NOT NULL,
        body TEXT NOT NULL,
        digest BYTEA NOT NULL,
        features TEXT NOT NULL,
        effective_on DATE NOT NULL,
        adopted_by TEXT NOT NULL,
        adopted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (policy_id, version)
    )""",
    "CREATE UNIQUE INDEX policy_version_digest ON policy_version (digest)",
    """CREATE TABLE scorecard_version (
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        body TEXT NOT NULL,
        digest BYTEA NOT NULL,
        role TEXT NOT NULL,
        share INTEGER DEFAULT 0 NOT NULL,
        report TEXT DEFAULT '' NOT NULL,
        effective_on DATE NOT NULL,
        adopted_by TEXT NOT NULL,
        adopted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (name, version)
    )""",
    "CREATE INDEX scorecard_version_digest ON scorecard_version (digest)",
)


def upgrade() -> None:
    """The tables, empty: a book takes in what came with the release when it is next served."""
    for statement in STATEMENTS:
        op.execute(statement)
