"""Money that comes in on a loan, worked by hand (product text, section 4)."""

from __future__ import annotations

from tests.contract.documents import column, event, loan, parts

LATE = {"penalty": {"daily": "0.002"}}


def test_order_by_instalment_and_by_component() -> None:
    """R-ALLOC-01: on 6 March rows 1 and 2 are due: penalty 34 x 0.80 and 5 x 0.80."""
    paid = event("repayment", "2024-03-06", "70.00")
    assert parts(loan("2024-03-06", paid, **LATE), 1) == {
        "penalty": "27.20", "interest": "37.20", "principal": "5.60"
    }  # fmt: skip
    across = loan("2024-03-06", paid, allocation={"by": "component"}, **LATE)
    assert parts(across, 1) == {"penalty": "31.20", "interest": "38.80"}


def test_another_order_by_delinquency() -> None:
    """R-ALLOC-02: from the 30th day past due on principal comes first."""
    when = {"when": [{"from_day": 30, "order": ["principal", "interest", "fee", "penalty"]}]}
    early = loan("2024-03-01", event("repayment", "2024-03-01", "10.00"), allocation=when)
    late = loan("2024-03-02", event("repayment", "2024-03-02", "10.00"), allocation=when)
    assert (parts(early, 1), parts(late, 1)) == ({"interest": "10.00"}, {"principal": "10.00"})


def test_early_money_pays_the_interest_run_first() -> None:
    """R-EARLY-01: on 16 January 18.00 has run; 382.00 is principal."""
    answer = loan("2024-01-16", event("repayment", "2024-01-16", "400.00"))
    assert parts(answer, 1) == {"interest": "18.00", "principal": "382.00"}
    # the row still asks 16 nights of 0.818: 18.00 + 13.09, and its last 18.00 of principal
    assert (column(answer, "interest")[0], column(answer, "outstanding")[0]) == ("31.09", "31.09")


def test_a_row_is_covered_by_its_planned_total() -> None:
    """R-EARLY-02, next: 437.20 on 16 January closes row 1; its other nights count in row 2."""
    answer = loan("2024-01-16", event("repayment", "2024-01-16", "437.20"))
    assert column(answer, "principal")[0] == "419.20"  # 437.20 - 18.00
    assert column(answer, "interest")[:2] == ["18.00", "35.14"]  # 45 nights of 0.7808
    assert column(answer, "outstanding")[0] == "0.00"


def test_the_last_rows_and_all_rows() -> None:
    """R-EARLY-02: 100.00 of principal on the first day, on which no due is near (R-EARLY-06)."""
    paid = event("repayment", "2024-01-01", "100.00")
    last = loan("2024-01-01", paid, allocation={"future": "last"})
    assert column(last, "paid") == ["0.00", "0.00", "100.00"]
    spread = loan("2024-01-01", paid, allocation={"future": "spread"})
    assert column(spread, "paid") == ["33.33", "33.33", "33.34"]


def test_shorten() -> None:
    """R-EARLY-03: 400.00 on the first day: row 1 asks 400.00 more, the last row nothing."""
    answer = loan("2024-01-01", event("repayment", "2024-01-01", "400.00"),
                  early_repayment="shorten")  # fmt: skip
    assert column(answer, "principal") == ["800.00", "400.00", "0.00"]


def test_lower_the_instalment() -> None:
    """R-EARLY-04: 300.00 on the first day leaves 900.00 over three rows."""
    answer = loan("2024-01-01", event("repayment", "2024-01-01", "300.00"),
                  early_repayment="lower_instalment")  # fmt: skip
    assert column(answer, "principal") == ["600.00", "300.00", "300.00"]


def test_planned_anew() -> None:
    """R-EARLY-05: 100.00 less on the balance: 0.10 less on each of 31, 29 and 31 nights."""
    answer = loan("2024-01-01", event("repayment", "2024-01-01", "100.00"),
                  allocation={"future": "last"})  # fmt: skip
    assert column(answer, "interest") == ["34.10", "20.30", "9.30"]
    assert column(answer, "principal") == ["400.00", "400.00", "400.00"]


def test_pay_off() -> None:
    """R-PAYOFF-01: 1,218.00 on 16 January closes the loan; rows ask what was paid there."""
    answer = loan("2024-01-20", event("repayment", "2024-01-16", "1218.00"),
                  fees=[{"amount": "1.00", "at": "each"}])  # fmt: skip
    assert answer["totals"]["status"] == "active"  # the fee of the running row is missing
    whole = loan("2024-01-20", event("repayment", "2024-01-16", "1219.00"),
                 fees=[{"amount": "1.00", "at": "each"}])  # fmt: skip
    assert (whole["totals"]["status"], whole["totals"]["total"]) == ("closed", "1219.00")


def test_too_much_is_the_borrowers() -> None:
    """R-CREDIT-01: 2.00 over the pay-off."""
    answer = loan("2024-01-20", event("repayment", "2024-01-16", "1220.00"))
    assert (parts(answer, 1)["credit"], answer["totals"]["credit_balance"]) == ("2.00", "2.00")
