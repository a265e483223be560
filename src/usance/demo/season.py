"""When people buy and where: salary days, weekends, festivals, shopping days, merchants."""

from dataclasses import dataclass
from datetime import date
from functools import cache

NEW_YEARS = (
    date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6), date(2028, 1, 26),
    date(2029, 2, 13), date(2030, 2, 3),
)  # fmt: skip
"""First day of the Spring Festival, Chinese calendar."""

ORDINARY = 100
SHOPPING_DAYS = {(6, 18): 260, (11, 11): 340, (11, 10): 180, (12, 12): 220}
SEASONS = (
    ((6, 1), (6, 17), 125), ((9, 28), (10, 7), 130), ((11, 1), (11, 9), 130),
    ((11, 12), (11, 20), 75), ((12, 1), (12, 11), 110),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Merchant:
    """An invented shop; amounts in minor units."""

    name: str
    usual: int  # middle of what is spent there
    held: bool  # authorises first, captures when the goods leave
    weight: int


MERCHANTS = (
    Merchant("晨光便利店", 38_00, False, 26),
    Merchant("老巷面馆", 46_00, False, 22),
    Merchant("云杉生鲜", 96_00, False, 16),
    Merchant("青禾外卖", 58_00, False, 18),
    Merchant("望山书局", 120_00, False, 5),
    Merchant("四季布衣", 320_00, True, 8),
    Merchant("蓝鲸数码", 2400_00, True, 3),
    Merchant("木言家居", 880_00, True, 4),
    Merchant("飞燕旅行", 1350_00, True, 4),
    Merchant("小满母婴", 260_00, True, 6),
    Merchant("Larkfield Outdoor", 540_00, True, 3),
)
WEIGHTS = tuple(each.weight for each in MERCHANTS)


@cache
def appetite(day: int) -> int:
    """How much is bought on a day, in percent of an ordinary one."""
    on = date.fromordinal(day)
    percent = SHOPPING_DAYS.get((on.month, on.day), 0) or festival(day) or season(on)
    return percent * (115 if on.weekday() >= 5 else 94) // 100


def festival(day: int) -> int:
    """People shop before the Spring Festival and stay at home in its first week; else 0."""
    for first in NEW_YEARS:
        until = first.toordinal() - day
        if 0 < until <= 18:
            return 165
        if -7 < until <= 0:
            return 70
    return 0


def season(on: date) -> int:
    """The other weeks in which more or less is bought."""
    for first, last, percent in SEASONS:
        if first <= (on.month, on.day) <= last:
            return percent
    return ORDINARY


def purse(on: date, salary_day: int) -> int:
    """Percent: more in the five days after the salary, a little less in the others."""
    return 160 if 0 <= on.day - salary_day < 5 else 88
