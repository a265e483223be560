"""Who may be told something now: asked just before anything is sent to a relative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from usance.consents import asking
from usance.consents.asking import What
from usance.consents.records import borrower
from usance.core.rules import rule
from usance.family import store
from usance.family.answering import name_of
from usance.family.links import Kit
from usance.family.records import ACTIVE, ENDED, INVITED, LAPSED, TAKEN_BACK, Details, Link
from usance.family.reminders import YEAR
from usance.identity import portal_store
from usance.notices.documents import Language
from usance.notices.recipients import Person
from usance.platform.database import Connection

PURPOSE = "family"
GOODBYE = "family-withdrawn"


@dataclass(frozen=True, slots=True)
class FamilyMembers:
    """``notices.recipients.Members``, as this room knows them."""

    kit: Kit

    @rule("R-FAMILY-04", "R-FAMILY-13")
    async def person(
        self, connection: Connection, borrower_id: int, member_id: int
    ) -> Person | None:
        """A relative who may be told something of this borrower now; None: they must not be.

        That is: who is invited and takes invitations; who has accepted, is not paused and has, with
        the borrower, a live agreement; and, for the one word that it ended, who was told before.
        """
        who = await portal_store.active_borrower(connection, borrower_id)
        link = await store.one(connection, borrower_id, member_id)
        if who is None or link is None:
            return None
        details = await self.kit.details(who, link)
        if link.state == INVITED:
            invited = await self._takes_invitations(connection, link, details)
            return person(link, details, ("sms",)) if invited else None
        if link.state == ENDED:
            last = await self._hears_the_last_word(connection, link)
            return person(link, details, link.channels) if last else None
        ways = await self._agreed(connection, link)
        return person(link, details, ways) if ways else None

    async def secrets(
        self, connection: Connection, borrower_id: int, member_id: int
    ) -> dict[str, str]:
        """What a notice to a relative says beside its facts: who they are, and their stop code."""
        who = await portal_store.active_borrower(connection, borrower_id)
        link = await store.one(connection, borrower_id, member_id)
        if who is None or link is None:
            return {}
        details = await self.kit.details(who, link)
        return {
            "borrower": await name_of(self.kit, connection, borrower_id, who),
            "member": details.name,
            "stop": await self.kit.stop_code(connection, who, link),
        }

    @rule("R-FAMILY-04", "R-FAMILY-12")
    async def _takes_invitations(
        self, connection: Connection, link: Link, details: Details
    ) -> bool:
        """In time, nobody barred the number, and not too many others named it within a year."""
        now, most = self.kit.now, self.kit.policy.borrowers_of_a_number
        lookups = await self.kit.lookups(details.phone)
        if now >= link.until or await store.is_barred(connection, lookups, link.borrower_id):
            return False
        return await store.number_before(connection, lookups, link, now - YEAR) < most

    @rule("R-FAMILY-11")
    async def _hears_the_last_word(self, connection: Connection, link: Link) -> bool:
        if link.accepted_at is None or link.because not in (TAKEN_BACK, LAPSED):
            return False
        return await store.is_waiting(connection, link, GOODBYE)

    @rule("R-FAMILY-13")
    async def _agreed(self, connection: Connection, link: Link) -> tuple[str, ...]:
        """The ways on which both sides' agreements are live; they stay so until it is sent."""
        found = []
        for channel in link.channels:
            for scope in link.scopes:
                what = What(PURPOSE, scope, channel)
                if await asking.live(
                    connection, borrower(link.borrower_id), what, self.kit.now, link.party
                ):
                    found.append(channel)
                    break
        again = await store.one(connection, link.borrower_id, link.member_id, lock="FOR SHARE")
        return tuple(found) if again is not None and again.state == ACTIVE else ()


def person(link: Link, details: Details, ways: tuple[str, ...]) -> Person:
    """A relative as a recipient, by some ways."""
    known = {"sms": details.phone, "email": details.email}
    return Person(
        link.party, cast(Language, link.language), details.name,
        {way: known[way] for way in ways if known[way]}, ways, hours=link.hours,
    )  # fmt: skip
