"""``Family``: the use cases of relatives, put together once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from usance.cases.borrower import OwnCases
from usance.cases.work import Acting
from usance.consents.documents import ConsentDocument
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.family import (
    answering,
    ending,
    links,
    misuse,
    nominating,
    reading,
    rehashing,
    reminders,
    store,
)
from usance.family.answering import Door, Invitation
from usance.family.links import Kit
from usance.family.members import FamilyMembers
from usance.family.policy import FamilyPolicy, family_policy
from usance.family.records import Acceptance, Link, Nomination, actor_of
from usance.family.sources import NOWHERE, Source
from usance.identity import contact_store
from usance.identity.boxes import Boxes
from usance.identity.changing import Asking, Change, once
from usance.identity.codes import Codes
from usance.identity.limits import Limits
from usance.identity.messages import Mailbox
from usance.identity.once import Answer
from usance.identity.portal_policy import PortalPolicy, portal_policy
from usance.notices.codes import typed
from usance.notices.gate import Gate
from usance.notices.legal import law
from usance.platform.clock import Clock, SystemClock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.platform.derived import DerivedSecrets
from usance.platform.looks import Looks

Act = Callable[[Change, Link], Awaitable[None]]


class Family(Looks):
    """The relatives of a book's borrowers."""

    every_seconds = 300

    def __init__(self, kit: Kit, cases: OwnCases, door: Door) -> None:
        self._kit = kit
        self._cases = cases
        self._door = door
        self.members = FamilyMembers(kit)

    @classmethod
    def over(
        cls, pool: Pool, keys: KeyService, jurisdiction: str, cases: OwnCases,
        clock: Clock | None = None, policy: FamilyPolicy | None = None,
        portal: PortalPolicy | None = None,
    ) -> Family:  # fmt: skip
        """Over a book's database and keys."""
        clock, portal = clock or SystemClock(), portal or portal_policy()
        boxes, keyed = Boxes(keys), DerivedSecrets(keys)
        kit = Kit(
            pool, keys, boxes, keyed, clock, policy or family_policy(), Gate(law()), jurisdiction
        )
        door = Door(
            kit, Limits(pool, keyed, clock, portal), Codes(keyed, clock, portal),
            Mailbox(boxes, clock), portal.code_valid,
        )  # fmt: skip
        return cls(kit, cases, door)

    @property
    def visit(self) -> timedelta:
        """So long a relative who has shown the number may read and decide."""
        return self._kit.policy.visit

    # -- the borrower --------------------------------------------------------------------------

    async def nominate(
        self, borrower_id: int, asked: Nomination, asking: Asking, source: Source = NOWHERE
    ) -> Answer:
        """Name a relative, once for a key; raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            return await nominating.nominate(self._kit, change, borrower_id, asked, source)

        return await once(self._kit.pool, asking, make)

    async def take_back(
        self, borrower_id: int, member_id: int, asking: Asking, method: str = "portal",
        evidence: str = "",
    ) -> Answer:  # fmt: skip
        """The borrower ends it, at once; raises ``Refused`` only where there is no such link."""

        async def act(change: Change, link: Link) -> None:
            await ending.take_back(self._kit, change, link, method, evidence)

        return await self._on(borrower_id, member_id, asking, act)

    async def resume(self, borrower_id: int, member_id: int, asking: Asking) -> Answer:
        """Staff has looked at a report: it goes on."""

        async def act(change: Change, link: Link) -> None:
            await misuse.resume(change, link)

        return await self._on(borrower_id, member_id, asking, act)

    @rule("R-FAMILY-14")
    async def report(
        self, borrower_id: int, member_id: int, text: str, acting: Acting
    ) -> Answer:
        """The borrower reports misuse: a pause, then a case. Raises ``Refused``."""
        words = misuse.checked_words(text)

        async def make(change: Change) -> dict[str, Any]:
            await contact_store.lock_borrower(change.connection, borrower_id)
            link = misuse.stands(await ending.held(change.connection, borrower_id, member_id))
            await misuse.pause(self._kit, change, link, "borrower")
            desk = self._cases.cases.desk
            return await misuse.case_of_borrower(change, desk, link, words, acting)

        answer = await once(self._kit.pool, acting.asking, make)
        await self._kit.settled(borrower_id)
        return answer

    async def _on(self, borrower_id: int, member_id: int, asking: Asking, act: Act) -> Answer:
        """Something done to a link, which is held; how it stands then."""

        async def make(change: Change) -> dict[str, Any]:
            await contact_store.lock_borrower(change.connection, borrower_id)
            link = misuse.stands(await ending.held(change.connection, borrower_id, member_id))
            await act(change, link)
            after = misuse.stands(await store.one(change.connection, borrower_id, member_id))
            return reading.stated(after, self._kit)

        answer = await once(self._kit.pool, asking, make)
        await self._kit.settled(borrower_id)
        return answer

    async def of_borrower(self, borrower_id: int) -> list[reading.Shown]:
        """All that a borrower ever named."""
        return await reading.of_borrower(self._kit, borrower_id)

    async def told(self, borrower_id: int) -> list[store.Row]:
        """Every notice about a borrower that went to a relative."""
        return await reading.told(self._kit, borrower_id)

    async def states(self, borrower_id: int) -> list[dict[str, Any]]:
        """Relatives without their names."""
        return await reading.states(self._kit, borrower_id)

    async def offered(self) -> dict[str, ConsentDocument]:
        """The documents that can be agreed to here, by scope."""
        return await reading.offered(self._kit)

    # -- the relative --------------------------------------------------------------------------

    async def knock(self, code: str, digits: str, half: str, place: str) -> None:
        """The code of an invitation, and the end of one's number; raises ``Refused``."""
        await self._door.knock(code, digits, half, place)

    async def enter(self, half: str, text: str, place: str) -> str:
        """The token of a visit, for a one-time code; raises ``Refused``."""
        return await self._door.enter(half, text, place)

    async def invitation(self, token: str) -> Invitation:
        """What is asked; raises ``Refused``."""
        return await answering.invitation(self._kit, token)

    async def answer(
        self, token: str, given: Acceptance, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Accept some of it, or nothing; raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            return await answering.answer(self._kit, change, token, given)

        at = await store.visit(self._kit.pool, answering.hash_of(token), self._kit.now)
        actor = actor_of(at[1]) if at else actor_of(0)
        return await once(self._kit.pool, Asking(actor, key, request_hash), make)

    @rule("R-FAMILY-10", "R-FAMILY-12")
    async def leave(
        self, code: str, place: str, *, for_ever: bool, key: str = "", request_hash: bytes = b"",
        actor: str = "",
    ) -> Answer:  # fmt: skip
        """The relative ends it by a stop code or the invitation's; raises ``Refused``.

        Again it changes nothing. ``actor``: who asks in their place.
        """
        link = await self._by_any_code(code, place)
        of = {link.borrower_id}

        async def make(change: Change) -> dict[str, Any]:
            found = await ending.held(change.connection, link.borrower_id, link.member_id)
            if found is not None:
                of.update(await ending.leave(self._kit, change, found, for_ever=for_ever))
            return {"state": "ended"}

        asking = Asking(actor or actor_of(link.member_id), key, request_hash)
        answer = await once(self._kit.pool, asking, make)
        for borrower_id in sorted(of):
            await self._kit.settled(borrower_id)
        return answer

    @rule("R-FAMILY-14")
    async def report_by_member(
        self, code: str, text: str, place: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """The relative reports misuse: a pause, then a case that the borrower does not see."""
        words, link = misuse.checked_words(text), await self._by_any_code(code, place)

        async def make(change: Change) -> dict[str, Any]:
            found = await ending.held(change.connection, link.borrower_id, link.member_id)
            await misuse.pause(self._kit, change, misuse.stands(found), "member")
            desk = self._cases.cases.desk
            return await misuse.case_of_member(change, desk, link, words)

        asking = Asking(actor_of(link.member_id), key, request_hash)
        answer = await once(self._kit.pool, asking, make)
        await self._kit.settled(link.borrower_id)
        return answer

    @rule("R-FAMILY-10")
    async def _by_any_code(self, code: str, place: str) -> Link:
        """The link of a stop code, or of an invitation's code; also of one that has ended."""
        kit = self._kit
        plain, link = typed(code), None
        if plain is not None:
            await self._door.limits.count({"family_tries_from_an_address": place})
            for column, purpose in (("stop_hash", links.STOP), ("code_hash", links.INVITATION)):
                hashes = await kit.keyed.macs(purpose, plain)
                found = await store.by_code(kit.pool, column, hashes)
                link = link or (await store.one(kit.pool, *found) if found else None)
        if link is None:
            raise Refused("R-FAMILY-10", "the code is not one of ours", "code")
        return link

    # -- what happens by itself ----------------------------------------------------------------

    async def look(self) -> int:
        """Invitations that are too old end, who is due is reminded, and hashes follow the keys."""
        done = await ending.lapse(self._kit) + await reminders.remind(self._kit)
        return done + await rehashing.rehash(self._kit)
