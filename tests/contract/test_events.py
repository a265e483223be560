"""Other events on a loan, and its end, worked by hand (product text, sections 5 and 7)."""

from __future__ import annotations

import pytest

from tests.contract.documents import column, event, line, loan, parts
from usance.contract.records import LOWER_INSTALMENT, Event
from usance.contract.replay import History, Opening
from usance.contract.schedule import Plan
from usance.contract.terms import Terms
from usance.core.days import ordinal

PAID_OFF = event("repayment", "2024-01-11", "1212.00")  # 10 nights of 1.20
LATE = {"penalty": {"daily": "0.002"}}


def test_a_fee_goes_to_the_next_row_or_one_of_its_own() -> None:
    """R-FEE-02: on a due day into that row; after maturity into a new row due at once."""
    assert column(loan("2024-02-01", event("fee", "2024-02-01", "3.00")), "fee")[0] == "3.00"
    late = loan("2024-04-02", event("penalty", "2024-04-02", "3.00"))
    assert (column(late, "penalty"), column(late, "due_on")[3]) == (
        ["0.00", "0.00", "0.00", "3.00"], "2024-04-02"
    )  # fmt: skip


def test_a_refund_pays_principal_only() -> None:
    """R-REFUND-01: 400.00 due first, then 100.00 of the row ahead; interest stays owed."""
    answer = loan("2024-02-01", event("refund", "2024-02-01", "500.00"))
    assert parts(answer, 1) == {"principal": "500.00"}
    assert column(answer, "outstanding")[0] == "37.20"
    assert column(answer, "paid") == ["400.00", "100.00", "0.00"]


def test_goodwill_is_allocated_as_a_repayment() -> None:
    """R-GOOD-01."""
    for kind in ("goodwill", "repayment"):
        answer = loan("2024-02-01", event(kind, "2024-02-01", "40.00"))
        assert parts(answer, 1) == {"interest": "37.20", "principal": "2.80"}


def test_a_waiver_asks_less() -> None:
    """R-WAIVE-01: up to what is asked and unpaid, never more."""
    answer = loan("2024-02-01", event("waiver", "2024-02-01", "7.20", component="interest"))
    assert column(answer, "interest")[0] == "30.00"
    more = loan("2024-02-01", event("waiver", "2024-02-01", "37.21", component="interest"))
    assert more["rule"] == "R-WAIVE-02"


def test_a_charge_back_after_a_pay_off() -> None:
    """R-BACK-01: ten days later all of it is asked in row 1 and bears from then on.

    Interest: 12.00 paid, 12.00 asked again, and 11 nights of 1.20 to the due day.
    """
    answer = loan("2024-01-21", PAID_OFF, event("chargeback", "2024-01-21", "1212.00", of=1))
    assert parts(answer, 2) == {"interest": "12.00", "principal": "1200.00"}
    assert column(answer, "interest")[0] == "37.20"
    assert answer["totals"]["payoff"] == "1212.00"


def test_a_part_takes_back_credit_first() -> None:
    """R-BACK-01: of 1,220.00 the 8.00 left over, then principal."""
    answer = loan("2024-01-12", event("repayment", "2024-01-11", "1220.00"),
                  event("chargeback", "2024-01-12", "10.00", of=1))  # fmt: skip
    assert parts(answer, 2) == {"credit": "8.00", "principal": "2.00"}


def test_a_reversed_event_never_happened() -> None:
    """R-REV-01: the state is that without it."""
    undone = loan("2024-02-03", PAID_OFF, event("reversal", "2024-02-02", of=1))
    assert undone["schedule"] == loan("2024-02-03")["schedule"]
    assert undone["events"][0]["reversed"] is True


def test_by_effective_day_then_sequence() -> None:
    """R-ORDER-01: a repayment of 1 February recorded later stands before one of the 5th."""
    later = event("repayment", "2024-02-05", "100.00")
    earlier = event("repayment", "2024-02-01", "437.20", recorded_on="2024-02-10")
    answer = loan("2024-02-10", later, earlier)
    assert parts(answer, 2) == {"interest": "37.20", "principal": "400.00"}
    assert parts(answer, 1) == {"interest": "3.20", "principal": "96.80"}  # 4 nights of 0.80


def test_a_credit_balance_pays_what_is_asked() -> None:
    """R-CREDIT-02: 100.00 of another repayment are left; 10.00 charged back are paid at once."""
    answer = loan("2024-04-01", event("repayment", "2024-04-01", "1272.80"),
                  event("goodwill", "2024-04-01", "100.00"),
                  event("chargeback", "2024-04-01", "10.00", of=1))  # fmt: skip
    assert answer["totals"]["outstanding"] == "0.00"
    assert answer["totals"]["credit_balance"] == "90.00"


