"""Compiled and plain Python are one kernel: equal bit for bit over random contracts and events."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pytest

from usance.contract import batch
from usance.contract import records as r
from usance.contract.batch import CONTRACT, DUE, EVENT, TERMS, as_array, as_objects
from usance.contract.records import Contract, Due, Effect, Event, Out, Terms
from usance.contract.replay import Opening, open_line
from usance.contract.schedule import Plan, open_term
from usance.contract.step import step, wake
from usance.contract.terms import check_products
from usance.core.days import ordinal
from usance.core.money import AMOUNT_MAX
from usance.core.refusals import Refused

START = ordinal("2024-01-15")
ORDERS = (0b11100100, 0b00011011, 0b10110001)


@dataclass
class Held:
    terms: Terms
    contract: Contract
    dues: list[Due]


def random_terms(rng: random.Random, kind: int) -> Terms:
    count, basis = rng.choice([(1, 365), (1, 360), (2, 365 * 366), (3, 360), (4, 12)])
    if kind == r.LINE:
        count, basis = 1, rng.choice([360, 365])
    posting = rng.randint(0, 1)
    steps = rng.randint(0, 3)
    return Terms(
        kind=kind, amortisation=rng.randint(1, 4), flat=int(rng.random() < 0.2),
        rate=rng.choice([0, 12_000_000, 18_250_000, 35_999_999]), basis=basis, count=count,
        rounding=rng.randint(1, 4), first=1 if not posting else rng.randint(0, 1),
        last=posting * rng.randint(0, 1), statement_counts=rng.randint(0, 1),
        penalty_basis=rng.choice([1, 365]), penalty_count=steps,
        penalty_with_interest=rng.randint(0, 1), grace=rng.randint(0, 5), future=rng.randint(1, 3),
        early=rng.randint(1, 3), posting=posting, full_bill=rng.randint(0, 1),
        compound=rng.randint(0, 1), minimum_rate=rng.choice([10**8, 10**7]),
        minimum_floor=rng.choice([0, 1000]), minimum_of_bill=rng.randint(0, 1),
        due_after=rng.choice([0, 20]), non_accrual=rng.choice([30, 91]),
        waterfalls=rng.randint(1, 3), overdue_steps=3, reminders=2,
        penalty_from=(1, 10, 30, 0), penalty_rate=(75_000, 100_000, 150_000, 0),
        waterfall_from=(0, 30, -1, 0), waterfall_by=(rng.randint(0, 1), 1, 0, 0),
        waterfall_order=(rng.choice(ORDERS), rng.choice(ORDERS), ORDERS[1], 0),
        overdue_step=(1, 3, 30, 0, 0, 0, 0, 0), reminder=(3, 0, 0, 0),
    )  # fmt: skip


def random_contract(rng: random.Random) -> Held:
    kind = rng.choice([r.TERM, r.LINE])
    terms = random_terms(rng, kind)
    if kind == r.LINE:
        day = rng.randint(1, 31)
        return Held(terms, *open_line(Opening(terms, opened_on=START, statement_day=day)))
    principal = rng.choice([100_000, 1_234_567, rng.randint(1, 10**9)])
    return Held(terms, *open_term(terms, Plan(principal, START, rng.randint(1, 12)), Out()))


def random_event(rng: random.Random, c: Contract, day: int) -> Event:
    owed = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
    amount = rng.choice([c.instalment, owed, owed + 5, owed // 2, rng.randint(-1, 50_000)])
    kinds = [r.REPAYMENT] * 6 + [r.PURCHASE] * 4 + [r.STATEMENT] * 2 + list(range(2, 21))
    kind = rng.choice(kinds)
    if kind == r.REVERSAL or (kind == r.CHARGE_OFF and rng.random() < 0.8):
        kind = r.DAY  # a reversal is a replay and never reaches the kernel
    if kind == r.STATEMENT_DAY:
        amount = rng.randint(1, 31)
    part = max(amount, 0) // 4
    component = rng.randint(0, 3)
    if kind in (r.REFUND, r.MOVE_OUT):  # the cycle of the purchase
        component = rng.randint(0, c.count)
    return Event(
        seq=c.seq + 1, kind=kind, on=day + rng.choice([0, 0, 0, -1]), amount=amount,
        component=component, days=rng.randint(0, 20), pinned=rng.randint(0, 1),
        principal=part, interest=part, fee=part, penalty=part, credit=part,
    )  # fmt: skip


def arrays(held: list[Held], *, window: bool) -> tuple[np.ndarray, ...]:
    """As a batch has them; with ``window`` only the dues that are still needed."""
    dues, start = [], [0]
    for each in held:
        first = min(each.contract.first_open, each.contract.count)
        skip = first - each.dues[0].n if window else 0
        dues += [*each.dues[skip:], *(Due(kind=0, principal=7) for _ in range(batch.ROOM))]
        start.append(len(dues))
    return (
        as_array(TERMS, [each.terms for each in held]), np.arange(len(held)),
        as_array(CONTRACT, [each.contract for each in held]), as_array(DUE, dues),
        np.array(start),
    )  # fmt: skip


def assert_equal(
    held: list[Held], given: tuple[np.ndarray, ...], outcome: batch.Outcome,
    codes: list[int], effects: list[list[Effect]],
) -> None:  # fmt: skip
    _, _, contracts, dues, start = given
    assert outcome.codes.tolist() == codes
    assert as_objects(Contract, contracts) == [each.contract for each in held]
    compiled, owners = as_objects(Effect, outcome.effects), outcome.owners().tolist()
    for i, each in enumerate(held):
        own = as_objects(Due, dues[start[i] : start[i + 1]])
        first = own[0].n - each.dues[0].n
        assert own[: len(each.dues) - first] == each.dues[first:]
        assert [x for x, owner in zip(compiled, owners, strict=True) if owner == i] == effects[i]


def step_both(held: list[Held], events: list[Event], *, window: bool) -> list[int]:
    given = arrays(held, window=window)
    outcome = batch.step_batch(*given, as_array(EVENT, events))
    outs = [Out() for _ in held]
    codes = [
        step(each.terms, each.contract, each.dues, event, out)
        for each, event, out in zip(held, events, outs, strict=True)
    ]
    assert_equal(held, given, outcome, codes, [out.effects for out in outs])
    return codes


def wake_both(held: list[Held], day: int) -> list[int]:
    given = arrays(held, window=True)
    outcome = batch.wake_batch(*given, day)
    outs, events = [Out() for _ in held], [Event() for _ in held]
    codes = [
        wake(each.terms, each.contract, each.dues, event, day, out)
        for each, event, out in zip(held, events, outs, strict=True)
    ]
    assert as_objects(Event, outcome.events) == events
    assert_equal(held, given, outcome, codes, [out.effects for out in outs])
    return codes


@pytest.mark.parametrize("seed", range(4))
def test_random_contracts_step_as_in_plain_python(seed: int) -> None:
    rng = random.Random(seed)
    held = [random_contract(rng) for _ in range(250)]
    seen: set[tuple[int, int]] = set()
    day = START
    for _ in range(24):
        day += rng.choice([0, 1, 7, 16, 31])
        events = [random_event(rng, each.contract, day) for each in held]
        codes = step_both(held, events, window=rng.random() < 0.5)
        seen |= {(event.kind, code) for event, code in zip(events, codes, strict=True)}
    accepted = {kind for kind, code in seen if code == 0}
    assert len(accepted) >= 14
    assert len({code for _, code in seen}) >= 8


def test_random_contracts_wake_as_in_plain_python() -> None:
    rng = random.Random(7)
    held = [random_contract(rng) for _ in range(120)]
    day, issued = START, 0
    for turn in range(60):
        issued += sum(wake_both(held, day))
        day += 1
        if turn % 5 == 0:
            step_both(held, [random_event(rng, each.contract, day) for each in held], window=True)
    assert issued > 50


def at_the_edge(rate: int) -> Terms:
    """The greatest rate of penalty that the gate lets pass with the greatest principal."""
    return Terms(
        rate=rate, basis=1, grace=0, penalty_count=1, penalty_rate=(rate, 0, 0, 0),
        penalty_from=(1, 0, 0, 0),
    )  # fmt: skip


@pytest.mark.parametrize("off", [-1, 0])
def test_the_edges_of_the_range_are_exact(off: int) -> None:
    principal = AMOUNT_MAX + off
    rate = (2**62 - 1) // (2 * principal)
    check_products(at_the_edge(rate), principal, 33)
    terms = at_the_edge(rate)
    terms.amortisation = r.INTEREST_FIRST
    plan = Plan(principal, START, 12)
    held = [Held(terms, *open_term(terms, plan, Out())) for _ in range(6)]
    amounts = [1, AMOUNT_MAX - 1, AMOUNT_MAX, AMOUNT_MAX + 1, principal, 3 * AMOUNT_MAX]
    for turn in range(1, 13):
        events = [
            Event(seq=turn, kind=r.REPAYMENT, on=START + 31 * turn, amount=amount)
            for amount in amounts
        ]
        step_both(held, events, window=False)


def test_the_gate_is_where_products_end() -> None:
    rate = (2**62 - 1) // (2 * AMOUNT_MAX)
    with pytest.raises(Refused, match="R-RANGE-01"):
        check_products(at_the_edge(rate + 1), AMOUNT_MAX, 33)


def test_what_leaves_64_bits_is_told_and_never_wraps() -> None:
    terms = at_the_edge(10**9)
    held = [Held(terms, *open_term(terms, Plan(10**11, START, 12), Out()))]
    given = arrays(held, window=False)
    with pytest.raises(batch.FaultedError):
        batch.step_batch(*given, as_array(EVENT, [Event(kind=r.DAY, on=START + 20)]))


def test_every_contract_that_faults_is_told_and_no_other() -> None:
    wrong, right = at_the_edge(10**9), at_the_edge(1000)
    held = [
        Held(terms, *open_term(terms, Plan(10**11, START, 12), Out()))
        for terms in (right, wrong, right, wrong, wrong, right)
    ]
    outcome = batch.wake_batch(*arrays(held, window=False), START + 20)
    assert outcome.codes.tolist() == [0, batch.FAULT, 0, batch.FAULT, batch.FAULT, 0]


def test_a_batch_says_what_does_not_fit() -> None:
    rng = random.Random(3)
    held = [random_contract(rng) for _ in range(3)]
    terms, which, contracts, dues, start = arrays(held, window=False)
    events = as_array(EVENT, [Event(kind=r.DAY, on=START)] * 3)
    before = deepcopy(contracts)
    with pytest.raises(ValueError, match="no room"):
        batch.step_batch(terms, which, contracts, dues, start - [0, 0, 0, 1], events)
    with pytest.raises(ValueError, match="start does not fit"):
        batch.step_batch(terms, which, contracts, dues, start[:-1], events)
    dues["n"][0] = 5
    with pytest.raises(ValueError, match="first_open"):
        batch.step_batch(terms, which, contracts, dues, start, events)
    with pytest.raises(ValueError, match="terms"):
        batch.wake_batch(terms, which + 1, contracts, dues, start, START)
    assert (contracts == before).all()


def test_an_empty_batch_is_nothing() -> None:
    outcome = batch.wake_batch(*arrays([], window=True), START)
    assert len(outcome.codes) == len(outcome.effects) == 0
