"""The quote document: what a contract owes, computed by the kernel, nothing stored."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from usance.contract.documents import Document
from usance.contract.quote import answer
from usance.web.api.endpoint import Asked, Empty, read

LONG_BODY = 20_000


@read("/v1/quote", "products:read", method="POST")
async def quote(asked: Asked[Empty], _body: Document) -> dict[str, Any]:
    """Terms and events in; schedule, totals, parts of each event, annual rates and reasons out."""
    document = msgspec.json.decode(asked.raw)
    if len(asked.raw) > LONG_BODY:
        return await asyncio.to_thread(answer, document)
    return answer(document)
