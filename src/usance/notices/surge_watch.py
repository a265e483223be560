"""Misses are looked at every few seconds: an alarm goes up, is seen by a person, and comes down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.identity.records import note
from usance.ledger.digest import digest
from usance.notices import surges
from usance.notices import verification_sql as sql
from usance.notices.asking import Verification
from usance.notices.asking_policy import AskingPolicy, asking_policy
from usance.notices.reporting import reason_of
from usance.platform import metrics
from usance.platform.clock import Clock
from usance.platform.database import Pool, transaction
from usance.platform.logs import get_logger
from usance.platform.looks import Looks

logger = get_logger(__name__)

SYSTEM = "system:verification"
SWEEP = timedelta(minutes=1)


class SurgeWatch(Looks):
    """Looks after the alarm, and sweeps away what has leaked out."""

    every_seconds = 5

    def __init__(
        self, pool: Pool, clock: Clock, verification: Verification,
        policy: AskingPolicy | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._verification = verification
        self._policy = policy or asking_policy()
        self._swept: datetime | None = None

    async def look(self) -> None:
        """Do whatever is to be done now."""
        now = self._clock.now()
        await self._verification.flush()
        await self._judge(now)
        metrics.code_alarms.set(await sql.unacknowledged(self._pool))
        if self._swept is None or now - self._swept >= SWEEP:
            self._swept = now
            await sql.sweep(self._pool, now, timedelta(days=self._policy.kept_days))
            kept = timedelta(days=self._policy.reports.kept_days)
            await sql.forget_words(self._pool, now - kept)

    @rule("R-VERIFY-05")
    async def _judge(self, now: datetime) -> None:
        found, marks = await sql.misses(self._pool, now, self._policy), self._policy.alarm
        metrics.code_misses.set(found.lately)
        up = await sql.alarm_up(self._pool)
        if up is None:
            if surges.surges(found, marks):
                await self._raise(now, found, surges.mark_of(found.usual, marks))
        elif surges.is_calm(found.lately, up["mark"], marks):
            await self._calm(now, up["alarm_id"])
        else:
            await sql.went_on(self._pool, up["alarm_id"], found.lately)

    async def _raise(self, now: datetime, found: surges.Misses, mark: int) -> None:
        async with transaction(self._pool) as connection:
            number = await sql.raise_alarm(connection, now, found, mark)
            if number is None:
                return  # another process was faster
            detail = {"missed": found.lately, "mark": mark}
            await note(
                connection, SYSTEM, "RaiseCodeAlarm", 0, [("verify_alarm", number)], detail
            )
        logger.warning("codes are asked for in vain far more than usual", extra=detail)

    async def _calm(self, now: datetime, number: int) -> None:
        async with transaction(self._pool) as connection:
            if await sql.calm(connection, number, now):
                detail = {"alarm": number}
                await note(
                    connection, SYSTEM, "EndCodeAlarm", 0, [("verify_alarm", number)], detail
                )

    # -- what staff does ---------------------------------------------------------------------------

    async def alarms(self, before: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Alarms, the newest first."""
        return await sql.alarms(self._pool, before, limit)

    async def alarm(self, number: int) -> Mapping[str, Any]:
        """One alarm; raises ``Refused``."""
        found = await sql.alarm(self._pool, number)
        if found is None:
            raise Refused("R-FOUND-01", "there is no such alarm", "number")
        return found

    async def by_hour(self, hours: int) -> Sequence[Mapping[str, Any]]:
        """What became of asks in the last hours."""
        await self._verification.flush()
        return await sql.by_hour(self._pool, self._clock.now(), hours)

    @rule("R-VERIFY-07")
    async def acknowledge(self, number: int, reason: str, asking: Asking) -> Answer:
        """A person has looked at an alarm, and says what it was."""
        reason = reason_of(reason)

        async def make(change: Change) -> dict[str, Any]:
            done = await sql.acknowledge(
                change.connection, number, self._clock.now(), asking.actor, reason
            )
            if not done:
                raise Refused("R-FOUND-01", "there is no such alarm to be looked at", "number")
            rows = digest([("verify_alarm", [(number, 1)])])
            await change.note("AcknowledgeCodeAlarm", rows, {"alarm": number})
            return {"number": number}

        return await once(self._pool, asking, make)
