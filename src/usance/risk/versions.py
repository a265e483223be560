"""What decides asks the book for: the version in force on a day, or the one that decided then."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from usance.platform.database import Connection
from usance.policy.documents import Policy
from usance.risk.scorecard import Scorecard


class Versions(Protocol):
    """Versions of policies and scorecards; what was parsed once is kept by its digest."""

    async def policy_in_force(self, connection: Connection, name: str, on: date) -> Policy:
        """The version that decides on a day. Raises ``Refused`` if there is none."""
        ...

    async def policy_of(self, connection: Connection, digest: str) -> Policy:
        """The version with these words. Raises ``Refused`` if it never was adopted."""
        ...

    async def scorecard_in_force(
        self, connection: Connection, name: str, on: date
    ) -> Scorecard | None:
        """The champion on a day; None where there is none."""
        ...

    async def scorecard_of(self, connection: Connection, digest: str) -> Scorecard:
        """The table with these points. Raises ``Refused`` if it never was registered."""
        ...


class Assigning(Versions, Protocol):
    """The same, and who is scored by what while a challenger is tried."""

    async def scorecard_for(
        self, connection: Connection, name: str, borrower_id: int, on: date
    ) -> Scorecard | None:
        """Champion or challenger, always the same for a borrower; None where there is none."""
        ...

    async def shadows(
        self, connection: Connection, name: str, on: date
    ) -> tuple[Scorecard, ...]:
        """Those that score beside it and decide nothing."""
        ...
