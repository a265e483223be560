"""``BookVersions``: what decides, out of the register of this book."""

from __future__ import annotations

from datetime import date

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.policy.documents import Policy
from usance.risk import roles, store
from usance.risk.register import PARSED, policy_of_row
from usance.risk.roles import Standing
from usance.risk.scorecard import Scorecard
from usance.risk.scorecards import PARSED as CARDS
from usance.risk.scorecards import entry_of, scorecard_of_row


class BookVersions:
    """``Versions`` and ``Assigning`` over the tables; what was parsed once is kept."""

    @rule("R-POLICY-16")
    async def policy_in_force(self, connection: Connection, name: str, on: date) -> Policy:
        """The version that decides on a day. Raises ``Refused`` if there is none."""
        digest = await store.policy_in_force(connection, name, on)
        if digest is None:
            raise Refused("R-POLICY-16", f"no version of {name} is in force on {on}", "policy")
        return await self.policy_of(connection, digest.hex())

    @rule("R-FOUND-01")
    async def policy_of(self, connection: Connection, digest: str) -> Policy:
        """The version with these words. Raises ``Refused`` if it never was adopted."""
        if digest in PARSED:
            return PARSED[digest]
        row = await store.policy_by_digest(connection, bytes_of(digest))
        if row is None:
            raise Refused("R-FOUND-01", "there is no such policy", "policy")
        return policy_of_row(row)

    async def scorecard_in_force(
        self, connection: Connection, name: str, on: date
    ) -> Scorecard | None:
        """The champion on a day; None where there is none."""
        champion = (await self._standing(connection, name, on)).champion
        return await self.scorecard_of(connection, champion.digest) if champion else None

    @rule("R-FOUND-01")
    async def scorecard_of(self, connection: Connection, digest: str) -> Scorecard:
        """The table with these points. Raises ``Refused`` if it never was registered."""
        if digest in CARDS:
            return CARDS[digest]
        row = await store.scorecard_by_digest(connection, bytes_of(digest))
        if row is None:
            raise Refused("R-FOUND-01", "there is no such scorecard", "scorecard")
        return scorecard_of_row(row)

    async def scorecard_for(
        self, connection: Connection, name: str, borrower_id: int, on: date
    ) -> Scorecard | None:
        """Champion or challenger, always the same for a borrower; None where there is none."""
        chosen = roles.assigned(await self._standing(connection, name, on), name, borrower_id)
        return await self.scorecard_of(connection, chosen.digest) if chosen else None

    async def shadows(
        self, connection: Connection, name: str, on: date
    ) -> tuple[Scorecard, ...]:
        """Those that score beside it and decide nothing."""
        shadows = (await self._standing(connection, name, on)).shadows
        return tuple([await self.scorecard_of(connection, each.digest) for each in shadows])

    async def _standing(self, connection: Connection, name: str, on: date) -> Standing:
        return roles.standing(map(entry_of, await store.scorecard_roles(connection, name)), on)


def bytes_of(digest: str) -> bytes:
    """A digest as it is stored; nothing for what is none."""
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return b""
