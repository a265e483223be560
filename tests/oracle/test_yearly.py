"""R-COST-05, R-CAP-01: an independent solver agrees, and nothing booked lies above the cap."""

from __future__ import annotations

import os
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random, randrange
from typing import Any

import pytest

from tests.oracle import yearly
from usance.contract import quote as kernel
from usance.contract.rates import daily_factor, effective, exceeds
from usance.contract.replay import History, Opening
from usance.core.days import ordinal
from usance.core.money import format_decimal
from usance.core.refusals import Refused
from usance.servicing.products import products
from usance.servicing.whole_cost import flows_of

SEED = os.environ.get("USANCE_SEED") or str(randrange(2**31))
CAP = 240_000
NEAR = Decimal("0.0000011")
"""The kernel's amounts are whole cents and its rate is rounded once."""
STORIES = 20


def loan_terms(random: Random) -> dict[str, Any]:
    """An offer of the shipped products, of any size and start."""
    product = products()[random.choice(("cash_loan", "instalment_plan"))]
    start = date(2025, 1, 1) + timedelta(days=random.randrange(700))
    return product.terms(
        principal=format_decimal(random.randrange(50_000, 3_000_000), 2),
        disbursed_on=start.isoformat(), instalments=random.choice(product.settings["instalments"]),
    )  # fmt: skip


@pytest.mark.parametrize("number", range(STORIES))
def test_the_rates_of_an_offer(number: int) -> None:
    """R-COST-01: APR and IRR of a schedule, to six decimals."""
    random = Random(f"{SEED} offer {number}")
    terms = loan_terms(random)
    said = kernel.quote({"terms": terms})
    flows = yearly.flows_of(terms, [], date.fromisoformat(terms["disbursed_on"]))
    found = yearly.effective(flows)
    assert found is not None
    assert abs(found - Decimal(said["irr"])) <= NEAR, (SEED, terms)
    asked = [Fraction(row["total"]) for row in said["schedule"]]
    apr = yearly.periodic(Fraction(terms["principal"]), asked, Fraction(12))
    assert abs(apr - Fraction(said["apr"])) <= Fraction(11, 10**7), (SEED, terms)


def rebuilt(terms: dict[str, Any], events: list[dict[str, Any]], as_of: date) -> History:
    """The kernel's state with these events."""
    given = kernel.read({"as_of": as_of.isoformat(), "terms": terms, "events": events})
    agreed = kernel.agree(given)
    history = History(Opening(agreed.terms, agreed.plan, agreed.opened_on, agreed.statement_day))
    known = kernel.events_of(given, agreed)
    history.run([(k.recorded_on, k.event) for k in known], as_of.toordinal())
    return history


@pytest.mark.parametrize("number", range(STORIES))
def test_fees_on_a_random_life(number: int) -> None:
    """R-COST-05: what is let through is within the cap for the solver too, what is refused not."""
    random = Random(f"{SEED} life {number}")
    terms = loan_terms(random)
    day = date.fromisoformat(terms["disbursed_on"])
    events: list[dict[str, Any]] = []
    for _ in range(8):
        day += timedelta(days=random.randrange(1, 40))
        kind = random.choice(("fee", "fee", "penalty", "repayment"))
        most = 200_000 if kind == "repayment" else 15_000
        event = {"seq": len(events) + 1, "type": kind, "on": day.isoformat(),
                 "amount": format_decimal(random.randrange(1, most), 2)}  # fmt: skip
        try:
            history = rebuilt(terms, [*events, event], day)
        except Refused:
            continue
        flows = flows_of(history, day.toordinal())
        found = yearly.effective(yearly.flows_of(terms, [*events, event], day))
        said = effective(flows)
        assert found is not None
        assert said is not None
        assert abs(found - Decimal(said) / 10**6) <= NEAR, (SEED, terms, events, event)
        if kind != "repayment" and exceeds(flows, CAP):
            assert found >= Decimal("0.24") - NEAR, (SEED, terms, events, event)
            continue
        if kind != "repayment":
            assert found <= Decimal("0.24") + NEAR, (SEED, terms, events, event)
        events.append(event)


def test_both_outcomes_come_about() -> None:
    """The random lives above would prove nothing if no fee were ever refused, or ever taken."""
    terms = products()["cash_loan"].terms(
        principal="10000.00", disbursed_on="2026-01-01", instalments=12
    )
    outcomes = []
    for amount in ("300.00", "400.00"):
        fee = {"seq": 1, "type": "fee", "on": "2026-01-15", "amount": amount}
        history = rebuilt(terms, [fee], date(2026, 1, 15))
        outcomes.append(exceeds(flows_of(history, ordinal("2026-01-15")), CAP))
    assert outcomes == [False, True]


def test_rates_by_hand() -> None:
    """R-COST-05: 100 for a year at 24 %; nothing charged; a charge before anything is lent."""
    lent, year = (0, -10_000), 365
    assert effective([lent, (year, 12_400)]) == CAP
    assert not exceeds([lent, (year, 12_400)], CAP)
    assert exceeds([lent, (year, 12_401)], CAP)
    assert effective([lent, (40, 10_000)]) == 0
    assert effective([(0, 500), (3, -500), (9, 600)]) is None
    assert exceeds([(0, 5)], CAP)
    assert abs(Decimal(daily_factor(CAP)) / 10**27 - Decimal("1.24") ** (Decimal(-1) / 365)) < NEAR


@pytest.mark.parametrize("paid", range(7))
def test_a_fee_at_once_comes_in_once(paid: int) -> None:
    """R-RATE-02: the yearly rate of a loan is the same before and after its rows are paid."""
    terms = {
        "kind": "term", "currency": "CNY", "principal": "10000.00", "disbursed_on": "2024-01-01",
        "amortisation": "equal_instalment", "rate": {"annual": "0.12"}, "instalments": 6,
        "day_count": "actual/365", "every": {"months": 1},
        "fees": [{"at": "disbursement", "amount": "100.00"}],
    }  # fmt: skip
    fresh = kernel.quote({"terms": terms})
    events = [
        {"seq": n, "on": row["due_on"], "type": "repayment", "amount": row["total"]}
        for n, row in enumerate(fresh["schedule"][:paid], 1)
    ]
    as_of = events[-1]["on"] if events else "2024-01-01"
    assert kernel.quote({"terms": terms, "events": events, "as_of": as_of})["irr"] == fresh["irr"]
