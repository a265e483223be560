"""Messages to borrowers: written into the outbox as ciphertext, carried by a messenger.

A message is put into the outbox by the transaction that wants it sent, under the borrower's own
key; a worker opens it, puts it into words and hands it to a ``Messenger``. Nothing goes to a number
that somebody said is not the borrower's, and no code goes out that has expired meanwhile.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

import msgspec

from usance.core.identifiers import cell_of_borrower
from usance.core.rules import rule
from usance.identity import contact_store, portal_store
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService, decrypt_field, encrypt_field
from usance.platform.database import Connection, Pool
from usance.platform.logs import get_logger
from usance.platform.work import Job, publish

logger = get_logger(__name__)

TOPIC = "message"
PHONE = "phone"


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """What is to be said, not yet in words; never printed."""

    kind: str
    to: str
    language: str
    values: dict[str, str] = field(default_factory=dict)
    until: str = ""
    """ISO moment after which it is of no use any more."""


@dataclass(frozen=True, slots=True, repr=False)
class Outgoing:
    """A message in words, for a messenger."""

    borrower_id: int
    kind: str
    to: str
    words: str


Words: TypeAlias = Callable[[Message], str]
"""Puts a message into words, in its language."""


class Messenger(Protocol):
    """Carries messages to people. What it does on the connection happens once, or not at all."""

    async def send(self, connection: Connection, message: Outgoing) -> None:
        """Hand a message over; raise to have it tried again."""
        ...


class Boxes:
    """Opens and seals what belongs to one borrower."""

    def __init__(self, keys: KeyService) -> None:
        self._keys = keys

    def seal(self, who: portal_store.Row, table: str, column: str, text: str) -> bytes:
        """Ciphertext for one place of a borrower (a row with ``borrower_id`` and ``data_key``)."""
        borrower_id = who["borrower_id"]
        key = self._keys.unwrap(who["data_key"], borrower_id)
        return encrypt_field(key, text, table=table, column=column, row_id=borrower_id)

    def open(self, who: portal_store.Row, table: str, column: str, ciphertext: bytes) -> str:
        """The text of such a ciphertext."""
        borrower_id = who["borrower_id"]
        key = self._keys.unwrap(who["data_key"], borrower_id)
        return decrypt_field(key, ciphertext, table=table, column=column, row_id=borrower_id)

    def lookup(self, phone: str) -> bytes:
        """The keyed hash under which the directory knows a phone."""
        return self._keys.blind_index(phone, PHONE)


class Mailbox:
    """Where messages are put, and from where they are delivered."""

    def __init__(self, boxes: Boxes, clock: Clock) -> None:
        self._boxes = boxes
        self._clock = clock

    def sealed(self, who: portal_store.Row, key: str, message: Message) -> dict[str, str]:
        """A message as the outbox holds it."""
        text = msgspec.json.encode(asdict(message)).decode()
        box = self._boxes.seal(who, "outbox", f"payload {key}", text)
        return {"box": base64.b64encode(box).decode()}

    async def put(
        self, connection: Connection, who: portal_store.Row, key: str, message: Message
    ) -> None:
        """Have a message sent, once for its key, if the transaction is committed."""
        borrower_id = who["borrower_id"]
        await publish(
            connection, TOPIC, key, self.sealed(who, key, message),
            cell=cell_of_borrower(borrower_id), borrower_id=borrower_id,
        )  # fmt: skip

    @rule("R-CONTACT-06")
    async def deliver(
        self, connection: Connection, job: Job, messenger: Messenger, words: Words
    ) -> None:
        """Send one message of the outbox, unless it is too late or must not reach the number."""
        who = await portal_store.active_borrower(connection, job.identity[1])
        if who is None:
            return  # erased meanwhile: nobody can read it, and nobody shall
        box = base64.b64decode(job.payload["box"])
        text = self._boxes.open(who, "outbox", f"payload {job.key}", box)
        message = msgspec.json.decode(text, type=Message)
        if message.until and datetime.fromisoformat(message.until) <= self._clock.now():
            logger.warning("message too late", extra={"kind": message.kind})
        elif await self._suspended(connection, who["borrower_id"], message.to):
            logger.warning("message held back", extra={"kind": message.kind})
        else:
            sent = Outgoing(who["borrower_id"], message.kind, message.to, words(message))
            await messenger.send(connection, sent)

    async def _suspended(self, connection: Connection, borrower_id: int, to: str) -> bool:
        known = await contact_store.contact(connection, borrower_id, PHONE)
        if known is None or known["suspended_at"] is None:
            return False
        return bool(known["lookup"] == self._boxes.lookup(to))


class SandboxMessenger:
    """Sends nothing: keeps messages for staff of a sandbox to look at."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    async def send(self, connection: Connection, message: Outgoing) -> None:
        """Keep the message, as ciphertext of its borrower."""
        who = await portal_store.active_borrower(connection, message.borrower_id)
        assert who is not None  # it was there a moment ago, in the same transaction
        text = msgspec.json.encode([message.to, message.words]).decode()
        content = self._boxes.seal(who, "sandbox_message", "content", text)
        await portal_store.insert_sandbox_message(
            connection, message.borrower_id, message.kind, content
        )

    async def newest(self, pool: Pool, count: int = 100) -> list[dict[str, Any]]:
        """The newest messages in clear: borrower, kind, to, words, moment."""
        found = []
        for row in await portal_store.sandbox_messages(pool, count):
            text = self._boxes.open(row, "sandbox_message", "content", row["content"])
            to, words = msgspec.json.decode(text, type=tuple[str, str])
            moment = {"recorded_at": row["recorded_at"]}
            found.append(
                {"borrower_id": row["borrower_id"], "kind": row["kind"], "to": to, "words": words}
                | moment
            )
        return found
