"""Bank money that waits: what is there, to a contract, back to the payer."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from usance.servicing import commands as ask
from usance.servicing.receipts import open_receipts
from usance.web.api import bodies
from usance.web.api.endpoint import Asked, Empty, command, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import Ids, Money, iso, ordinal, spelled


class ReceiptView(Struct):
    """A receipt that waits; the amount is below zero where the bank took it back."""

    receipt_id: int
    file_id: int
    row: int
    reference: str
    amount: str
    value_date: str | None
    borrower_id: str | None
    contract_id: str | None
    outcome: str
    detail: Any


@read("/v1/receipts", "files:read")
async def receipts(asked: Asked[PageQuery]) -> Page[ReceiptView]:
    """Bank money that no contract took and that waits, oldest first."""
    after = position(asked.query, 0, 2**31 - 1)
    rows = await open_receipts(asked.services.pool, after, asked.query.limit)
    items = [
        ReceiptView(
            receipt_id=row["receipt_id"], file_id=row["file_id"], row=row["row"],
            reference=row["reference"], amount=asked.money.say(row["amount"]),
            value_date=iso(row["value_date"]), borrower_id=spelled("borrower", row["borrower_id"]),
            contract_id=spelled("contract", row["contract_id"]), outcome=row["outcome"],
            detail=msgspec.json.decode(row["detail"]),
        ) for row in rows
    ]  # fmt: skip
    return page(items, asked.query, items[-1].receipt_id if items else 0)


@command("POST", "/v1/contracts/{contract_id}/allocations")
def allocate_receipt(at: Ids, body: bodies.AllocationBody, _: Money) -> ask.AllocateReceipt:
    """Bank money that waits pays this contract."""
    return ask.AllocateReceipt(
        contract_id=at["contract_id"], receipt_id=body.receipt_id,
        effective_on=ordinal(body.effective_on),
    )  # fmt: skip


@command("POST", "/v1/receipts/{receipt_id}/return")
def return_receipt(at: Ids, _body: Empty, _: Money) -> ask.ReturnReceipt:
    """Bank money that waits goes back to the payer."""
    return ask.ReturnReceipt(receipt_id=at["receipt_id"])