def test_an_extension_keeps_principal_and_counts_more_nights() -> None:
    """R-EXT-01: row 1 runs 41 nights of 1.20; the days of the others move with it."""
    answer = loan("2024-01-16", event("extension", "2024-01-16", days=10))
    assert column(answer, "due_on") == ["2024-02-11", "2024-03-11", "2024-04-11"]
    assert column(answer, "interest") == ["49.20", "23.20", "12.40"]


def test_an_overdue_row_is_current_again() -> None:
    """R-EXT-01: 4 nights of penalty stay; 1,200.00 bear again from 5 February to 2 March.

    In row 1: 37.20 asked, 4 nights of 0.80 run in row 2, and 26 nights of 1.20.
    """
    answer = loan("2024-02-06", event("extension", "2024-02-05", days=30), **LATE)
    assert (column(answer, "penalty")[0], column(answer, "interest")[0]) == ("3.20", "71.60")
    assert (answer["totals"]["dpd"], answer["totals"]["dpd_if_not_extended"]) == (0, 5)


def test_restructuring() -> None:
    """R-RESTR-01: two new rows of 600.00 from 16 January; the 18.00 run join the first.

    18.00 + 31 nights of 1.20 = 55.20; then 29 nights of 0.60 = 17.40.
    """
    answer = loan("2024-01-16", event("restructuring", "2024-01-16", instalments=2))
    assert column(answer, "total")[:3] == ["0.00", "0.00", "0.00"]
    assert column(answer, "due_on")[3:] == ["2024-02-16", "2024-03-16"]
    assert column(answer, "interest")[3:] == ["55.20", "17.40"]
    cheaper = loan("2024-01-16", event("restructuring", "2024-01-16", instalments=2,
                                       rate={"daily": "0.0005"}))  # fmt: skip
    assert column(cheaper, "interest")[3:] == ["36.60", "8.70"]


def test_restructuring_with_a_first_due_day() -> None:
    """R-RESTR-01: due on the 10th of March and April; 18.00 and 54 nights of 1.20; 31 of 0.60."""
    named = event("restructuring", "2024-01-16", instalments=2, first_due_on="2024-03-10")
    answer = loan("2024-01-16", named)
    assert column(answer, "due_on")[3:] == ["2024-03-10", "2024-04-10"]
    assert column(answer, "interest")[3:] == ["82.80", "18.60"]
    for day in ("2024-01-16", "2034-01-24"):
        wrong = event("restructuring", "2024-01-16", instalments=2, first_due_on=day)
        assert loan("2024-01-16", wrong)["rule"] == "R-RANGE-01"


@pytest.mark.parametrize(
    ("more", "rule"),
    [({"instalments": 481}, "R-RANGE-01"), ({}, "R-DOC-01"),
     ({"instalments": 2, "rate": {"annual": "0.1"}}, "R-RANGE-01")],
)  # fmt: skip
def test_restructuring_refused(more: dict[str, object], rule: str) -> None:
    """R-RESTR-01: the rate has the form agreed, the plan its range."""
    assert loan("2024-01-16", event("restructuring", "2024-01-16", **more))["rule"] == rule


def test_charge_off_and_recovery() -> None:
    """R-OFF-01: 12.00 run is asked, nothing runs any more; what comes in is recovery."""
    off = event("charge_off", "2024-01-11")
    answer = loan("2024-03-01", off, event("recovery", "2024-01-21", "13.00"), **LATE)
    assert parts(answer, 1) == {"interest": "12.00", "principal": "1200.00"}
    assert parts(answer, 2) == {"interest": "12.00", "principal": "1.00"}
    assert answer["totals"]["payoff"] == "1199.00"
    for kind in ("repayment", "fee", "penalty"):
        assert loan("2024-01-12", off, event(kind, "2024-01-12", "1.00"))["rule"] == "R-OFF-02"


def test_what_comes_after_a_charge_off() -> None:
    """R-OFF-03: a charge-back is owed again, a refund and a waiver lower what is owed."""
    paid, off = event("repayment", "2024-01-06", "106.00"), event("charge_off", "2024-01-11")
    back = event("chargeback", "2024-01-21", "106.00", of=1)
    answer = loan("2024-01-21", paid, off, back)
    assert parts(answer, 3) == {"interest": "6.00", "principal": "100.00"}
    assert answer["totals"]["payoff"] == "1211.50"  # 6.00 + 5.50 run, 1,200.00
    refund = event("refund", "2024-01-21", "100.00")
    waiver = event("waiver", "2024-01-21", "5.50", component="interest")
    answer = loan("2024-01-21", paid, off, refund, waiver)
    assert (parts(answer, 3), parts(answer, 4)) == ({"principal": "100.00"}, {"interest": "5.50"})
    assert answer["totals"]["payoff"] == "1000.00"


