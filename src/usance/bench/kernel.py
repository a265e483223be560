"""Compiled repayment and cycle events a second on one core, against plain Python.

Half of the events are repayments of the first instalment of cash loans with 12 dues, half are
statements of pay-later lines in their 12th cycle. The whole sample is compared bit for bit.
"""

from copy import deepcopy
from time import perf_counter
from typing import Any

import numpy as np

from usance.bench.common import Result, report
from usance.contract import batch
from usance.contract.batch import CONTRACT, DUE, EVENT, TERMS, as_array, as_objects
from usance.contract.records import (
    LINE,
    PURCHASE,
    REPAYMENT,
    STATEMENT,
    TERM,
    Contract,
    Due,
    Effect,
    Event,
    Out,
    Terms,
)
from usance.contract.replay import Opening, open_line
from usance.contract.schedule import Plan, open_term
from usance.contract.step import step
from usance.core.days import day_in_month, month_of, next_month_day, ordinal

REACH = 5_000_000
CONTRACTS = 20_000
ROUNDS = 150
START = ordinal("2024-01-01")
COMMON: dict[str, Any] = {
    "rate": 12_000_000, "penalty_count": 1, "penalty_rate": (75_000, 0, 0, 0), "grace": 3,
    "penalty_from": (1, 0, 0, 0), "reminders": 1, "reminder": (3, 0, 0, 0), "overdue_steps": 2,
    "overdue_step": (1, 3, 0, 0, 0, 0, 0, 0),
}  # fmt: skip

Sample = list[tuple[Terms, Contract, list[Due], Event]]


def loan(principal: int) -> tuple[Terms, Contract, list[Due], Event]:
    """A cash loan whose first instalment is paid on its day."""
    terms = Terms(kind=TERM, **COMMON)
    c, dues = open_term(terms, Plan(principal, START, 12), Out())
    return terms, c, dues, Event(1, REPAYMENT, dues[0].due_on, amount=c.instalment)


def line(purchase: int) -> tuple[Terms, Contract, list[Due], Event]:
    """A pay-later line with a purchase and a paid bill a month, at its 12th statement."""
    terms = Terms(kind=LINE, **COMMON)
    c, dues = open_line(Opening(terms, opened_on=START, statement_day=28))
    for month in range(11):
        day = day_in_month(month_of(START) + month, 20)
        issued_on = next_month_day(day, 28)
        step(terms, c, dues, Event(c.seq + 1, PURCHASE, day, amount=purchase), Out())
        step(terms, c, dues, Event(c.seq + 1, STATEMENT, issued_on), Out())
        step(terms, c, dues, Event(c.seq + 1, REPAYMENT, issued_on + 5, amount=purchase), Out())
    step(terms, c, dues, Event(c.seq + 1, PURCHASE, c.on + 10, amount=purchase), Out())
    return terms, c, dues, Event(c.seq + 1, STATEMENT, next_month_day(c.on, 28))


def samples() -> Sample:
    """Different contracts of both kinds, in turn."""
    return [make(50_000 + 777 * i) for i in range(200) for make in (loan, line)]


def plain_rate(sample: Sample) -> tuple[float, Sample, list[list[Effect]]]:
    """Events a second in plain Python, and what they made."""
    done = deepcopy(sample)
    outs = [Out() for _ in done]
    start = perf_counter()
    for (terms, c, dues, event), out in zip(done, outs, strict=True):
        assert step(terms, c, dues, event, out) == 0
    return len(done) / (perf_counter() - start), done, [out.effects for out in outs]


def arrays(sample: Sample) -> tuple[Any, ...]:
    """The sample again and again, as a batch has it."""
    dues: list[Due] = []
    start = [0]
    for _, c, own, _ in sample:
        dues += [*own[c.first_open - 1 :], *(Due() for _ in range(batch.ROOM))]
        start.append(len(dues))
    times = CONTRACTS // len(sample)
    starts = np.concatenate([np.array(start[:-1]) + i * len(dues) for i in range(times)])
    return (
        as_array(TERMS, [sample[0][0], sample[1][0]]),
        np.tile([0, 1], CONTRACTS // 2),
        np.tile(as_array(CONTRACT, [each[1] for each in sample]), times),
        np.tile(as_array(DUE, dues), times),
        np.append(starts, times * len(dues)),
        np.tile(as_array(EVENT, [each[3] for each in sample]), times),
    )


def compiled_rate(sample: Sample) -> tuple[float, tuple[Any, ...], batch.Outcome]:
    """Events a second compiled: the best of several rounds, each on fresh copies."""
    terms, which, contracts, dues, start, events = arrays(sample)
    best = 0.0
    for _ in range(ROUNDS):
        given = (terms, which, contracts.copy(), dues.copy(), start)
        began = perf_counter()
        outcome = batch.step_batch(*given, events)
        best = max(best, CONTRACTS / (perf_counter() - began))
    return best, given, outcome


def equal(
    given: tuple[Any, ...], outcome: batch.Outcome, done: Sample, effects: list[list[Effect]]
) -> bool:
    """Contracts, dues and effects of the sample, bit for bit."""
    _, _, contracts, dues, start = given
    same = as_objects(Contract, contracts[: len(done)]) == [each[1] for each in done]
    owners = outcome.owners()
    for i, (_, _, expected, _) in enumerate(done):
        own = as_objects(Due, dues[start[i] : start[i + 1]])
        held = expected[own[0].n - 1 :]
        found = outcome.effects[owners == i]
        same = same and own[: len(held)] == held and as_objects(Effect, found) == effects[i]
    return same


def run(*, as_json: bool = False) -> Result:
    """Measure, compare, print."""
    sample = samples()
    batch.compiled()
    plain, done, effects = plain_rate(sample)
    figure, given, outcome = compiled_rate(sample)
    ok = figure >= REACH and equal(given, outcome, done, effects)
    reach = f">= {REACH:,} a second on one core, equal bit for bit"
    result = Result(
        "kernel", round(figure), "events/s", round(plain), round(figure / plain, 1), reach, ok
    )
    return report(result, as_json=as_json)
