"""Days as ordinals (``date.toordinal``), month steps, and the weights of day counts.

The functions marked ``kernel`` also run compiled, so they know integers only.
"""

from datetime import date
from functools import lru_cache

from usance.core.kernel import kernel
from usance.core.rules import rule

NEVER = 3_652_059  # 9999-12-31: the alarm of a contract on which nothing more happens

ACTUAL = 1
ACTUAL_ACTUAL = 2
THIRTY_360 = 3
WHOLE_PERIOD = 4

_DAYS_OF_400_YEARS = 146_097
_DAYS_OF_100_YEARS = 36_524
_DAYS_OF_4_YEARS = 1_461
_YEAR_LINE = 2_939_745  # 2**32 / (4 x 365.25), rounded up: quarters of days to years
_LOW_32 = 2**32 - 1
_LONG_MONTHS = 0b1010_1101_0101  # a bit for each month, January lowest: it has 31 days


@kernel
def year_of(day: int) -> int:
    """Year of an ordinal in the proleptic Gregorian calendar."""
    n = day - 1
    cycles, n = n // _DAYS_OF_400_YEARS, n % _DAYS_OF_400_YEARS
    centuries = min(n // _DAYS_OF_100_YEARS, 3)
    n -= centuries * _DAYS_OF_100_YEARS
    fours, n = n // _DAYS_OF_4_YEARS, n % _DAYS_OF_4_YEARS
    years = min(n // 365, 3)
    return cycles * 400 + centuries * 100 + fours * 4 + years + 1


@kernel
def is_leap(year: int) -> int:
    """1 in a leap year, else 0."""
    if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        return 1
    return 0


@kernel
def new_year(year: int) -> int:
    """Ordinal of the first of January."""
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400 + 1


@kernel
def month_and_day(day: int) -> int:
    """Month (see ``month_of``) x 32 + day of the month.

    Years that begin in March have their leap day last, so that centuries, years and months each
    follow a straight line; the lines' slopes are binary fractions, near enough for any day that
    exists (Neri, Schneider: Euclidean affine functions, 2022). 1 March of year 0 is -305.
    """
    n = 4 * (day + 305) + 3
    century = n // _DAYS_OF_400_YEARS
    years = _YEAR_LINE * ((n % _DAYS_OF_400_YEARS) | 3)
    months = 2_141 * ((years & _LOW_32) // (4 * _YEAR_LINE)) + 197_913
    month = (century * 100 + (years >> 32)) * 12 + (months >> 16) - 1
    return month * 32 + (months & 65_535) // 2_141 + 1


@kernel
def month_of(day: int) -> int:
    """Months since year 0, counted so that ``// 12`` is the year and ``% 12 + 1`` the month."""
    return month_and_day(day) // 32


@kernel
def day_of_month(day: int) -> int:
    """1 to 31."""
    return month_and_day(day) % 32


@kernel
def month_length(months: int) -> int:
    """Days of the month ``months`` (see ``month_of``)."""
    if months % 12 == 1:
        return 28 + is_leap(months // 12)
    return 30 + (_LONG_MONTHS >> months % 12 & 1)


@kernel
def day_in_month(months: int, day: int) -> int:
    """Ordinal of ``day`` in the month ``months``, the month's last day if it is shorter."""
    year = (months - 2) // 12
    month = months - 2 - 12 * year
    before = 365 * year + year // 4 - year // 100 + year // 400
    return before + (153 * month + 2) // 5 - 306 + min(day, month_length(months))


@kernel
@rule("R-LINE-01")
def next_month_day(after: int, wanted: int) -> int:
    """The first day after ``after`` that is day ``wanted`` of its month (or the month's last)."""
    split = month_and_day(after)
    months, day = split // 32, split % 32
    length = month_length(months)
    if min(wanted, length) > day:
        return after + min(wanted, length) - day
    return after + length - day + min(wanted, month_length(months + 1))


@rule("R-SCHED-01")
def add_months(anchor: int, months: int) -> int:
    """``anchor`` moved by months, keeping its day of the month where the month has it."""
    split = month_and_day(anchor)
    return day_in_month(split // 32 + months, split % 32)


@kernel
@rule("R-COUNT-01")
def serial(count: int, day: int) -> int:
    """A running number whose differences are the weights of nights under a day count.

    actual/actual weighs on the basis 365 x 366: a leap year's night 365, another 366, so that every
    whole year weighs the same. 30/360 is 30E/360.
    """
    if count == ACTUAL_ACTUAL:
        year = year_of(day)
        return 365 * 366 * year + (day - new_year(year)) * (366 - is_leap(year))
    if count == THIRTY_360:
        return 30 * month_of(day) + min(day_of_month(day), 30)
    return day


@kernel
@rule("R-COUNT-01")
def count_weight(count: int, start: int, end: int) -> int:
    """Weight of the nights from ``start`` to ``end`` under a day count."""
    return serial(count, end) - serial(count, start)


def ordinal(text: str) -> int:
    """``YYYY-MM-DD`` as an ordinal; ValueError if it is not a day."""
    if len(text) != 10:
        raise ValueError("not a day")
    return date.fromisoformat(text).toordinal()


@lru_cache(maxsize=16_384)
def iso(day: int) -> str:
    """An ordinal as ``YYYY-MM-DD``."""
    return date.fromordinal(day).isoformat()