def test_recovered_in_full() -> None:
    """R-OFF-03: it stays charged off and is shown as recovered; what is more is credit."""
    off = event("charge_off", "2024-01-11")
    part = loan("2024-01-12", off, event("recovery", "2024-01-12", "1211.99"))
    assert (part["totals"]["status"], part["totals"]["recovered_in_full"]) == ("charged_off", False)
    whole = loan("2024-01-12", off, event("recovery", "2024-01-12", "1212.00"))
    assert (whole["totals"]["status"], whole["totals"]["recovered_in_full"]) == (
        "charged_off", True
    )  # fmt: skip
    more = event("recovery", "2024-01-13", "0.01")
    again = loan("2024-01-13", off, event("recovery", "2024-01-12", "1212.00"), more)
    assert parts(again, 3) == {"credit": "0.01"}


def test_a_closed_loan() -> None:
    """R-CLOSE-01: it accepts no repayment, fee or extension; a refund becomes credit."""
    on = "2024-01-12"
    for refused in (event("repayment", on, "1.00"), event("extension", on, days=1)):
        assert loan(on, PAID_OFF, refused)["rule"] == "R-CLOSE-01"
    refund = loan("2024-01-12", PAID_OFF, event("refund", "2024-01-12", "1.00"))
    assert parts(refund, 2) == {"credit": "1.00"}


BACK = event("drawing_returned", "2024-02-10")
FEES = {"fees": [{"amount": "10.00", "at": "disbursement"}, {"amount": "2.00", "at": "each"}]}


def test_a_pay_out_that_came_back() -> None:
    """R-DRAW-01: no principal, interest, fee or penalty is owed; what was paid is credit."""
    paid, fee = event("repayment", "2024-02-01", "50.00"), event("fee", "2024-02-05", "7.00")
    answer = loan("2024-03-05", paid, fee, BACK, **LATE, **FEES)
    assert column(answer, "total") == ["0.00"] * 3
    assert (answer["totals"]["payoff"], answer["totals"]["credit_balance"]) == ("0.00", "50.00")
    assert (parts(answer, 1), parts(answer, 2)) == ({"credit": "50.00"}, {})
    assert (answer["totals"]["status"], answer["totals"]["dpd"]) == ("closed", 0)
    assert (answer["apr"], answer["irr"]) == (None, None)
    assert loan("2024-02-09", paid, fee, BACK, **LATE)["totals"]["payoff"] != "0.00"
    late = event("repayment", "2024-02-11", "1.00")
    assert loan("2024-02-11", BACK, late)["rule"] == "R-CLOSE-01"


def test_what_was_paid_out_again_and_recovered() -> None:
    """R-DRAW-01: a charge-off falls away, a recovery is the borrower's, so is what was paid out."""
    off, got = event("charge_off", "2024-01-11"), event("recovery", "2024-01-12", "1220.00")
    out = event("payout", "2024-01-13", "8.00")
    answer = loan("2024-02-10", off, got, out, BACK)
    assert answer["totals"]["credit_balance"] == "1212.00"
    assert (parts(answer, 1), parts(answer, 2)) == ({}, {"credit": "1220.00"})


def test_a_drawing_comes_back_once() -> None:
    """R-DRAW-02: unless its return is reversed, and then the loan is what it was."""
    assert loan("2024-02-10", BACK, BACK)["rule"] == "R-DRAW-02"
    undone = loan("2024-02-12", BACK, event("reversal", "2024-02-11", of=1))
    assert undone["schedule"] == loan("2024-02-12")["schedule"]
    again = loan("2024-02-12", BACK, event("reversal", "2024-02-11", of=1), BACK)
    assert again["totals"]["payoff"] == "0.00"
    assert line("2024-02-12", event("purchase", "2024-01-01", "1.00"), BACK)["rule"] == "R-KIND-01"


def test_non_accrual() -> None:
    """R-NONACC-01: from the 30th day past due on asked interest is suspended; cured, it returns."""
    terms = Terms(rate=100_000, basis=1, non_accrual=30, early=LOWER_INSTALMENT)
    plan = Plan(120_000, ordinal("2024-01-01"), 1)
    history = History(Opening(terms, plan, plan.disbursed_on))
    history.state.advance(ordinal("2024-03-01"))
    assert (history.state.contract.non_accrual, history.state.contract.suspense) == (0, 0)
    history.state.advance(ordinal("2024-03-02"))
    assert (history.state.contract.non_accrual, history.state.contract.suspense) == (1, 3720)
    history.state.do(Event(seq=1, kind=3, on=ordinal("2024-03-02"), amount=123_720))
    assert (history.state.contract.non_accrual, history.state.contract.suspense) == (0, 0)
