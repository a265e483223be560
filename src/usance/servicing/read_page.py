"""The page of a contract: the newest of everything, in one statement.

One statement sees one state of the book, and costs one round trip whatever the contract's age.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from usance.contract.records import LINE, Due
from usance.core.identifiers import cell_of_contract
from usance.platform.database import Pool
from usance.servicing import columns, store
from usance.servicing.read import Standing, stand

ROWS_SHOWN = 40  # of a schedule: most are shown whole
CYCLES_SHOWN = STATEMENTS_SHOWN = 6  # half a year
EVENTS_SHOWN = TRANSFERS_SHOWN = 20

Row = Mapping[str, Any]

STATEMENT = columns.STATEMENT[2:]
EVENT = (
    "seq", "kind", "effective_on", "booked_on", "amount", "of_seq", "component", "days",
    "principal", "interest", "fee", "penalty", "credit", "cycle", "reversed_by", "operation_id",
    "recorded_at",
)  # fmt: skip
TRANSFER = ("event_seq", "number", "debit", "credit", "amount", "effective_on", "booked_on")
PLAN = ("contract_id", "principal", "opened_on", "status", "unpaid_principal")


def rows_of(names: Sequence[str], table: str, which: str) -> str:
    """An array of rows with these columns."""
    return f"ARRAY(SELECT each FROM (SELECT {', '.join(names)} FROM {table} {which}) each)"


MINE = "WHERE cell = $1 AND contract_id = $2"
SHOWN = f"CASE c.kind WHEN {LINE} THEN {CYCLES_SHOWN} ELSE {ROWS_SHOWN} END"
DUES = f"{MINE} AND n >= least(c.first_open, c.due_count + 1 - {SHOWN}) ORDER BY n"
STATEMENTS = f"{MINE} ORDER BY number DESC LIMIT {STATEMENTS_SHOWN}"
EVENTS = f"{MINE} ORDER BY seq DESC LIMIT {EVENTS_SHOWN}"
TRANSFERS = f"{MINE} ORDER BY event_seq DESC, number LIMIT {TRANSFERS_SHOWN}"
PLANS = "WHERE cell = $1 AND borrower_id = c.borrower_id AND parent_id = $2 ORDER BY contract_id"
PAGE = f"""
SELECT c, (SELECT business_date FROM book),
  (SELECT code FROM product p WHERE p.product_id = c.product_id),
  (SELECT document FROM contract_opening {MINE}),
  {rows_of(columns.DUE[2:], "due", DUES)}, {rows_of(STATEMENT, "statement", STATEMENTS)},
  {rows_of(EVENT, "event", EVENTS)}, {rows_of(TRANSFER, "transfer", TRANSFERS)},
  {rows_of(PLAN, "contract", PLANS)}
FROM (SELECT {", ".join(columns.CONTRACT)} FROM contract {MINE}) c"""


@dataclass(frozen=True, slots=True)
class ContractPage:
    """A contract as it stands today, with the newest of its dues, statements, events, transfers."""

    standing: Standing
    product_code: str
    opening: dict[str, Any]
    dues: list[Due]
    statements: list[Row]
    events: list[Row]
    transfers: list[Row]
    plans: list[Row]


async def contract_page(pool: Pool, contract_id: int) -> ContractPage | None:
    """Everything that a page about one contract starts with; None if there is none."""
    async with pool.acquire() as connection:
        row = await connection.fetchrow(PAGE, cell_of_contract(contract_id), contract_id)
        if row is None:
            return None
        contract, today, product, opening, dues, statements, events, transfers, plans = row
        await store.load_terms(connection, {contract[4]})
    standing = standing_of(contract, dues, today)
    return ContractPage(
        standing, product, json.loads(opening) if opening else {}, standing.dues,
        named(STATEMENT, statements), named(EVENT, events), named(TRANSFER, transfers),
        named(PLAN, plans),
    )  # fmt: skip


def standing_of(contract: Sequence[int], dues: Sequence[Sequence[int]], today: date) -> Standing:
    """The contract at the business date, from its row and its dues."""
    hand = store.hand_of(contract)
    hand.hold(dues)
    return stand(hand, today.toordinal())


def named(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Row]:
    """Rows with the names of their columns."""
    return [dict(zip(names, row, strict=True)) for row in rows]
