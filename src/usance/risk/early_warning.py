"""Early warning: looks at the book as it goes, and at the end of each day; what staff do with it.

Like the planner of notices it reads what was committed, in order and whole, and moves its place on
with what it raises: nothing is missed, nothing raised twice, and nothing that is booked waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

import msgspec

from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as identity
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool
from usance.platform.following import Follower
from usance.policy.documents import Policy
from usance.risk import alerts, measuring, portfolio
from usance.risk import alerts_sql as sql
from usance.risk.alerts import Count, Facts, Raised, Told
from usance.risk.raising import raise_alerts
from usance.risk.warning_policy import WarningPolicy, warning_policy

AT_ONCE = 2_000
"""Borrowers whose facts are read together."""
SIGNALS = "signals"
ACTIONS = (
    "Purchase", "Capture", "AcceptOffer", "Extend", "Restructure", "ChargeBack", "Reverse",
    "ChangeLimit", "ChangeContact", "LogInBorrower",
)  # fmt: skip
"""After these a signal may have come up; what comes by time alone is found when a day is closed."""
Row: TypeAlias = Mapping[str, Any]
Ask: TypeAlias = Callable[
    [Connection, Sequence[int], date, datetime], Awaitable[Mapping[int, Facts]]
]
"""Facts of borrowers as of a business day and a moment; of whom nothing is known there is none."""
Find: TypeAlias = Callable[[Connection, str, date], Awaitable[Policy]]
"""The policy that is in force on a day. Raises ``Refused`` if there is none."""


class EarlyWarning(Follower):
    """Raises alerts in the background; staff take and close them."""

    every_seconds = 5
    what = "warnings"

    def __init__(
        self, pool: Pool, clock: Clock, ask: Ask, find: Find, policy: WarningPolicy | None = None,
    ) -> None:  # fmt: skip
        super().__init__(pool, sql)
        self.policy = policy or warning_policy()
        self._clock = clock
        self._ask = ask
        self._find = find

    @rule("R-WARN-01")
    async def _of_operations(self, connection: Connection, through: int, end: int) -> int:
        """Borrowers to whom something happened by some operations."""
        rows = await connection.fetch(sql.TOUCHED, through, end, list(ACTIONS))
        on = await identity.business_date(connection)
        if not rows or on is None:
            return 0
        return await self._warn(connection, sorted(row[0] for row in rows), on)

    async def _days(
        self, connection: Connection, through: date | None
    ) -> tuple[date | None, int]:
        """The next closed day that is to be measured; how many alerts it gave."""
        last = await connection.fetchval(sql.LAST_CLOSED)
        days = portfolio.days_to_measure(through, last) if last is not None else []
        if not days:
            return through, 0
        if await measuring.measure(connection, days[0]) is None:
            return days[0], 0
        return days[0], await self._of_day(connection, days[0], is_last=days[0] == last)

    @rule("R-WARN-01", "R-PORT-05")
    async def _of_day(self, connection: Connection, day: date, *, is_last: bool) -> int:
        """Alerts of a day that is measured; of a day long past only the figures are kept."""
        figures = await measuring.watched(connection, day)
        if not is_last:
            return 0
        rows = await connection.fetch(sql.NEWLY_LATE, day)
        count = await self._warn(connection, sorted(row[0] for row in rows), day)
        since = day - timedelta(days=self.policy.usual_days)
        before = [each for _, each in await measuring.kept(
            connection, measuring.PORTFOLIO, since, day)]  # fmt: skip
        today = await self._count(connection, day)
        usual = [each for _, each in await measuring.kept(connection, SIGNALS, since, day)]
        found = alerts.book_alerts(self.policy, figures, before)
        found += alerts.surges(self.policy, today, usual)
        return count + await self._raise(connection, found, day)

    async def _count(self, connection: Connection, day: date) -> dict[str, int]:
        """Alerts of the day by signal, and how many borrowers there are; kept with the day."""
        today = {row["signal"]: row["alerts"] for row in await connection.fetch(sql.RAISED_ON, day)}
        today["borrowers"] = await connection.fetchval(sql.BORROWERS_NOW)
        await measuring.keep(connection, SIGNALS, day, today)
        return today

    async def _warn(self, connection: Connection, borrowers: Sequence[int], on: date) -> int:
        """Raise what the policy finds of borrowers as of a day; how many alerts."""
        if not borrowers:
            return 0
        try:
            policy = await self._find(connection, self.policy.policy, on)
        except Refused:  # before the first day of the first version nothing is warned of
            return 0
        usual = await self._usual(connection, on)
        count = 0
        for start in range(0, len(borrowers), AT_ONCE):
            part = borrowers[start : start + AT_ONCE]
            known = await self._ask(connection, part, on, self._clock.now())
            found = [
                each for borrower, facts in sorted(known.items())
                for each in alerts.signals_of(policy, self.policy.signals, borrower, facts)
            ]  # fmt: skip
            count += await self._raise(connection, found, on, usual)
        return count

    async def _usual(self, connection: Connection, on: date) -> dict[str, int]:
        since = on - timedelta(days=self.policy.usual_days)
        days = [each for _, each in await measuring.kept(connection, SIGNALS, since, on)]
        return alerts.usual_rates(days, self.policy.signals, self.policy.usual_least)

    async def _raise(
        self, connection: Connection, found: Sequence[Raised], on: date,
        usual: Mapping[str, int] | None = None,
    ) -> int:  # fmt: skip
        return await raise_alerts(connection, self._clock, self.policy, found, on, usual)

    # -- what staff do -----------------------------------------------------------------------------

    async def one(self, alert_id: int) -> Row:
        """One alert. Raises ``Refused``."""
        row = await self._pool.fetchrow(sql.ONE, alert_id)
        if row is None:
            raise Refused("R-FOUND-01", "there is no such alert", "alert_id")
        return read_row(row)

    async def page(
        self, before: int, limit: int, states: Sequence[int], *, signal: str = "", owner: int = 0,
        borrower_id: int = -1,
    ) -> list[Row]:  # fmt: skip
        """Alerts, the newest first; ``borrower_id`` below 0: of everybody, and of the book."""
        rows = await self._pool.fetch(
            sql.LIST, before, list(states), signal, owner, borrower_id, limit
        )
        return [read_row(row) for row in rows]

    async def summary(self) -> Row:
        """How many are open (and of them urgent), and taken."""
        row: Row = await self._pool.fetchrow(sql.SUMMARY)
        return row

    @rule("R-WARN-04")
    async def take(self, alert_id: int, asking: Asking) -> Answer:
        """Somebody looks after it from now on, also in another's place. Raises ``Refused``."""
        staff_id = staff_of(asking.actor)

        async def make(change: Change) -> dict[str, Any]:
            row = await self._lock(change, alert_id)
            alerts.check_take(row["state"], row["owner"], staff_id)
            borrower_id = row["borrower_id"]
            await change.connection.execute(
                sql.TAKE, alert_id, borrower_id, staff_id, self._clock.now()
            )
            rows = digest([("alert", [(borrower_id, alert_id, alerts.TAKEN, staff_id)])])
            text = written("alert", alert_id)
            await change.note("TakeAlert", rows, {"alert_id": text}, borrower_id=borrower_id)
            return {"alert_id": text, "state": STATES[alerts.TAKEN]}

        return await once(self._pool, asking, make)

    @rule("R-WARN-04")
    async def close(self, alert_id: int, outcome: str, reason: str, asking: Asking) -> Answer:
        """Whoever has it says what it was. Raises ``Refused``."""
        staff_id = staff_of(asking.actor)

        async def make(change: Change) -> dict[str, Any]:
            row = await self._lock(change, alert_id)
            alerts.check_close(
                self.policy, row["state"], row["owner"], staff_id, outcome, reason
            )
            borrower_id = row["borrower_id"]
            await change.connection.execute(
                sql.CLOSE, alert_id, borrower_id, self._clock.now(), outcome, reason
            )
            rows = digest([("alert", [(borrower_id, alert_id, alerts.CLOSED, staff_id)])])
            text = written("alert", alert_id)
            detail = {"alert_id": text, "outcome": outcome, "reason": reason}
            await change.note("CloseAlert", rows, detail, borrower_id=borrower_id)
            return detail | {"state": STATES[alerts.CLOSED]}

        return await once(self._pool, asking, make)

    async def _lock(self, change: Change, alert_id: int) -> Row:
        found = await change.connection.fetchrow(sql.ONE, alert_id)
        if found is None:
            raise Refused("R-FOUND-01", "there is no such alert", "alert_id")
        row: Row = await change.connection.fetchrow(sql.LOCK, alert_id, found["borrower_id"])
        return row

    @rule("R-WARN-05")
    async def fatigue(self) -> list[Told]:
        """How each signal wears on those who look, over the last days of the policy."""
        now, marks = self._clock.now(), self.policy.fatigue
        first = await self._pool.fetchval(sql.FIRST_AT)
        since = now - timedelta(days=marks.days)
        ripe = now - timedelta(hours=marks.unseen_hours)
        rows = await self._pool.fetch(sql.FATIGUE, since, ripe, now)
        days = min(marks.days, (now - first).days + 1) if first is not None else 1
        return [alerts.fatigue_of(Count(**row), days, marks) for row in rows]


STATES = {alerts.OPEN: "open", alerts.TAKEN: "acknowledged", alerts.CLOSED: "closed"}
"""As the API says them."""


def read_row(row: Row) -> Row:
    """A row with its documents read."""
    return dict(row) | {
        name: msgspec.json.decode(row[name]) for name in ("evidence", "threshold")
    }


def staff_of(actor: str) -> int:
    """The number of the member of staff who acts. Raises ``Refused`` for anybody else."""
    kind, _, number = actor.partition(":")
    if kind != "staff" or not number.isdigit():
        raise Refused("R-WARN-04", "an alert is looked after by a member of staff", "actor")
    return int(number)
