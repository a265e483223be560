"""Days, periods, the weight of nights, rounding (R-DAY, R-RATE, R-COUNT, R-ROUND)."""
from __future__ import annotations

import calendar
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from .reached import reached

ONE_DAY = timedelta(days=1)
BASIS = {"actual/365": 365, "actual/360": 360, "actual/364": 364, "30/360": 360,
         "actual/actual": 365 * 366}


def clamped(year: int, month: int, day: int) -> date:
    """The day of that month, or the last day of a shorter month (month may run over 12)."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def shift(anchor: date, steps: int, every: Mapping[str, int]) -> date:
    """R-SCHED-01: the anchor moved by `steps` steps of `every`, keeping its day of the month."""
    if "months" in every:
        return clamped(anchor.year, anchor.month + steps * every["months"], anchor.day)
    return anchor + timedelta(days=steps * every["days"])


def next_month_day(after: date, day: int) -> date:
    """The first `day` of a month (or its last day, if shorter) strictly after `after`."""
    this_month = clamped(after.year, after.month, day)
    return this_month if this_month > after else clamped(after.year, after.month + 1, day)


def thirty(day: date) -> int:
    """S(y, m, d) of R-COUNT-01."""
    return 360 * day.year + 30 * day.month + min(day.day, 30)


def weight(day_count: str, start: date, end: date) -> int:
    """R-COUNT-01: the sum of the weights of the nights from `start` to `end`, over BASIS."""
    reached("R-COUNT-01")
    if day_count == "30/360":
        return thirty(end) - thirty(start)
    if day_count != "actual/actual":
        return (end - start).days
    total = 0
    while start < end:
        stop = min(end, date(start.year + 1, 1, 1))
        total += (stop - start).days * (365 if calendar.isleap(start.year) else 366)
        start = stop
    return total


@dataclass(frozen=True)
class Rate:
    """R-RATE-01: `value` per year, night or period; `share`: what a whole period counts for."""

    form: str
    value: Fraction
    day_count: str
    share: Fraction = Fraction(1)

    def over(self, start: date, end: date, nights_of_period: int) -> Fraction:
        """Interest of one unit from `start` to `end`, part of a period of so many nights."""
        reached("R-RATE-01")
        if self.form == "daily":
            return self.value * (end - start).days
        if self.form == "period" or self.day_count == "whole_period":
            part = Fraction((end - start).days, nights_of_period) if nights_of_period else 0
            return self.value * self.share * part
        return self.value * Fraction(weight(self.day_count, start, end), BASIS[self.day_count])


def rounded(amount: Fraction, mode: str) -> int:
    """R-ROUND-01: to a whole minor unit."""
    reached("R-ROUND-01")
    if mode == "half_up":
        return math.floor(amount + Fraction(1, 2))
    if mode == "up":
        return math.ceil(amount)
    return math.floor(amount) if mode == "down" else round(amount)


def to_multiple(amount: Fraction, unit: int) -> int:
    """Half-even to a multiple of `unit` (R-SCHED-02)."""
    return round(amount / unit) * unit
