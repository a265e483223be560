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


async def balances(
    pool: Pool, axis: Axis, on: date, contract_id: int | None = None
) -> list[Record]:
    """Turnover of each account up to the end of a day, by effective or by booked date.

    Of one contract, or of the whole book: (account, debit, credit) in minor units.
    """
    column = {"effective": "effective_on", "booked": "booked_on"}[axis]
    scope = "" if contract_id is None else " AND cell = $2 AND contract_id = $3"
    place = () if contract_id is None else (cell_of_contract(contract_id), contract_id)
    rows: list[Record] = await pool.fetch(
        "SELECT account, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit FROM"
        " (SELECT side.account, side.debit, side.credit FROM transfer CROSS JOIN LATERAL"
        " (VALUES (transfer.debit, amount, 0), (transfer.credit, 0, amount))"
        f" AS side (account, debit, credit) WHERE {column} <= $1{scope}) AS entry"
        " GROUP BY account ORDER BY account",
        on,
        *place,
    )
    return rows
