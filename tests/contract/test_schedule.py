"""Schedules worked by hand (product text, section 2)."""

from __future__ import annotations

from tests.contract.documents import column, event, loan


def test_due_days_keep_the_anchors_day() -> None:
    """R-SCHED-01: the 31st falls on the last day of a shorter month and comes back."""
    answer = loan("2024-01-31", disbursed_on="2024-01-31", instalments=4)
    assert column(answer, "due_on") == ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]
    chosen = loan("2024-01-01", first_due_on="2024-01-20", every={"days": 15})
    assert column(chosen, "due_on") == ["2024-01-20", "2024-02-04", "2024-02-19"]


def test_equal_instalment_of_a_known_loan() -> None:
    """R-SCHED-02: 10,000 at 1 % a month over 12: 10,000 x 0.01 / (1 - 1.01^-12) = 888.49."""
    answer = loan("2024-01-01", principal="10000.00", instalments=12, rate={"period": "0.01"},
                  amortisation="equal_instalment")  # fmt: skip
    totals = column(answer, "total")
    assert totals[:11] == ["888.49"] * 11
    # the last asks the residue: 12.68 x 0.0021 too much until then, and the roundings of interest
    assert totals[11] == "888.47"


def test_equal_instalment_without_interest_in_whole_units() -> None:
    """R-SCHED-02: 1,000 / 3 = 333.33 is 333 in units of 1.00; the last row has 334."""
    answer = loan("2024-01-01", principal="1000.00", rate={"daily": "0"}, instalment_unit="1.00",
                  amortisation="equal_instalment")  # fmt: skip
    assert column(answer, "principal") == ["333.00", "333.00", "334.00"]


def test_equal_principal() -> None:
    """R-SCHED-03: interest on 1,200, 800 and 400: 31 x 1.20, 29 x 0.80, 31 x 0.40."""
    assert column(loan("2024-01-01"), "interest") == ["37.20", "23.20", "12.40"]
    thirds = loan("2024-01-01", principal="1000.00")
    assert column(thirds, "principal") == ["333.33", "333.33", "333.34"]


def test_interest_first() -> None:
    """R-SCHED-04: all principal in the last row."""
    answer = loan("2024-01-01", amortisation="interest_first")
    assert column(answer, "principal") == ["0.00", "0.00", "1200.00"]
    assert column(answer, "interest") == ["37.20", "34.80", "37.20"]


def test_bullet() -> None:
    """R-SCHED-05: one row after 91 nights; of whole periods, three at once."""
    answer = loan("2024-01-01", amortisation="bullet")
    assert column(answer, "total") == ["1309.20"]
    whole = loan("2024-01-01", amortisation="bullet", rate={"period": "0.01"})
    assert column(whole, "interest") == ["36.00"]


def test_flat() -> None:
    """R-SCHED-06: always on 1,200; equal: (1,200 + 37.20 + 34.80 + 37.20) / 3 = 436.40."""
    answer = loan("2024-01-01", interest_method="flat")
    assert column(answer, "interest") == ["37.20", "34.80", "37.20"]
    equal = loan("2024-01-01", interest_method="flat", amortisation="equal_instalment")
    assert column(equal, "total") == ["436.40", "436.40", "436.40"]


def test_fees_in_terms() -> None:
    """R-FEE-01: 5.00 at disbursement is asked at once, 1 % (12.00) with row 1, 1.00 in each."""
    fees = [{"amount": "5.00", "at": "disbursement"}, {"rate": "0.01", "at": "first"},
            {"amount": "1.00", "at": "each"}]  # fmt: skip
    answer = loan("2024-01-01", fees=fees)
    assert column(answer, "fee") == ["18.00", "1.00", "1.00"]
    waived = event("waiver", "2024-01-01", "5.01", component="fee")  # the others are only planned
    assert loan("2024-01-01", waived, fees=fees)["rule"] == "R-WAIVE-02"


def test_annual_rates() -> None:
    """APR and IRR (record 0002): 1 % each month is 12 % a year; 10 % after 365 days is 10 %."""
    monthly = loan("2024-01-01", rate={"period": "0.01"}, amortisation="interest_first")
    assert monthly["apr"] == "0.120000"
    yearly = loan("2024-01-01", rate={"period": "0.1"}, instalments=1, every={"days": 365})
    assert (yearly["apr"], yearly["irr"]) == ("0.100000", "0.100000")


def test_annual_rates_where_there_is_none() -> None:
    """A loan paid back on the day it was paid out has no effective rate; one repaid short has."""
    at_once = loan("2024-01-01", event("repayment", "2024-01-01", "1200.00"))
    assert (at_once["apr"], at_once["irr"]) == ("0.364081", None)
    long = loan("2024-01-01", instalments=480, rate={"daily": "0"},
                fees=[{"amount": "1199.00", "at": "disbursement"}])  # fmt: skip
    assert long["irr"] is not None
