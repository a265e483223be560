"""A new number for a borrower: proven from both sides, cooled, then one for the other.

The new number is proven by a code sent to it, and the old one by a code sent to that; where the old
one is lost, a member of staff stands in for it with a reason. Then a time of cooling runs, of which
the old number is told and within which the borrower can stop the change. Only then the directory
knows the borrower by the new number, in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import contact_store as store
from usance.identity import contacts as known
from usance.identity import keys_sql, messages, portal_store
from usance.identity.boxes import PHONE, Boxes, check_current
from usance.identity.changing import Asking, Change, Making, answered, once
from usance.identity.codes import NEW_NUMBER, OLD_NUMBER, Codes
from usance.identity.contacts import Contacts, reason_at, reason_of
from usance.identity.limits import Limits
from usance.identity.messages import MINUTE, Mailbox, Message
from usance.identity.once import Answer
from usance.identity.people import phone_of
from usance.identity.portal_policy import PortalPolicy
from usance.identity.records import note
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.work import Job, enqueue

QUEUE = "contact-change"
SIDES = {"new": NEW_NUMBER, "old": OLD_NUMBER}
TOLD_BY = {"new": messages.NEW_NUMBER_CODE, "old": messages.OLD_NUMBER_CODE}
"""Which number, and the purpose of the code that proves it."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and the secret of their session, to which codes are bound; the key of the form.

    ``request_hash`` is of everything that the form said but a number: a plain hash of one is soon
    guessed.
    """

    actor: str
    half: str
    session_id: int = 0
    key: str = ""
    request_hash: bytes = b""

    @property
    def asking(self) -> Asking:
        """The same as every change knows it."""
        return Asking(self.actor, self.key, self.request_hash)


class ContactChanges:
    """Changes of borrowers' phones."""

    def __init__(
        self, pool: Pool, clock: Clock, policy: PortalPolicy, limits: Limits, coder: Codes,
        boxes: Boxes, mailbox: Mailbox, contacts: Contacts,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._policy = policy
        self._limits = limits
        self._codes = coder
        self._boxes = boxes
        self._mailbox = mailbox
        self._contacts = contacts

    async def of(self, borrower_id: int) -> Sequence[store.Row]:
        """A borrower's changes, the newest first."""
        return await store.changes(self._pool, borrower_id)

    async def open_one(self, borrower_id: int) -> store.Row | None:
        """The change that is on its way; one that was not proven in time is none any more."""
        row = await store.open_change(self._pool, borrower_id, PHONE)
        return None if row is None or self._expired(row) else row

    async def new_number(self, row: store.Row) -> str:
        """The number that a change is about, in clear."""
        who = await portal_store.active_borrower(self._pool, row["borrower_id"])
        return await self._opened(who, row) if who else ""

    @rule("R-CONTACT-01", "R-CONTACT-03", "R-LOGIN-05")
    async def ask(self, borrower_id: int, number: str, asker: Asker, reason: str = "") -> int:
        """Begin a change: a code goes to the new number and, unless staff vouches, to the old one.

        ``reason`` is a member of staff's, who stands in for an old number that is lost. A form
        that is sent twice counts once.
        """
        phone = phone_of(number)
        reason = reason_of(reason) if reason else ""
        hashed = hashlib.sha256(asker.request_hash + await self._codes.number(phone)).digest()
        asking = Asking(asker.actor, asker.key, hashed)

        async def make(change: Change) -> dict[str, Any]:
            return {"change_id": await self._begin(change, borrower_id, phone, asker, reason)}

        counts = {"changes_of_a_number": str(borrower_id), "sends_to_a_number": phone}
        answer = await self._counted_once(asking, counts, make)
        return int(answer.document["change_id"])

    async def _counted_once(
        self, asking: Asking, counts: Mapping[str, str], make: Making
    ) -> Answer:
        """Make a change, as often as the limits allow; what a key was answered with is no more."""
        before = await answered(self._pool, asking)
        if before is not None:
            return before
        counted = await self._limits.count(counts)
        answer = await once(self._pool, asking, make)
        if answer.replayed:
            await self._limits.forgive(counted)
        return answer

    async def _begin(
        self, change: Change, borrower_id: int, phone: str, asker: Asker, reason: str
    ) -> int:
        connection = change.connection
        who = await self._locked(connection, borrower_id)
        old = await self._boxes.detail(who, PHONE)
        if phone == old:
            raise Refused("R-CONTACT-03", "this is the number already", "phone")
        await self._make_room(connection, borrower_id)
        change_id = new_operation_id()
        value = await self._boxes.seal(who, phone, **value_at(change_id))
        vouched_by = asker.actor if reason else ""
        row = borrower_id, change_id, PHONE, value, self._clock.now(), vouched_by
        await store.insert_change(connection, row)
        await self._send(connection, who, phone, change_id, "new", asker)
        if reason:
            await self._keep_reason(connection, who, change_id, asker.actor, reason)
        else:
            await self._send(connection, who, old, change_id, "old", asker)
        await note(
            connection, asker.actor, "AskContactChange", borrower_id,
            [("contact_change", change_id)], {"change_id": change_id, "kind": PHONE},
            change.operation_id,
        )  # fmt: skip
        return change_id

    @rule("R-LOGIN-05")
    async def send_again(self, borrower_id: int, side: str, asker: Asker) -> None:
        """Another code to the number of one side; the one before is of no use then."""

        async def make(change: Change) -> dict[str, Any]:
            who = await self._locked(change.connection, borrower_id)
            row = await self._to_prove(change.connection, borrower_id)
            phone = await self._number_of(who, row, side)
            await self._send(change.connection, who, phone, row["change_id"], side, asker)
            await note(
                change.connection, asker.actor, "SendContactCode", borrower_id,
                [("contact_change", row["change_id"])], {"side": side}, change.operation_id,
            )  # fmt: skip
            return {}

        counts = {"sends_to_a_number": await self._number(borrower_id, side)}
        await self._counted_once(asker.asking, counts, make)

    @rule("R-CONTACT-01")
    async def prove(self, borrower_id: int, side: str, text: str, asker: Asker) -> bool:
        """A code from the new or the old number; True when the change has begun to cool."""
        counted = await self._limits.count({"attempts_on_a_number": f"change {borrower_id}"})
        half = half_of(asker, borrower_id)
        code = await self._codes.check(self._pool, half, SIDES[side], text)
        await self._limits.forgive(counted)
        async with transaction(self._pool) as connection:
            who = await self._locked(connection, borrower_id)
            row = await self._to_prove(connection, borrower_id)
            if code["borrower_id"] != borrower_id or code["change_id"] != row["change_id"]:
                raise Refused("R-LOGIN-01", "the code is wrong or no longer valid", "code")
            now = self._clock.now()
            await store.prove(connection, borrower_id, row["change_id"], side, now)
            await note(
                connection, asker.actor, "ProveContact", borrower_id,
                [("contact_change", row["change_id"])], {"side": side},
            )  # fmt: skip
            return await self._cool_if_proven(connection, who, row["change_id"], asker.actor)

    async def lost_old(self, borrower_id: int, asker: Asker) -> None:
        """The borrower has no access to the old number any more: staff has to look."""
        async with transaction(self._pool) as connection:
            await self._locked(connection, borrower_id)
            row = await self._to_prove(connection, borrower_id)
            await self._contacts.flag(
                connection, borrower_id, known.LOST, asker.actor, row["change_id"]
            )

    @rule("R-CONTACT-01", "R-CONTACT-05")
    async def vouch(self, borrower_id: int, reason: str, asking: Asking) -> int:
        """A member of staff stands in for the old number of a change, for a reason that is kept."""
        reason, actor = reason_of(reason), asking.actor

        async def make(change: Change) -> dict[str, Any]:
            connection = change.connection
            who = await self._locked(connection, borrower_id)
            row = await self._to_prove(connection, borrower_id)
            await store.vouch(connection, borrower_id, row["change_id"], actor)
            await self._keep_reason(connection, who, row["change_id"], actor, reason)
            await note(
                connection, actor, "VouchForContact", borrower_id,
                [("contact_change", row["change_id"])], {"change_id": row["change_id"]},
                change.operation_id,
            )  # fmt: skip
            await self._cool_if_proven(connection, who, row["change_id"], actor)
            return {}

        return (await once(self._pool, asking, make)).operation_id

    @rule("R-CONTACT-02")
    async def stop(self, borrower_id: int, asker: Asker) -> int:
        """The number stays as it is; all other sessions end, and staff is told."""

        async def make(change: Change) -> dict[str, Any]:
            connection = change.connection
            await self._locked(connection, borrower_id)
            row = await store.open_change(connection, borrower_id, PHONE)
            if row is None:
                raise Refused("R-FOUND-01", "there is no such change")
            now = self._clock.now()
            await store.end_change(connection, borrower_id, row["change_id"], store.STOPPED, now)
            await portal_store.end_sessions(connection, borrower_id, now, but=asker.session_id)
            await self._contacts.flag(
                connection, borrower_id, known.STOPPED, asker.actor, row["change_id"]
            )
            await note(
                connection, asker.actor, "StopContactChange", borrower_id,
                [("contact_change", row["change_id"])], {"change_id": row["change_id"]},
                change.operation_id,
            )  # fmt: skip
            return {}

        return (await once(self._pool, asker.asking, make)).operation_id

    async def work(self, connection: Connection, job: Job) -> None:
        """The job that ends the cooling time."""
        await self.take_effect(connection, job.payload["borrower_id"], job.payload["change_id"])

    @rule("R-CONTACT-02")
    async def take_effect(
        self, connection: Connection, borrower_id: int, change_id: int
    ) -> bool:
        """One number for the other, if the cooling time has passed and nobody stopped it.

        Directory, ciphertext and what is known of the number change together; a number that was
        registered by somebody else meanwhile stays theirs, and staff is told.
        """
        if not await store.lock_borrower(connection, borrower_id):
            return False
        who = await portal_store.active_borrower(connection, borrower_id)
        row, now = await store.change(connection, borrower_id, change_id), self._clock.now()
        if who is None or row is None or row["status"] != store.COOLING:
            return False
        if row["effective_at"] > now:
            raise TooEarlyError(f"change {change_id} still cools")
        lookups = await self._boxes.lookups(await self._opened(who, row))
        await connection.execute(keys_sql.TOGETHER)
        await check_current(connection, lookups)
        if not await store.replace_in_directory(connection, borrower_id, PHONE, lookups):
            await store.end_change(connection, borrower_id, change_id, store.FELL_THROUGH, now)
            await self._contacts.flag(
                connection, borrower_id, known.TAKEN, "system:portal", change_id
            )
            return False
        await self._replace(connection, who, row, now)
        return True

    async def _replace(
        self, connection: Connection, who: portal_store.Row, row: store.Row, now: datetime
    ) -> None:
        borrower_id, change_id = who["borrower_id"], row["change_id"]
        phone = await self._opened(who, row)
        place = {"table": "borrower", "column": PHONE}
        sealed = await self._boxes.seal(who, phone, **place, row_id=borrower_id)
        await store.set_phone(connection, borrower_id, sealed)
        await store.replace_contact(connection, borrower_id, PHONE, now)
        await store.end_change(connection, borrower_id, change_id, store.DONE, now)
        await portal_store.lock_codes(connection, borrower_id)
        await note(
            connection, "system:portal", "ChangeContact", borrower_id,
            [("contact_change", change_id)], {"change_id": change_id, "kind": PHONE},
        )  # fmt: skip
        message = Message(messages.NUMBER_IN_USE, phone)
        await self._mailbox.put(connection, who, f"change {change_id} done", message)

    async def _cool_if_proven(
        self, connection: Connection, who: portal_store.Row, change_id: int, actor: str
    ) -> bool:
        """Begin the cooling time once both sides are proven, and tell the old number."""
        borrower_id = who["borrower_id"]
        row = await store.change(connection, borrower_id, change_id)
        assert row is not None
        if not (row["new_proven_at"] and (row["old_proven_at"] or row["vouched_by"])):
            return False
        effective_at = self._clock.now() + self._policy.cooling
        await store.cool(connection, borrower_id, change_id, effective_at)
        payload = {"borrower_id": borrower_id, "change_id": change_id}
        await enqueue(connection, QUEUE, str(change_id), payload, effective_at)
        old = await self._boxes.detail(who, PHONE)
        day = effective_at.date().isoformat()
        message = Message(messages.NUMBER_CHANGES, old, facts={"day": day})
        await self._mailbox.put(connection, who, f"change {change_id} cools", message)
        await note(
            connection, actor, "CoolContactChange", borrower_id, [("contact_change", change_id)],
            {"change_id": change_id, "effective_at": effective_at.isoformat()},
        )  # fmt: skip
        return True

    async def _send(
        self, connection: Connection, who: portal_store.Row, phone: str, change_id: int,
        side: str, asker: Asker,
    ) -> None:  # fmt: skip
        code = await self._codes.make(
            connection, half_of(asker, who["borrower_id"]), SIDES[side], phone,
            who["borrower_id"], change_id,
        )  # fmt: skip
        valid = self._policy.code_valid
        facts, until = {"minutes": valid // MINUTE}, self._clock.now() + valid
        message = Message(TOLD_BY[side], phone, code, facts, until)
        key = f"change {change_id} {side} {new_operation_id()}"
        await self._mailbox.put(connection, who, key, message)

    async def _keep_reason(
        self, connection: Connection, who: portal_store.Row, change_id: int, actor: str,
        reason: str,
    ) -> None:  # fmt: skip
        """The reason stands in a flag that is closed already."""
        borrower_id, flag_id, now = who["borrower_id"], new_operation_id(), self._clock.now()
        await store.raise_flag(connection, (borrower_id, flag_id, known.VOUCHED, change_id, now))
        sealed = await self._boxes.seal(who, reason, **reason_at(flag_id))
        await store.close_flag(connection, borrower_id, flag_id, actor, sealed, now)

    async def _locked(self, connection: Connection, borrower_id: int) -> portal_store.Row:
        who = None
        if await store.lock_borrower(connection, borrower_id):
            who = await portal_store.active_borrower(connection, borrower_id)
        if who is None:
            raise Refused("R-FOUND-01", "there is no such borrower")
        return who

    async def _number(self, borrower_id: int, side: str) -> str:
        """The number of one side of the change that is to be proven."""
        who = await portal_store.active_borrower(self._pool, borrower_id)
        if who is None:
            raise Refused("R-FOUND-01", "there is no such borrower")
        return await self._number_of(who, await self._to_prove(self._pool, borrower_id), side)

    async def _number_of(self, who: portal_store.Row, row: store.Row, side: str) -> str:
        if side == "new":
            return await self._opened(who, row)
        return await self._boxes.detail(who, PHONE)

    async def _to_prove(self, connection: store.Either, borrower_id: int) -> store.Row:
        row = await store.open_change(connection, borrower_id, PHONE)
        if row is None or row["status"] != store.TO_PROVE or self._expired(row):
            raise Refused("R-FOUND-01", "there is no such change")
        return row

    @rule("R-CONTACT-03")
    async def _make_room(self, connection: Connection, borrower_id: int) -> None:
        """One change at a time: one that was not proven in time makes room."""
        row = await store.open_change(connection, borrower_id, PHONE)
        if row is None:
            return
        if not self._expired(row):
            raise Refused("R-CONTACT-03", "a change of the number is under way", "phone")
        now = self._clock.now()
        await store.end_change(connection, borrower_id, row["change_id"], store.FELL_THROUGH, now)

    def _expired(self, row: store.Row) -> bool:
        late = self._clock.now() - row["asked_at"] >= self._policy.prove_within
        return bool(row["status"] == store.TO_PROVE and late)

    async def _opened(self, who: portal_store.Row, row: store.Row) -> str:
        return await self._boxes.open(who, row["value"], **value_at(row["change_id"]))


def value_at(change_id: int) -> dict[str, Any]:
    """The place of a new number, to which its ciphertext is bound."""
    return {"table": "contact_change", "column": "value", "row_id": change_id}


def half_of(asker: Asker, borrower_id: int) -> str:
    """The browser's half of a code: of a session, and (staff serves many) of a borrower."""
    return f"{asker.half} {borrower_id}"


class TooEarlyError(Exception):
    """The cooling time has not passed by our clock; the job is tried again later."""
