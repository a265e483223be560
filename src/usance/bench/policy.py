"""One policy table of 18 rows: a decision with its trace, and a back-test of a million cases."""

from __future__ import annotations

import random
from time import perf_counter

import numpy as np

from usance.bench.common import Result, report
from usance.policy import shipped
from usance.policy.cells import MISSING
from usance.policy.compiled import array_function, function, tracing
from usance.policy.proving import steps
from usance.policy.tables import Table, first_row

POLICY = "cn-tier"
CASES, AT_ONCE = 20_000, 1_000_000
DECISION_MICROSECONDS = 20
A_SECOND = 5_000_000
SEED = 20


def run(*, as_json: bool = False) -> Result:
    """Measure both against reading the table row by row; all say the same."""
    (policy,) = (each for each in shipped.policies() if each.says.id == POLICY)
    table = policy.table
    cases = cases_of(table, CASES)
    start = perf_counter()
    wanted = [first_row(table, case) for case in cases]
    plain = (perf_counter() - start) / CASES * 1e6
    decide, trace = function(table), tracing(table)
    assert [decide(case) for case in cases] == wanted
    start = perf_counter()
    found = [trace(case)[0] for case in cases]
    micros = (perf_counter() - start) / CASES * 1e6
    report(
        Result("policy-decision", round(micros, 3), "us", round(plain, 3), round(micros / plain, 3),
               f"<= {DECISION_MICROSECONDS} us with its trace",
               found == wanted and micros <= DECISION_MICROSECONDS),
        as_json=as_json,
    )  # fmt: skip
    return report(_back_test(table, cases, plain), as_json=as_json)


def _back_test(table: Table, cases: list[tuple[int, ...]], plain: float) -> Result:
    numbers = np.array(cases, np.int64).repeat(AT_ONCE // CASES, axis=0)
    columns = {each.name: numbers[:, n].copy() for n, each in enumerate(table.inputs)}
    decide = array_function(table)
    decide({name: each[:1000] for name, each in columns.items()})
    start = perf_counter()
    found = decide(columns)
    seconds = perf_counter() - start
    trusted = found[:: AT_ONCE // CASES].tolist() == [first_row(table, case) for case in cases]
    rate, yardstick = AT_ONCE / seconds, 1e6 / plain
    return Result(
        "policy-backtest", round(rate), "decisions/s", round(yardstick), round(rate / yardstick, 1),
        f">= {A_SECOND:,} decisions/s", trusted and rate >= A_SECOND,
    )  # fmt: skip


def cases_of(table: Table, count: int) -> list[tuple[int, ...]]:
    """Cases on all sides of the table's borders."""
    chance = random.Random(SEED)
    columns = [steps(table, place) for place in range(len(table.inputs))]
    usual = [max(each) if feature.better == "higher" else min(v for v in each if v != MISSING)
             for each, feature in zip(columns, table.inputs, strict=True)]  # fmt: skip
    return [
        tuple(
            mild if chance.random() < 0.7 else chance.choice(each)
            for mild, each in zip(usual, columns, strict=True)
        )
        for _ in range(count)
    ]
