"""What is known of a borrower's number: whether it is still theirs, and what staff should look at.

A number that was not used for long may have been given to somebody else meanwhile. Before anything
personal goes to it, whoever answers from it must know the end of the identity number; and whoever
says that the number is not the borrower's ends all messages to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import contact_store, portal_store
from usance.identity.boxes import PHONE, Boxes
from usance.identity.changing import Asking, Change, once
from usance.identity.portal_policy import PortalPolicy
from usance.identity.records import note
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id

NOT_ME, IDENTITY, STOPPED, LOST, TAKEN, VOUCHED = (
    "not-me", "identity", "stopped", "lost-old", "taken", "vouched",
)  # fmt: skip
"""Kinds of flags: somebody else has the number; the question after a right code was not answered;
a change was stopped; the old number is lost; the new number is somebody else's; staff vouched."""
REASON_MAX = 500


class Contacts:
    """What is known of the numbers of borrowers."""

    def __init__(self, pool: Pool, clock: Clock, policy: PortalPolicy, boxes: Boxes) -> None:
        self._pool = pool
        self._clock = clock
        self._policy = policy
        self._boxes = boxes

    async def of(self, borrower_id: int) -> dict[str, Any]:
        """The phone in clear, and what is known of it; nothing for one without details."""
        who = await portal_store.active_borrower(self._pool, borrower_id)
        if who is None:
            return {}
        known = await contact_store.contact(self._pool, borrower_id, PHONE)
        names = ("verified_at", "used_at", "suspended_at")
        return {"phone": await self._boxes.detail(who, PHONE)} | {
            name: known[name] if known else None for name in names
        }

    @rule("R-LOGIN-06")
    async def is_stale(
        self, connection: portal_store.Either, who: portal_store.Row, *, known_device: bool
    ) -> bool:
        """Whether the number may have changed hands since it was last used."""
        known = await contact_store.contact(connection, who["borrower_id"], PHONE)
        used: datetime = who["recorded_at"]
        if known is not None:
            used = known["used_at"] or known["verified_at"] or used
        policy = self._policy
        most = policy.stale_after if known_device else policy.stale_for_new_device_after
        return self._clock.now() - used >= min(most, policy.stale_after)

    @rule("R-LOGIN-06", "R-CONTACT-04")
    async def takes_no_code(self, connection: portal_store.Either, borrower_id: int) -> bool:
        """Whether no code goes to the number: it is not theirs, or staff has not looked yet."""
        return await contact_store.takes_no_code(connection, borrower_id, PHONE, IDENTITY)

    @rule("R-LOGIN-06")
    async def not_answered(self, connection: Connection, borrower_id: int) -> None:
        """Whoever has the number does not know the borrower: no code opens, and staff looks."""
        await portal_store.lock_codes(connection, borrower_id)
        await self.flag(connection, borrower_id, IDENTITY, "system:portal")

    async def used(self, connection: Connection, borrower_id: int) -> None:
        """The borrower answered from the number."""
        await contact_store.use_contact(connection, borrower_id, PHONE, self._clock.now())

    @rule("R-CONTACT-04")
    async def not_theirs(self, borrower_id: int) -> None:
        """Whoever holds the number says that it is not the borrower's: messages end, staff looks.

        Sessions that are open stay: they were begun by who the borrower is.
        """
        async with transaction(self._pool) as connection:
            now = self._clock.now()
            await contact_store.suspend_contact(connection, borrower_id, PHONE, now)
            await portal_store.lock_codes(connection, borrower_id)
            await self.flag(connection, borrower_id, NOT_ME, "system:portal")

    async def flag(
        self, connection: Connection, borrower_id: int, kind: str, actor: str, change_id: int = 0
    ) -> int:
        """Have staff look; the same thing is not flagged twice while it is open."""
        flag_id = new_operation_id()
        row = borrower_id, flag_id, kind, change_id, self._clock.now()
        if await contact_store.raise_flag(connection, row):
            await note(
                connection, actor, "FlagNumber", borrower_id, [("contact_flag", flag_id)],
                {"kind": kind, "change_id": change_id},
            )  # fmt: skip
        return flag_id

    async def open_flags(self, count: int = 200) -> Sequence[contact_store.Row]:
        """What nobody has looked at, the oldest first."""
        return await contact_store.open_flags(self._pool, count)

    async def flags_of(self, borrower_id: int) -> Sequence[contact_store.Row]:
        """A borrower's flags, the newest first."""
        return await contact_store.flags_of(self._pool, borrower_id)

    async def reasons_of(self, borrower_id: int) -> dict[int, str]:
        """Why flags of a borrower were closed, by flag."""
        who = await portal_store.active_borrower(self._pool, borrower_id)
        rows = [row for row in await self.flags_of(borrower_id) if who and row["reason"]]
        return {
            row["flag_id"]: await self._boxes.open(who, row["reason"], **reason_at(row["flag_id"]))
            for row in rows if who
        }  # fmt: skip

    @rule("R-CONTACT-05")
    async def close_flag(
        self, borrower_id: int, flag_id: int, reason: str, asking: Asking, *, lift: bool
    ) -> int:
        """Staff has looked, for a reason that is kept; ``lift`` lets messages go again."""
        reason, actor = reason_of(reason), asking.actor

        async def make(change: Change) -> dict[str, Any]:
            connection = change.connection
            there = await contact_store.lock_borrower(connection, borrower_id)
            who = await portal_store.active_borrower(connection, borrower_id)
            if who is None or not there:
                raise Refused("R-FOUND-01", "there is no such flag")
            now = self._clock.now()
            sealed = await self._boxes.seal(who, reason, **reason_at(flag_id))
            kind = await contact_store.close_flag(
                connection, borrower_id, flag_id, actor, sealed, now
            )
            if kind is None:
                raise Refused("R-FOUND-01", "there is no such flag")
            if lift:
                await contact_store.suspend_contact(connection, borrower_id, PHONE, None)
            await note(
                connection, actor, "CloseFlag", borrower_id, [("contact_flag", flag_id)],
                {"flag_id": flag_id, "kind": kind, "lift": lift}, change.operation_id,
            )  # fmt: skip
            return {}

        return (await once(self._pool, asking, make)).operation_id


def reason_at(flag_id: int) -> dict[str, Any]:
    """The place of a flag's reason, to which its ciphertext is bound."""
    return {"table": "contact_flag", "column": "reason", "row_id": flag_id}


@rule("R-CONTACT-05")
def reason_of(text: str) -> str:
    """A reason that staff gives: some words, kept encrypted."""
    reason = text.strip()
    if not (4 <= len(reason) <= REASON_MAX and reason.isprintable()):
        raise Refused("R-CONTACT-05", "a reason has 4 to 500 printable characters", "reason")
    return reason
