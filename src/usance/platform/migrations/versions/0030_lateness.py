"""Since when something is late, as the book knew it each day; limits and failed debits by day."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE lateness (
        cell SMALLINT NOT NULL, contract_id BIGINT NOT NULL, number BIGINT NOT NULL,
        booked_on DATE NOT NULL, was INTEGER DEFAULT 0 NOT NULL,
        late_from INTEGER DEFAULT 0 NOT NULL, PRIMARY KEY (cell, contract_id, number)
    )
    """,
    "CREATE INDEX lateness_booked ON lateness (booked_on, cell)",
    # What is late now was late from the day after its due day on; what was late before is not told.
    """
    INSERT INTO lateness (cell, contract_id, number, booked_on, late_from)
    SELECT cell, contract_id, 0, date '0001-01-01' + late_from - 1, late_from
    FROM contract WHERE late_from <> 0
    """,
    "CREATE INDEX operation_line ON operation (business_date) WHERE detail ? 'line'",
    """
    CREATE INDEX bank_file_row_not_paid ON bank_file_row (borrower_id)
    WHERE outcome IN ('failed', 'returned')
    """,
)


def upgrade() -> None:
    """A table that begins with what is late now."""
    for statement in STATEMENTS:
        op.execute(statement)
