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
from usance.identity.boxes import PHONE, Boxes
from usance.platform.clock import Clock
from usance.platform.crypto import DecryptionError, MissingKeyError
from usance.platform.database import Connection, Pool
from usance.platform.logs import get_logger
from usance.platform.work import Job, publish

logger = get_logger(__name__)

TOPIC = "message"
PLACE = {"table": "sandbox_message", "column": "content"}


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


class Mailbox:
    """Where messages are put, and from where they are delivered."""

    def __init__(self, boxes: Boxes, clock: Clock) -> None:
        self._boxes = boxes
        self._clock = clock

    async def sealed(self, who: portal_store.Row, key: str, message: Message) -> dict[str, str]:
        """A message as the outbox holds it."""
        text = msgspec.json.encode(asdict(message)).decode()
        box = await self._boxes.seal(who, text, **_place(who["borrower_id"], key))
        return {"box": base64.b64encode(box).decode()}

    async def put(
        self, connection: Connection, who: portal_store.Row, key: str, message: Message
    ) -> None:
        """Have a message sent, once for its key, if the transaction is committed."""
        borrower_id = who["borrower_id"]
        await publish(
            connection, TOPIC, key, await self.sealed(who, key, message),
            cell=cell_of_borrower(borrower_id), borrower_id=borrower_id,
        )  # fmt: skip

    @rule("R-CONTACT-06")
    async def deliver(
        self, connection: Connection, job: Job, messenger: Messenger, words: Words
    ) -> None:
        """Send one message of the outbox, unless it is too late or must not reach the number."""
        who = await portal_store.active_borrower(connection, job.identity[1], stays=True)
        if who is None:
            return  # erased meanwhile: nobody can read it, and nobody shall
        message = await self._opened(who, job)
        if message is None:
            logger.warning("message cannot be read", extra={"key": job.key})
        elif message.until and datetime.fromisoformat(message.until) <= self._clock.now():
            logger.warning("message too late", extra={"kind": message.kind})
        elif await self._suspended(connection, who, message.to):
            logger.warning("message held back", extra={"kind": message.kind})
        else:
            sent = Outgoing(who["borrower_id"], message.kind, message.to, words(message))
            await messenger.send(connection, sent)

    async def _opened(self, who: portal_store.Row, job: Job) -> Message | None:
        """The message; None when the person got a new key after it was written."""
        box = base64.b64decode(job.payload["box"])
        try:
            text = await self._boxes.open(who, box, **_place(who["borrower_id"], job.key))
        except MissingKeyError:
            raise  # not the message's fault: this process has an old key file
        except DecryptionError:
            return None
        return msgspec.json.decode(text, type=Message)

    async def _suspended(self, connection: Connection, who: portal_store.Row, to: str) -> bool:
        known = await contact_store.contact(connection, who["borrower_id"], PHONE)
        if known is None or known["suspended_at"] is None:
            return False
        return to == await self._boxes.detail(who, PHONE)


def _place(borrower_id: int, key: str) -> dict[str, Any]:
    return {"table": "outbox", "column": f"payload {key}", "row_id": borrower_id}


class SandboxMessenger:
    """Sends nothing: keeps messages for staff of a sandbox to look at."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    async def send(self, connection: Connection, message: Outgoing) -> None:
        """Keep the message, as ciphertext of its borrower."""
        borrower_id = message.borrower_id
        who = await portal_store.active_borrower(connection, borrower_id)
        assert who is not None  # it was there a moment ago, in the same transaction
        text = msgspec.json.encode([message.to, message.words]).decode()
        content = await self._boxes.seal(who, text, **PLACE, row_id=borrower_id)
        await portal_store.insert_sandbox_message(connection, borrower_id, message.kind, content)

    async def newest(self, pool: Pool, count: int = 100) -> list[dict[str, Any]]:
        """The newest messages in clear: borrower, kind, to, words, moment."""
        found = []
        for row in await portal_store.sandbox_messages(pool, count):
            borrower_id = row["borrower_id"]
            text = await self._boxes.open(row, row["content"], **PLACE, row_id=borrower_id)
            to, words = msgspec.json.decode(text, type=tuple[str, str])
            found.append({
                "borrower_id": borrower_id, "kind": row["kind"], "to": to, "words": words,
                "recorded_at": row["recorded_at"],
            })  # fmt: skip
        return found
