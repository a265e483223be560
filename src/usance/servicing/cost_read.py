"""Cost sheets read: of an offer, of a contract, of everything that a borrower has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from usance.core.identifiers import cell_of_borrower, cell_of_contract
from usance.core.rules import rule
from usance.platform.database import Connection, Pool
from usance.servicing import read_sql as sql
from usance.servicing.cost_sheet import KINDS, LINE, Sheet


@dataclass(frozen=True, slots=True)
class Kept:
    """A sheet that is kept, with what became of it; ids of 0 for none."""

    kind: str
    sheet_id: int
    contract_id: int
    text: str
    digest: bytes
    language: str
    shown_at: datetime | None
    nonce: str
    confirmed_at: datetime | None
    how: str
    recorded_at: datetime

    @property
    def sheet(self) -> Sheet:
        """Its words, as a document."""
        found: Sheet = json.loads(self.text)
        return found

    @property
    def offer_id(self) -> int:
        """The offer's; 0 for a line's sheet."""
        return 0 if self.kind == LINE else self.sheet_id

    @property
    def given_at(self) -> datetime | None:
        """When the sheet of a line became a document of its account."""
        return self.recorded_at if self.kind == LINE else None


def kept_of(row: Mapping[str, Any]) -> Kept:
    """A row."""
    given = {name: row[name] for name in Kept.__slots__ if name != "kind"}
    return Kept(kind=KINDS[row["kind"]], **given)


async def of_offer(
    source: Connection | Pool, borrower_id: int, offer_id: int
) -> Kept | None:
    """The sheet of a borrower's offer."""
    row = await source.fetchrow(
        f"{sql.SHEETS} AND s.sheet_id = $3", cell_of_borrower(borrower_id), borrower_id, offer_id
    )
    return kept_of(row) if row else None


@rule("R-COST-03")
async def of_contract(source: Connection | Pool, contract_id: int) -> Kept | None:
    """What was shown before a contract began; None for one of before there were sheets."""
    row = await source.fetchrow(
        f"{sql.SHEETS} AND s.contract_id = $3", cell_of_contract(contract_id), contract_id >> 12,
        contract_id,
    )  # fmt: skip
    return kept_of(row) if row else None


async def of_borrower(source: Connection | Pool, borrower_id: int) -> list[Kept]:
    """Every sheet of a borrower, oldest first."""
    rows = await source.fetch(
        f"{sql.SHEETS} ORDER BY s.sheet_id", cell_of_borrower(borrower_id), borrower_id
    )
    return [kept_of(row) for row in rows]


async def open_offers(source: Connection | Pool, borrower_id: int, today: int) -> list[Any]:
    """Offers with a sheet that wait for an answer on a business date (an ordinal), newest first."""
    cell, on = cell_of_borrower(borrower_id), date.fromordinal(today)
    return list(await source.fetch(sql.OPEN_OFFERS, cell, borrower_id, on))
