"""What watches the book: how late contracts were, the days added up, alerts, monitors."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE late_band (
        cell SMALLINT NOT NULL,
        contract_id BIGINT NOT NULL,
        since DATE NOT NULL,
        until DATE,
        band SMALLINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, contract_id, since)
    )""",
    "CREATE INDEX late_band_now ON late_band (cell, contract_id) WHERE until IS NULL",
    """CREATE TABLE portfolio_day (
        day DATE NOT NULL,
        product_id SMALLINT NOT NULL,
        opened DATE NOT NULL,
        band SMALLINT NOT NULL,
        contracts BIGINT DEFAULT 0 NOT NULL,
        principal BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (day, product_id, opened, band)
    )""",
    """CREATE TABLE monitor_day (
        monitor TEXT NOT NULL,
        day DATE NOT NULL,
        figures JSONB NOT NULL,
        PRIMARY KEY (monitor, day)
    )""",
    """CREATE TABLE warning_feed (
        one SMALLINT NOT NULL,
        through xid8 NOT NULL,
        day_through DATE,
        PRIMARY KEY (one)
    )""",
    """INSERT INTO warning_feed (one, through)
        VALUES (1, (pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1)::text::xid8)""",
    """CREATE TABLE alert (
        cell SMALLINT NOT NULL,
        borrower_id BIGINT NOT NULL,
        alert_id BIGINT NOT NULL,
        signal TEXT NOT NULL,
        level SMALLINT DEFAULT 0 NOT NULL,
        raised_on DATE NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        evidence JSONB NOT NULL,
        threshold JSONB NOT NULL,
        policy TEXT NOT NULL,
        usual BIGINT DEFAULT 0 NOT NULL,
        state SMALLINT DEFAULT 1 NOT NULL,
        owner BIGINT DEFAULT 0 NOT NULL,
        taken_at TIMESTAMP WITH TIME ZONE,
        closed_at TIMESTAMP WITH TIME ZONE,
        outcome TEXT DEFAULT '' NOT NULL,
        reason TEXT DEFAULT '' NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (cell, borrower_id, alert_id)
    )""",
    "CREATE UNIQUE INDEX alert_open ON alert (cell, borrower_id, signal) WHERE state <> 3",
    "CREATE INDEX alert_number ON alert (alert_id)",
    "CREATE INDEX alert_raised ON alert (raised_on)",
    "CREATE INDEX decision_scored ON decision (business_date) WHERE score IS NOT NULL",
)


def upgrade() -> None:
    """The tables, empty: what was committed until now is looked at with the next closed day."""
    for statement in STATEMENTS:
        op.execute(statement)
