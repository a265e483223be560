"""Consents: their documents, where each stands, and everything that was said."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SAID = """grantor_kind TEXT NOT NULL,
        grantor_id BIGINT DEFAULT 0 NOT NULL,
        counterparty_kind TEXT DEFAULT '' NOT NULL,
        counterparty_id BIGINT DEFAULT 0 NOT NULL,
        document_id TEXT NOT NULL,
        version INTEGER DEFAULT 0 NOT NULL,
        document_digest BYTEA NOT NULL,
        language TEXT NOT NULL,
        scopes JSONB NOT NULL,
        channels JSONB NOT NULL,
        method TEXT NOT NULL,
        state SMALLINT DEFAULT 0 NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        valid_until TIMESTAMP WITH TIME ZONE,
        linked_id BIGINT DEFAULT 0 NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL"""

STATEMENTS = (
    """CREATE TABLE consent_document (
        document_id TEXT NOT NULL,
        version INTEGER NOT NULL,
        purpose TEXT NOT NULL,
        two_sided BOOLEAN NOT NULL,
        body TEXT NOT NULL,
        digest BYTEA NOT NULL,
        effective_on DATE NOT NULL,
        retired_on DATE,
        adopted_by TEXT NOT NULL,
        adopted_at TIMESTAMP WITH TIME ZONE NOT NULL,
        operation_id BIGINT DEFAULT 0 NOT NULL,
        retired_by BIGINT DEFAULT 0 NOT NULL,
        PRIMARY KEY (document_id, version)
    )""",
    f"""CREATE TABLE consent (
        cell SMALLINT NOT NULL,
        borrower_id BIGINT NOT NULL,
        record_id BIGINT NOT NULL,
        {SAID},
        events INTEGER DEFAULT 0 NOT NULL,
        reminded_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (cell, borrower_id, record_id)
    )""",
    "CREATE UNIQUE INDEX consent_party ON consent (grantor_kind, grantor_id, document_id,"
    " counterparty_kind, counterparty_id)",
    "CREATE INDEX consent_ends ON consent (valid_until) WHERE state = 1",
    "CREATE INDEX consent_given ON consent (at) WHERE state = 1",
    f"""CREATE TABLE consent_event (
        cell SMALLINT NOT NULL,
        borrower_id BIGINT NOT NULL,
        record_id BIGINT NOT NULL,
        number INTEGER NOT NULL,
        {SAID},
        actor TEXT NOT NULL,
        evidence BYTEA DEFAULT '' NOT NULL,
        evidence_hash BYTEA DEFAULT '' NOT NULL,
        PRIMARY KEY (cell, borrower_id, record_id, number)
    )""",
    "CREATE UNIQUE INDEX consent_event_operation ON consent_event (operation_id)",
)


def upgrade() -> None:
    """The tables, empty: a book enters the documents that came with it when it is next served."""
    for statement in STATEMENTS:
        op.execute(statement)
