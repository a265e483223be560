"""Looks at a person's details have audit events; those of before are bound by one for them all."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE access ADD COLUMN operation_id BIGINT DEFAULT 0 NOT NULL",
    "UPDATE access SET operation_id = (SELECT max(access_id) FROM access)",
    """INSERT INTO operation (operation_id, actor, action, business_date, digest, detail)
    SELECT a.operation_id, 'system:migration', 'BindLooks', b.business_date,
        sha256(string_agg(sha256(convert_to(jsonb_build_array(a.access_id, a.borrower_id, a.actor,
            a.acted_as, a.reason, a.what, encode(a.session, 'hex'),
            (extract(epoch FROM a.at) * 1000000)::bigint)::text, 'UTF8')),
            ''::bytea ORDER BY a.access_id, a.borrower_id)),
        jsonb_build_object('looks', count(*))
    FROM access a CROSS JOIN book b GROUP BY a.operation_id, b.business_date""",
)


def upgrade() -> None:
    """The column; what was noted before is bound as it stands now."""
    for statement in STATEMENTS:
        op.execute(statement)
