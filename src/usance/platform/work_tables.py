"""The table of the job runner."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

WAITING = 0
DONE = 1
DEAD = 2
"""Failed as often as is allowed; kept for a person to look at."""


def add_job(metadata: MetaData) -> Table:
    """Work that no single borrower owns: ranges of cells, files, reports."""
    table = Table(
        "job",
        metadata,
        Column("job_id", BigInteger, Identity(), primary_key=True),
        Column("queue", Text, nullable=False),
        *_claim_columns(),
        UniqueConstraint("queue", "key"),
    )
    _claim_index(table, "queue")
    return table


def _claim_columns() -> tuple[Column[Any], ...]:
    now = func.now()
    return (
        Column("key", Text, nullable=False),
        Column("payload", JSONB, nullable=False),
        Column("state", SmallInteger, nullable=False, server_default=text(str(WAITING))),
        Column("fence", BigInteger, nullable=False, server_default=text("0")),
        Column("lease_until", DateTime(timezone=True)),
        Column("not_before", DateTime(timezone=True), nullable=False, server_default=now),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("last_error", Text),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=now),
        Column("done_at", DateTime(timezone=True)),
    )


def _claim_index(table: Table, group: str) -> None:
    waiting = text(f"state = {WAITING}")
    columns = table.c[group], table.c.not_before
    Index(f"{table.name}_claimable", *columns, postgresql_where=waiting)
