"""What the book shows after the fill, next to what a lender would believe."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from usance.demo import store
from usance.platform.database import Pool

BUCKETS = ("current", "1-30", "31-60", "61-90", "91+")
DAYS_IN_YEAR = 365


@dataclass(frozen=True, slots=True)
class Measure:
    """A share in per mille, with the band in which a lender would believe it."""

    name: str
    least: int
    most: int
    part: int
    whole: int

    @property
    def per_mille(self) -> int:
        """The share; 0 of nothing is 0."""
        return round(self.part * 1000 / self.whole) if self.whole else 0

    def holds(self, slack: int = 0) -> bool:
        """Within the band, widened by ``slack`` per mille at both ends."""
        return self.least - slack <= self.per_mille <= self.most + slack

    def line(self) -> str:
        """For the terminal."""
        mark = "" if self.holds() else "  (outside)"
        return (
            f"{self.name:<44}{self.per_mille / 10:>6.1f} %   "
            f"target {self.least / 10:g}-{self.most / 10:g} %{mark}"
        )


@dataclass(slots=True)
class MonthEnds:
    """The delinquency of every contract at each month's end, as the book had it on that day."""

    before: dict[int, int] = field(default_factory=dict)
    moves: Counter[tuple[int, int]] = field(default_factory=Counter)
    stays: Counter[int] = field(default_factory=Counter)
    receivables: list[int] = field(default_factory=list)

    async def look(self, pool: Pool, day: int) -> None:
        """Compare with the last month's end."""
        rows = await store.open_contracts(pool)
        now = {row[0]: 4 if row[1] == 3 else bucket_of(row[2], day) for row in rows}
        for contract_id, was in self.before.items():
            self.stays[was] += 1
            self.moves[was, now.get(contract_id, 0)] += 1
        self.before = {row[0]: now[row[0]] for row in rows if row[1] == 1}
        self.receivables.append(sum(row[3] for row in rows if row[1] == 1))

    def rolls(self) -> Iterable[Measure]:
        """Who fell into the next bucket, of those who were in the one before."""
        bands = ((30, 50), (250, 350), (500, 600), (650, 750))
        for was, (least, most) in enumerate(bands):
            name = f"{BUCKETS[was]} to {BUCKETS[was + 1]} days past due, a month"
            yield Measure(name, least, most, self.moves[was, was + 1], self.stays[was])


def bucket_of(late_from: int, day: int) -> int:
    """Place in ``BUCKETS``."""
    days = day - late_from if late_from else 0
    return 0 if days <= 0 else min((days - 1) // 30 + 1, 4)


async def measure(pool: Pool, ends: MonthEnds, days: int) -> list[Measure]:
    """All shares of the table in ``usance.demo``."""
    found = list(ends.rolls())
    average = sum(ends.receivables) // max(len(ends.receivables), 1)
    losses = await store.losses(pool)
    yearly = losses * DAYS_IN_YEAR // max(days, 1)
    found.append(Measure("charged off, a year, of balances", 15, 30, yearly, average))
    paid = await store.paid_statements(pool)
    whole = sum(paid.values())
    found.append(Measure("statements paid in full by the due day", 600, 750, paid["full"], whole))
    found.append(Measure("statements paid with the minimum", 80, 160, paid["minimum"], whole))
    found.append(Measure("statements paid 1 to 15 days late", 30, 80, paid["late"], whole))
    refunds, purchases = await store.refunds(pool)
    found.append(Measure("refunds, of purchases", 30, 50, refunds, purchases))
    return found
