"""Limits that were offered, what came of it, and cuts that were approved."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE limit_offer (
        cell SMALLINT NOT NULL, borrower_id BIGINT NOT NULL, offer_id BIGINT NOT NULL,
        kind SMALLINT DEFAULT 1 NOT NULL, product_id SMALLINT DEFAULT 0 NOT NULL,
        limit_from BIGINT DEFAULT 0 NOT NULL, limit_to BIGINT DEFAULT 0 NOT NULL,
        offered_on INTEGER DEFAULT 0 NOT NULL, valid_until INTEGER DEFAULT 0 NOT NULL,
        decision_id BIGINT DEFAULT 0 NOT NULL, operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, borrower_id, offer_id)
    )
    """,
    "CREATE INDEX limit_offer_operation ON limit_offer (operation_id)",
    "CREATE INDEX limit_offer_until ON limit_offer (valid_until)",
    """
    CREATE TABLE limit_answer (
        cell SMALLINT NOT NULL, borrower_id BIGINT NOT NULL, offer_id BIGINT NOT NULL,
        state SMALLINT NOT NULL, answered_on INTEGER DEFAULT 0 NOT NULL,
        changed_by BIGINT DEFAULT 0 NOT NULL, actor TEXT NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, borrower_id, offer_id, state)
    )
    """,
    "CREATE INDEX limit_answer_operation ON limit_answer (operation_id)",
    """
    CREATE TABLE limit_measure (
        cell SMALLINT NOT NULL, borrower_id BIGINT NOT NULL, measure_id BIGINT NOT NULL,
        product_id SMALLINT DEFAULT 0 NOT NULL, limit_from BIGINT DEFAULT 0 NOT NULL,
        limit_to BIGINT DEFAULT 0 NOT NULL, reasons JSONB NOT NULL, notice JSONB NOT NULL,
        not_before DATE NOT NULL, decision_id BIGINT DEFAULT 0 NOT NULL,
        approved_at TIMESTAMP WITH TIME ZONE NOT NULL, operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, borrower_id, measure_id)
    )
    """,
    "CREATE INDEX limit_measure_operation ON limit_measure (operation_id)",
)


def upgrade() -> None:
    """Three tables, empty: no limit rises or falls because they are there."""
    for statement in STATEMENTS:
        op.execute(statement)
