"""A book with somebody who owes, a bank of the sandbox, and a process that is killed in between."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.servicing.books import KEYS, TestBook, fresh
from usance.payments import notifications, sandbox_bank, store
from usance.payments.intents import EXPIRY, Payments, reference_of
from usance.payments.notifications import BOOKING, Entered, Notifications
from usance.payments.sandbox_bank import SandboxBank
from usance.platform import work
from usance.platform.clock import FixedClock, SystemClock
from usance.platform.database import Pool, open_pool
from usance.servicing import commands as asked
from usance.servicing.service import Book
from usance.web.paying import BookTill


@dataclass
class Till:
    """What a test of payments works with."""

    book: TestBook
    clock: FixedClock
    payments: Payments
    bank: SandboxBank
    notified: Notifications
    borrower_id: int
    contract_id: int
    heard: list[int] = field(default_factory=list)

    @property
    def pool(self) -> Pool:
        return self.book.pool

    async def begin(self, amount: int = 20_000, key: str = "k1", **how: Any) -> store.Row:
        """A payment that the bank has the order of."""
        return await self.payments.begin(
            self.bank, self.borrower_id, how.get("contract_id", 0), amount,
            how.get("owed", 10**9), form_key=key, actor=f"borrower:{self.borrower_id}",
        )  # fmt: skip

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The way of a notification, without a socket."""
        assert path == "/bank/notifications"
        await self.notified.receive(self.bank, headers, body)
        self.heard.append(200)
        return 200

    async def say(self, intent: store.Row, **changes: str) -> dict[str, Any]:
        """A signed notification as the bank would send it, with changes."""
        reference = reference_of(intent["borrower_id"], intent["intent_id"])
        said = {
            "id": "n-1", "order": reference, "reference": intent["bank_reference"],
            "result": "paid", "amount": f"{intent['amount'] / 100:.2f}", "currency": "CNY",
            "sending": os.urandom(8).hex(),
        } | changes  # fmt: skip
        body, headers = await self.bank.signed(msgspec.json.encode(said))
        return await self.notified.receive(self.bank, headers, body)

    async def one(self, intent: store.Row) -> store.Row:
        found = await self.payments.one(intent["borrower_id"], intent["intent_id"])
        assert found is not None
        return found

    async def paid(self) -> list[int]:
        """Amounts of the repayments in the book."""
        rows = await self.pool.fetch(
            "SELECT amount FROM event WHERE kind IN (3, 16) ORDER BY contract_id, seq"
        )
        return [row["amount"] for row in rows]

    async def work(self) -> None:
        """Everything that waits, whatever its time."""
        await self.pool.execute("UPDATE job SET not_before = now()")
        jobs = {BOOKING: self.notified.work, EXPIRY: self.payments.expire,
                sandbox_bank.QUEUE: self.bank.work}  # fmt: skip
        for queue, handler in jobs.items():
            await work.run(self.pool, queue, handler, until_idle=True)


@asynccontextmanager
async def till(pool: Pool) -> AsyncIterator[Till]:
    """Somebody owes 900.00 on an account."""
    async with fresh(pool) as book:
        borrower_id = await book.borrower()
        contract_id = await book.line(borrower_id, "pay_later")
        await book.do(asked.Purchase(contract_id=contract_id, amount=90_000))
        clock = FixedClock(SystemClock().now())
        payments = Payments(pool, clock, "CNY")
        notified = Notifications(pool, clock, BookTill(pool, book.book), "CNY", 2)
        bank = SandboxBank(pool, KEYS, clock, 2)
        found = Till(book, clock, payments, bank, notified, borrower_id, contract_id)
        bank.post = found.post
        yield found


class KilledTill(BookTill):
    """A till whose process dies before, or just after, the book has answered."""

    after = False

    async def book(self, key: str, borrower_id: int, contract_id: int, amount: int) -> Entered:
        if self.after:
            await super().book(key, borrower_id, contract_id, amount)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def take_and_die(url: str, headers: dict[str, str], body: bytes, when: str) -> None:
    """Take a notification in a process that is killed before it is booked, or right after."""
    asyncio.run(_take(url, headers, body, when))


async def _take(url: str, headers: dict[str, str], body: bytes, when: str) -> None:
    pool = await open_pool(url, 3)
    book = Book(pool)
    await book.start()
    clock = SystemClock()
    killed = KilledTill(pool, book)
    killed.after = when == "after"
    notified = notifications.Notifications(pool, clock, killed, "CNY", 2)
    await notified.receive(SandboxBank(pool, KEYS, clock, 2), headers, body)
