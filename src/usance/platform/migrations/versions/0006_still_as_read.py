"""The guard of what is decided without a lock: nothing may have moved since it was read."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Joins the bookers, then looks: a function sees what was committed before it got the lock."""
    op.execute(
        """CREATE FUNCTION still_as_read(day date, complete boolean) RETURNS boolean
        LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(7308332184);
            IF NOT complete OR day <> (SELECT business_date FROM book) THEN
                RAISE EXCEPTION 'what was read has moved on' USING ERRCODE = '40001';
            END IF;
            RETURN true;
        END $$"""
    )
