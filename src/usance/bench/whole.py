"""A book of many loans on which every invariant holds, in half a minute.

``seed`` stamps states alone, which is enough to close days on. Here a few hundred loans are lent
and repaid by commands on the first day, and then copied whole under other ids: borrower, line,
offer, contract, dues, events, transfers, accrual, audit events with their own digests.
"""

from datetime import date

from usance.bench.house import LENT_ON, lent, registered
from usance.core.identifiers import CELLS
from usance.day.verify_sql import EVENT_BYTES, TRANSFER_BYTES
from usance.platform import schema
from usance.platform.database import Connection, Pool, transaction
from usance.servicing import commands as ask
from usance.servicing.service import Book
from usance.servicing.setup import create_book

ORIGINALS = 500
COPIED = ("borrower", "line", "offer", "cost_sheet", "contract", "contract_opening", "due", "event",
          "transfer", "accrual_change", "operation")  # fmt: skip
NEW_IDS = {
    "cell": "c.cell",
    "borrower_id": "c.borrower_id",
    "contract_id": "CASE t.contract_id WHEN 0 THEN 0"
    " ELSE (c.borrower_id << 12) | (t.contract_id & 4095) END",
    "offer_id": "CASE t.offer_id WHEN 0 THEN 0 ELSE t.offer_id - c.back END",
    "sheet_id": "t.sheet_id - c.back",
    "operation_id": "CASE t.operation_id WHEN 0 THEN 0 ELSE t.operation_id - c.back END",
}
"""How each id of a copy comes from its original's; ids of operations lie further back in time."""
KNOWN_BY = "INSERT INTO directory SELECT 'uci-credit', int8send(borrower_id), borrower_id FROM {}"
"""A borrower without personal data is known by a number (``day.verify_sql``)."""
COPIES = f"""
CREATE TEMP TABLE copy ON COMMIT DROP AS
WITH span AS (SELECT max(operation_id) - min(operation_id) + 1 AS ids FROM operation)
SELECT old, number << 10 | cell AS borrower_id, cell, back FROM (
    SELECT borrower_id AS old, number, (number * 2654435761 >> 12) % {CELLS} AS cell, back
    FROM borrower, span, generate_series(1, $1::bigint) AS times,
        LATERAL (SELECT (borrower_id >> 10) + times * $2::bigint AS number, times * ids AS back)
) AS copies
"""
DIGESTS = f"""
WITH events AS (
    SELECT operation_id, count(*) AS rows,
        string_agg({EVENT_BYTES}, ''::bytea ORDER BY cell, contract_id, seq) AS bytes
    FROM event e GROUP BY operation_id
), transfers AS (
    SELECT e.operation_id, count(*) AS rows, string_agg({TRANSFER_BYTES}, ''::bytea
        ORDER BY t.cell, t.contract_id, t.event_seq, t.number) AS bytes
    FROM transfer t JOIN event e ON e.cell = t.cell AND e.contract_id = t.contract_id
        AND e.seq = t.event_seq GROUP BY e.operation_id
)
UPDATE operation o SET digest = sha256(
    convert_to('event:' || e.rows || ':', 'UTF8') || e.bytes
    || convert_to('transfer:' || coalesce(t.rows, 0) || ':', 'UTF8') || coalesce(t.bytes, ''))
FROM events e LEFT JOIN transfers t USING (operation_id) WHERE e.operation_id = o.operation_id
"""


async def whole_book(pool: Pool, book: Book, loans: int) -> list[int]:
    """A book of so many loans, opened on ``LENT_ON``; the loans lent by commands."""
    await create_book(pool, name="bench", opened_on=LENT_ON)
    originals = min(ORIGINALS, loans)
    contracts = await lent(book, await registered(pool, originals))
    await pool.execute(KNOWN_BY.format("borrower"))
    repayments = [
        ask.Repay(contract_id=each, amount=10_000 + place) for place, each in enumerate(contracts)
    ]
    await book.submit_many(list(repayments), actor="bench")
    async with transaction(pool) as connection:
        await multiply(connection, loans // originals - 1, originals)
    await pool.execute("VACUUM ANALYZE")
    return contracts


async def multiply(connection: Connection, times: int, originals: int) -> None:
    """Copy everything of every borrower."""
    await connection.execute(COPIES, times, originals)
    await connection.execute("CREATE INDEX ON copy (old)")
    await connection.execute("ANALYZE copy")
    for name in COPIED:
        columns = [column.name for column in schema.contract.metadata.tables[name].columns]
        values = ", ".join(NEW_IDS.get(each, f"t.{each}") for each in columns)
        owner = "t.borrower_id" if "borrower_id" in columns else "t.contract_id >> 12"
        await connection.execute(
            f"INSERT INTO {name} ({', '.join(columns)})"
            f" SELECT {values} FROM {name} t JOIN copy c ON c.old = {owner}"
        )
    await connection.execute(KNOWN_BY.format("copy"))
    await connection.execute(
        "INSERT INTO borrower_number (last) SELECT max(borrower_id >> 10) FROM borrower"
    )
    await connection.execute(DIGESTS)


def first_days(count: int) -> date:
    """The last of so many days from the first one on."""
    return date.fromordinal(LENT_ON.toordinal() + count - 1)
