"""Days, rates, day counts and rounding, worked by hand (product text, section 1)."""

from __future__ import annotations

import pytest

from tests.contract.documents import column, event, line, loan
from usance.core.days import ACTUAL_ACTUAL, THIRTY_360, count_weight, ordinal
from usance.core.money import DOWN, HALF_EVEN, HALF_UP, UP, rounded, share


def test_nights_before_the_day_have_run() -> None:
    """R-DAY-01: on 16 January 15 nights have run: 15 x 1.20."""
    assert loan("2024-01-16")["totals"]["accrued"] == "18.00"


@pytest.mark.parametrize(
    ("first", "last", "nights"),
    [(True, False, 31), (True, True, 32), (False, True, 31), (False, False, 30)],
)
def test_day_ends_of_a_loan(*, first: bool, last: bool, nights: int) -> None:
    """R-DAY-02: one night more where both ends count, one less where neither does."""
    answer = loan("2024-01-01", day_ends={"first": first, "last": last})
    assert column(answer, "days")[0] == nights
    assert column(answer, "interest")[0] == f"{nights * 120 // 100}.{nights * 120 % 100:02}"


def test_statement_day_outside_the_statement() -> None:
    """R-DAY-02: without it the second statement has 20 nights of 1.00 (11 to 31 January ...)."""
    bought = event("purchase", "2024-01-01", "1000.00")  # statement 1 Jan, due 10 Jan
    with_it = line("2024-02-02", bought)
    without = line("2024-02-02", bought, day_ends={"statement": False})
    assert column(with_it, "interest") == ["0.00", "23.00"]  # nights of 10 January to 1 February
    assert column(without, "interest") == ["0.00", "22.00"]


@pytest.mark.parametrize(
    ("rate", "day_count", "interest"),
    [
        ({"daily": "0.001"}, "30/360", "37.20"),  # 31 nights, whatever the day count
        ({"annual": "0.365"}, "actual/365", "37.20"),  # 1,200 x 0.365 x 31 / 365
        ({"annual": "0.36"}, "actual/360", "37.20"),
        ({"annual": "0.364"}, "actual/364", "37.20"),
        ({"annual": "0.366"}, "actual/actual", "37.20"),  # a leap year
        ({"annual": "0.36"}, "30/360", "36.00"),  # one month of twelve
        ({"annual": "0.36"}, "whole_period", "36.00"),
        ({"period": "0.03"}, "actual/365", "36.00"),
    ],
)
def test_rate_forms_and_day_counts(rate: dict[str, str], day_count: str, interest: str) -> None:
    """R-RATE-01, R-COUNT-01: interest of the first row, 1 January to 1 February 2024."""
    assert column(loan("2024-01-01", rate=rate, day_count=day_count), "interest")[0] == interest


def test_part_of_a_whole_period() -> None:
    """R-COUNT-01: 15 of 31 nights of 36.00 = 17.419..."""
    assert loan("2024-01-16", rate={"period": "0.03"})["totals"]["accrued"] == "17.42"


@pytest.mark.parametrize(
    ("count", "start", "end", "weight"),
    [
        (THIRTY_360, "2024-01-31", "2024-02-29", 29),  # the 31st counts as the 30th
        (THIRTY_360, "2024-02-29", "2024-03-31", 31),
        (ACTUAL_ACTUAL, "2023-12-31", "2024-01-02", 366 + 365),
    ],
)
def test_weights(count: int, start: str, end: str, weight: int) -> None:
    """R-COUNT-01."""
    assert count_weight(count, ordinal(start), ordinal(end)) == weight


@pytest.mark.parametrize(
    ("half", "even", "up_", "upper", "lower"), [(2, 2, 3, 3, 2), (3, 4, 4, 4, 3)]
)
def test_rounding_of_a_half(half: int, even: int, up_: int, upper: int, lower: int) -> None:
    """R-ROUND-01: 2.5 and 3.5 by the four ways; a third rounds down but for `up`."""
    ways = (HALF_EVEN, HALF_UP, UP, DOWN)
    assert [rounded(half, 1, 2, way) for way in ways] == [even, up_, upper, lower]
    assert [rounded(half, 1, 3, way) for way in ways] == [half, half, half + 1, half]


def test_rounded_once_in_a_period() -> None:
    """R-ROUND-01: 0.4 a night asked on two days: 1 night 0, 3 nights 1.2 in all, so 1 more."""
    terms = {"currency": "JPY", "principal": "400", "rounding": "half_even"}
    few = [event("repayment", f"2024-01-0{day}", "1") for day in (2, 4)]
    answer = loan("2024-01-04", *few, **terms)
    assert [e["interest"] for e in answer["events"]] == ["0", "1"]


@pytest.mark.parametrize(
    ("amount", "part", "whole"), [(7, 1, 3), (-7, 2, 3), (10**17, 99999, 10**11)]
)
def test_shares_round_down(amount: int, part: int, whole: int) -> None:
    """R-LINE-04: the share taken out of amount-days, without a large product."""
    assert share(amount, part, whole) == amount * part // whole
