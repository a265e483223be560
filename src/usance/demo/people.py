"""Invented borrowers. No phone, identity number or address here can belong to anybody."""

from dataclasses import dataclass, field
from datetime import date
from math import gcd
from random import Random

from usance.identity.people import Person
from usance.risk.facts import check_of

FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "涛", "明", "超",
    "秀英", "建国", "晓燕", "志强", "海燕", "文博", "雨桐", "子轩", "欣怡", "思远", "佳宁", "浩然",
    "梓涵", "一鸣", "若曦", "嘉豪", "诗涵", "俊熙", "晨曦", "雅婷", "天宇", "梦洁", "国栋", "春梅",
]  # fmt: skip
ENGLISH_FAMILY = ["Archer", "Brook", "Calder", "Dunmore", "Ellery", "Fenwick", "Garland", "Hollis"]
ENGLISH_GIVEN = ["Alice", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry"]
NO_REGION = "990000"
"""Region codes of identity numbers begin with 1 to 8, so this one was never given out."""
INCOME_MOST = 30_000_00
"""So that nobody wishes for lines above what the law lets one person have."""
SALARY_DAYS = (5, 5, 10, 10, 10, 15, 15, 20, 25, 28)
STATEMENT_DAYS = (1, 1, 1, 1, 1, 20, 25)
FULL, PART, MINIMUM = "full", "part", "minimum"


class Deck:
    """Cards instead of a coin: in every round exactly this share (per mille) is drawn.

    Shares then hold in a small book as they do in a large one; only the order is chance.
    """

    def __init__(self, rng: Random, per_mille: int) -> None:
        step = gcd(per_mille, 1000)
        self._round = [True] * (per_mille // step) + [False] * ((1000 - per_mille) // step)
        self._rng = rng
        self._left: list[bool] = []

    def draw(self) -> bool:
        """The next card."""
        if not self._left:
            self._left = self._rng.sample(self._round, len(self._round))
        return self._left.pop()


@dataclass(slots=True)
class Inhabitant:
    """A borrower with the habits that nobody else sees; amounts in minor units."""

    person: Person
    joins_on: int
    income: int  # a month
    salary_day: int
    statement_day: int
    habit: str  # how statements are paid
    spends: int  # purchases in an ordinary month, per mille
    line_limit: int = 0  # pay-later; 0: does not want one
    loan_limit: int = 0
    borrower_id: int = 0
    account: int = 0  # contract of the pay-later account
    loans: list[int] = field(default_factory=list)  # contracts of loans and plans
    trouble: int = 0  # bills missed in a row for want of money, by months; 0: well
    lost: bool = False  # will not pay any more
    leaving: bool = False
    fate_of: int = 0  # the month whose fate is known
    good_months: int = 0


def settle_people(rng: Random, count: int, first: int, days: int) -> list[Inhabitant]:
    """``count`` people who join over ``days`` from ``first`` on: many at the launch, then fewer."""
    joining = joining_days(rng, count, first, days)
    habits = deal(rng, count, {FULL: 74, PART: 14, MINIMUM: 12})
    wishes = deal(rng, count, {"line": 66, "both": 17, "loan": 17})
    return [
        settle(rng, number, joining[number], habits[number], wishes[number])
        for number in range(count)
    ]


def joining_days(rng: Random, count: int, first: int, days: int) -> list[int]:
    """Two fifths come in the first three weeks, the others until two months before the end."""
    launch = count * 2 // 5
    early = [first + rng.randrange(min(21, days)) for _ in range(launch)]
    late = [first + rng.randrange(max(days - 60, 1)) for _ in range(count - launch)]
    return sorted(early + late)


def deal(rng: Random, count: int, shares: dict[str, int]) -> list[str]:
    """``count`` cards of which each kind has its share in percent, shuffled."""
    cards = [kind for kind, share in shares.items() for _ in range(share)]
    dealt: list[str] = []
    while len(dealt) < count:
        dealt += rng.sample(cards, len(cards))
    return dealt[:count]


def settle(rng: Random, number: int, joins_on: int, habit: str, wish: str) -> Inhabitant:
    """One person."""
    income = min(round_to(rng.lognormvariate(8.9, 0.45) * 100, 100_00), INCOME_MOST)
    return Inhabitant(
        person=invented(rng, number),
        joins_on=joins_on,
        income=income,
        salary_day=rng.choice(SALARY_DAYS),
        statement_day=rng.choice(STATEMENT_DAYS),
        habit=habit,
        spends=rng.randrange(900, 3100),
        line_limit=round_to(income * rng.uniform(0.8, 2.0), 500_00) if wish != "loan" else 0,
        loan_limit=round_to(income * rng.uniform(1.5, 4.0), 1000_00) if wish != "line" else 0,
    )


def round_to(amount: float, unit: int) -> int:
    """The nearest whole multiple, at least one."""
    return max(round(amount / unit), 1) * unit


def invented(rng: Random, number: int) -> Person:
    """Details of nobody: an area code without phones, a region that is none, a reserved domain."""
    english = number % 20 == 19
    if english:
        name = f"{rng.choice(ENGLISH_GIVEN)} {rng.choice(ENGLISH_FAMILY)}"
    else:
        name = rng.choice(FAMILY) + rng.choice(GIVEN)
    born = date(1962, 1, 1).toordinal() + rng.randrange(42 * 365)
    return Person(
        name=name,
        phone=f"+86100{number:08d}",
        identity_number=identity_number(date.fromordinal(born), number),
        email=f"resident{number}@example.com",
        language="en" if english else "zh-CN",
    )


def identity_number(born: date, number: int) -> str:
    """18 characters with a right check character (GB 11643), of a region that does not exist."""
    region = str(int(NO_REGION) + number // 1000)
    digits = f"{region}{born:%Y%m%d}{number % 1000:03d}"
    return digits + check_of(digits)
