"""What the ledger rests on, in random documents: effects tell the state; stops change nothing."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from tests.oracle.sequences import Story, story
from usance.contract import records as r
from usance.contract.quote import agree, as_of_day, check_relations, events_of, read
from usance.contract.records import Effect, Event
from usance.contract.replay import History, Opening, State
from usance.core.refusals import Refused
from usance.ledger import chart
from usance.ledger.transfers import pairs_of

SECONDS = float(os.environ.get("USANCE_INVARIANT_SECONDS", "6"))
ASKS = (r.ASK, r.ASK_SUSPENDED, r.TAKE_BACK, r.PAY_OUT_LOAN, r.MOVE_IN)
LOWERS = (r.CASH, r.FROM_CREDIT, r.BY_REFUND, r.BY_GOODWILL, r.RECOVER, r.MOVE, r.WAIVE)


def replayed(told: Story) -> History | None:
    """The history of a story, or None where it is refused."""
    given = read(told.document(told.today))
    agreed = agree(given)
    known = events_of(given, agreed)
    as_of = as_of_day(given, agreed, known)
    history = History(Opening(agreed.terms, agreed.plan, agreed.opened_on, agreed.statement_day))
    present = [k for k in known if k.event.on <= as_of]
    try:
        check_relations(present)
        history.run([(min(k.recorded_on, as_of), k.event) for k in present], as_of)
    except Refused:
        return None
    return history


def stories() -> Iterator[tuple[str, Story]]:
    """Random stories for a while."""
    end, number = time.monotonic() + SECONDS, 0
    base = os.environ.get("USANCE_SEED", str(time.time_ns()))
    while time.monotonic() < end:
        yield f"{base}:{number}", story(Random(f"{base}:{number}"))
        number += 1


def told_by(effects: list[Effect]) -> Counter[str]:
    """What the effects sum to, by field of the contract."""
    names = ("unpaid_penalty", "unpaid_fee", "unpaid_interest", "unpaid_principal", "credit")
    sums: Counter[str] = Counter()
    for effect in effects:
        source, component = divmod(effect.kind, 8)
        if component == r.CREDIT:
            sign = -1 if source in (r.TAKE_BACK, r.PAY_OUT) else 1
            sums["credit"] += sign * effect.amount
        elif source in ASKS:
            sums[names[component]] += effect.amount
        elif source in LOWERS:
            sums[names[component]] -= effect.amount
        if source == r.FROM_CREDIT:
            sums["credit"] -= effect.amount
        if source in (r.SUSPEND, r.ASK_SUSPENDED):
            sums["suspense"] += effect.amount
    return sums


def test_effects_sum_to_the_state() -> None:
    """Every change of what is unpaid, of the credit balance and of suspense is told."""
    seen = 0
    for seed, told in stories():
        history = replayed(told)
        if history is not None:
            c, sums = history.state.contract, told_by(history.state.effects)
            fields = ("unpaid_principal", "unpaid_interest", "unpaid_fee", "unpaid_penalty",
                      "credit", "suspense")  # fmt: skip
            found = {name: getattr(c, name) for name in fields}
            assert found == {name: sums[name] for name in fields}, (seed, told.document())
            seen += 1
    assert seen > 10


RECEIVABLES = {
    chart.PRINCIPAL: "unpaid_principal", chart.INTEREST_ASKED: "unpaid_interest",
    chart.FEE_ASKED: "unpaid_fee", chart.PENALTY_ASKED: "unpaid_penalty",
}  # fmt: skip


def balances(effects: list[Effect]) -> Counter[int]:
    """Debits less credits by account."""
    found: Counter[int] = Counter()
    for (debit, credit), amount in pairs_of(effects).items():
        found[debit] += amount
        found[credit] -= amount
    return found


def test_a_contract_charged_off_is_no_receivable() -> None:
    """R-OFF-03: whatever is taken back, refunded, waived or recovered afterwards.

    R-NONACC-01: interest and penalty in suspense are, each, what is asked and unpaid.
    """
    after_a_charge_off = 0
    for seed, told in stories():
        history = replayed(told)
        if history is not None:
            c, found = history.state.contract, balances(history.state.effects)
            off = c.status == r.CHARGED_OFF
            for account, name in RECEIVABLES.items():
                expected = 0 if off else getattr(c, name)
                assert found[account] == expected, (seed, account, told.document())
            assert found[chart.CREDIT_BALANCES] == -c.credit, (seed, told.document())
            suspended = found[chart.INTEREST_SUSPENSE], found[chart.PENALTY_SUSPENSE]
            wanted = -c.unpaid_interest * c.non_accrual, -c.unpaid_penalty * c.non_accrual
            assert suspended == wanted, (seed, told.document())
            after_a_charge_off += off
    assert after_a_charge_off > 0


def test_the_way_there_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """R-DAY-01: the same state whether one looks every day or never."""
    found = [(seed, told, replayed(told)) for seed, told in stories()]
    advance, do = State.advance, State.do

    def daily(state: State, day: int) -> None:
        for each in range(state.contract.on + 1, day + 1):
            advance(state, each)

    def do_daily(state: State, event: Event) -> int:
        daily(state, event.on)
        return do(state, event)

    monkeypatch.setattr(State, "advance", daily)
    monkeypatch.setattr(State, "do", do_daily)
    for seed, told, one in found:
        other = replayed(told)
        assert (one is None) == (other is None), (seed, told.document())
        if one is not None and other is not None:
            assert one.state.contract == other.state.contract, (seed, told.document())
            assert one.state.dues == other.state.dues, (seed, told.document())
