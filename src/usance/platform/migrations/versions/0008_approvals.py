"""Proposals that wait for a second person."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Proposals, decisions, and who stands in for whom."""
    op.execute(
        """CREATE TABLE proposal (
            proposal_id bigint NOT NULL,
            author text NOT NULL,
            act text NOT NULL,
            body text NOT NULL,
            weight text NOT NULL,
            approvers smallint DEFAULT 0 NOT NULL,
            policy text NOT NULL,
            borrower_id bigint DEFAULT 0 NOT NULL,
            contract_id bigint DEFAULT 0 NOT NULL,
            created_at timestamp with time zone DEFAULT now() NOT NULL,
            expires_at timestamp with time zone NOT NULL,
            digest bytea NOT NULL,
            state smallint DEFAULT 1 NOT NULL,
            outcome jsonb DEFAULT '{}' NOT NULL,
            operation_id bigint DEFAULT 0 NOT NULL,
            PRIMARY KEY (proposal_id)
        )"""
    )
    op.execute("CREATE INDEX proposal_open ON proposal (proposal_id) WHERE state <= 2")
    op.execute(
        """CREATE TABLE approval (
            proposal_id bigint NOT NULL,
            approver text NOT NULL,
            decision smallint DEFAULT 0 NOT NULL,
            reason text NOT NULL,
            on_behalf_of text DEFAULT '' NOT NULL,
            digest bytea NOT NULL,
            decided_at timestamp with time zone DEFAULT now() NOT NULL,
            operation_id bigint DEFAULT 0 NOT NULL,
            PRIMARY KEY (proposal_id, approver)
        )"""
    )
    op.execute(
        """CREATE TABLE delegation (
            delegation_id bigint NOT NULL,
            from_staff bigint DEFAULT 0 NOT NULL,
            to_staff bigint DEFAULT 0 NOT NULL,
            reason text NOT NULL,
            from_at timestamp with time zone NOT NULL,
            until_at timestamp with time zone NOT NULL,
            revoked_at timestamp with time zone,
            PRIMARY KEY (delegation_id)
        )"""
    )
    op.execute("CREATE INDEX delegation_to ON delegation (to_staff, until_at)")
