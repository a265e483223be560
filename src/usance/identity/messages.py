"""What protects an account is told as notices: codes, changes of the number, new devices.

Each is planned by the transaction that wants it sent, its code and the number that it goes to
under the borrower's own key. Like every notice it passes the gate (``notices``): nothing goes to a
number that somebody said is not the borrower's, and no code goes out that has expired meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from usance.core.rules import rule
from usance.identity import portal_store
from usance.identity.boxes import Boxes
from usance.notices import sealing
from usance.notices.outbox import Telling, tell
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool

LOG_IN_CODE, NEW_NUMBER_CODE, OLD_NUMBER_CODE = "log-in-code", "new-number-code", "old-number-code"
NUMBER_CHANGES, NUMBER_IN_USE, NEW_DEVICE = "number-changed", "number-in-use", "new-device"
"""Templates of what is told."""
MINUTE = timedelta(minutes=1)
PLACE = {"table": "sandbox_message", "column": "content"}


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """What is to be told by a template; never printed.

    ``to``: the number that it goes to. ``code``: secret, empty without one. ``until``: after that
    it is of no use any more.
    """

    template: str
    to: str
    code: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    until: datetime | None = None


class Mailbox:
    """Where messages are put."""

    def __init__(self, boxes: Boxes, clock: Clock) -> None:
        self._boxes = boxes
        self._clock = clock

    @rule("R-CONTACT-06")
    async def put(
        self, connection: Connection, who: portal_store.Row, key: str, message: Message
    ) -> None:
        """Have a message sent, once for its key, if the transaction is committed."""
        secrets = {"to": message.to} | ({"code": message.code} if message.code else {})
        box = await sealing.sealed(self._boxes, who, key, secrets)
        telling = Telling(
            who["borrower_id"], key, message.template, message.facts, box=box,
            until=message.until,
        )  # fmt: skip
        await tell(connection, [telling], self._clock.now())


@dataclass(frozen=True, slots=True, repr=False)
class Outgoing:
    """A message in words, for the sandbox."""

    borrower_id: int
    kind: str
    to: str
    words: str


class Messenger(Protocol):
    """Keeps messages to people."""

    async def send(self, connection: Connection, message: Outgoing) -> None:
        """Take a message; raise to have it tried again."""
        ...


class SandboxMessenger:
    """Sends nothing: keeps messages for staff of a sandbox to look at."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    async def send(self, connection: Connection, message: Outgoing) -> None:
        """Keep the message, as ciphertext of its borrower."""
        borrower_id = message.borrower_id
        who = await portal_store.active_borrower(connection, borrower_id)
        if who is None:
            return  # erased meanwhile: nobody shall read it
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
