"""The book as a whole: how contracts move between bands of lateness, how each month's fare. Pure.

Counts and minor units are whole numbers; shares are in hundredths of a percent, rounded down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from usance.contract.records import ACTIVE, CHARGED_OFF
from usance.core.rules import rule

WHOLE = 10_000
"""A hundred percent."""
EDGES = (0, 30, 60, 90)
"""A band begins one day after each: 1 to 30 days late, 31 to 60, 61 to 90, 91 and more."""
NOT_LATE, OVER_30, OVER_90, WRITTEN_OFF = 0, 2, 4, 5
BANDS = (0, 1, 2, 3, 4, 5)
LEFT = -1
"""In the place of a band: settled, or not there yet."""


@rule("R-PORT-01")
def band_of(status: int, late_from: int, day: int) -> int:
    """The band of a contract on a day (ordinals); ``LEFT`` if it is settled."""
    if status == CHARGED_OFF:
        return WRITTEN_OFF
    if status != ACTIVE:
        return LEFT
    late = day - late_from if 0 < late_from < day else 0
    return sum(1 for edge in EDGES if late > edge)


def share(part: int, whole: int) -> int:
    """In hundredths of a percent; 0 of nothing."""
    return part * WHOLE // whole if whole else 0


# -- roll rates ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rolls:
    """Contracts by the band in which they were (rows) and are now (columns).

    In the first column is what is not late: paid up to date, or settled.
    """

    first: date
    last: date
    counts: tuple[tuple[int, ...], ...]

    def rate(self, before: int, now: int) -> int:
        """The share of a band's contracts that is now in another."""
        return share(self.counts[before][now], sum(self.counts[before]))

    @property
    def worse(self) -> int:
        """The share of those a little late (1 to 30 days) that are later than that now."""
        return share(sum(self.counts[1][2:]), sum(self.counts[1]))


@rule("R-PORT-02")
def rolls_of(
    first: date, last: date, there: int, moves: Iterable[tuple[int, int, int]]
) -> Rolls:
    """Roll rates between two days.

    ``there``: contracts not settled on the first. ``moves``: (band then, band now, contracts) of
    all that were late on one of the days.
    """
    counts = [[0] * len(BANDS) for _ in BANDS]
    for before, now, number in moves:
        counts[before][now] += number
    late_then = sum(sum(row) for row in counts[1:])
    counts[0][0] = there - late_then - sum(counts[0])
    return Rolls(first, last, tuple(tuple(row) for row in counts))


def month_before(day: date) -> date:
    """The last day of the month before: roll rates go from month to month."""
    return day.replace(day=1) - timedelta(days=1)


# -- vintages --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Vintage:
    """Contracts opened in a month; of them, by months on book, how many were ever so late."""

    month: date
    contracts: int
    ever: tuple[int, ...]

    @property
    def shares(self) -> tuple[int, ...]:
        """Of its contracts."""
        return tuple(share(each, self.contracts) for each in self.ever)


@rule("R-PORT-03")
def vintages_of(
    day: date, opened: Mapping[date, int], reached: Iterable[tuple[date, int, int]]
) -> list[Vintage]:
    """Vintages as of a day, oldest first.

    ``opened``: contracts by the first day of their month. ``reached``: (that month, months on book
    when they were so late for the first time, contracts). A month that is not whole says nothing.
    """
    found: dict[date, dict[int, int]] = {}
    for month, age, number in reached:
        found.setdefault(month, {})[age] = number
    vintages = []
    for month, contracts in sorted(opened.items()):
        ages, ever, total = months_between(month, day), [], 0
        for age in range(ages + 1):
            total += found.get(month, {}).get(age, 0)
            ever.append(total)
        vintages.append(Vintage(month, contracts, tuple(ever)))
    return vintages


def months_between(month: date, day: date) -> int:
    """Whole months from one calendar month to another."""
    return (day.year - month.year) * 12 + day.month - month.month


def early(vintages: Sequence[Vintage], age: int) -> int:
    """The share of the newest vintage that has reached an age, at that age; 0 if none has."""
    grown = [each for each in vintages if len(each.ever) > age and each.contracts]
    return grown[-1].shares[age] if grown else 0


# -- by day ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A row of a day: contracts and principal of a product, a month of opening and a band."""

    product_id: int
    opened: date
    band: int
    contracts: int
    principal: int


@dataclass(frozen=True, slots=True)
class Concentration:
    """``largest`` and ``even`` (sum of squares) as shares of the principal; parts by name."""

    parts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """Principal of all parts."""
        return sum(each for _, each in self.parts)

    @property
    def largest(self) -> int:
        """The share of the largest part."""
        return share(max((each for _, each in self.parts), default=0), self.total)

    @property
    def squares(self) -> int:
        """The Herfindahl index: a hundred percent for one part, little for many alike."""
        total = self.total
        return sum(each * each for _, each in self.parts) * WHOLE // (total * total) if total else 0


@rule("R-PORT-04")
def concentrations(parts: Iterable[Part]) -> dict[str, Concentration]:
    """How principal that is not written off lies on products, months of opening, and bands."""
    sums: dict[str, dict[str, int]] = {"product": {}, "month": {}, "band": {}}
    for each in parts:
        if each.band == WRITTEN_OFF:
            continue
        names = {"product": str(each.product_id), "month": f"{each.opened:%Y-%m}",
                 "band": str(each.band)}  # fmt: skip
        for kind, name in names.items():
            sums[kind][name] = sums[kind].get(name, 0) + each.principal
    return {kind: Concentration(tuple(sorted(found.items()))) for kind, found in sums.items()}


def late_share(parts: Iterable[Part], band: int) -> int:
    """The share of principal, without what is written off, that is in a band or a later one."""
    rows = [each for each in parts if each.band != WRITTEN_OFF]
    late = sum(each.principal for each in rows if each.band >= band)
    return share(late, sum(each.principal for each in rows))


EARLY_AGE = 3
"""Months on book at which a young vintage is held against those before."""


def figures(
    parts: Sequence[Part], rolls: Rolls | None, vintages: Sequence[Vintage]
) -> dict[str, int]:
    """What is watched of a day, by the names of the monitors."""
    held = concentrations(parts)
    return {
        "contracts": sum(each.contracts for each in parts if each.band != WRITTEN_OFF),
        "late-share": late_share(parts, 1), "late-30-share": late_share(parts, OVER_30),
        "roll-worse": rolls.worse if rolls else 0, "early-late": early(vintages, EARLY_AGE),
        "product-share": held["product"].largest, "month-share": held["month"].largest,
    }  # fmt: skip


def usual_of(days: Sequence[Mapping[str, int]], name: str, least: int) -> int:
    """The mean of a figure over days; 0 where there are fewer than ``least`` of them."""
    found = [each[name] for each in days if name in each]
    return sum(found) // len(found) if len(found) >= least else 0


def days_to_measure(after: date | None, through: date) -> list[date]:
    """Closed days that are still to be measured, in order.

    All of a week; of what lies further back the ends of months, of a year and a month at most.
    """
    first = max(after or date.min, date.fromordinal(through.toordinal() - 400)) + timedelta(days=1)
    days = []
    for place in range(first.toordinal(), through.toordinal() + 1):
        each = date.fromordinal(place)
        if through - each < timedelta(days=7) or (each + timedelta(days=1)).day == 1:
            days.append(each)
    return days
