"""How often something may be tried or sent: counted in the database, for all processes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import portal_store as store
from usance.identity.portal_policy import PortalPolicy
from usance.platform.clock import Clock
from usance.platform.database import Pool
from usance.platform.derived import DerivedSecrets


class Limits:
    """The limits of the policy; what they are counted under is kept as a keyed hash only."""

    def __init__(
        self, pool: Pool, secrets: DerivedSecrets, clock: Clock, policy: PortalPolicy
    ) -> None:
        self._pool = pool
        self._secrets = secrets
        self._clock = clock
        self._policy = policy

    @rule("R-LOGIN-05")
    async def count(self, asked: Mapping[str, str]) -> list[bytes]:
        """Count once under each (limit, what); raises ``Refused`` where that is once too often.

        It is counted before it is looked at, so that many at once are counted too.
        """
        now = self._clock.now()
        most, ends = {}, {}
        for name, what in asked.items():
            for limit in self._policy.limits[name] if what else ():
                minutes = int(limit.within.total_seconds()) // 60
                subject = await self._secrets.mac("limit", f"{name}\0{minutes}\0{what}")
                most[subject], ends[subject] = limit.most, now + limit.within
        counted = await store.count(self._pool, ends, now)
        if any(counted[subject] > most[subject] for subject in counted):
            raise Refused("R-LOGIN-05", "too many attempts; try again later")
        return list(counted)

    async def forgive(self, subjects: Sequence[bytes]) -> None:
        """What went well does not count."""
        await store.forgive(self._pool, subjects)
