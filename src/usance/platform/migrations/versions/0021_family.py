"""Relatives whom borrowers name, and who must never be asked again."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE family_link (
        cell SMALLINT NOT NULL,
        borrower_id BIGINT NOT NULL,
        member_id BIGINT NOT NULL,
        state SMALLINT DEFAULT 1 NOT NULL,
        because TEXT DEFAULT '' NOT NULL,
        number_hash BYTEA NOT NULL,
        box BYTEA DEFAULT '' NOT NULL,
        code_hash BYTEA DEFAULT '' NOT NULL,
        digits_hash BYTEA DEFAULT '' NOT NULL,
        stop_hash BYTEA DEFAULT '' NOT NULL,
        stop_box BYTEA DEFAULT '' NOT NULL,
        scopes JSONB NOT NULL,
        channels JSONB NOT NULL,
        tells TEXT NOT NULL,
        language TEXT NOT NULL,
        opens SMALLINT,
        closes SMALLINT,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        accepted_at TIMESTAMP WITH TIME ZONE,
        paused_at TIMESTAMP WITH TIME ZONE,
        taken_back_at TIMESTAMP WITH TIME ZONE,
        ended_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (cell, borrower_id, member_id)
    )""",
    "CREATE INDEX family_link_code ON family_link (code_hash) WHERE code_hash <> ''",
    """CREATE INDEX family_link_invited ON family_link (until)
        WHERE accepted_at IS NULL AND (state IN (1, 3) OR because = 'refused')""",
    "CREATE INDEX family_link_number ON family_link (number_hash)",
    "CREATE INDEX family_link_stop ON family_link (stop_hash) WHERE stop_hash <> ''",
    """CREATE TABLE family_bar (
        number_hash BYTEA NOT NULL,
        borrower_id BIGINT NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (number_hash, borrower_id)
    )""",
    """CREATE TABLE family_visit (
        token_hash BYTEA NOT NULL,
        borrower_id BIGINT NOT NULL,
        member_id BIGINT NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (token_hash)
    )""",
    "CREATE INDEX family_visit_ends ON family_visit (ends_at)",
)


def upgrade() -> None:
    """The tables, empty."""
    for statement in STATEMENTS:
        op.execute(statement)
