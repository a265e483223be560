"""The way of borrowers' payments into the book: the till that the payments room asks for."""

from __future__ import annotations

import hashlib

from usance.contract.records import CHARGED_OFF
from usance.core.rules import rule
from usance.identity.once import Answer
from usance.payments.notifications import Entered
from usance.platform.database import Pool
from usance.servicing import commands as ask
from usance.servicing import notified, read
from usance.web.services import Submits

ACTOR = "system:payments"


class BookTill:
    """Books payments on contracts; keeps as a receipt what no contract takes."""

    def __init__(self, pool: Pool, book: Submits) -> None:
        self._pool = pool
        self._book = book

    @rule("R-PAY-02")
    async def book(self, key: str, borrower_id: int, contract_id: int, amount: int) -> Entered:
        """Book a payment, once for a key; contract 0: on all contracts of the borrower."""
        command = await self._command(borrower_id, contract_id, amount)
        answer = await self._book.submit(
            command, actor=ACTOR, key=key, request_hash=hash_of(key)
        )
        return entered(answer)

    @rule("R-PAY-05")
    async def hold(
        self, key: str, borrower_id: int, contract_id: int, amount: int, rule_id: str, why: str
    ) -> Entered:
        """Keep money that is not booked, once for a key; what was booked meanwhile stays booked."""
        answer = await notified.hold(
            self._pool, key, borrower_id, contract_id, amount, rule_id=rule_id, detail=why,
            actor=ACTOR, request_hash=hash_of(key),
        )  # fmt: skip
        return entered(answer)

    async def _command(self, borrower_id: int, contract_id: int, amount: int) -> ask.Command:
        """What a payment asks of the book: what was written off is recovered, not repaid."""
        if not contract_id:
            return ask.RepayBorrower(borrower_id=borrower_id, amount=amount)
        async with self._pool.acquire() as connection:
            book = await read.book(connection)
            today = book.today if book else 0
            found = await read.contract(connection, contract_id, today)
        if found is not None and found.state.status == CHARGED_OFF:
            return ask.Recover(contract_id=contract_id, amount=amount)
        return ask.Repay(contract_id=contract_id, amount=amount)


def hash_of(key: str) -> bytes:
    """SHA-256 of what a key stands for: the key itself, because an intent has one."""
    return hashlib.sha256(key.encode()).digest()


def entered(answer: Answer) -> Entered:
    """What an answer says became of the money: booked, kept beside the contracts, or refused."""
    said = answer.document
    if answer.status >= 400:
        return Entered(0, said["rule"], said["detail"])
    if notified.KEPT in said:
        return Entered(0, said["rule"], said["detail"], said[notified.KEPT])
    return Entered(answer.operation_id)
