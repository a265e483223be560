"""Plans what is told of what was committed: the events of operations, and what a closed day asks.

An event is written in the transaction of its business; this reads what was committed, in order and
whole, and moves its place on together with what it plans. So nothing is lost and nothing planned
twice, whatever dies, and nothing that is booked waits for it (docs/decisions/0021).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeAlias

import msgspec

from usance.core.identifiers import CELLS
from usance.core.rules import rule
from usance.notices import happened_sql
from usance.notices import planner_sql as sql
from usance.notices.counters import Counter
from usance.notices.documents import TemplateDocument
from usance.notices.gate import DROP, Gate, Notice, Recipient
from usance.notices.starting import starting_set
from usance.notices.tellings import Tellings, Told, tellings
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool
from usance.platform.following import Follower

PARTS = 8
AT_ONCE = 2
"""A closed day is planned by so many ranges of cells, so many at the same time."""
BEFORE_BORROWING, OFFERED_FOR = "family-before-borrowing", timedelta(days=1)
FIRST_WAY = "sms"
"""The way that most notices take: its hours say from when on a notice waits to be sent."""
Row: TypeAlias = Mapping[str, Any]


class Planner(Follower):
    """Plans in the background.

    ``follows``: statements over ``planned`` (``planner_sql``), ``offered``: one over ``offered``.
    """

    every_seconds = 0.5
    what = "notices"

    def __init__(
        self, pool: Pool, clock: Clock, gate: Gate, jurisdiction: str,
        follows: Sequence[str] = (), offered: str = "", policy: Tellings | None = None,
    ) -> None:  # fmt: skip
        super().__init__(pool, sql)
        self._clock = clock
        self._gate = gate
        self._jurisdiction = jurisdiction
        self._policy = policy or tellings()
        self._reasons = msgspec.json.encode(self._policy.reasons()).decode()
        self._events = sql.planning(happened_sql.EVENTS, follows)
        self._offers = sql.following(sql.OFFERED, offered) if offered else ""
        self._day = sql.planning(happened_sql.DAY, follows)

    @cached_property
    def _documents(self) -> dict[str, TemplateDocument]:
        """Templates that notices are planned by; read when there is something to plan."""
        return {each.id: each for each in starting_set()}

    @rule("R-PLAN-01")
    async def begin_here(self) -> None:
        """What was committed until now is told to nobody: of a book that lived elsewhere before."""
        await self._pool.execute(sql.BEGIN_HERE)

    @rule("R-PLAN-01", "R-PLAN-04")
    async def _of_operations(self, connection: Connection, through: int, end: int) -> int:
        """The events of some operations."""
        planned: int = await connection.fetchval(
            self._events, *self._timed(self._policy.of_events()), through, end, self._reasons
        )
        return planned + await self._offered(connection, through, end)

    async def _offered(self, connection: Connection, through: int, end: int) -> int:
        """What follows from an offer that was made, before it is taken."""
        if not self._offers:
            return 0
        now = self._clock.now()
        until = now + OFFERED_FOR
        document = self._documents[BEFORE_BORROWING]
        when = self._first_moment(document, now, until)
        if when is None:
            return 0
        planned: int = await connection.fetchval(self._offers, through, end, when, until)
        return planned

    async def _days(self, connection: Connection, day_through: date) -> tuple[date, int]:
        """Days that have finished, in their order."""
        planned = 0
        for row in await connection.fetch(sql.FINISHED_DAYS, day_through):
            if row["finished_at"] is None:
                break
            day_through = row["business_date"]
            planned += await self._of_day(day_through, row["open_day"])
        return day_through, planned

    @rule("R-PLAN-02", "R-PLAN-03")
    async def _of_day(self, day: date, open_day: date) -> int:
        """What a closed day asks for; nothing of days on which it would come too late."""
        told = self._policy.wanted() if day + timedelta(days=1) >= open_day else {}
        told |= self._policy.of_events()
        timed = self._timed(told)
        room = asyncio.Semaphore(AT_ONCE)

        async def part(low: int, high: int) -> int:
            async with room:
                planned: int = await self._pool.fetchval(self._day, *timed, day, low, high)
                return planned

        edges = [CELLS * n // PARTS for n in range(PARTS + 1)]
        counts = await asyncio.gather(
            *(part(low, high - 1) for low, high in itertools.pairwise(edges))
        )
        return sum(counts)

    @rule("R-PLAN-03")
    def _timed(self, told: Mapping[tuple[int, int], Told]) -> list[list[Any]]:
        """Columns of ``told``; the gate says of each sort when its first moment is, if ever."""
        now, rows = self._clock.now(), []
        for (kind, days), each in told.items():
            until = now + each.of_use
            when = self._first_moment(self._documents[each.template], now, until)
            if when is not None:
                rows.append((kind, days, each.template, when, until))
        return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 5

    def _first_moment(
        self, document: TemplateDocument, now: datetime, until: datetime
    ) -> datetime | None:
        """From when on such a notice may go to somebody of whom nothing is known; None: never."""
        late = 1 if document.purpose == "collection" else 0
        sort = Notice(document.purpose, FIRST_WAY, document.audience, self._jurisdiction, until,
                      document.scope, late)  # fmt: skip
        caps = {row.id: Counter() for row in self._gate.caps(sort, now)}
        agreed = frozenset({(document.purpose, document.scope, FIRST_WAY)})
        verdict = self._gate.decide(sort, Recipient(None, consents=agreed), caps, now)
        return None if verdict.outcome == DROP else verdict.not_before or now
