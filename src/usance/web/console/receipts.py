"""Unallocated receipts: bank money that no contract took, and what became of it."""

from contextlib import suppress

from litestar import Response, get

from usance.servicing.receipts import all_receipts, one_receipt, open_receipts
from usance.web.console.render import INTEGER_MAX, Asked, Number, services, show
from usance.web.problems import not_found
from usance.web.security import needs

PAGE = 50


@get("/receipts", opt=needs("files:read"))
async def receipts(request: Asked) -> Response[str]:
    """Those that wait, oldest first; or all, newest first."""
    settled = request.query_params.get("all") == "1"
    reader, cursor = (all_receipts, INTEGER_MAX) if settled else (open_receipts, 0)
    with suppress(ValueError):
        cursor = max(min(int(request.query_params.get("from", "")), INTEGER_MAX), 0)
    rows = await reader(services(request).pool, cursor, PAGE + 1)
    return await show(
        request, "receipts.html", rows=rows[:PAGE], settled=settled,
        next=rows[PAGE - 1]["receipt_id"] if len(rows) > PAGE else 0,
    )  # fmt: skip


@get("/receipts/{receipt:int}", opt=needs("files:read"))
async def receipt_page(request: Asked, receipt: Number) -> Response[str]:
    """One receipt: where it came from, and what became of it."""
    found = await one_receipt(services(request).pool, min(receipt, INTEGER_MAX))
    if found is None:
        raise not_found("receipt")
    return await show(request, "receipt.html", receipt=found)


HANDLERS = [receipts, receipt_page]
