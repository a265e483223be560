"""What is secret of a notice (a code, another number that it goes to), under the borrower's key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from usance.identity import portal_store
from usance.identity.boxes import Boxes


def place(borrower_id: int, key: str) -> dict[str, Any]:
    """Where the ciphertext belongs."""
    return {"table": "notice", "column": f"box {key}", "row_id": borrower_id}


async def sealed(
    boxes: Boxes, who: portal_store.Row, key: str, secrets: Mapping[str, str]
) -> bytes:
    """Secret values of a notice; ``to`` among them is the number or address that it goes to."""
    text = msgspec.json.encode(secrets).decode()
    return await boxes.seal(who, text, **place(who["borrower_id"], key))


async def opened(boxes: Boxes, who: portal_store.Row, key: str, box: bytes) -> dict[str, str]:
    """The same in clear; none where there is no box."""
    if not box:
        return {}
    text = await boxes.open(who, box, **place(who["borrower_id"], key))
    return msgspec.json.decode(text, type=dict[str, str])
