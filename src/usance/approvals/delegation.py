"""Somebody decides in another's place, for some days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from usance.approvals import store
from usance.approvals.noting import note
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, once
from usance.identity.permissions import DECIDE
from usance.identity.roles import permissions_of
from usance.platform.clock import Clock, SystemClock
from usance.platform.database import Pool

DELEGATED_MAX = timedelta(days=30)


class Delegations:
    """Who stands in for whom."""

    def __init__(self, pool: Pool, clock: Clock | None = None) -> None:
        self._pool = pool
        self._clock = clock or SystemClock()

    @rule("R-APPR-09")
    async def delegate(
        self, from_staff: int, to_staff: int, reason: str, until: datetime, *, key: str = "",
        request_hash: bytes = b"",
    ) -> int:  # fmt: skip
        """Somebody else decides in one's place until a moment, once for a key. Raises ``Refused``.

        The number of the delegation, which is the number of its operation.
        """
        now = self._clock.now()
        if from_staff == to_staff:
            raise Refused("R-APPR-09", "nobody stands in for themselves", "to")
        if not now < until <= now + DELEGATED_MAX:
            raise Refused("R-APPR-09", "a delegation ends within 30 days", "until")
        if not (1 <= len(reason) <= 200 and reason.isprintable()):
            raise Refused("R-APPR-05", "a reason has 1 to 200 printable characters", "reason")

        async def make(change: Change) -> dict[str, Any]:
            known = await store.active(change.connection, [from_staff, to_staff])
            if to_staff not in known or DECIDE not in permissions_of(known.get(from_staff, ())):
                raise Refused("R-APPR-09", "who delegates may decide, to an active account", "to")
            await store.insert_delegation(
                change.connection, change.operation_id, (from_staff, to_staff), reason,
                (now, until),
            )  # fmt: skip
            await note(change.connection, change.actor, "Delegate", change.operation_id,
                       {"to": to_staff, "until": until.isoformat()})  # fmt: skip
            return {}

        asking = Asking(f"staff:{from_staff}", key, request_hash)
        return (await once(self._pool, asking, make)).operation_id

    @rule("R-APPR-09")
    async def end_delegation(
        self, delegation_id: int, from_staff: int, *, key: str = "", request_hash: bytes = b""
    ) -> None:
        """Take a delegation back, once for a key; it ends at once. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            now = self._clock.now()
            if not await store.end_delegation(change.connection, delegation_id, from_staff, now):
                raise Refused("R-APPR-09", "there is no such delegation of yours", "delegation_id")
            await note(change.connection, change.actor, "EndDelegation", change.operation_id,
                       {"delegation": written("operation", delegation_id)})  # fmt: skip
            return {}

        await once(self._pool, Asking(f"staff:{from_staff}", key, request_hash), make)

    async def of(self, staff_id: int) -> list[store.Row]:
        """Whose place somebody takes, and who takes theirs."""
        return await store.delegations(self._pool, staff_id, self._clock.now())
