"""Roles of staff."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Until now every account could do everything; it goes on so until roles are taken away."""
    op.execute(
        """CREATE TABLE staff_role (
            staff_id bigint NOT NULL,
            role text NOT NULL,
            granted_at timestamp with time zone DEFAULT now() NOT NULL,
            PRIMARY KEY (staff_id, role)
        )"""
    )
    op.execute(
        "INSERT INTO staff_role (staff_id, role) SELECT staff_id, role FROM staff,"
        " unnest(ARRAY['service', 'collections', 'operations', 'supervisor', 'administrator'])"
        " AS role"
    )
