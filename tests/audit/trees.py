"""A small book with signed events, which tests of proofs share and do not change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tests.servicing.books import fresh
from usance.audit.note import PrivateKey
from usance.audit.sequencer import Sequencer
from usance.platform.clock import FixedClock
from usance.platform.database import Pool, open_pool
from usance.servicing import commands as asked

T = TypeVar("T")
KEY = PrivateKey("usance/test", b"k" * 32)
OTHER = PrivateKey("usance/other", b"o" * 32)
CHECKPOINTS = 5


@dataclass(frozen=True)
class Signed:
    """A book, and where its checkpoints are kept."""

    url: str
    kept: Path

    def ask(self, work: Callable[[Pool], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine gives, on a pool of its own."""

        async def run() -> T:
            pool = await open_pool(self.url, 3)
            try:
                return await work(pool)
            finally:
                await pool.close()

        return asyncio.run(run())


def signed_book(url: str, kept: Path) -> Signed:
    """A loan and repayments over some days, with a checkpoint now and then."""
    book = Signed(url, kept)

    async def live(pool: Pool) -> None:
        clock = FixedClock(datetime(2025, 1, 2, tzinfo=UTC))
        sequencer = Sequencer(pool, KEY, kept, clock)
        async with fresh(pool) as made:
            who = await made.borrower()
            await made.line(who, "cash_loan")
            loan = await made.loan(who, 600_000, 6)
            for n in range(CHECKPOINTS):
                await made.close_through(date(2025, 1, 20 + 2 * n))
                for _ in range(n + 1):
                    await made.do(asked.Repay(contract_id=loan, amount=1_000 + n))
                clock.advance(timedelta(hours=1))
                await sequencer.catch_up()

    book.ask(live)
    return book
