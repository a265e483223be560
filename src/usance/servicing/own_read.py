"""Reads over all contracts of one borrower, for the borrower's own pages."""

from __future__ import annotations

from asyncpg import Record

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Pool
from usance.servicing import read_sql as sql


async def events(pool: Pool, borrower_id: int, skipped: int, count: int) -> list[Record]:
    """What happened on all contracts, newest first, after so many that were shown before."""
    first = borrower_id << 12
    rows: list[Record] = await pool.fetch(
        sql.OWN_EVENTS, cell_of_borrower(borrower_id), first, first | 4095, skipped, count
    )
    return rows


async def statements(pool: Pool, borrower_id: int, count: int) -> list[Record]:
    """The newest statements of all contracts."""
    first = borrower_id << 12
    rows: list[Record] = await pool.fetch(
        sql.OWN_STATEMENTS, cell_of_borrower(borrower_id), first, first | 4095, count
    )
    return rows


async def parts(pool: Pool, borrower_id: int, operation_id: int) -> list[Record]:
    """What one operation did on this borrower's contracts."""
    first = borrower_id << 12
    rows: list[Record] = await pool.fetch(
        sql.OWN_PARTS, cell_of_borrower(borrower_id), first, first | 4095, operation_id
    )
    return rows
