"""Reads that only the API asks for; everything shared with pages is in ``read``."""

from __future__ import annotations

from datetime import date
from typing import Literal

from asyncpg import Record

from usance.core.identifiers import cell_of_borrower, cell_of_contract
from usance.platform.database import Pool

Axis = Literal["effective", "booked"]


async def offer(pool: Pool, borrower_id: int, offer_id: int) -> Record | None:
    """One offer of a borrower; None if it is not theirs."""
    return await pool.fetchrow(
        "SELECT offer_id, borrower_id, product_id, document, cost, principal, parent_id,"
        " valid_until, status, contract_id FROM offer"
        " WHERE cell = $1 AND offer_id = $2 AND borrower_id = $3",
        cell_of_borrower(borrower_id),
        offer_id,
        borrower_id,
    )


async def authorisation(pool: Pool, borrower_id: int, authorisation_id: int) -> Record | None:
    """One hold of a borrower; None if it is not theirs."""
    return await pool.fetchrow(
        "SELECT authorisation_id, contract_id, amount, captured, status, merchant, authorised_on,"
        " expires_on FROM authorisation"
        " WHERE cell = $1 AND authorisation_id = $2 AND borrower_id = $3",
        cell_of_borrower(borrower_id),
        authorisation_id,
        borrower_id,
    )


SIDES = """
SELECT side.account, side.debit, side.credit
FROM (SELECT debit, credit, sum(amount) AS amount FROM transfer WHERE {which}
      GROUP BY debit, credit) AS pair
CROSS JOIN LATERAL (VALUES (pair.debit, amount, 0), (pair.credit, 0, amount))
    AS side (account, debit, credit)
"""
"""Transfers, added up by their two accounts, as an entry on each of them."""

CLOSED_THROUGH = """
(SELECT coalesce(max(business_date), '-infinity') FROM day_close WHERE finished_at IS NOT NULL)
"""

TURNOVER_BOOKED = f"""
SELECT account, debit, credit FROM ledger_day WHERE booked_on <= $1
UNION ALL {SIDES.format(which=f"booked_on <= $1 AND booked_on > {CLOSED_THROUGH}")}
"""
"""What is kept of closed days, and the transfers of days that are still open."""

LATER = "effective_on < booked_on AND effective_on <= $1 AND booked_on > $1"

TURNOVER_EFFECTIVE = f"""
{TURNOVER_BOOKED}
UNION ALL {SIDES.format(which=LATER)}
"""
"""Nothing is booked before it is effective, so only what was back-dated later comes on top."""

ADDED_UP = """
SELECT account, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
FROM ({turnover}) AS entry GROUP BY account ORDER BY account
"""


async def balances(pool: Pool, axis: Axis, on: date) -> list[Record]:
    """Turnover of each account of the book up to the end of a day, by effective or booked date.

    (account, debit, credit) in minor units. Its cost grows with the days of the book and with what
    is booked on a day, not with all transfers.
    """
    turnover = {"effective": TURNOVER_EFFECTIVE, "booked": TURNOVER_BOOKED}[axis]
    rows: list[Record] = await pool.fetch(ADDED_UP.format(turnover=turnover), on)
    return rows


async def contract_balances(pool: Pool, axis: Axis, on: date, contract_id: int) -> list[Record]:
    """The same of one contract, from its transfers."""
    column = {"effective": "effective_on", "booked": "booked_on"}[axis]
    turnover = SIDES.format(which=f"{column} <= $1 AND cell = $2 AND contract_id = $3")
    rows: list[Record] = await pool.fetch(
        ADDED_UP.format(turnover=turnover), on, cell_of_contract(contract_id), contract_id
    )
    return rows
