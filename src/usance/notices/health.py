"""How sending fares: breakers open by themselves, providers lose and regain weight.

Whoever notes what came of notices looks at their breakers in the same transaction, so that one
opens as soon as it must; a background look sees what comes by receipts, and warnings that end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.notices import failover, queue_sql, watching
from usance.notices import health_sql as sql
from usance.notices.breaker_moves import ITSELF, Place, move, moved
from usance.notices.breakers import (
    CLOSED,
    OPEN,
    Before,
    Breaker,
    Lately,
    drifted,
    looked,
    sensed,
)
from usance.notices.failover import Provider
from usance.notices.health_policy import Document, health_policy
from usance.notices.queue_sql import minute_of
from usance.notices.watches import RECIPIENT, WATCHED, WatchNumbers
from usance.platform import metrics
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.looks import Looks

WORDS, PROVIDER = "words", "provider"
LOOKS = {"channel": looked, "template": looked, WORDS: drifted, PROVIDER: sensed}
"""How each kind is looked at, of those that go by what happened lately."""
KINDS = ("channel", "template", WORDS, *WATCHED)
"""What may be open, and is closed by a person."""
KEPT_DAYS = 40
COUNTERS_DAYS = 400
SWEEP = timedelta(minutes=1)
CLEARED_AT_ONCE = 1_000
REASON_MIN, REASON_MAX = 10, 500
HEX = re.compile(r"([0-9a-f]{2}){8,64}")


@rule("R-BREAKER-02")
async def look_at(
    connection: Connection, names: Collection[Place], now: datetime, policy: Document
) -> list[Place]:
    """Look at what happened lately to channels, templates, words, providers; which have opened."""
    opened, marks = [], policy.breakers
    for row in await lately_of(connection, names, now, policy):
        before = Breaker(row["state"], row["because"])
        after = LOOKS[row["kind"]](before, figures_of(row), marks)
        place = row["kind"], row["name"]
        if after != before and await move(connection, place, before, after, now):
            opened.append(place)
    return opened


@rule("R-BREAKER-04")
async def lately_of(
    connection: Connection, names: Collection[Place], now: datetime, policy: Document
) -> Sequence[Mapping[str, Any]]:
    """What happened within the window, and within the same one of the last days."""
    asked = sorted(each for each in names if each[0] in LOOKS)
    rows: Sequence[Mapping[str, Any]] = await connection.fetch(
        sql.LATELY, [kind for kind, _ in asked], [name for _, name in asked], minute_of(now),
        policy.window_minutes, policy.usual_days, ITSELF,
    )  # fmt: skip
    return rows


def figures_of(row: Mapping[str, Any]) -> Lately:
    """A row of them as it is judged."""
    before = Before(*(row[f"before_{name}"] for name in Before.__slots__))
    return Lately(
        row["sent"], row["failed"], row["bounced"], row["complained"], row["usual"],
        row["length"], before,
    )  # fmt: skip


class Health(Looks):
    """Looks at breakers and providers now and then.

    ``resting``: weights by (channel, provider). ``watches``: numbers of kinds that others count.
    """

    every_seconds = 10

    def __init__(
        self, pool: Pool, clock: Clock, resting: Mapping[tuple[str, str], int],
        policy: Document | None = None, watches: Mapping[str, WatchNumbers] | None = None,
    ) -> None:  # fmt: skip
        self.pool = pool
        self.clock = clock
        self.policy = policy or health_policy()
        self.watches = {RECIPIENT: self.policy.recipient} | dict(watches or {})
        self._resting = dict(resting)
        self._swept: datetime | None = None

    async def look(self) -> None:
        """Breakers, then weights, then what is old."""
        now = self.clock.now()
        minute = minute_of(now)
        async with transaction(self.pool) as connection:
            since = minute - self.policy.window_minutes
            rows = await connection.fetch(sql.SEEN_LATELY, since)
            await look_at(connection, {tuple(each) for each in rows}, now, self.policy)
            for kind, numbers in self.watches.items():
                await watching.calm(connection, kind, numbers, self.policy.ends_below, now)
            await self._weigh(connection, now)
            if self._swept is None or now - self._swept >= SWEEP:
                await self._sweep(connection, now)

    async def _sweep(self, connection: Connection, now: datetime) -> None:
        """What is old goes; of numbers and places also that they were ever told of."""
        old = now - timedelta(days=COUNTERS_DAYS)
        await connection.execute(sql.CLEAR, minute_of(now) - KEPT_DAYS * 1440)
        await connection.execute(sql.CLEAR_COUNTERS, old, CLEARED_AT_ONCE)
        await connection.execute(sql.CLEAR_WATCHED, list(WATCHED), old)
        await connection.execute(sql.CLEAR_CHANGES, list(WATCHED), old)
        self._swept = now

    @rule("R-DELIVERY-01")
    async def _weigh(self, connection: Connection, now: datetime) -> None:
        """Move weights of providers, channel by channel."""
        await self._enter(connection)
        rows = await connection.fetch(sql.PROVIDERS, minute_of(now), self.policy.slow_minutes)
        for channel in sorted({row["channel"] for row in rows}):
            mine = [row for row in rows if row["channel"] == channel]
            before = [
                Provider(row["name"], row["weight"], row["resting"], row["errors"],
                         row["answered"], row["slow"]) for row in mine
            ]  # fmt: skip
            changed = [row["changed_at"] for row in mine if row["changed_at"]]
            moved = failover.moved(
                before, self.policy.weights, now, max(changed) if changed else None
            )
            for one, other in zip(before, moved.providers, strict=True):
                if one.weight != other.weight:
                    await connection.execute(
                        sql.WEIGH, channel, one.name, other.weight, moved.because, now
                    )

    async def _enter(self, connection: Connection) -> None:
        """Lock the weights. A channel whose providers are others now begins at rest."""
        rows = await connection.fetch(sql.LOCK_WEIGHTS)
        known = {(row["channel"], row["name"]): row["resting"] for row in rows}
        changed = {channel for (channel, _), _ in known.items() ^ self._resting.items()}
        if changed:
            new = [(*place, weight) for place, weight in sorted(self._resting.items())
                   if place[0] in changed]  # fmt: skip
            await connection.execute(sql.FORGET_CHANNELS, sorted(changed))
            await queue_sql.write(connection, sql.ENTER_PROVIDERS, new)

    # -- what a person does ------------------------------------------------------------------------

    @rule("R-BREAKER-03")
    async def close(
        self, kind: str, name: str, reason: str, asking: Asking, *, drop: bool = False
    ) -> Answer:
        """Close an open breaker: what it stopped goes on in its order, or is dropped.

        It looks at nothing from before that moment any more. Raises ``Refused``.
        """
        if kind not in KINDS or (kind in WATCHED and not HEX.fullmatch(name)):
            raise Refused("R-BREAKER-03", f"a breaker is of one of {', '.join(KINDS)}", "kind")
        if not REASON_MIN <= len(reason.strip()) <= REASON_MAX:
            detail = f"a reason has {REASON_MIN} to {REASON_MAX} characters"
            raise Refused("R-BREAKER-03", detail, "reason")

        async def make(change: Change) -> dict[str, Any]:
            connection, now = change.connection, self.clock.now()
            if kind in WATCHED:  # its counter is locked first, as by whoever counts
                await watching.forget(connection, (kind, name))
            if await connection.fetchval(sql.TAKE, kind, name) != OPEN:
                raise Refused("R-BREAKER-03", "this breaker is not open", "name")
            await moved(connection, (kind, name), Breaker(OPEN), Breaker(), now)
            await connection.execute(
                sql.NOTE, kind, name, CLOSED, "", now, change.actor, reason.strip()
            )
            count = await connection.fetchval(
                sql.LET_FALL if drop else sql.GO_ON, kind, name, now
            )
            said = {"kind": kind, "name": name, "dropped": drop, "notices": count}
            await change.note("CloseBreaker", digest([("notice", [(count,)])]), said)
            return said

        return await once(self.pool, asking, make)

    async def breakers(self) -> Sequence[Mapping[str, Any]]:
        """All that ever moved, the open ones first, with what they stopped."""
        rows: Sequence[Mapping[str, Any]] = await self.pool.fetch(sql.BREAKERS)
        return rows

    async def history(self, count: int = 100) -> Sequence[Mapping[str, Any]]:
        """Changes of breakers, the newest first."""
        rows: Sequence[Mapping[str, Any]] = await self.pool.fetch(sql.HISTORY, count)
        return rows

    async def lately(self) -> list[tuple[Place, Lately]]:
        """What happened within the window, beside what is usual."""
        now = self.clock.now()
        since = minute_of(now) - self.policy.window_minutes
        async with self.pool.acquire() as connection:
            names = {tuple(each) for each in await connection.fetch(sql.SEEN_LATELY, since)}
            rows = await lately_of(connection, names, now, self.policy)
        return [((row["kind"], row["name"]), figures_of(row)) for row in rows]

    async def counts(self, places: Collection[Place]) -> dict[Place, int]:
        """How many were counted to each number and from each place, of those that are watched."""
        now = self.clock.now()
        async with self.pool.acquire() as connection:
            found = await watching.counts_of(connection, places)
        return {place: self.watches[place[0]].count(each, now)
                for place, each in found.items() if place[0] in self.watches}  # fmt: skip

    async def waiting(self) -> Mapping[str, Any]:
        """How many are due, held, going and stopped; how long the oldest due one has waited."""
        row: Mapping[str, Any] = await self.pool.fetchrow(sql.WAITING, self.clock.now())
        return row

    async def figures(self, since: int) -> Sequence[Mapping[str, Any]]:
        """What happened since a minute, in steps of ten."""
        rows: Sequence[Mapping[str, Any]] = await self.pool.fetch(sql.GRAPH, since)
        return rows

    async def providers(self) -> Sequence[Mapping[str, Any]]:
        """Weights of providers, and how they fared lately."""
        rows: Sequence[Mapping[str, Any]] = await self.pool.fetch(
            sql.PROVIDERS, minute_of(self.clock.now()), self.policy.slow_minutes
        )
        return rows


async def observe_lag(pool: Pool) -> None:
    """Set the metric of how long the oldest notice that is due has waited; ``/metrics`` asks."""
    metrics.outbox_lag_seconds.set(await pool.fetchval(sql.LAG))
