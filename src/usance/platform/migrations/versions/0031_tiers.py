"""Risk tiers as they stand, and each step of them."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE tier (
        cell SMALLINT NOT NULL, borrower_id BIGINT NOT NULL,
        tier SMALLINT DEFAULT 0 NOT NULL, since INTEGER DEFAULT 0 NOT NULL,
        better_since INTEGER DEFAULT 0 NOT NULL, found SMALLINT DEFAULT 0 NOT NULL,
        score INTEGER DEFAULT 0 NOT NULL, evaluated_on INTEGER DEFAULT 0 NOT NULL,
        next_on INTEGER DEFAULT 0 NOT NULL, PRIMARY KEY (cell, borrower_id)
    )
    """,
    "CREATE INDEX tier_next ON tier (next_on)",
    """
    CREATE TABLE tier_change (
        cell SMALLINT NOT NULL, borrower_id BIGINT NOT NULL, changed_on INTEGER NOT NULL,
        tier_from SMALLINT DEFAULT 0 NOT NULL, tier_to SMALLINT DEFAULT 0 NOT NULL,
        score INTEGER DEFAULT 0 NOT NULL, decision_id BIGINT DEFAULT 0 NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL, PRIMARY KEY (cell, borrower_id, changed_on)
    )
    """,
    "CREATE INDEX tier_change_day ON tier_change (changed_on)",
    "CREATE INDEX tier_change_operation ON tier_change (operation_id)",
)


def upgrade() -> None:
    """Two tables, empty: everybody is looked at when something happens to them."""
    for statement in STATEMENTS:
        op.execute(statement)
