"""A loan as time passes, worked by hand (product text, section 3)."""

from __future__ import annotations

import pytest

from tests.contract.documents import column, event, loan

LATE = {"penalty": {"daily": "0.002"}}


def test_principal_leaves_the_balance_on_its_due_day() -> None:
    """R-TERM-01: from 1 February on 800.00 bear, paid or not: 2 nights of 0.80."""
    answer = loan("2024-02-03")
    assert column(answer, "interest")[0] == "37.20"
    assert answer["totals"]["accrued"] == "1.60"


def test_days_past_due() -> None:
    """R-LATE-01: 0 on the due day, 1 on the day after."""
    assert [loan(f"2024-02-0{day}")["totals"]["dpd"] for day in (1, 2)] == [0, 1]


def test_penalty_runs_on_late_principal() -> None:
    """R-PEN-01: 400.00 x 0.2 % = 0.80 a night from the due day on."""
    assert column(loan("2024-02-06", **LATE), "penalty")[0] == "4.00"
    both = {"penalty": {"daily": "0.002", "on": "principal_and_interest"}}  # 437.20: 0.8744
    assert column(loan("2024-02-06", **both), "penalty")[0] == "4.37"


def test_penalty_steps() -> None:
    """R-PEN-01: from day 3 past due 0.3 %: 2 nights of 0.80, 3 nights of 1.20."""
    steps = {"penalty": {"daily": "0.002", "steps": [{"from_day": 3, "daily": "0.003"}]}}
    assert column(loan("2024-02-06", **steps), "penalty")[0] == "5.20"


@pytest.mark.parametrize(("paid_on", "asked"), [("2024-02-04", "0.00"), ("2024-02-05", "3.20")])
def test_grace(paid_on: str, asked: str) -> None:
    """R-PEN-02: paid on the third day of grace nothing is asked; a day later all four nights."""
    grace = {"penalty": {"daily": "0.002", "grace_days": 3}}
    paid = event("repayment", paid_on, "437.20")
    order = {"order": ["principal", "interest", "fee", "penalty"]}
    answer = loan("2024-02-06", paid, allocation=order, **grace)
    assert column(answer, "penalty")[0] == asked


def test_penalty_is_asked_whenever_one_looks() -> None:
    """R-PEN-03: each day shows what has run to it."""
    asked = [column(loan(f"2024-02-0{day}", **LATE), "penalty")[0] for day in (1, 2, 3)]
    assert asked == ["0.00", "0.80", "1.60"]
