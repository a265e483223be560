"""Sends what is due: takes some notices, decides, hands them over, and notes what came of them.

Handing over happens between two transactions, so no database session waits for a provider. A
process that dies leaves its notices to the next one after their lease; they go again under the same
key, to the same provider where it may have them. Any number of processes may send at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from usance.core.rules import rule
from usance.notices import queue_sql
from usance.notices.batches import decide
from usance.notices.counter_rows import TakenMeanwhile
from usance.notices.deciding import Decision, House, words_of
from usance.notices.documents import INBOX
from usance.notices.health import WORDS, look_at
from usance.notices.health_policy import Document, health_policy
from usance.notices.outbox import BUNDLE, FAILED, TAKEN, UNBEGUN, WAITS
from usance.notices.providers import LATER, REFUSED, UNKNOWN, Carrier, Outcome
from usance.notices.providers import TAKEN as WAS_TAKEN
from usance.platform.clock import Clock
from usance.platform.database import RETRIED, Connection, Pool, transaction
from usance.platform.looks import Looks

SLOW_SECONDS = 3.0
"""A provider that takes longer is slow (R-DELIVERY-01)."""
COUNTED = ("sent", "failed", "errors", "answered", "slow", "length")
"""Columns of ``sending_slot``, as ``queue_sql.COUNT`` adds to them."""


@dataclass(slots=True, repr=False)
class Handed:
    """A notice in the hand, and what a carrier said of it; None: it was not begun."""

    decision: Decision
    outcome: Outcome | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Tally:
    """What is added to ``sending_slot``."""

    counts: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add(self, decision: Decision, *names: str) -> None:
        """Of the channel, the template, the provider and the words of a notice."""
        of = [("channel", decision.channel), ("template", decision.row["template_id"])]
        if decision.provider and decision.order:
            of.append(("provider", f"{decision.channel} {decision.provider}"))
        for each in of:
            self.counts.setdefault(each, Counter()).update(names)
        # How long a message of several notices is says nothing of its own words.
        if decision.order and "sent" in names and decision.row["template_id"] != BUNDLE:
            words = self.counts.setdefault((WORDS, words_of(decision)), Counter())
            words.update(sent=1, length=len(decision.order.text))

    async def write(self, connection: Connection, now: datetime) -> None:
        """Add it up for everybody."""
        if not self.counts:
            return
        keys = sorted(self.counts)
        columns = [[self.counts[key][name] for key in keys] for name in COUNTED]
        await connection.execute(
            queue_sql.COUNT, [kind for kind, _ in keys], [name for _, name in keys],
            queue_sql.minute_of(now), *columns,
        )  # fmt: skip


class Delivery(Looks):
    """Sends in the background, in so many lanes. ``carriers`` by channel, as ``House`` names."""

    every_seconds = 0.25
    patience = 8

    def __init__(
        self, pool: Pool, clock: Clock, house: House, carriers: Mapping[str, Sequence[Carrier]],
        lanes: int = 2, health: Document | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._house = house
        self._policy = house.policy
        self._carriers = {(channel, each.name): each
                          for channel, some in carriers.items() for each in some}  # fmt: skip
        self._lanes = lanes
        self._health = health or health_policy()

    def carries(self, channel: str) -> bool:
        """Whether anybody carries messages of a channel."""
        return any(each == channel for each, _ in self._carriers)

    async def stop(self) -> None:
        """Begin no more, note what was begun, and hang up."""
        await super().stop()
        for each in self._carriers.values():
            await each.close()

    async def look(self) -> None:
        """Send until nothing is due."""
        await asyncio.gather(*(self._lane() for _ in range(self._lanes)))

    async def _lane(self) -> None:
        while not self._stopping and await self.turn():
            pass

    async def turn(self) -> int:
        """One batch: how many notices were decided about."""
        now = self._clock.now()
        decisions = await self._decided(now)
        handed = [Handed(each) for each in decisions if each.order is not None]
        if handed:
            await self._hand_over(handed, now + self._policy.begin_within)
            await self._settle(handed)
        return len(decisions)

    async def _decided(self, now: datetime) -> list[Decision]:
        """Take and decide, in one transaction; again if it lost against another one."""
        while True:
            try:
                async with transaction(self._pool) as connection:
                    rows = await queue_sql.claim(connection, now, self._policy.batch)
                    if not rows:
                        return []
                    found = await decide(connection, self._house, rows, now)
                    laid = Tally()
                    for each in found:
                        if each.channel == INBOX and each.state == TAKEN:
                            laid.add(each, "sent")
                    await laid.write(connection, now)
                    return found
            except (*RETRIED, TakenMeanwhile):
                await asyncio.sleep(0.01)

    async def _hand_over(self, handed: Sequence[Handed], begin_until: datetime) -> None:
        """Some at the same time; none is begun that might not end within its lease."""
        rest = iter(handed)
        width = min(self._policy.width, len(handed))
        await asyncio.gather(*(self._carry(rest, begin_until) for _ in range(width)))

    async def _carry(self, rest: Iterator[Handed], begin_until: datetime) -> None:
        for each in rest:
            if self._stopping or self._clock.now() >= begin_until:
                return
            decision = each.decision
            assert decision.order is not None
            carrier = self._carriers[decision.channel, decision.provider]
            began = time.perf_counter()
            each.outcome = await carrier.carry(decision.order)
            each.seconds = time.perf_counter() - began

    async def _settle(self, handed: Sequence[Handed]) -> None:
        """Note what came of them; what another process has taken meanwhile is its own."""
        now, tally = self._clock.now(), Tally()
        rows = [self._settled(each, now, tally) for each in handed]
        async with transaction(self._pool) as connection:
            await queue_sql.write(connection, queue_sql.SETTLE, rows)
            await queue_sql.write(
                connection, queue_sql.NOTE, (noted(each, now) for each in handed if each.outcome)
            )
            messages = [each.decision.row for each in handed
                        if each.decision.row["template_id"] == BUNDLE]  # fmt: skip
            if messages:
                await connection.execute(queue_sql.FOLLOW, *queue_sql.places(messages))
            await tally.write(connection, now)
            await look_at(connection, tally.counts, now, self._health)

    @rule("R-SEND-02")
    def _settled(self, handed: Handed, now: datetime, tally: Tally) -> tuple[Any, ...]:
        """The row of ``queue_sql.SETTLE``."""
        decision, outcome = handed.decision, handed.outcome
        place = (decision.row["cell"], decision.row["borrower_id"], decision.row["notice_id"],
                 decision.row["fence"] + 1)  # fmt: skip
        doubt = UNKNOWN if decision.row["said"] == UNKNOWN else ""
        if outcome is None:
            return *place, WAITS, now, None, "", doubt or UNBEGUN, None, 1
        slow = ("slow",) if handed.seconds > SLOW_SECONDS else ()
        if outcome.said == WAS_TAKEN:
            tally.add(decision, "sent", "answered", *slow)
            return *place, TAKEN, now, now, outcome.reference, "", None, 0
        errors = ("errors",) if outcome.said in (LATER, UNKNOWN) else ()
        pause = self._policy.retry_after(decision.attempts)
        if outcome.said == REFUSED:
            tally.add(decision, "failed", "answered", *slow)
            return *place, WAITS, now, None, "", REFUSED, None, 0
        said = doubt or outcome.said  # who is busy now may yet have taken it before
        if pause is None:
            tally.add(decision, "failed", *errors, *slow)
            return *place, FAILED, now, None, "", said, now, 0
        tally.add(decision, *errors, *slow)
        again = queue_sql.later(now, outcome.wait, pause)
        return *place, WAITS, again, None, "", said, None, 0


def noted(handed: Handed, now: datetime) -> tuple[Any, ...]:
    """What a carrier said, as a step."""
    row, outcome = handed.decision.row, handed.outcome
    assert outcome is not None
    return (
        row["cell"], row["borrower_id"], row["notice_id"], 2 * row["fence"] + 1, outcome.said, now,
        handed.decision.channel, handed.decision.provider, outcome.error or outcome.reference, "[]",
    )  # fmt: skip
