"""How long an answer takes tells nothing: measured, and the measurement finds what it looks for.

Statistic: pairs of asks, one for a code never made and one for a made code with other digits, in
random order within a pair. Of n pairs, the second took longer in about half; the sign test's
z = (2k - n) / sqrt(n) needs no distribution and no quiet machine. A leak is a z beyond 4 (by chance
once in 16,000 runs) together with a median difference of at least a fiftieth of an answer.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.notices import asking_house
from tests.notices.asking_house import DIGITS, WRONG, House, many, roomy
from usance.notices.codes import ALPHABET, LENGTH
from usance.platform.database import Pool

PAIRS = 600
BEYOND, PART = 4, 50
Asking = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Measured:
    z: float
    difference: float
    median: float

    @property
    def leaks(self) -> bool:
        return abs(self.z) > BEYOND and abs(self.difference) * PART > self.median

    def __str__(self) -> str:
        return (f"z {self.z:+.2f}, median difference {self.difference / 1000:+.1f} us"
                f" of {self.median / 1000:.0f} us")  # fmt: skip


async def took(asking: Asking) -> int:
    begun = time.perf_counter_ns()
    await asking()
    return time.perf_counter_ns() - begun


async def measured(first: Asking, second: Asking, pairs: int = PAIRS) -> Measured:
    draw, found = random.Random(11), []
    for _ in range(50):
        await took(first), await took(second)
    for _ in range(pairs):
        if draw.random() < 0.5:
            one, two = await took(first), await took(second)
        else:
            two, one = await took(second), await took(first)
        found.append((one, two))
    longer = sum(two > one for one, two in found)
    z = (2 * longer - pairs) / pairs**0.5
    return Measured(
        z, statistics.median(two - one for one, two in found),
        statistics.median(one for one, _ in found),
    )  # fmt: skip


def never_made(house: House, draw: random.Random) -> Asking:
    async def ask() -> object:
        code = "".join(draw.choice(ALPHABET) for _ in range(LENGTH))
        return await house.verification.ask(code, WRONG, "192.0.2.7")

    return ask


def made(house: House, codes: list[str], digits: str, draw: random.Random) -> Asking:
    async def ask() -> object:
        return await house.verification.ask(draw.choice(codes), digits, "192.0.2.7")

    return ask


def more(asking: Asking, nanoseconds: float) -> Asking:
    """The same, and a little work: what a look at the notice itself would cost."""

    async def ask() -> object:
        found = await asking()
        end = time.perf_counter_ns() + nanoseconds
        while time.perf_counter_ns() < end:
            pass
        return found

    return ask


async def test_a_made_code_with_other_digits_takes_as_long_as_one_never_made(pool: Pool) -> None:
    """R-CODE-03, R-VERIFY-03."""
    async with asking_house.house(pool, roomy()) as house:
        await many(pool, 5_000)
        codes = [(await house.sent()).code for _ in range(200)]
        draw = random.Random(5)
        first = never_made(house, draw)
        found = await measured(first, made(house, codes, WRONG, draw))
        print(f"other digits: {found}")
        assert not found.leaks, str(found)
        told = await measured(first, made(house, codes, DIGITS, draw), 200)
        print(f"right digits: {told}")
        assert told.leaks, "what is told takes longer: the measurement finds a difference"
        part = found.median / 10
        longer = await measured(first, more(made(house, codes, WRONG, draw), part))
        print(f"a tenth longer: {longer}")
        assert longer.leaks, "a tenth of an answer is found"
