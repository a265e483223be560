"""One table, three functions: each equal to reading the table row by row."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.policy.documents import number, random_case, random_table, stacked
from usance.core.refusals import Refused
from usance.policy import shipped
from usance.policy.cells import MISSING
from usance.policy.compiled import array_function, function, tracing
from usance.policy.proving import reached, steps
from usance.policy.tables import NO_ROW, Row, Table, failing, first_row, taken

MILLION = 1_000_000


@pytest.mark.parametrize("seed", range(40))
def test_three_functions_say_what_the_table_says(seed: int) -> None:
    """R-POLICY-05: the row that decides, and of each row before it what failed."""
    chance = random.Random(seed)
    table = random_table(chance, inputs=chance.randint(0, 4), rows=chance.randint(1, 9))
    cases = [random_case(chance, table) for _ in range(300)]
    decide, trace = function(table), tracing(table)
    wanted = [first_row(table, case) for case in cases]
    assert [decide(case) for case in cases] == wanted
    for case, row in zip(cases, wanted, strict=True):
        end = row if row != NO_ROW else len(table.rows)
        tried = tuple(failing(each, case) for each in table.rows[:end])
        assert trace(case) == (row, tried)
    if table.inputs:
        assert array_function(table)(stacked(table, cases)).tolist() == wanted


@pytest.mark.parametrize("policy", shipped.policies(), ids=lambda each: each.name)
def test_shipped_tables_decide_alike_however_they_are_asked(policy: object) -> None:
    table = policy.table  # type: ignore[attr-defined]
    chance = random.Random(7)
    cases = [random_case(chance, table) for _ in range(2_000)]
    wanted = [first_row(table, case) for case in cases]
    assert [*map(function(table), cases)] == wanted
    assert [row for row, _ in map(tracing(table), cases)] == wanted
    assert array_function(table)(stacked(table, cases)).tolist() == wanted


def test_a_million_cases_are_decided_alike() -> None:
    (policy,) = (each for each in shipped.policies() if each.says.id == "cn-tier")
    table, numbers = policy.table, np.random.default_rng(20)
    harmless = reached(table)[len(table.rows) - 1]  # else nearly every case ends at the first rows
    columns = {}
    for place, (feature, usual) in enumerate(zip(table.inputs, harmless, strict=True)):
        pool = np.array(steps(table, place))
        some = numbers.choice(np.concatenate([pool, pool[pool > MISSING] - 1]), MILLION)
        low, high = feature.values[0]
        some = np.where(some == MISSING, MISSING, some.clip(low, high))
        columns[feature.name] = np.where(numbers.random(MILLION) < 0.7, usual, some)
    found = array_function(table)(columns)
    decide, trace = function(table), tracing(table)
    cases = zip(*(columns[each.name].tolist() for each in table.inputs), strict=True)
    for case, row in zip(cases, found.tolist(), strict=True):
        assert decide(case) == row
        assert trace(case)[0] == row
    assert set(found.tolist()) == set(range(len(table.rows))), "every row decided"


def test_a_missing_value_is_never_silently_false() -> None:
    """R-POLICY-04."""
    features = (number("a", missing="refuse"), number("b", missing=3), number("c"))
    table = Table(features, (), (Row((None, None, None), ()),))
    assert taken(table, {"a": 1, "b": None, "c": None}) == (1, 3, MISSING)
    for facts, why in (
        ({"a": None, "b": 1, "c": 1}, "nothing is decided without a"),
        ({"b": 1, "c": 1}, "a was not given"),
        ({"a": 21, "b": 1, "c": 1}, "a is out of its range"),
    ):
        with pytest.raises(Refused, match=why) as caught:
            taken(table, facts)
        assert caught.value.refusal.rule == "R-POLICY-04"
