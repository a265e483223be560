"""Sends what is queued: a lane for each endpoint, so nothing of one holds up another.

A lane takes a few messages for a lease, sends them without holding a database connection, and notes
what came of them. A process that dies leaves its messages to the next one after the lease, so each
is sent at least once, always under the same id. Any number of processes may work at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from usance.core.rules import rule
from usance.platform import metrics
from usance.platform.crypto import beside
from usance.platform.database import CONNECTION_LOST, Connection, transaction
from usance.platform.logs import get_logger
from usance.webhooks import feed, secrets, store
from usance.webhooks.endpoints import Endpoints
from usance.webhooks.messages import body_of, message_id
from usance.webhooks.sender import Courier, Outcome, Sender, UnreachableError

logger = get_logger(__name__)
Settled: TypeAlias = Callable[[Connection, Sequence[tuple[store.Row, int]], datetime],
                              Awaitable[None]]  # fmt: skip
"""Told of messages (type, data) that have come to their end, and of their state, in the transaction
that notes it."""

FEED_SECONDS = 0.5
LOOK_SECONDS = 0.25
CLEAR_SECONDS = 600
OUTAGE_SECONDS = 1.0
ACCIDENT_SECONDS = 5.0
STOP_SECONDS = 5.0
LANES_MAX = 128
STATEMENTS_AT_ONCE = 2
"""Of the pool that serves the API too."""
TAKEN_EACH = 8
"""Messages in the hand of a lane for each connection: they share the statements around them."""
ROUTE_SECONDS = 30
"""So long the addresses of a name are used before it is looked up again."""
CLEARED_AT_ONCE = 5_000


@dataclass(slots=True)
class Taken:
    """A message in the hand of a lane, with what came of it."""

    row: store.Row
    began_at: datetime | None = None
    outcome: Outcome | None = None

    @property
    def attempt(self) -> int:
        """Which attempt it is, since it was queued or asked for again."""
        return int(self.row["attempts"] - self.row["began_at_attempt"])


@dataclass(slots=True)
class Lane:
    """An endpoint that is being served: where it is, what signs, and how it fares.

    ``until``: it is looked up anew after that; ``begin_until``: no message in the hand is begun
    later, so that its attempt ends within the lease.
    """

    endpoint_id: int
    url: str
    failures: int
    signing: list[str]
    until: datetime
    begin_until: datetime
    couriers: list[Courier] = field(default_factory=list)
    stop: bool = False

    def close(self) -> None:
        """Hang up."""
        for each in self.couriers:
            each.close()


class Worker:
    """Feeds and sends in the background; ``per_second`` 0 sends as many as there are."""

    def __init__(
        self, endpoints: Endpoints, *, per_second: int = 0, sender: Sender | None = None,
        settled: Settled | None = None,
    ) -> None:  # fmt: skip
        self._endpoints = endpoints
        self._pool = endpoints.pool
        self._clock = endpoints.clock
        self._policy = endpoints.policy
        self._sender = sender or Sender(endpoints.policy, endpoints.reach)
        self._settled = settled
        self._pace = Pace(per_second)
        self._statements = asyncio.Semaphore(STATEMENTS_AT_ONCE)
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._queued = asyncio.Event()
        self._has_place = False
        self._stopping = False

    def start(self) -> None:
        """Begin."""
        never = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._for_ever(work, seconds, woken))
            for work, seconds, woken in (
                (self._feed, FEED_SECONDS, never), (self._look, LOOK_SECONDS, self._queued),
                (self._clear, CLEAR_SECONDS, never),
            )
        ]  # fmt: skip

    async def stop(self) -> None:
        """Let what is being sent come to its end for a while, give the rest back, and end."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        lanes = list(self._lanes.values())
        if lanes:
            await asyncio.wait(lanes, timeout=STOP_SECONDS)
        for task in lanes:
            task.cancel()
        await asyncio.gather(*self._tasks, *lanes, return_exceptions=True)
        self._tasks, self._stopping = [], False

    async def drain(self) -> None:
        """Feed and send until nothing is due now."""
        while await self._feed() is not None:
            pass
        while due := await store.endpoints_due(self._pool, self._clock.now()):
            for endpoint_id in due:
                await self._serve(endpoint_id)

    async def _for_ever(
        self, work: Callable[[], Awaitable[object]], seconds: float, woken: asyncio.Event
    ) -> None:
        """Again and again; at once while there is something to do, and through outages."""
        while True:
            try:
                if await work():
                    continue
            except CONNECTION_LOST as error:
                if self._pool.is_closing():
                    return
                logger.warning("database not reachable", extra={"reason": str(error)})
                await asyncio.sleep(OUTAGE_SECONDS)
            except Exception:
                logger.exception("webhooks broke off")
                await asyncio.sleep(ACCIDENT_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await woken.wait()
            woken.clear()

    async def _feed(self) -> int | None:
        """Queue what was committed."""
        if not self._has_place:
            await feed.take_place(self._pool)
            self._has_place = True
        queued = await feed.step(self._pool, self._clock)
        if queued:
            self._queued.set()
        return queued

    async def _look(self) -> None:
        """Open a lane for every endpoint that waits and has none here."""
        for endpoint_id in await store.endpoints_due(self._pool, self._clock.now()):
            if endpoint_id not in self._lanes and len(self._lanes) < LANES_MAX:
                self._lanes[endpoint_id] = asyncio.create_task(self._guarded(endpoint_id))

    @rule("R-HOOK-06")
    async def _clear(self) -> bool:
        """Give up what has waited too long, take old messages away; whether there may be more.

        An endpoint that rests is sent one message now and then, so most of its queue is never
        tried: it is given up when its schedule would have ended.
        """
        now = self._clock.now()
        overdue = now - self._policy.whole_schedule
        async with transaction(self._pool) as connection:
            given_up = await store.give_up_overdue(connection, now, overdue)
            await self._tell(connection, [(row, store.GIVEN_UP) for row in given_up], now)
        metrics.webhooks.labels("given_up").inc(len(given_up))
        before = now - timedelta(days=self._policy.kept_days)
        return await store.clear(self._pool, before, CLEARED_AT_ONCE) == CLEARED_AT_ONCE

    async def _guarded(self, endpoint_id: int) -> None:
        """A lane that breaks is closed for a while; its messages come again after their lease."""
        try:
            await self._serve(endpoint_id)
        except CONNECTION_LOST as error:
            logger.warning("database not reachable", extra={"reason": str(error)})
            await asyncio.sleep(OUTAGE_SECONDS)
        except Exception:
            logger.exception("a lane of webhooks broke off")
            await asyncio.sleep(ACCIDENT_SECONDS)
        finally:
            self._lanes.pop(endpoint_id, None)

    # -- one lane ------------------------------------------------------------------------------

    async def _serve(self, endpoint_id: int) -> None:
        """Send what is due for one endpoint, until nothing is, or it does not answer well."""
        lane = await self._open(endpoint_id)
        if lane is None:
            return
        try:
            while not (lane.stop or self._stopping) and self._clock.now() < lane.until:
                taken = await self._take(lane)
                if not taken:
                    break
                await self._send(lane, taken)
                await self._settle(lane, taken)
        finally:
            lane.close()

    async def _open(self, endpoint_id: int) -> Lane | None:
        now = self._clock.now()
        async with self._statements:
            row = await store.address_of(self._pool, endpoint_id, now)
        if row is None:
            return None
        until = now + timedelta(seconds=ROUTE_SECONDS)
        return Lane(endpoint_id, row["url"], row["failures"], [], until, now)

    async def _take(self, lane: Lane) -> list[Taken]:
        """Messages that are due: one where the last attempts failed, else some for each courier.

        None where the endpoint was stopped or has moved meanwhile; by the secrets of this moment.
        """
        most = 1 if lane.failures else self._policy.width * TAKEN_EACH
        await self._pace.wait()
        now, keys = self._clock.now(), self._endpoints.keys
        attempt = timedelta(seconds=self._policy.answer_seconds)
        lane.begin_until = now + self._policy.lease - attempt
        async with self._statements:
            row = await store.address_of(self._pool, lane.endpoint_id, now)
            if row is None or row["url"] != lane.url:
                return []
            held = await store.secrets_of(self._pool, lane.endpoint_id)
            rows = await store.claim(
                self._pool, lane.endpoint_id, now, self._policy.lease, most
            )
        opened = await beside(keys, lambda: secrets.opened(keys, lane.endpoint_id, held))
        lane.signing = list(opened.values())
        self._pace.count(len(rows))
        return [Taken(each) for each in rows]

    async def _send(self, lane: Lane, taken: list[Taken]) -> None:
        """Over as many connections as policy says; after a failure no further message is begun."""
        if not lane.couriers:
            try:
                route = await self._sender.find(lane.url)
            except UnreachableError as error:
                taken[0].began_at = self._clock.now()
                taken[0].outcome = Outcome(0, error.error, str(error), 0)
                return
            lane.couriers = [Courier(self._sender, route) for _ in range(self._policy.width)]
        rest = iter(taken)
        await asyncio.gather(*(self._carry(lane, each, rest) for each in lane.couriers))

    async def _carry(self, lane: Lane, courier: Courier, rest: Iterator[Taken]) -> None:
        for each in rest:
            body = body_of(lane.endpoint_id, each.row)
            each.began_at = self._clock.now()
            name = message_id(lane.endpoint_id, each.row["sequence"])
            headers = secrets.signed(lane.signing, int(each.began_at.timestamp()), name, body)
            each.outcome = await courier.post(headers, body)
            late = self._clock.now() >= lane.begin_until
            if late or self._stopping or not each.outcome.is_delivered:
                for _ in rest:  # nobody begins another one
                    pass

    @rule("R-HOOK-06")
    async def _settle(self, lane: Lane, taken: list[Taken]) -> None:
        """Note attempts, what becomes of the messages, and how the endpoint fares."""
        tried = [each for each in taken if each.outcome is not None]
        unsent = [(e.row["sequence"], e.row["fence"]) for e in taken if e.outcome is None]
        now = self._clock.now()
        before = lane.failures
        lane.failures = 0 if any(delivered(each) for each in tried) else before + bool(tried)
        rest = self._policy.rest_after(lane.failures) if lane.failures else timedelta(0)
        lane.stop = bool(rest) or any(each.outcome and each.outcome.is_gone for each in tried)
        async with self._statements, transaction(self._pool) as connection:
            if tried:
                outcomes = [self._becomes(each, now) for each in tried]
                await store.settle(connection, lane.endpoint_id, outcomes, now)
                await store.note_attempts(connection, lane.endpoint_id, [noted(e) for e in tried])
                ended = [(each.row, becomes[2]) for each, becomes
                         in zip(tried, outcomes, strict=True)]  # fmt: skip
                await self._tell(connection, ended, now)
            if unsent:
                await store.give_back(connection, lane.endpoint_id, unsent, now)
            if before or lane.failures:
                await store.note_health(
                    connection, lane.endpoint_id, lane.failures, now + rest if rest else None
                )
        if any(each.outcome and each.outcome.is_gone for each in tried):
            await self._endpoints.stop_gone(lane.endpoint_id)

    async def _tell(
        self, connection: Connection, ended: Sequence[tuple[store.Row, int]], now: datetime
    ) -> None:
        """Whoever waits for the end of messages."""
        done = [(row, state) for row, state in ended if state != store.WAITING]
        if done and self._settled is not None:
            await self._settled(connection, done, now)

    def _becomes(self, taken: Taken, now: datetime) -> tuple[int, int, int, datetime]:
        """(Sequence, fence, state, not before) after an attempt."""
        place = taken.row["sequence"], taken.row["fence"]
        if delivered(taken):
            metrics.webhooks.labels("delivered").inc()
            return *place, store.DELIVERED, now
        wait = self._policy.retry_after(taken.attempt)
        metrics.webhooks.labels("failed" if wait else "given_up").inc()
        if wait is None:
            return *place, store.GIVEN_UP, now
        return *place, store.WAITING, now + wait


def delivered(taken: Taken) -> bool:
    """Whether the receiver has the message."""
    return taken.outcome is not None and taken.outcome.is_delivered


def noted(taken: Taken) -> tuple[Any, ...]:
    """An attempt as its row in the log."""
    outcome = taken.outcome
    assert outcome is not None
    return (taken.row["sequence"], taken.row["attempts"], taken.began_at, outcome.milliseconds,
            outcome.status, outcome.error, outcome.answer)  # fmt: skip


class Pace:
    """So many messages a second in this process at most; 0: as many as there are."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._free_at = 0.0

    async def wait(self) -> None:
        """Until any more may be sent."""
        await asyncio.sleep(max(self._free_at - asyncio.get_running_loop().time(), 0))

    def count(self, sent: int) -> None:
        """So many are sent now."""
        if self._per_second:
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at, now) + sent / self._per_second


async def observe(endpoints: Endpoints) -> None:
    """Set the figures of what waits and of what was given up; ``/metrics`` asks for it."""
    lag, given_up = await store.observe(endpoints.pool, endpoints.clock.now())
    metrics.webhook_lag_seconds.set(max(lag, 0))
    metrics.webhooks_given_up.set(given_up)
