"""Facts of borrowers, and the reports that a credit bureau was asked for."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE fact (
        cell SMALLINT NOT NULL,
        borrower_id BIGINT NOT NULL,
        fact_id BIGINT NOT NULL,
        name TEXT NOT NULL,
        source TEXT NOT NULL,
        value BYTEA DEFAULT '' NOT NULL,
        value_hash BYTEA NOT NULL,
        observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
        consent_id BIGINT DEFAULT 0 NOT NULL,
        consent_number SMALLINT DEFAULT 0 NOT NULL,
        other_id BIGINT DEFAULT 0 NOT NULL,
        other_consent_id BIGINT DEFAULT 0 NOT NULL,
        other_consent_number SMALLINT DEFAULT 0 NOT NULL,
        corrects BIGINT DEFAULT 0 NOT NULL,
        pull_id BIGINT DEFAULT 0 NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, borrower_id, fact_id)
    )""",
    "CREATE INDEX fact_operation ON fact (operation_id)",
    """CREATE TABLE bureau_pull (
        cell SMALLINT NOT NULL,
        borrower_id BIGINT NOT NULL,
        pull_id BIGINT NOT NULL,
        bureau TEXT NOT NULL,
        state SMALLINT DEFAULT 1 NOT NULL,
        because TEXT DEFAULT '' NOT NULL,
        attempts SMALLINT DEFAULT 0 NOT NULL,
        next_at TIMESTAMP WITH TIME ZONE NOT NULL,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        consent_id BIGINT DEFAULT 0 NOT NULL,
        consent_number SMALLINT DEFAULT 0 NOT NULL,
        answer BYTEA DEFAULT '' NOT NULL,
        answer_hash BYTEA DEFAULT '' NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        ended_by BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, borrower_id, pull_id)
    )""",
    "CREATE INDEX bureau_pull_due ON bureau_pull (next_at) WHERE state = 1",
)


def upgrade() -> None:
    """The tables, empty."""
    for statement in STATEMENTS:
        op.execute(statement)
