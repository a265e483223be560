"""Watches scorecards: counts what was decided on each closed day, and says what has moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from usance.core.rules import rule
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool, transaction
from usance.platform.looks import Looks
from usance.risk import alerts_sql, measuring, monitors
from usance.risk import decision_store as decisions
from usance.risk import monitors_sql as sql
from usance.risk.alerts import BOOK, Raised
from usance.risk.monitors import Day, Moved
from usance.risk.opening import Archive, Opened
from usance.risk.portfolio import share
from usance.risk.raising import raise_alerts
from usance.risk.scorecards import Registered, Scorecards
from usance.risk.warning_policy import LEVELS, WarningPolicy, warning_policy

SCORED, CARD = "scored", "scorecard:{}"
"""Names of monitors: days that were counted, and counts of one table of points."""
AT_ONCE = 1_000
MOVED = "score-moved"


class Came(Struct, frozen=True):
    """People by band of their first score: expected bad, and bad so far, of ten thousand."""

    band: int
    people: int
    expected: int
    bad: int


class Monitored(Struct, frozen=True):
    """A scorecard as it is shown: what moved lately, what came of scores, reasons by month."""

    name: str
    version: int
    role: str
    digest: str
    edges: monitors.Counts
    days: int
    moved: Moved | None
    came: tuple[Came, ...]
    reasons: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


class ScoreWatch(Looks):
    """Looks in the background after days were closed."""

    every_seconds = 60

    def __init__(
        self, pool: Pool, clock: Clock, archive: Archive, policy: WarningPolicy | None = None
    ) -> None:
        self.policy = policy or warning_policy()
        self._pool = pool
        self._clock = clock
        self._archive = archive
        self._cards = Scorecards(pool)

    async def look(self) -> int:
        """Count closed days that are not counted yet; how many."""
        last = await self._pool.fetchval(alerts_sql.LAST_CLOSED)
        done = 0
        while last is not None and await self._step(last):
            done += 1
        return done

    @rule("R-MONITOR-01")
    async def _step(self, last: date) -> bool:
        async with transaction(self._pool) as connection:
            if await connection.fetchval(sql.LOCK) is None:
                return False
            day = await connection.fetchval(sql.DAYS, last, SCORED)
            if day is None:
                return False
            by_card = await self._read(connection, day)
            for digest, found in by_card.items():
                card = await self._archive.versions.scorecard_of(connection, digest)
                counted = monitors.day_of(card, found)
                await measuring.keep(
                    connection, CARD.format(digest), day, msgspec.to_builtins(counted)
                )
            total = sum(len(each) for each in by_card.values())
            await measuring.keep(connection, SCORED, day, {"decisions": total})
            await self._warn(connection, day)
            return True

    async def _read(
        self, connection: Connection, day: date
    ) -> dict[str, list[monitors.Scored]]:
        """By the scorecard; of people who were forgotten nothing is left to count."""
        found: dict[str, list[monitors.Scored]] = {}
        after = 0
        while rows := await connection.fetch(sql.SCORED, day, after, AT_ONCE):
            after = rows[-1][0]
            stored = await decisions.numbered(connection, [row[0] for row in rows])
            for each in await self._archive.opened(connection, stored):
                _take(found, each)
        return found

    async def _warn(self, connection: Connection, day: date) -> None:
        """An alert about a champion whose scores or features have moved too far."""
        marks, found = self.policy.scores, []
        for each in await self._cards.all():
            if each.entry.role != "champion" or each.entry.effective_on > day:
                continue
            moved = await self._moved(connection, each, day)
            if moved is None or moved.decisions < marks.decisions_least:
                continue
            worst = max([moved.psi or 0, *(f.csi or 0 for f in moved.features)])
            if worst >= marks.moved:
                evidence = {"scorecard": each.scorecard.name, "moved": worst,
                            "decisions": moved.decisions}  # fmt: skip
                level = LEVELS.index(marks.level)
                found.append(Raised(
                    BOOK, MOVED, level, evidence, {"mark": marks.moved}, self.policy.name
                ))  # fmt: skip
        await raise_alerts(connection, self._clock, self.policy, found[:1], day)

    # -- what is shown -----------------------------------------------------------------------------

    async def all(self, day: date) -> list[Monitored]:
        """Every scorecard that scored somebody, as of a day, the newest entry of each."""
        seen: dict[str, Registered] = {}
        for each in await self._cards.all():
            if each.entry.effective_on <= day:
                seen.setdefault(each.entry.digest, each)
        async with self._pool.acquire() as connection:
            return [await self._monitored(connection, each, day) for each in seen.values()]

    async def _monitored(
        self, connection: Connection, card: Registered, day: date
    ) -> Monitored:
        entry = card.entry
        days = await self._days(connection, entry.digest, date.min, day)
        return Monitored(
            card.scorecard.name, entry.number, entry.role, entry.digest,
            monitors.edges_of(card.scorecard), len(days),
            await self._moved(connection, card, day),
            tuple(await self._came(connection, card, day)), tuple(_by_month(days)),
        )  # fmt: skip

    async def _moved(
        self, connection: Connection, card: Registered, day: date
    ) -> Moved | None:
        """The last days of the policy against what the scorecard was made on."""
        digest, width = card.entry.digest, timedelta(days=self.policy.scores.days)
        days = await self._days(connection, digest, date.min, day)
        lately = monitors.added([each for on, each in days if on > day - width])
        if lately is None:
            return None
        begun = days[0][0]
        first = monitors.added([each for on, each in days if on < begun + width])
        is_apart = begun + width <= day - width
        return monitors.moved(card.scorecard, lately, card.report, first if is_apart else None)

    @rule("R-MONITOR-03")
    async def _came(
        self, connection: Connection, card: Registered, day: date
    ) -> list[Came]:
        table = card.scorecard
        rows = await connection.fetch(
            sql.CAME, bytes.fromhex(card.entry.digest), day, list(monitors.edges_of(table)),
            table.points_at, table.odds_at, table.points_double,
        )  # fmt: skip
        return [
            Came(row["band"], row["people"], row["expected"], share(row["bad"], row["people"]))
            for row in rows
        ]

    async def _days(
        self, connection: Connection, digest: str, after: date, day: date
    ) -> list[tuple[date, Day]]:
        rows = await measuring.kept(
            connection, CARD.format(digest), after, day + timedelta(days=1)
        )
        return [(on, msgspec.convert(each, Day)) for on, each in rows]


def _take(found: dict[str, list[monitors.Scored]], opened: Opened) -> None:
    stored, snapshot = opened
    if snapshot is None or stored.score is None:
        return
    known: Mapping[str, int | None] = snapshot.facts
    because: Sequence[str] = stored.reasons
    found.setdefault(stored.scorecard_digest.hex(), []).append((stored.score, known, because))


@rule("R-MONITOR-04")
def _by_month(days: Sequence[tuple[date, Day]]) -> list[tuple[str, tuple[tuple[str, int], ...]]]:
    """The mix of reasons by month, oldest first."""
    months: dict[str, list[Day]] = {}
    for on, each in days:
        months.setdefault(f"{on:%Y-%m}", []).append(each)
    found: list[tuple[str, tuple[tuple[str, int], ...]]] = []
    for month, some in sorted(months.items()):
        together: Any = monitors.added(some)
        found.append((month, tuple(monitors.reason_shares(together))))
    return found
