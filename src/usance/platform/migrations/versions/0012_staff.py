"""Second factors of staff, sessions in two steps, and who looked at whom."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE staff ADD must_change boolean DEFAULT false NOT NULL",
    "ALTER TABLE staff ADD last_log_in timestamp with time zone",
    "ALTER TABLE staff_session ADD waits boolean DEFAULT false NOT NULL",
    "ALTER TABLE staff_session ADD way text DEFAULT 'password' NOT NULL",
    "ALTER TABLE staff_session ADD fresh_at timestamp with time zone",
    "ALTER TABLE staff_session ADD address text DEFAULT '' NOT NULL",
    "CREATE INDEX staff_session_open ON staff_session (staff_id) WHERE ended_at IS NULL",
    """CREATE TABLE staff_factor (
        staff_id bigint NOT NULL,
        state smallint NOT NULL,
        data_key bytea NOT NULL,
        secret bytea NOT NULL,
        last_step bigint DEFAULT 0 NOT NULL,
        made_at timestamp with time zone DEFAULT now() NOT NULL,
        PRIMARY KEY (staff_id, state)
    )""",
    """CREATE TABLE staff_recovery_code (
        staff_id bigint NOT NULL,
        code_hash bytea NOT NULL,
        used_at timestamp with time zone,
        PRIMARY KEY (staff_id, code_hash)
    )""",
    """CREATE TABLE provider_answer (
        state_hash bytea NOT NULL,
        used_at timestamp with time zone DEFAULT now() NOT NULL,
        PRIMARY KEY (state_hash)
    )""",
    """CREATE TABLE access (
        cell smallint NOT NULL,
        borrower_id bigint NOT NULL,
        access_id bigint NOT NULL,
        actor text NOT NULL,
        acted_as text NOT NULL,
        reason text NOT NULL,
        note bytea NOT NULL,
        what text NOT NULL,
        session bytea NOT NULL,
        at timestamp with time zone DEFAULT now() NOT NULL,
        PRIMARY KEY (cell, borrower_id, access_id)
    )""",
)


def upgrade() -> None:
    """Sessions that are open stay open."""
    for statement in STATEMENTS:
        op.execute(statement)
