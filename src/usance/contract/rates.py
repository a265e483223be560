"""The annual rates of a cash flow, in integers: APR (periodic) and IRR (effective).

A discount factor v solves sum(flow x v^time) = paid out. The left side is increasing and convex in
v, so Newton from above falls to the root without overshooting; all in fixed point.
"""

from functools import lru_cache

from usance.core.money import divide_half_even
from usance.core.rules import rule

ONE = 10**27
SIX = 10**6


def power(v: int, exponent: int) -> int:
    """v^exponent in fixed point, exponent >= 0."""
    result = ONE
    while exponent:
        if exponent & 1:
            result = result * v // ONE
        v = v * v // ONE
        exponent >>= 1
    return result


def value_and_slope(v: int, flows: list[tuple[int, int]]) -> tuple[int, int]:
    """Present value and its derivative for (time, amount) flows in order of time."""
    total = slope = 0
    at, factor = 0, ONE
    powers: dict[int, int] = {}  # flows are mostly the same few gaps apart
    for time, amount in flows:
        gap = time - at
        if gap not in powers:
            powers[gap] = power(v, gap)
        factor = factor * powers[gap] // ONE
        at = time
        total += amount * factor
        slope += amount * time * factor
    return total, slope * ONE // v


def discount_factor(paid_out: int, flows: list[tuple[int, int]]) -> int | None:
    """The factor v in fixed point; None where no rate explains the flows."""
    net = paid_out - sum(amount for time, amount in flows if time == 0)
    later = [(time, amount) for time, amount in flows if amount and time != 0]
    if net <= 0 or not later or any(amount < 0 or time < 0 for time, amount in later):
        return None
    target = net * ONE
    v = start_above(target, later)
    for _ in range(200):
        total, slope = value_and_slope(v, later)
        step = (total - target) * ONE // slope
        v -= step
        if abs(step) <= 1:
            break
    return v


def start_above(target: int, flows: list[tuple[int, int]]) -> int:
    """A v whose present value is at least the target, near enough for Newton's steps."""
    high, longest = ONE, flows[-1][0]
    while value_and_slope(high, flows)[0] < target:
        high += high // longest
    if value_and_slope(high, flows)[0] < 3 * target:
        return high
    low = 0
    for _ in range(24):
        middle = (low + high) // 2
        if value_and_slope(middle, flows)[0] < target:
            low = middle
        else:
            high = middle
    return high


@rule("R-RATE-02")
def apr(paid_out: int, flows: list[int], months: int, days: int) -> int | None:
    """Rate per period x periods a year, per 10^6; ``flows`` are equal periods apart."""
    v = discount_factor(paid_out, list(enumerate(flows, 1)))
    if v is None:
        return None
    number, below = (365, days) if days else (12, months)
    return divide_half_even((ONE - v) * number * SIX, v * below)


@rule("R-RATE-02")
def irr(paid_out: int, flows: list[tuple[int, int]]) -> int | None:
    """Effective annual rate per 10^6 of (days since pay-out, amount) flows."""
    v = discount_factor(paid_out, sorted(flows))
    if v is None:
        return None
    year = power(v, 365)
    if year == 0:
        return None
    return divide_half_even((ONE - year) * SIX, year)


@lru_cache(maxsize=64)
def daily_factor(yearly: int) -> int:
    """The factor of one day, in fixed point, that makes a year of ``yearly`` per 10^6."""
    wanted, low, high = ONE * SIX // (SIX + yearly), 0, ONE
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if power(middle, 365) <= wanted else (low, middle - 1)
    return low


def present_value(v: int, flows: list[tuple[int, int]]) -> int:
    """The value on day 0 of (day, amount) flows of either sign, in fixed point."""
    return sum(amount * power(v, time) for time, amount in flows)


@rule("R-COST-05")
def exceeds(flows: list[tuple[int, int]], yearly: int) -> bool:
    """Whether (day, amount) flows cost more than an effective rate per 10^6.

    What is lent is below 0, what is paid above. More than the rate: worth more than nothing to the
    lender even when every flow is discounted by it.
    """
    return present_value(daily_factor(yearly), flows) > tolerance(flows)


def tolerance(flows: list[tuple[int, int]]) -> int:
    """What rounding in fixed point may add up to: far less than a minor unit."""
    return (sum(abs(amount) for _, amount in flows) + 1) * 4096


@rule("R-COST-05")
def effective(flows: list[tuple[int, int]]) -> int | None:
    """The effective annual rate per 10^6 of dated flows of either sign; None where there is none.

    By halving, as flows of both signs give Newton no slope to trust. None: nothing was lent before
    it was paid for.
    """
    if present_value(ONE, flows) <= 0:
        return 0
    low, high = 0, ONE
    if present_value(1, flows) >= 0:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if present_value(middle, flows) > 0 else (middle, high)
    year = power(high, 365)
    return divide_half_even((ONE - year) * SIX, year) if year else None
