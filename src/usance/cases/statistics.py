"""Cases in sums: how many of which kind, how old, decided in time, upheld, after how many days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from usance.cases import rules, store
from usance.cases.work import Desk

AGES = ("7", "15", "30", "56", "")
"""Up to so many days old; the last: older."""
DAYS = 365


@dataclass(slots=True)
class Sums:
    """Of one kind, or of all."""

    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(rules.STATES, 0))
    results: dict[str, int] = field(default_factory=lambda: dict.fromkeys(rules.RESULTS, 0))
    ages: list[int] = field(default_factory=lambda: [0] * len(AGES))
    decided: int = 0
    in_time: int = 0
    median_days: int | None = None

    @property
    def cases(self) -> int:
        """How many came in."""
        return sum(self.states.values())

    @property
    def open(self) -> int:
        """How many are under way."""
        return self.states["open"] + self.states["waiting"]

    @property
    def in_time_share(self) -> str | None:
        """Of those decided, which share was in time; a decimal of one."""
        return share(self.in_time, self.decided)

    @property
    def upheld_share(self) -> str | None:
        """Of those decided, which share was upheld, wholly or in part."""
        return share(self.results["upheld"] + self.results["partly"], sum(self.results.values()))

    def add(self, other: Sums) -> None:
        """Take the counts of another kind in (medians do not add up)."""
        for name, each in other.states.items():
            self.states[name] += each
        for name, each in other.results.items():
            self.results[name] += each
        self.ages = [a + b for a, b in zip(self.ages, other.ages, strict=True)]
        self.decided += other.decided
        self.in_time += other.in_time


@dataclass(frozen=True, slots=True)
class Statistics:
    """Cases that came in within days (both included), and (``ages``) all that are under way."""

    since: date
    until: date
    kinds: dict[str, Sums]
    total: Sums


def share(part: int, whole: int) -> str | None:
    """A share of one with four decimals, rounded down; None of nothing."""
    if not whole:
        return None
    ten_thousandths = 10_000 * part // whole
    return f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04}"


async def statistics(
    desk: Desk, since: date | None = None, until: date | None = None
) -> Statistics:
    """The sums; without days those of a year up to today."""
    today = desk.policy.jurisdiction(desk.home).day_of(desk.clock.now())
    last = until or today
    first = since or last - timedelta(DAYS)
    kinds = {name: Sums() for name in rules.KINDS}
    for row in await store.counts(desk.pool, first, last):
        sums = kinds[rules.name_of(rules.KINDS, row["kind"])]
        sums.states[rules.name_of(rules.STATES, row["state"])] += row["cases"]
        if row["result"]:
            sums.results[rules.name_of(rules.RESULTS, row["result"])] += row["cases"]
        sums.decided += row["decided"]
        sums.in_time += row["in_time"]
    for row in await store.ages(desk.pool, today):
        kinds[rules.name_of(rules.KINDS, row["kind"])].ages[row["age"]] = row["cases"]
    total = Sums()
    for each in kinds.values():
        total.add(each)
    for row in await store.medians(desk.pool, first, last):
        of_all = kinds.get(rules.name_of(rules.KINDS, row["kind"]), total)
        of_all.median_days = row["days"]
    return Statistics(first, last, kinds, total)
