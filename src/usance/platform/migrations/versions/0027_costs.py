"""What borrowing costs is shown and confirmed before it is agreed to."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE TABLE cost_words (digest BYTEA NOT NULL, document TEXT NOT NULL, PRIMARY KEY (digest))",
    """
CREATE TABLE cost_sheet (
    cell SMALLINT NOT NULL,
    sheet_id BIGINT NOT NULL,
    borrower_id BIGINT DEFAULT 0 NOT NULL,
    kind SMALLINT DEFAULT 0 NOT NULL,
    contract_id BIGINT DEFAULT 0 NOT NULL,
    digest BYTEA NOT NULL,
    shown_at TIMESTAMP WITH TIME ZONE,
    language TEXT DEFAULT '' NOT NULL,
    nonce TEXT DEFAULT '' NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    how TEXT DEFAULT '' NOT NULL,
    operation_id BIGINT DEFAULT 0 NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (cell, sheet_id)
)
""",
    "CREATE INDEX cost_sheet_borrower ON cost_sheet (cell, borrower_id)",
    "CREATE INDEX cost_sheet_contract ON cost_sheet (cell, contract_id) WHERE contract_id <> 0",
)


def upgrade() -> None:
    """Offers of before have no sheet: they run out within days, and a new one has its own."""
    for statement in STATEMENTS:
        op.execute(statement)
