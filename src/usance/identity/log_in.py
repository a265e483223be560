"""Log-in of borrowers by a code to their number: asked for, sent, typed in, and what may follow.

An unknown number is answered like a known one, after the same work and in the same time; only
nothing is sent. So nobody learns here who is a borrower.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import codes, messages, portal_store
from usance.identity.borrower_sessions import Begun, BorrowerSessions
from usance.identity.boxes import PHONE, Boxes, check_current
from usance.identity.codes import LOG_IN, Codes
from usance.identity.contacts import Contacts
from usance.identity.devices import Device, Devices
from usance.identity.limits import Limits
from usance.identity.messages import MINUTE, Mailbox, Message
from usance.identity.people import phone_of
from usance.identity.portal_policy import PortalPolicy
from usance.platform.addresses import counted_as
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id

LEAST_SECONDS = 0.2
"""How long an answer to a number takes at least; far more than the work behind it."""
LAST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Knock:
    """Who is at the door: a browser's half of the secret, where from, on what device."""

    half: str
    address: str
    device: Device

    @property
    def place(self) -> str:
        """What is counted for where they come from."""
        return counted_as(self.address)


class LogIn:
    """The door of the portal."""

    def __init__(
        self, pool: Pool, clock: Clock, policy: PortalPolicy, limits: Limits, coder: Codes,
        boxes: Boxes, mailbox: Mailbox, sessions: BorrowerSessions,
        contacts: Contacts,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._policy = policy
        self._limits = limits
        self._codes = coder
        self._boxes = boxes
        self._mailbox = mailbox
        self._sessions = sessions
        self._contacts = contacts
        self._devices = Devices(pool, clock)

    @rule("R-LOGIN-04", "R-LOGIN-05")
    async def ask(self, number: str, knock: Knock) -> None:
        """Send a code to a number, if somebody has it; raises ``Refused`` for what is no number."""
        phone = phone_of(number)
        started = asyncio.get_running_loop().time()
        await self._limits.count({"sends_from_an_address": knock.place})
        if await self._is_known(phone, knock.device):
            await self._limits.count({"sends_to_a_known_device": phone})
        else:
            # One address is stopped before it has used up what a number gets in all.
            both = f"{phone} {knock.place}"
            await self._limits.count({"sends_to_a_number_from_an_address": both})
            await self._limits.count({"sends_to_a_number": phone})
        await self._send(phone, knock.half)
        passed = asyncio.get_running_loop().time() - started
        await asyncio.sleep(max(LEAST_SECONDS - passed, 0))

    @rule("R-LOGIN-05")
    async def _is_known(self, phone: str, device: Device) -> bool:
        """Whether who has this number was logged in on the device: strangers do not lock them out.

        The same statements for a number that nobody has.
        """
        lookups = await self._boxes.lookups(phone)
        borrower_id = await portal_store.borrower_of_lookups(self._pool, PHONE, lookups)
        return await self._devices.known(borrower_id, device)

    @rule("R-LOGIN-06")
    async def _send(self, phone: str, half: str) -> None:
        """The same statements for everybody; one more row for a number that somebody has."""
        lookups, now = await self._boxes.lookups(phone), self._clock.now()
        async with transaction(self._pool) as connection:
            await check_current(connection, lookups)
            await portal_store.forget_codes(connection, now - self._policy.code_valid * 6)
            borrower_id = await portal_store.borrower_of_lookups(connection, PHONE, lookups)
            who = await portal_store.active_borrower(connection, borrower_id)
            if await self._contacts.takes_no_code(connection, borrower_id):
                who = None
            known = who["borrower_id"] if who else 0
            code = await self._codes.make(connection, half, LOG_IN, phone, known)
            until, minutes = now + self._policy.code_valid, self._policy.code_valid // MINUTE
            message = Message(messages.LOG_IN_CODE, phone, code, {"minutes": minutes}, until)
            if who:
                await self._mailbox.put(connection, who, f"code {new_operation_id()}", message)
            else:
                await self._boxes.pretend(code)
                await connection.execute("SELECT")

    async def waits(self, half: str) -> str:
        """What the browser is asked for next: ``code``, ``identity``, or nothing."""
        challenge = codes.challenge_of(half, LOG_IN)
        now = self._clock.now()
        row = await portal_store.code_of(self._pool, challenge, LOG_IN, now)
        if row is None:
            return ""
        return "identity" if row["state"] == portal_store.ASKED else "code"

    @rule("R-LOGIN-01", "R-LOGIN-06")
    async def enter(self, text: str, knock: Knock) -> Begun | None:
        """A session for the right code; None when one more question is asked first."""
        row = await self._right(text, knock)
        borrower_id = row["borrower_id"]
        known = await self._devices.known(borrower_id, knock.device)
        async with transaction(self._pool) as connection:
            who = await self._borrower(connection, borrower_id)
            if await self._contacts.is_stale(connection, who, known_device=known):
                await portal_store.set_code_state(
                    connection, row["challenge"], portal_store.USED, portal_store.ASKED, anew=True
                )
                return None
            return await self._begin(connection, who, knock.device)

    @rule("R-LOGIN-06")
    async def answer(self, last_digits: str, knock: Knock) -> Begun:
        """A session for the end of the identity number, after a right code."""
        challenge = codes.challenge_of(knock.half, LOG_IN)
        most = self._policy.identity_attempts
        counted = await self._count_answer(challenge)
        row = await portal_store.count_answer(self._pool, challenge, self._clock.now(), most)
        if row is None:
            codes.wrong()
        async with transaction(self._pool) as connection:
            who = await self._borrower(connection, row["borrower_id"])
            number = await self._boxes.detail(who, "identity_number")
            given = last_digits.strip().upper().encode(errors="replace")
            right = hmac.compare_digest(given, number[-LAST_DIGITS:].encode())
            if right:
                if not await portal_store.set_code_state(
                    connection, challenge, row["state"], portal_store.USED
                ):
                    codes.wrong()  # a twin of this answer was first
                begun = await self._begin(connection, who, knock.device)
            elif row["state"] == portal_store.LOCKED:
                await self._contacts.not_answered(connection, who["borrower_id"])
        if not right:
            raise Refused("R-LOGIN-06", "these are not the last four characters", "digits")
        await self._limits.forgive(counted)
        return begun

    @rule("R-LOGIN-06")
    async def _count_answer(self, challenge: bytes) -> list[bytes]:
        """An answer counts for its borrower, whatever the code; staff looks after too many."""
        found = await portal_store.code_of(self._pool, challenge, LOG_IN, self._clock.now())
        if found is None or found["state"] != portal_store.ASKED:
            codes.wrong()
        borrower_id = found["borrower_id"]
        try:
            return await self._limits.count({"identity_answers": str(borrower_id)})
        except Refused:
            async with transaction(self._pool) as connection:
                await self._contacts.not_answered(connection, borrower_id)
            raise

    @rule("R-CONTACT-04")
    async def not_me(self, text: str, knock: Knock) -> None:
        """Whoever holds the number, which the code proves, says that they are not the borrower."""
        row = await self._right(text, knock)
        await self._contacts.not_theirs(row["borrower_id"])

    async def _right(self, text: str, knock: Knock) -> portal_store.Row:
        """The row of a right code, whose attempt then does not count."""
        codes.six_digits(text)
        found = await portal_store.code_of(
            self._pool, codes.challenge_of(knock.half, LOG_IN), LOG_IN, self._clock.now()
        )
        number = found["number_hash"].hex() if found else ""
        known = await self._devices.known(found["borrower_id"] if found else 0, knock.device)
        limit = "attempts_on_a_known_device" if known else "attempts_on_a_number"
        counted = await self._limits.count({
            limit: number, "attempts_from_an_address": knock.place,
        })  # fmt: skip
        row = await self._codes.check(self._pool, knock.half, LOG_IN, text)
        await self._limits.forgive(counted)
        return row

    async def _borrower(self, connection: Connection, borrower_id: int) -> portal_store.Row:
        who = await portal_store.active_borrower(connection, borrower_id)
        if who is None:
            codes.wrong()
        return who

    async def _begin(
        self, connection: Connection, who: portal_store.Row, device: Device
    ) -> Begun:
        await self._contacts.used(connection, who["borrower_id"])
        return await self._sessions.begin(connection, who, device, "code")
