"""The SQL of the importer."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from usance.platform import schema_behaviour
from usance.platform.database import Connection, Pool
from usance.servicing import columns

PURPOSE = "uci-credit"
"""In the directory: the file's account number, which says nothing about a person."""

FIND = """
SELECT lookup, borrower_id FROM directory WHERE purpose = $1
"""
STATEMENTS = """
SELECT s.contract_id, s.number, s.issued_on, s.balance, s.credit
FROM statement s JOIN contract c ON c.cell = s.cell AND c.contract_id = s.contract_id
WHERE c.product_id = $1 ORDER BY s.contract_id, s.number
"""
EVENTS = """
SELECT contract_id, seq, kind, effective_on, booked_on, amount, of_seq, component, days, pinned,
    principal, interest, fee, penalty, credit, reversed_by
FROM event WHERE (cell, contract_id) IN (SELECT * FROM unnest($1::smallint[], $2::bigint[]))
ORDER BY contract_id, seq
"""
OPENINGS = """
SELECT contract_id, document FROM contract_opening
WHERE (cell, contract_id) IN (SELECT * FROM unnest($1::smallint[], $2::bigint[]))
"""
STARTED = """
SELECT request_hash FROM idempotency WHERE client = $1 AND key = $2
"""
START = """
INSERT INTO idempotency (client, key, request_hash, status, answer, operation_id)
VALUES ($1, $2, $3, 201, '{}', $4)
"""

TELL = f"{columns.insert(schema_behaviour.lateness, columns.LATENESS)} ON CONFLICT DO NOTHING"


async def tell_lateness(connection: Connection, rows: list[tuple[int, ...]]) -> bool:
    """What another lender told; False if it was told before."""
    tag: str = await connection.execute(TELL, *columns.numbers(rows)) if rows else "INSERT 0 0"
    return tag != "INSERT 0 0"


async def book(pool: Pool) -> tuple[str, date] | None:
    """Currency and business date; None while there is no book."""
    row = await pool.fetchrow("SELECT currency, business_date FROM book")
    return (row[0], row[1]) if row else None


async def business_date(pool: Pool) -> date:
    """The open day."""
    found: date = await pool.fetchval("SELECT business_date FROM book")
    return found


async def started(pool: Pool | Connection, client: str, key: str) -> bytes | None:
    """The digest of the file whose import began in this book."""
    found: bytes | None = await pool.fetchval(STARTED, client, key)
    return found


async def start(
    connection: Connection, client: str, key: str, digest: bytes, operation_id: int
) -> None:
    """Remember which file this book is made of."""
    await connection.execute(START, client, key, digest, operation_id)


async def borrowers(pool: Pool) -> dict[int, int]:
    """Borrower by the file's account number."""
    rows = await pool.fetch(FIND, PURPOSE)
    return {int(row[0]): row[1] for row in rows}


async def statements(pool: Pool, product_id: int) -> Sequence[Any]:
    """Statements of all contracts of a product."""
    found: Sequence[Any] = await pool.fetch(STATEMENTS, product_id)
    return found


async def events(pool: Pool, cells: list[int], contracts: list[int]) -> Sequence[Any]:
    """All events of some contracts."""
    found: Sequence[Any] = await pool.fetch(EVENTS, cells, contracts)
    return found


async def openings(pool: Pool, cells: list[int], contracts: list[int]) -> dict[int, str]:
    """What replays of some contracts start from."""
    rows = await pool.fetch(OPENINGS, cells, contracts)
    return {row[0]: row[1] for row in rows}
