"""Cost sheets are read: by a clock that is a minute further at every look, so that nobody waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from usance.platform.clock import SystemClock
from usance.servicing import commands as asked

Document = dict[str, Any]


class Patient:
    """A clock of somebody who reads everything for a minute."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> datetime:
        """A minute later than the last time."""
        self.looks += 1
        return SystemClock().now() + timedelta(minutes=self.looks)


async def read_costs(
    do: Callable[[asked.Command], Awaitable[Document]], borrower_id: int, offer_id: int
) -> Document:
    """The sheet of an offer is shown and confirmed; the confirmation."""
    whose = {"borrower_id": borrower_id, "offer_id": offer_id}
    shown = await do(asked.ShowCosts(**whose))
    return await do(asked.ConfirmCosts(
        **whose, digest=shown["digest"], nonce=shown["nonce"], how="borrower"
    ))  # fmt: skip


async def read_costs_at(
    post: Callable[[str, Document], Awaitable[Any]], offer_path: str
) -> None:
    """The same through the API: ``post`` gives what the application answers."""
    shown = (await post(f"{offer_path}/shown", {"language": "en"})).json()
    body = {"digest": shown["digest"], "nonce": shown["nonce"], "how": "borrower"}
    await post(f"{offer_path}/confirmed", body)
