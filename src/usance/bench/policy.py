"""Deciding: one whole decision with score and reasons, and a back-test of a million cases."""

from __future__ import annotations

import random
from time import perf_counter

import numpy as np

from usance.bench.common import Result, report
from usance.policy import shipped
from usance.policy.cells import MISSING
from usance.policy.compiled import array_function, function
from usance.policy.documents import Policy
from usance.policy.proving import steps
from usance.policy.tables import Table, first_row, taken
from usance.risk.decisions import SCORE, Decider
from usance.risk.scorecard import Characteristic, Scorecard

POLICY = "cn-tier"
SCORED = (
    "late_12m", "utilisation", "tenure", "paid_share_6m", "days_late_12m", "failed_debits_90d",
    "minimum_streak", "extensions_12m", "utilisation_rise_90d", "debt_service", "bureau_lenders",
    "new_device_days",
)  # fmt: skip
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
    assert [*map(function(table), cases)] == wanted
    report(_decision(policy, plain), as_json=as_json)
    return report(_back_test(table, cases, plain), as_json=as_json)


def _decision(policy: Policy, plain: float) -> Result:
    """From a snapshot at hand: score, row, trace and ranked reasons."""
    chance, made = random.Random(SEED), Decider(policy, shipped.reasons(), scorecard())
    names = {each.name for each in policy.table.inputs} | {*SCORED}
    features = [shipped.dictionary()[name] for name in sorted(names - {SCORE})]
    facts = [
        {each.name: chance.randrange(chance.choice([1, each.values[0][1] % 101 + 1]))
         for each in features} for _ in range(CASES)
    ]  # fmt: skip
    start = perf_counter()
    found = [made.decide(each) for each in facts]
    micros = (perf_counter() - start) / CASES * 1e6
    table = policy.table
    right = all(
        each.row == first_row(table, taken(table, given | {SCORE: each.score})) + 1
        for given, each in zip(facts, found, strict=True)
    )
    return Result(
        "policy-decision", round(micros, 2), "us", round(plain, 2), round(micros / plain, 2),
        f"<= {DECISION_MICROSECONDS} us with score, trace and reasons",
        right and micros <= DECISION_MICROSECONDS,
    )  # fmt: skip


def scorecard(name: str = "bench") -> Scorecard:
    """Of twelve features, five bins each."""
    bins = tuple(
        Characteristic(name, (0, 10, 30, 60), (24, 12, 0, -14, -30), missing=0) for name in SCORED
    )
    return Scorecard(
        name=name, target="bad", base=520, points_at=600, odds_at=20, points_double=40,
        characteristics=bins,
    )  # fmt: skip


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
