"""``Consents``: give, refuse, withdraw, and what ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from usance.consents import receipts, rules, saying, store, telling
from usance.consents.acts import enter_shipped
from usance.consents.documents import ConsentDocument, document_of
from usance.consents.records import Record, Saying
from usance.consents.rules import EXPIRED, GIVEN, REFUSED, STATES
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.boxes import Boxes
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.notices.quiet import settled_over
from usance.platform.clock import Clock, SystemClock
from usance.platform.crypto import KeyService
from usance.platform.database import Connection, Pool, transaction
from usance.platform.looks import Looks

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Offered:
    """A document that a borrower can agree to alone, and how that stands."""

    document: ConsentDocument
    in_force: bool
    record: Record | None = None
    is_live: bool = False

    @property
    def state(self) -> str:
        """Where it stands, as it is shown: what is past its end or retired has ended."""
        if self.record is None:
            return ""
        past = self.record.state == GIVEN and not self.is_live
        return STATES[EXPIRED if past else self.record.state]


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it is stored; ``in_force``: it is the one that can be agreed to today."""

    document: ConsentDocument
    digest: bytes
    retired_on: date | None
    in_force: bool
    adopted_by: str
    adopted_at: datetime
    operation_id: int


class Consents(Looks):
    """The consents of a book."""

    every_seconds = 60

    def __init__(self, pool: Pool, keys: KeyService, clock: Clock | None = None) -> None:
        self._pool = pool
        self._boxes = Boxes(keys)
        self._clock = clock or SystemClock()
        self._settled = settled_over(pool, self._clock)

    async def enter_shipped(self) -> None:
        """A book of before there were consents has the documents too."""
        async with transaction(self._pool) as connection:
            await enter_shipped(connection, self._clock.now())

    # -- saying --------------------------------------------------------------------------------

    async def grant(self, asked: Saying, asking: Asking) -> Answer:
        """A document is agreed to; the receipt. Raises ``Refused``."""
        return await self._say(asked, GIVEN, asking)

    async def refuse(self, asked: Saying, asking: Asking) -> Answer:
        """A document is not agreed to, at once; the receipt. Raises ``Refused``."""
        return await self._say(asked, REFUSED, asking)

    async def _say(self, asked: Saying, state: int, asking: Asking) -> Answer:
        async def make(change: Change) -> dict[str, Any]:
            now = self._clock.now()
            record = await saying.say(change, self._boxes, asked, state, now)
            return await self._receipt(change.connection, record)

        return await once(self._pool, asking, make)

    async def withdraw(
        self, borrower_id: int, record_id: int, method: str, evidence: str, asking: Asking
    ) -> Answer:
        """What was given is taken back, at once; the receipt. Raises ``Refused``.

        Answered when nothing goes by it any more.
        """

        async def make(change: Change) -> dict[str, Any]:
            place, now = (borrower_id, record_id), self._clock.now()
            record = await saying.withdraw(change, self._boxes, place, method, evidence, now)
            return await self._receipt(change.connection, record)

        answer = await once(self._pool, asking, make)
        await self._settled(borrower_id)
        return answer

    async def _receipt(self, connection: Connection, record: Record) -> dict[str, Any]:
        rows = await store.documents(connection, record.document_id)
        bodies = {row["version"]: row["body"] for row in rows}
        return receipts.receipt(record, document_of(bodies[record.version]))

    # -- reading -------------------------------------------------------------------------------

    async def of_borrower(self, borrower_id: int) -> list[dict[str, Any]]:
        """A borrower's agreements with their receipts; evidence stays closed."""
        return await receipts.told(self._pool, borrower_id, self._clock.now())

    @rule("R-CONSENT-04")
    async def offered(self, borrower_id: int) -> list[Offered]:
        """The documents in force that need nobody else, and those of which something was said."""
        now = self._clock.now()
        mine = await store.of_borrower(self._pool, borrower_id)
        known = await receipts.documents(self._pool)
        records = {each.document_id: each for each in mine if not each.counterparty.kind}
        found = []
        for name in sorted({document_id for document_id, _ in known}):
            record = records.get(name)
            its = known[name, record.version] if record else None
            stands = [
                each.document for (document_id, _), each in sorted(known.items())
                if document_id == name
                and rules.in_force(each.document, each.retired_on, now.date())
            ]  # fmt: skip
            shown = stands[-1] if stands else its.document if its else None
            if shown is None or shown.two_sided:
                continue
            live = bool(record and its and rules.is_live(record, its.retired_on, now))
            found.append(Offered(shown, bool(stands), record, live))
        return found

    @rule("R-CONSENT-08")
    async def receipt(self, borrower_id: int, record_id: int) -> dict[str, Any]:
        """The receipt of an agreement as it stands; raises ``Refused`` (R-FOUND-01)."""
        async with self._pool.acquire() as connection:
            record = await store.record(connection, borrower_id, record_id)
            if record is None:
                raise Refused("R-FOUND-01", "there is no such consent", "record_id")
            return await self._receipt(connection, record)

    async def documents(self, document_id: str = "") -> list[store.Row]:
        """Every version of one document or of all, the newest first."""
        return list(await store.documents(self._pool, document_id))

    @rule("R-CONSENT-02")
    async def versions(self, document_id: str = "") -> list[Version]:
        """The same, and which of each can be agreed to; days are calendar days in UTC."""
        today, seen, found = self._clock.now().date(), set[str](), []
        for row in await self.documents(document_id):
            document = document_of(row["body"])
            stands = rules.in_force(document, row["retired_on"], today)
            newest = stands and document.document_id not in seen
            if newest:
                seen.add(document.document_id)
            found.append(Version(
                document, row["digest"], row["retired_on"], newest, row["adopted_by"],
                row["adopted_at"], row["operation_id"],
            ))  # fmt: skip
        return found

    # -- what ends by itself -------------------------------------------------------------------

    @rule("R-CONSENT-06")
    async def expire(self) -> int:
        """Write down what is past its end; how many there were."""
        done = 0
        while True:
            now = self._clock.now()
            async with transaction(self._pool) as connection:
                found = await store.past_their_end(connection, now, AT_ONCE)
                for record in found:
                    await saying.expire(connection, record, now)
            done += len(found)
            if len(found) < AT_ONCE:
                return done

    @rule("R-CONSENT-06")
    async def remind(self) -> int:
        """Tell everybody whose consent has been on for a year; how many consents that were.

        Those that concern a relative are told by the room of the family.
        """
        done = 0
        while True:
            now = self._clock.now()
            async with transaction(self._pool) as connection:
                found = await store.to_remind(connection, now, AT_ONCE, telling.WHAT)
                for record in found:
                    await store.mark_reminded(connection, record, now)
                    await telling.of_a_year(connection, record, now)
            done += len(found)
            if len(found) < AT_ONCE:
                return done

    async def look(self) -> int:
        """What is past its end or a year old; nothing depends on its being soon."""
        return await self.expire() + await self.remind()
