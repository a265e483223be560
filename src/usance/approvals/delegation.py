"""Somebody decides in another's place, for some days."""

from __future__ import annotations

from datetime import datetime, timedelta

from usance.approvals import store
from usance.approvals.noting import note
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.permissions import DECIDE
from usance.identity.roles import permissions_of
from usance.platform.clock import Clock, SystemClock
from usance.platform.database import Pool, transaction
from usance.platform.identifiers import new_operation_id

DELEGATED_MAX = timedelta(days=30)


class Delegations:
    """Who stands in for whom."""

    def __init__(self, pool: Pool, clock: Clock | None = None) -> None:
        self._pool = pool
        self._clock = clock or SystemClock()

    @rule("R-APPR-09")
    async def delegate(
        self, from_staff: int, to_staff: int, reason: str, until: datetime
    ) -> int:
        """Somebody else decides in one's place until a moment. Raises ``Refused``."""
        now = self._clock.now()
        if from_staff == to_staff:
            raise Refused("R-APPR-09", "nobody stands in for themselves", "to")
        if not now < until <= now + DELEGATED_MAX:
            raise Refused("R-APPR-09", "a delegation ends within 30 days", "until")
        if not (1 <= len(reason) <= 200 and reason.isprintable()):
            raise Refused("R-APPR-05", "a reason has 1 to 200 printable characters", "reason")
        operation_id = new_operation_id()
        async with transaction(self._pool) as connection:
            known = await store.active(connection, [from_staff, to_staff])
            if to_staff not in known or DECIDE not in permissions_of(known.get(from_staff, ())):
                raise Refused("R-APPR-09", "who delegates may decide, to an active account", "to")
            await store.insert_delegation(
                connection, operation_id, (from_staff, to_staff), reason, (now, until)
            )
            await note(connection, f"staff:{from_staff}", "Delegate", operation_id,
                       {"to": to_staff, "until": until.isoformat()})  # fmt: skip
        return operation_id

    @rule("R-APPR-09")
    async def end_delegation(self, delegation_id: int, from_staff: int) -> None:
        """Take a delegation back; it ends at once. Raises ``Refused``."""
        async with transaction(self._pool) as connection:
            now = self._clock.now()
            if not await store.end_delegation(connection, delegation_id, from_staff, now):
                raise Refused("R-APPR-09", "there is no such delegation of yours", "delegation_id")
            await note(connection, f"staff:{from_staff}", "EndDelegation", new_operation_id(),
                       {"delegation": written("operation", delegation_id)})  # fmt: skip

    async def of(self, staff_id: int) -> list[store.Row]:
        """Whose place somebody takes, and who takes theirs."""
        return await store.delegations(self._pool, staff_id, self._clock.now())
