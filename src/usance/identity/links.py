"""Signed links with which a host application lets its user in: short-lived, good for one use.

A link names its borrower, itself and its end, under a signature that only this house can make; the
page to which it leads is kept with its number. Looking at it uses nothing up (programs that preview
links do that); pressing the button on its page does.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from usance.core.identifiers import borrower_of_contract, parse, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import portal_store
from usance.identity.borrower_sessions import Begun, BorrowerSessions
from usance.identity.changing import Asking, Change, once
from usance.identity.devices import Device
from usance.identity.once import Answer
from usance.identity.portal_policy import PortalPolicy
from usance.ledger.digest import digest
from usance.platform.clock import Clock
from usance.platform.database import Pool, transaction
from usance.platform.derived import DerivedSecrets
from usance.platform.identifiers import new_operation_id

ENTRANCE, PURPOSE = "/my/enter", "portal link"
TARGETS = ("", "pay", "statements", "history", "data", "number")
"""Pages under ``/my`` that a link may lead to; and a contract of the borrower."""
CONTRACT = re.compile(r"contracts/(c-[0-9a-z]{1,13})")
SIGNATURE = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
"""32 bytes in base64, which leaves two bits of the last letter unused: they are zero."""
LINK = re.compile(rf"(b-[0-9a-z]{{1,13}})\.(k-[0-9a-z]{{1,13}})\.([0-9]{{1,12}})\.({SIGNATURE})")


@dataclass(frozen=True, slots=True)
class Link:
    """A link whose signature is right."""

    borrower_id: int
    link_id: int
    expires_at: datetime


class Links:
    """The signed links of a book."""

    def __init__(
        self, pool: Pool, keyed: DerivedSecrets, clock: Clock, policy: PortalPolicy,
        sessions: BorrowerSessions,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._keyed = keyed
        self._clock = clock
        self._policy = policy
        self._sessions = sessions

    async def make(
        self, borrower_id: int, target: str, *, actor: str, key: str, request_hash: bytes
    ) -> Answer:
        """A link for a borrower, once for a client's key; raises ``Refused``.

        What is kept for the key is not the link but what it is made from.
        """

        async def made(change: Change) -> dict[str, Any]:
            return await self._inserted(change, borrower_id, target_of(borrower_id, target))

        answer = await once(self._pool, Asking(actor, key, request_hash), made)
        return replace(answer, document=await self._with_address(answer.document))

    async def _inserted(self, change: Change, borrower_id: int, target: str) -> dict[str, Any]:
        if await portal_store.active_borrower(change.connection, borrower_id) is None:
            raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
        link_id, now = new_operation_id(), self._clock.now()
        ends = now.replace(microsecond=0) + self._policy.link_valid
        row = borrower_id, link_id, target, change.actor, now, ends
        await portal_store.insert_link(change.connection, row)
        await change.note(
            "MakePortalLink", digest([("portal_link", [(borrower_id, link_id)])]),
            {"link_id": link_id, "target": CONTRACT.sub("contract", target) or "home"},
            borrower_id=borrower_id,
        )  # fmt: skip
        return {
            "link_id": written("link", link_id), "expires_at": ends.isoformat(),
            "borrower_id": written("borrower", borrower_id),
        }  # fmt: skip

    async def _with_address(self, document: dict[str, Any]) -> dict[str, Any]:
        ends = int(datetime.fromisoformat(document["expires_at"]).timestamp())
        body = f"{document['borrower_id']}.{document['link_id']}.{ends}"
        signed = base64.urlsafe_b64encode(await self._keyed.mac(PURPOSE, body)).decode()
        return document | {"path": f"{ENTRANCE}?t={body}.{signed.rstrip('=')}"}

    @rule("R-LINK-01", "R-LINK-02")
    async def read(self, token: str) -> Link:
        """The link of a token; raises ``Refused`` for a forged one, and for one that is too old."""
        parts = LINK.fullmatch(token)
        if parts is None or not await self._keyed.verify(
            PURPOSE, token.rpartition(".")[0], base64.urlsafe_b64decode(f"{parts[4]}=")
        ):
            raise Refused("R-LINK-01", "the link is not one of ours")
        ends = datetime.fromtimestamp(int(parts[3]), UTC)
        if ends <= self._clock.now():
            raise Refused("R-LINK-02", "the link is no longer valid; ask for a new one")
        return Link(parse("borrower", parts[1]), parse("link", parts[2]), ends)

    @rule("R-LINK-03")
    async def enter(self, token: str, device: Device) -> tuple[Begun, str]:
        """A session for a link that was not used before, and the page it leads to."""
        link = await self.read(token)
        async with transaction(self._pool) as connection:
            target = await portal_store.use_link(
                connection, link.borrower_id, link.link_id, self._clock.now()
            )
            who = await portal_store.active_borrower(connection, link.borrower_id)
            if target is None or who is None:
                raise Refused("R-LINK-03", "the link has been used; ask for a new one")
            return await self._sessions.begin(connection, who, device, "link"), target


@rule("R-LINK-01")
def target_of(borrower_id: int, target: str) -> str:
    """A page that a link may lead to; raises ``Refused`` for any other, also another borrower's."""
    plain = target.removeprefix("/my").strip("/")
    found = CONTRACT.fullmatch(plain)
    if found is not None:
        if borrower_of_contract(parse("contract", found[1])) == borrower_id:
            return plain
    elif plain in TARGETS:
        return plain
    raise Refused("R-LINK-01", "a link does not lead there", "target")
