"""Conditions: written with units, read as sets of whole numbers, said as they were written."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from tests.policy.documents import number, random_cell
from usance.core.refusals import Refused
from usance.policy.cells import (
    MISSING,
    Cell,
    cell_of,
    has,
    number_of,
    said,
    united,
    value_said,
    within,
    without,
)
from usance.policy.dictionary import Feature

MEANING = {"en": "a", "zh": "数"}
COUNT = number("count")
SHARE = number("share", -10_000, 10_000, unit="percent")
MONEY = number("money", 0, 10**7, unit="money")
DAYS = number("days", unit="days")
SURE = Feature("sure", "yes_no", "book", MEANING, missing=0)
LETTER = Feature("letter", "choice", "book", MEANING, missing="refuse", of=("A", "B", "C", "D"))


@pytest.mark.parametrize(("feature", "given", "cell"), [
    (COUNT, "< 5", ((0, 4),)), (COUNT, "<= 5", ((0, 5),)), (COUNT, "> 5", ((6, 20),)),
    (COUNT, ">=5", ((5, 20),)), (COUNT, "3 .. 7", ((3, 7),)), (COUNT, 4, ((4, 4),)),
    (COUNT, "missing", ((MISSING, MISSING),)),
    (COUNT, ["< 3", "3 .. 4", "missing"], ((MISSING, MISSING), (0, 4))),
    (COUNT, {"not": "3 .. 4"}, ((0, 2), (5, 20))),
    (SHARE, "< 30 %", ((-10_000, 2_999),)), (SHARE, "-12.5 % .. 0 %", ((-1_250, 0),)),
    (MONEY, ">= 1,000.00 CNY", ((100_000, 10**7),)), (MONEY, "5 CNY", ((500, 500),)),
    (DAYS, ">= 1 day", ((1, 20),)), (DAYS, "3 days .. 7 days", ((3, 7),)),
    (SURE, True, ((1, 1),)), (SURE, False, ((0, 0),)),
    (LETTER, "B", ((1, 1),)), (LETTER, ["D", "A", "B"], ((0, 1), (3, 3))),
    (LETTER, {"not": ["B"]}, ((0, 0), (2, 3))),
], ids=str)  # fmt: skip
def test_a_condition_is_read_as_it_is_written(feature: Feature, given: Any, cell: Cell) -> None:
    """R-POLICY-03."""
    assert cell_of(given, feature, "CNY") == cell


@pytest.mark.parametrize(("feature", "given"), [
    (COUNT, "< 5 days"), (COUNT, "5 %"), (DAYS, "< 5"), (SHARE, "< 30"), (SHARE, "30.001 %"),
    (MONEY, "1000"), (MONEY, "1000.00 USD"), (MONEY, "1000.001 CNY"), (COUNT, "7 .. 3"),
    (COUNT, "> 20"), (COUNT, "< 0"), (COUNT, "21"), (COUNT, ">= -1"), (COUNT, True),
    (COUNT, "many"), (COUNT, []), (COUNT, {"except": 3}), (COUNT, "5.5"),
    (COUNT, "1 .. 99"), (COUNT, None), (SURE, "missing"), (LETTER, ["A", "missing"]),
    (SURE, 1), (SURE, "true"), (LETTER, "E"), (LETTER, ["A", "E"]), (LETTER, True), (LETTER, "a"),
    (COUNT, "5; import os"), (COUNT, "٣"),
], ids=str)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_rule(feature: Feature, given: Any) -> None:
    with pytest.raises(Refused) as caught:
        cell_of(given, feature, "CNY")
    assert caught.value.refusal.rule == "R-POLICY-03"
    assert caught.value.refusal.path == feature.name


def test_a_currency_has_its_own_digits() -> None:
    assert number_of("1000 JPY", MONEY, "JPY") == 1000
    assert number_of("1.234 KWD", MONEY, "KWD") == 1234
    with pytest.raises(Refused):
        number_of("1000.5 JPY", MONEY, "JPY")


@pytest.mark.parametrize("seed", range(60))
def test_what_is_said_of_a_condition_reads_back_as_it(seed: int) -> None:
    chance = random.Random(seed)
    for feature in (COUNT, SHARE, MONEY, DAYS):
        cell = random_cell(chance, feature)
        if cell is not None:
            least = value_said(feature.least, feature, "CNY")
            words = said(cell, feature, "CNY").replace("any value", f">= {least}").split(" or ")
            assert cell_of(words, feature, "CNY") == cell


@pytest.mark.parametrize("seed", range(60))
def test_sets_are_sets(seed: int) -> None:
    """Against Python's own."""
    chance = random.Random(seed)

    def some() -> Cell:
        spans = ((low := chance.randrange(30), low + chance.randrange(6)) for _ in range(4))
        return united(spans)

    one, other = some(), some()
    first, second = ({v for v in range(40) if has(each, v)} for each in (one, other))
    for cell, wanted in (
        (within(one, other), first & second), (without(one, other), first - second),
        (united([*one, *other]), first | second),
    ):  # fmt: skip
        assert {v for v in range(40) if has(cell, v)} == wanted
        assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(cell))
