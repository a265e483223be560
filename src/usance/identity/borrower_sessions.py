"""Sessions of borrowers: an opaque token that names its borrower and proves itself by 256 bits.

The table keeps the hash. A session ends when it is idle too long, too old, ended by its holder (or
from another device), or when the borrower is erased.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from usance.core.identifiers import parse, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import messages
from usance.identity import portal_store as store
from usance.identity.boxes import PHONE, Boxes
from usance.identity.changing import Asking, Change, once
from usance.identity.devices import Device, Devices
from usance.identity.messages import Mailbox, Message
from usance.identity.portal_policy import PortalPolicy
from usance.identity.records import note
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool
from usance.platform.identifiers import new_operation_id

TOUCHED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class BorrowerSession:
    """A borrower who is logged in; ``csrf`` goes into every form."""

    borrower_id: int
    session_id: int
    device_id: int
    csrf: str
    language: str

    @property
    def actor(self) -> str:
        """How the audit log calls them."""
        return actor_of(self.borrower_id)


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that has just begun, with what the browser is to keep."""

    borrower_id: int
    token: str
    device_token: str
    operation_id: int


def actor_of(borrower_id: int) -> str:
    """A borrower as an actor of the audit log."""
    return f"borrower:{borrower_id}"


class BorrowerSessions:
    """The sessions of the borrowers of a book."""

    def __init__(
        self, pool: Pool, clock: Clock, policy: PortalPolicy, boxes: Boxes, mailbox: Mailbox
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._policy = policy
        self._boxes = boxes
        self._mailbox = mailbox
        self._devices = Devices(pool, clock)

    @rule("R-LOGIN-08")
    async def session(self, token: str) -> BorrowerSession | None:
        """The session of a token; None when it is unknown, ended, idle too long or too old."""
        borrower_id = borrower_in(token)
        if not borrower_id:
            return None
        now, policy = self._clock.now(), self._policy
        row = await store.live_session(
            self._pool, borrower_id, _hashed(token), now - policy.age_most, now - policy.idle_most
        )
        if row is None:
            return None
        if now - row["seen_at"] >= TOUCHED_EVERY:
            await store.touch_session(self._pool, borrower_id, row["session_id"], now)
        return BorrowerSession(
            borrower_id, row["session_id"], row["device_id"], row["csrf"], row["language"]
        )

    @rule("R-LOGIN-09")
    async def begin(
        self, connection: Connection, who: store.Row, device: Device, opened_by: str
    ) -> Begun:
        """A new session on a device; a device that is new is told of in a message."""
        borrower_id, now = who["borrower_id"], self._clock.now()
        device_id, known = await self._devices.see(connection, borrower_id, device)
        token = f"{written('borrower', borrower_id)}.{secrets.token_urlsafe(32)}"
        session_id, csrf = new_operation_id(), secrets.token_urlsafe(32)
        row = borrower_id, session_id, _hashed(token), csrf, device_id, opened_by, now
        await store.insert_session(connection, row)
        if not known:
            await self._tell(connection, who, session_id, device.family)
        operation_id = await note(
            connection, actor_of(borrower_id), "LogInBorrower", borrower_id,
            [("borrower_session", session_id), ("device", device_id)],
            {"by": opened_by, "new_device": not known},
        )  # fmt: skip
        return Begun(borrower_id, token, device.token, operation_id)

    async def of(self, borrower_id: int) -> Sequence[store.Row]:
        """Sessions that are open, the newest first."""
        now, policy = self._clock.now(), self._policy
        return await store.open_sessions(
            self._pool, borrower_id, now - policy.age_most, now - policy.idle_most
        )

    async def log_out(self, session: BorrowerSession) -> None:
        """End this session."""
        await self.end(session, session.session_id)

    @rule("R-LOGIN-08")
    async def end(
        self, session: BorrowerSession, session_id: int, asking: Asking | None = None
    ) -> None:
        """End one session of the same borrower; raises ``Refused`` when there is none."""

        async def make(change: Change) -> dict[str, Any]:
            now, borrower_id = self._clock.now(), session.borrower_id
            if not await store.end_session(change.connection, borrower_id, session_id, now):
                raise Refused("R-FOUND-01", "there is no such session")
            await note(
                change.connection, session.actor, "LogOutBorrower", borrower_id,
                [("borrower_session", session_id)], {"sessions": 1}, change.operation_id,
            )  # fmt: skip
            return {}

        await once(self._pool, asking or Asking(session.actor), make)

    async def end_others(self, session: BorrowerSession, asking: Asking | None = None) -> int:
        """End every other session of the same borrower; returns how many there were."""

        async def make(change: Change) -> dict[str, Any]:
            ended = await store.end_sessions(
                change.connection, session.borrower_id, self._clock.now(), but=session.session_id
            )
            await note(
                change.connection, session.actor, "LogOutBorrower", session.borrower_id,
                [("borrower_session", session.session_id)], {"sessions": ended, "others": True},
                change.operation_id,
            )  # fmt: skip
            return {"sessions": ended}

        answer = await once(self._pool, asking or Asking(session.actor), make)
        return int(answer.document["sessions"])

    async def _tell(
        self, connection: Connection, who: store.Row, session_id: int, family: str
    ) -> None:
        to = await self._boxes.detail(who, PHONE)
        facts = {"device": family, "day": self._clock.now().date().isoformat()}
        message = Message(messages.NEW_DEVICE, to, facts=facts)
        await self._mailbox.put(connection, who, f"new device {session_id}", message)


def borrower_in(token: str) -> int:
    """The borrower whom a token names; 0 for what is no token."""
    name, dot, secret = token.partition(".")
    if not dot or not secret or not token.isascii():
        return 0
    try:
        return parse("borrower", name)
    except ValueError:
        return 0


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
