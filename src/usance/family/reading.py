"""What the borrower and staff see of relatives, and what a relative sees of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from usance.consents.documents import ConsentDocument
from usance.core.identifiers import written
from usance.core.rules import rule
from usance.family import rules, store
from usance.family.answering import documents
from usance.family.links import Kit
from usance.family.records import Details, Link
from usance.identity import portal_store

SHOWN_MOST = 200


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """A relative as the borrower sees them; never printed."""

    link: Link
    details: Details
    state: str
    because: str

    @property
    def is_open(self) -> bool:
        """Whether there is something to take back."""
        return self.state != "ended"


@rule("R-FAMILY-04")
async def of_borrower(kit: Kit, borrower_id: int) -> list[Shown]:
    """All that a borrower ever named, the newest first."""
    async with kit.pool.acquire() as connection:
        who = await portal_store.active_borrower(connection, borrower_id)
        found = await store.of_borrower(connection, borrower_id) if who else []
        return [
            Shown(
                each, await kit.details(who, each), rules.shown_state(each, kit.now),
                rules.shown_because(each, kit.now),
            )
            for each in found if who
        ]  # fmt: skip


@rule("R-FAMILY-16")
async def told(kit: Kit, borrower_id: int) -> list[store.Row]:
    """Every notice about the borrower that went to a relative, the newest first."""
    return list(await store.told(kit.pool, borrower_id, SHOWN_MOST))


async def offered(kit: Kit) -> dict[str, ConsentDocument]:
    """The documents that can be agreed to here, by scope."""
    async with kit.pool.acquire() as connection:
        return await documents(
            connection, kit, rules.possible(kit.gate, kit.jurisdiction, kit.now)
        )


async def states(kit: Kit, borrower_id: int) -> list[dict[str, Any]]:
    """Relatives without their names, as the API and staff see them: what the borrower sees."""
    found = await store.of_borrower(kit.pool, borrower_id)
    return [stated(each, kit) for each in found]


def stated(link: Link, kit: Kit) -> dict[str, Any]:
    """One of these."""
    until = link.until if link.accepted_at is None else None
    return {
        "member_id": written("member", link.member_id),
        "state": rules.shown_state(link, kit.now), "because": rules.shown_because(link, kit.now),
        "scopes": list(link.scopes), "channels": list(link.channels), "tells": link.tells,
        "asked_at": link.asked_at.isoformat(),
        "until": until.isoformat() if until else None,
        "accepted_at": link.accepted_at.isoformat() if link.accepted_at else None,
    }  # fmt: skip
