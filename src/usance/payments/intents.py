"""Intents: what a borrower wants to pay, made once for a form and given to the bank."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.identifiers import parse, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.ledger.digest import digest
from usance.payments import rules, store
from usance.payments.bank import Bank
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.work import Job, enqueue

EXPIRY = "payment-expiry"


@cache
def valid_for() -> timedelta:
    """How long a payment may be on its way, as the policy document says."""
    text = resources.files("usance.policies").joinpath("portal.yaml").read_text("utf-8")
    return timedelta(minutes=yaml.safe_load(text)["payments"]["expire_minutes"])


def reference_of(borrower_id: int, intent_id: int) -> str:
    """An intent as the bank knows it."""
    return f"{written('borrower', borrower_id)}.{written('payment', intent_id)}"


def intent_in(reference: str) -> tuple[int, int]:
    """Borrower and intent of such a reference; raises ``Refused`` for what is none."""
    borrower, _, intent = reference.partition(".")
    try:
        return parse("borrower", borrower), parse("payment", intent)
    except ValueError as error:
        raise Refused("R-FOUND-01", "there is no such payment", "order") from error


class Payments:
    """The payments that borrowers begin."""

    def __init__(self, pool: Pool, clock: Clock, currency: str) -> None:
        self._pool = pool
        self._clock = clock
        self._currency = currency

    @rule("R-PAY-02")
    async def begin(
        self, bank: Bank, borrower_id: int, contract_id: int, amount: int, owed: int, *,
        form_key: str, actor: str,
    ) -> store.Row:  # fmt: skip
        """An intent with its order at the bank, once for a form; raises ``Refused``.

        ``contract_id`` 0 is all contracts; ``owed`` is the most that may be paid.
        """
        found = await store.intent_of_key(self._pool, borrower_id, form_key)
        if found is None:
            rules.check_amount(amount, owed)
            found = await self._insert(borrower_id, contract_id, amount, form_key, actor)
        elif (found["contract_id"], found["amount"]) != (contract_id, amount):
            raise Refused("R-IDEM-01", "the key was used for another request")
        if found["status"] == rules.CREATED:
            found = await self._submit(bank, found)
        return found

    async def of(self, borrower_id: int, count: int = 20) -> Sequence[store.Row]:
        """A borrower's payments, the newest first."""
        return await store.intents(self._pool, borrower_id, count)

    async def one(self, borrower_id: int, intent_id: int) -> store.Row | None:
        """One payment of a borrower."""
        return await store.intent(self._pool, borrower_id, intent_id)

    @rule("R-PAY-07")
    async def expire(self, connection: Connection, job: Job) -> None:
        """The job that ends the wait; money that comes later is booked all the same."""
        payload = job.payload
        await store.expire_intent(
            connection, payload["borrower_id"], payload["intent_id"], self._clock.now()
        )

    async def _insert(
        self, borrower_id: int, contract_id: int, amount: int, form_key: str, actor: str
    ) -> store.Row:
        intent_id, now = new_operation_id(), self._clock.now()
        ends = now + valid_for()
        async with transaction(self._pool) as connection:
            on = await store.business_date(connection)
            if on is None or not await store.lock_borrower(connection, borrower_id):
                raise Refused("R-FOUND-01", "there is no such borrower")
            row = borrower_id, intent_id, contract_id, amount, form_key, now, ends
            if await store.insert_intent(connection, row):
                rules.check_open(await store.waiting(connection, borrower_id, now) - 1)
                await self._note(connection, row, on, actor)
                job = {"borrower_id": borrower_id, "intent_id": intent_id}
                await enqueue(connection, EXPIRY, str(intent_id), job, ends)
            found = await store.intent_of_key(connection, borrower_id, form_key)
        assert found is not None
        return found

    async def _note(
        self, connection: Connection, row: tuple[Any, ...], on: Any, actor: str
    ) -> None:
        borrower_id, intent_id, contract_id, amount, *_ = row
        hashed = digest([("payment_intent", [(borrower_id, intent_id, contract_id, amount)])])
        audit = new_operation_id(), actor, "BeginPayment", borrower_id, contract_id, on, hashed
        detail = {"payment": written("payment", intent_id)}
        await store.insert_operation(connection, audit, detail)

    async def _submit(self, bank: Bank, found: store.Row) -> store.Row:
        """Give the order to the bank; done again for an intent that was left without one."""
        borrower_id, intent_id = found["borrower_id"], found["intent_id"]
        async with transaction(self._pool) as connection:
            order = await bank.order(
                connection, reference_of(borrower_id, intent_id), found["amount"], self._currency
            )
            await store.submit_intent(
                connection, borrower_id, intent_id, order.reference, order.page
            )
            row = await store.intent(connection, borrower_id, intent_id)
        assert row is not None
        return row
