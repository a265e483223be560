"""What of the book stands in the way of a person's erasure, and when records grew last."""

from __future__ import annotations

from datetime import date

from usance.core.identifiers import cell_of_borrower
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.platform.personal import last_use, obstacle

STANDING = """
SELECT EXISTS (SELECT FROM contract WHERE cell = $1 AND borrower_id = $2 AND status = 1) AS open,
    EXISTS (SELECT FROM contract WHERE cell = $1 AND borrower_id = $2 AND status <> 2
        AND unpaid_principal + unpaid_interest + unpaid_fee + unpaid_penalty > 0) AS owed,
    EXISTS (SELECT FROM contract WHERE cell = $1 AND borrower_id = $2 AND credit > 0) AS credit,
    EXISTS (SELECT FROM line WHERE cell = $1 AND borrower_id = $2 AND status = 1) AS line,
    EXISTS (SELECT FROM authorisation WHERE cell = $1 AND borrower_id = $2 AND status = 1) AS hold,
    EXISTS (SELECT FROM receipt r JOIN bank_file_row b ON b.file_id = r.file_id AND b.row = r.row
        WHERE r.status = 1 AND (b.borrower_id = $2 OR b.contract_id >> 12 = $2)) AS receipt
"""
IN_WORDS = {
    "open": "a contract is still open", "owed": "something is still owed",
    "credit": "a credit balance is not paid out", "line": "a line is still open",
    "hold": "a hold is still open", "receipt": "bank money of the borrower is unallocated",
}  # fmt: skip
LAST_BOOKED = """
SELECT max(newest.booked_on) FROM contract c CROSS JOIN LATERAL (
    SELECT booked_on FROM event e WHERE e.cell = c.cell AND e.contract_id = c.contract_id
    ORDER BY seq DESC LIMIT 1
) AS newest WHERE c.cell = $1 AND c.borrower_id = $2
"""


@obstacle
@rule("R-ERASE-01")
async def still_open(connection: Connection, borrower_id: int) -> str | None:
    """The first thing that is open, owed or not paid out."""
    found = await connection.fetchrow(STANDING, cell_of_borrower(borrower_id), borrower_id)
    return next((words for name, words in IN_WORDS.items() if found[name]), None)


@last_use
async def last_booked(connection: Connection, borrower_id: int) -> date | None:
    """The day of the last booking on any contract; None for whoever never had one."""
    last: date | None = await connection.fetchval(
        LAST_BOOKED, cell_of_borrower(borrower_id), borrower_id
    )
    return last
