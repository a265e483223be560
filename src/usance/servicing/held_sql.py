"""Of one borrower, what no other read model shows whole: for the export of everything held."""

from __future__ import annotations

from asyncpg import Record

from usance.core.identifiers import CONTRACTS_MAX, cell_of_borrower
from usance.platform.database import Connection

RECEIPTS = """
SELECT r.receipt_id, r.amount, r.value_date, r.status, b.reference, b.outcome,
    r.contract_id AS paid_contract_id
FROM receipt r JOIN bank_file_row b ON b.file_id = r.file_id AND b.row = r.row
WHERE b.borrower_id = $1 OR b.contract_id BETWEEN $2 AND $3 OR r.contract_id BETWEEN $2 AND $3
ORDER BY r.receipt_id
"""
NOTICES = """
SELECT contract_id, n, kind, send_on, days FROM notice_wanted
WHERE cell = $1 AND contract_id BETWEEN $2 AND $3 ORDER BY send_on, contract_id, n
"""
OPENINGS = """
SELECT contract_id, document FROM contract_opening
WHERE cell = $1 AND contract_id BETWEEN $2 AND $3
"""


async def receipts(connection: Connection, borrower_id: int) -> list[Record]:
    """Bank money that no contract took at first, of rows that name the borrower."""
    return list(await connection.fetch(RECEIPTS, borrower_id, *contracts(borrower_id)))


async def notices(connection: Connection, borrower_id: int) -> list[Record]:
    """Notices that were asked for."""
    cell = cell_of_borrower(borrower_id)
    return list(await connection.fetch(NOTICES, cell, *contracts(borrower_id)))


async def openings(connection: Connection, borrower_id: int) -> dict[int, str]:
    """By contract, the document that it began with."""
    cell = cell_of_borrower(borrower_id)
    rows = await connection.fetch(OPENINGS, cell, *contracts(borrower_id))
    return {row[0]: row[1] for row in rows}


def contracts(borrower_id: int) -> tuple[int, int]:
    """The first and the last number that a contract of the borrower can have."""
    return borrower_id << 12, borrower_id << 12 | CONTRACTS_MAX
