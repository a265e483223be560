"""Automated decisions, and what became of those that a person looks at."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE decision_words (
        digest BYTEA NOT NULL,
        body TEXT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (digest)
    )""",
    """CREATE TABLE decision (
        cell SMALLINT NOT NULL,
        borrower_id BIGINT NOT NULL,
        decision_id BIGINT NOT NULL,
        kind TEXT NOT NULL,
        shadow BOOLEAN DEFAULT false NOT NULL,
        of_decision_id BIGINT DEFAULT 0 NOT NULL,
        product TEXT DEFAULT '' NOT NULL,
        contract_id BIGINT DEFAULT 0 NOT NULL,
        policy_id TEXT NOT NULL,
        policy_version INTEGER DEFAULT 0 NOT NULL,
        policy_digest BYTEA NOT NULL,
        scorecard_digest BYTEA DEFAULT '' NOT NULL,
        words_digest BYTEA NOT NULL,
        snapshot BYTEA DEFAULT '' NOT NULL,
        row_taken INTEGER DEFAULT 0 NOT NULL,
        tried JSONB NOT NULL,
        outcome JSONB NOT NULL,
        reasons JSONB NOT NULL,
        score INTEGER,
        fingerprint BYTEA NOT NULL,
        actor TEXT NOT NULL,
        business_date DATE NOT NULL,
        decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
        latency_us INTEGER DEFAULT 0 NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, borrower_id, decision_id)
    )""",
    "CREATE INDEX decision_number ON decision (decision_id)",
    "CREATE INDEX decision_operation ON decision (operation_id)",
    "CREATE INDEX decision_policy ON decision (policy_id, decision_id)",
    """CREATE TABLE decision_review (
        cell SMALLINT NOT NULL,
        borrower_id BIGINT NOT NULL,
        decision_id BIGINT NOT NULL,
        number INTEGER NOT NULL,
        state SMALLINT DEFAULT 0 NOT NULL,
        case_id BIGINT DEFAULT 0 NOT NULL,
        actor TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, borrower_id, decision_id, number)
    )""",
    "CREATE INDEX decision_review_operation ON decision_review (operation_id)",
)


def upgrade() -> None:
    """The tables, empty."""
    for statement in STATEMENTS:
        op.execute(statement)
