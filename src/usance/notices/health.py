"""How sending fares: breakers open by themselves, providers lose and regain weight.

Whoever notes what came of notices looks at their breakers in the same transaction, so that one
opens as soon as it must; a background look sees what comes by receipts, and warnings that end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.notices import breakers, failover, queue_sql
from usance.notices import health_sql as sql
from usance.notices.breakers import CLOSED, OPEN, WARNING, Breaker, Lately, Mark, looked
from usance.notices.failover import Provider
from usance.notices.queue_sql import minute_of
from usance.platform import metrics
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.logs import get_logger
from usance.platform.looks import Looks

logger = get_logger(__name__)

DOCUMENT = "breakers.yaml"
ITSELF = "system:notices"
KINDS = ("channel", "template")
KEPT_DAYS = 40
COUNTERS_DAYS = 400
CLEARED_AT_ONCE = 1_000
REASON_MIN, REASON_MAX = 10, 500


class FailoverNumbers(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the document."""

    points: int
    errors: int
    slow_share: int
    settle_seconds: int
    settle_slow_seconds: int
    rest_seconds: int
    least: int


class MarkNumbers(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the document."""

    of: str
    warn: int
    stop: int
    least: int


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """``policies/breakers.yaml``."""

    effective_on: date
    window_minutes: int
    marks: tuple[MarkNumbers, ...]
    volume_stop: int
    volume_least: int
    usual_days: int
    ends_below: int
    providers: FailoverNumbers
    slow_minutes: int

    @property
    def breakers(self) -> breakers.Policy:
        """What ``looked`` goes by."""
        marks = tuple(Mark(each.of, each.warn, each.stop, each.least) for each in self.marks)
        return breakers.Policy(marks, self.volume_stop, self.volume_least, self.ends_below)

    @property
    def weights(self) -> failover.Policy:
        """What ``moved`` goes by."""
        found = self.providers
        return failover.Policy(
            found.points, found.errors, found.slow_share,
            timedelta(seconds=found.settle_seconds), timedelta(seconds=found.settle_slow_seconds),
            timedelta(seconds=found.rest_seconds), found.least,
        )  # fmt: skip


@cache
def health_policy() -> Document:
    """The document as it is shipped."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), Document)


@rule("R-BREAKER-02")
async def look_at(
    connection: Connection, names: Collection[tuple[str, str]], now: datetime, policy: Document
) -> list[tuple[str, str]]:
    """Look at breakers of channels and templates; which have opened."""
    asked, marks = sorted(each for each in names if each[0] in KINDS), policy.breakers
    opened = []
    rows = await connection.fetch(
        sql.LATELY, [kind for kind, _ in asked], [name for _, name in asked], minute_of(now),
        policy.window_minutes, policy.usual_days,
    )  # fmt: skip
    for row in rows:
        before = Breaker(row["state"], row["because"])
        lately = Lately(row["sent"], row["failed"], row["bounced"], row["complained"], row["usual"])
        after = looked(before, lately, marks)
        place = row["kind"], row["name"]
        if after != before and await _moved(connection, place, before, after, now):
            await connection.execute(
                sql.NOTE, *place, after.state, after.because, now, ITSELF, ""
            )
            if after.state == OPEN:
                opened.append(place)
    for place in opened:
        _said(place)
    return opened


def _said(place: tuple[str, str]) -> None:
    """Somebody should look."""
    kind, name = place
    logger.error("a breaker opened", extra={"kind": kind, "breaker": name})
    metrics.breakers_opened.labels(kind).inc()


async def _moved(
    connection: Connection, place: tuple[str, str], before: Breaker, after: Breaker, now: datetime
) -> bool:
    """Whether this was the one who moved it."""
    found: int | None = await connection.fetchval(
        sql.MOVE, *place, after.state, after.because, now, before.state
    )
    return found is not None


async def open_now(
    connection: Connection, place: tuple[str, str], because: str, now: datetime
) -> None:
    """Open a breaker at once, for what must not happen even once."""
    for state in (CLOSED, WARNING):
        if await _moved(connection, place, Breaker(state), Breaker(OPEN, because), now):
            await connection.execute(sql.NOTE, *place, OPEN, because, now, ITSELF, "")
            _said(place)
            return


class Health(Looks):
    """Looks at breakers and providers now and then. ``resting``: weights by (channel, provider)."""

    every_seconds = 10

    def __init__(
        self, pool: Pool, clock: Clock, resting: Mapping[tuple[str, str], int],
        policy: Document | None = None,
    ) -> None:  # fmt: skip
        self.pool = pool
        self.clock = clock
        self.policy = policy or health_policy()
        self._resting = dict(resting)

    async def look(self) -> None:
        """Breakers, then weights, then what is old."""
        now = self.clock.now()
        minute = minute_of(now)
        async with transaction(self.pool) as connection:
            since = minute - self.policy.window_minutes
            rows = await connection.fetch(sql.SEEN_LATELY, since)
            await look_at(connection, {tuple(each) for each in rows}, now, self.policy)
            await self._weigh(connection, now)
            await connection.execute(sql.CLEAR, minute - KEPT_DAYS * 1440)
            old = now - timedelta(days=COUNTERS_DAYS)
            await connection.execute(sql.CLEAR_COUNTERS, old, CLEARED_AT_ONCE)

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

        Raises ``Refused``.
        """
        if kind not in KINDS:
            raise Refused("R-BREAKER-03", f"a breaker is of one of {', '.join(KINDS)}", "kind")
        if not REASON_MIN <= len(reason.strip()) <= REASON_MAX:
            detail = f"a reason has {REASON_MIN} to {REASON_MAX} characters"
            raise Refused("R-BREAKER-03", detail, "reason")

        async def make(change: Change) -> dict[str, Any]:
            connection, now = change.connection, self.clock.now()
            if await connection.fetchval(sql.TAKE, kind, name) != OPEN:
                raise Refused("R-BREAKER-03", "this breaker is not open", "name")
            await _moved(connection, (kind, name), Breaker(OPEN), Breaker(), now)
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
