"""Cost sheets as they were shown, and the sheet of a line before it is opened."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from usance.servicing import cost_read
from usance.servicing.line_sheet import line_sheet
from usance.servicing.products import product_of
from usance.web.api.contracts import today
from usance.web.api.endpoint import Asked, Empty, read
from usance.web.api.values import spelled
from usance.web.problems import not_found


class CostSheetView(Struct):
    """A cost sheet word for word, and what became of it; ``how`` is empty until it is confirmed."""

    kind: str
    digest: str
    sheet: Any
    offer_id: str | None = None
    contract_id: str | None = None
    language: str = ""
    shown_at: str | None = None
    confirmed_at: str | None = None
    how: str = ""
    given_at: str | None = None


class LineQuery(Struct, forbid_unknown_fields=True):
    """0: the product's."""

    statement_day: int = 0


def cost_sheet_view(kept: cost_read.Kept) -> CostSheetView:
    """A sheet that is kept."""
    return CostSheetView(
        kind=kept.kind, digest=kept.digest.hex(), sheet=kept.sheet,
        offer_id=spelled("offer", kept.offer_id), contract_id=spelled("contract", kept.contract_id),
        language=kept.language, shown_at=moment(kept.shown_at),
        confirmed_at=moment(kept.confirmed_at), how=kept.how, given_at=moment(kept.given_at),
    )  # fmt: skip


def moment(at: Any) -> str | None:
    """As ISO 8601; None for never."""
    return at.isoformat() if at else None


@read("/v1/borrowers/{borrower_id}/offers/{offer_id}/cost-sheet", "offers:read")
async def cost_sheet_of_offer(asked: Asked[Empty]) -> CostSheetView:
    """The cost sheet of an offer, when it was shown, and when confirmed; showing is another act."""
    found = await cost_read.of_offer(
        asked.services.pool, asked.at["borrower_id"], asked.at["offer_id"]
    )
    if found is None:
        raise not_found("cost sheet", "offer_id")
    return cost_sheet_view(found)


@read("/v1/contracts/{contract_id}/cost-sheet", "contracts:read")
async def cost_sheet_of_contract(asked: Asked[Empty]) -> CostSheetView:
    """What was shown of a contract's cost before it began, word for word."""
    found = await cost_read.of_contract(asked.services.pool, asked.at["contract_id"])
    if found is None:
        raise not_found("cost sheet", "contract_id")
    return cost_sheet_view(found)


@read("/v1/products/{code}/cost-sheet", "products:read")
async def cost_sheet_of_line(asked: Asked[LineQuery]) -> CostSheetView:
    """The sheet of a pay-later line that would open today, to be read before it is opened."""
    product = product_of(asked.at["code"])
    if product.kind != "statement":
        raise not_found("line", "code")
    day = asked.query.statement_day or product.settings["statement_day"]
    if not 1 <= day <= 28:
        raise not_found("line", "statement_day")
    written = line_sheet(product.code, day, await today(asked))
    return CostSheetView(kind="line", digest=written.digest.hex(), sheet=written.sheet)
