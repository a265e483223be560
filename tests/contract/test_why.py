"""Every asked figure opens: its segments, base x rate x days / basis, sum exactly to it."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

from tests.oracle.days import rounded
from tests.oracle.sequences import Story, story
from usance.contract.quote import quote

SECONDS = float(os.environ.get("USANCE_WHY_SECONDS", "8"))
Json = dict[str, Any]


def segment(each: Json, decimals: int) -> Fraction:
    """One stretch in minor units, exact."""
    base = Fraction(each["base"]) * 10**decimals
    return base * Fraction(each["rate"]) * each["days"] / each["basis"]


def place(each: Json) -> tuple[str, int, int]:
    """What is rounded together: a period of the contract; for penalty a period of its row."""
    row = each["row"] if each["component"] == "penalty" else 0
    return each["component"], row, each["period"]


def unexplained(answer: Json, told: Story) -> Iterator[str]:
    """Asked amounts that are not the rounded sum of their segments."""
    mode = told.terms.get("rounding", "half_even")
    run: dict[tuple[str, int, int], Fraction] = defaultdict(Fraction)
    asked: dict[tuple[str, int, int], Fraction] = defaultdict(Fraction)
    for each in answer["why"]:
        if each["component"] not in ("interest", "penalty"):
            continue
        run[place(each)] += segment(each, told.decimals)
        if each["rule"] == "R-ROUND-01":
            asked[place(each)] += Fraction(each["amount"]) * 10**told.decimals
            if asked[place(each)] != rounded(run[place(each)], mode):
                yield f"{each} is {asked[place(each)]}, ran {run[place(each)]}"


def test_what_is_asked_is_the_rounded_sum_of_its_segments() -> None:
    """R-ROUND-01, R-TERM-01, R-LINE-03, R-LINE-04, R-PEN-01 in random documents."""
    end, seen, seed = time.monotonic() + SECONDS, 0, os.environ.get("USANCE_SEED", "why")
    number = 0
    while time.monotonic() < end:
        told = story(Random(f"{seed}:{number}"))
        answer = quote(told.document(told.today))
        found = list(unexplained(answer, told)) if "rule" not in answer else []
        assert not found, f"{seed}:{number} {told.document(told.today)}\n{found[0]}"
        seen += sum(each["rule"] == "R-ROUND-01" for each in answer.get("why", ()))
        number += 1
    assert seen > number


def test_a_segment_by_hand() -> None:
    """R-RATE-01: 10,000.00 at 0.05 % a night for 31 nights is 155.00."""
    document = {
        "as_of": "2024-02-01",
        "terms": {"kind": "term", "principal": "10000.00", "disbursed_on": "2024-01-01",
                  "instalments": 2, "rate": {"daily": "0.0005"}},
    }  # fmt: skip
    ran, asked = quote(document)["why"]
    assert (ran["base"], ran["rate"]) == ("10000.00", "0.00050000")
    assert (ran["days"], ran["basis"]) == (31, 1)
    assert (asked["rule"], asked["amount"]) == ("R-ROUND-01", "155.00")
