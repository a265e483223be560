"""What a bank says of an order: taken once, and booked exactly once, whatever happens in between.

A notification is accepted and remembered in one transaction, together with a job that books it. It
is booked at once; where the process dies before that, the job does it. Both ask the book under the
same key, so it makes no difference who was first, or whether both were. What is kept beside the
contracts is kept under that key too: money is booked or kept, whoever was first, and never both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta

from usance.core.money import format_decimal, parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.payments import rules, store
from usance.payments.bank import REMEMBERED, Bank, check_signature
from usance.payments.intents import intent_in, reference_of
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.logs import get_logger
from usance.platform.work import Job, enqueue

logger = get_logger(__name__)

BOOKING = "payment-booking"
AT_ONCE = timedelta(seconds=3)
"""So long the job leaves the booking to whoever took the notification."""


class Notification(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A bank's word on an order; ``order`` is our name of it, ``reference`` the bank's.

    ``sending`` is different each time that the bank sends the same word.
    """

    id: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
    order: Annotated[str, Meta(max_length=40)]
    reference: Annotated[str, Meta(max_length=100)]
    result: Literal["paid", "declined"]
    amount: Annotated[str, Meta(max_length=20)]
    currency: Annotated[str, Meta(max_length=3)]
    sending: Annotated[str, Meta(min_length=8, max_length=64)]

    @property
    def digest(self) -> bytes:
        """Of what is said, not of the sending."""
        words = self.id, self.order, self.reference, self.result, self.amount, self.currency
        return hashlib.sha256(msgspec.json.encode(words)).digest()


@dataclass(frozen=True, slots=True)
class Entered:
    """What the book answered: the operation, or the rule that refused.

    With ``receipt_id`` the money is kept beside the contracts, now or from before.
    """

    operation_id: int
    rule: str = ""
    detail: str = ""
    receipt_id: int = 0


class Till(Protocol):
    """The way of money into the book."""

    async def book(self, key: str, borrower_id: int, contract_id: int, amount: int) -> Entered:
        """Book a payment of a borrower, once for a key; contract 0: on all contracts.

        What was kept under the key is not booked any more.
        """
        ...

    async def hold(
        self, key: str, borrower_id: int, contract_id: int, amount: int, rule_id: str, why: str
    ) -> Entered:
        """Keep money that is not booked, once for a key; what was booked meanwhile stays booked."""
        ...


class Notifications:
    """Takes what a bank says."""

    def __init__(
        self, pool: Pool, clock: Clock, till: Till, currency: str, decimals: int
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._till = till
        self._currency = currency
        self._decimals = decimals

    @rule("R-PAY-03", "R-PAY-04")
    async def receive(
        self, bank: Bank, headers: Mapping[str, str], body: bytes
    ) -> dict[str, Any]:
        """Take a notification and book it; raises ``Refused``, and then nothing has changed.

        The bank may send it again, signed anew; the very same bytes again are somebody else's.
        """
        now = self._clock.now()
        signature = check_signature(await bank.keys(), headers, body, now)
        said = read(body)
        amount = self._amount(said)
        borrower_id, intent_id = intent_in(said.order)
        async with transaction(self._pool) as connection:
            await store.forget_signatures(connection, now - REMEMBERED)
            if not await store.use_signature(connection, signature, now):
                raise Refused("R-PAY-04", "the notification was sent before")
            row = await store.intent(connection, borrower_id, intent_id, lock=True)
            if row is None or row["bank_reference"] != said.reference:
                raise Refused("R-FOUND-01", "there is no such payment", "order")
            if await self._is_new(connection, said, borrower_id, intent_id, amount):
                await self._take(connection, row, said, amount)
        await self.settle(borrower_id, intent_id)
        found = await store.intent(self._pool, borrower_id, intent_id)
        assert found is not None
        return {"order": said.order, "status": found["status"], "outcome": found["outcome"]}

    async def work(self, _connection: Connection, job: Job) -> None:
        """The job that books what was taken and not yet booked."""
        await self.settle(job.payload["borrower_id"], job.payload["intent_id"])

    @rule("R-PAY-02", "R-PAY-05")
    async def settle(self, borrower_id: int, intent_id: int) -> None:
        """Book what came for an intent, once; keep beside the contracts what cannot be booked."""
        row = await store.intent(self._pool, borrower_id, intent_id)
        if row is None or row["outcome"] != rules.RECEIVED:
            return
        key = f"payment {reference_of(borrower_id, intent_id)}"
        to, paid = row["contract_id"], row["paid"]
        if rules.fits(paid, row["amount"]):
            entered = await self._till.book(key, borrower_id, to, paid)
        else:
            entered = Entered(0, "R-PAY-05", "the amount is not what was to be paid")
        if entered.rule and not entered.receipt_id:
            entered = await self._till.hold(
                key, borrower_id, to, paid, entered.rule, entered.detail
            )
        if entered.receipt_id:
            logger.warning("payment kept unallocated", extra={"rule": entered.rule})
        outcome = rules.UNALLOCATED if entered.receipt_id else rules.BOOKED
        numbers = entered.operation_id, entered.receipt_id
        settled = outcome, entered.rule, *numbers, self._clock.now()
        await store.settle_intent(self._pool, row, settled)

    @rule("R-PAY-06")
    async def _is_new(
        self, connection: Connection, said: Notification, borrower_id: int, intent_id: int,
        amount: int,
    ) -> bool:  # fmt: skip
        """Whether the bank says it for the first time; raises if it said something else before."""
        row = said.id, said.digest, borrower_id, intent_id, said.result, amount
        if await store.insert_notification(connection, row):
            return True
        if await store.notification_digest(connection, said.id) != said.digest:
            raise Refused("R-PAY-06", "the bank has said otherwise before", "id")
        return False

    async def _take(
        self, connection: Connection, row: store.Row, said: Notification, amount: int
    ) -> None:
        standing = rules.Standing(row["status"], row["outcome"], row["amount"])
        status, outcome = rules.next_status(standing, said.result)
        now = self._clock.now()
        paid = amount if outcome else 0
        await store.note_word(connection, row, status, outcome, paid, None if outcome else now)
        if outcome:
            job = {"borrower_id": row["borrower_id"], "intent_id": row["intent_id"]}
            await enqueue(connection, BOOKING, str(row["intent_id"]), job, now + AT_ONCE)

    @rule("R-CURRENCY-01")
    def _amount(self, said: Notification) -> int:
        if said.currency != self._currency:
            raise Refused("R-CURRENCY-01", f"the book is kept in {self._currency}", "currency")
        try:
            amount = parse_decimal(said.amount, self._decimals)
        except ValueError as error:
            raise Refused("R-AMT-01", "not an amount of money", "amount") from error
        if amount <= 0:
            raise Refused("R-AMT-01", "the amount must be positive", "amount")
        return amount


@rule("R-DOC-01")
def read(body: bytes) -> Notification:
    """A notification in its shape; raises ``Refused``."""
    try:
        return msgspec.json.decode(body, type=Notification)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("R-DOC-01", "not a notification", "") from error


def written_amount(units: int, decimals: int) -> str:
    """An amount as notifications have it."""
    return format_decimal(units, decimals)
