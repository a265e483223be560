"""A pay-later line worked by hand (product text, section 6).

1,000.00 bought on 1 January is on the statement of that day, due on 10 January; 1.00 a night.
"""

from __future__ import annotations

import pytest

from tests.contract.documents import Json, column, event, line, parts

BOUGHT = event("purchase", "2024-01-01", "1000.00")
POSTING = {"interest_from": "posting_day"}
TENTH = {"minimum": {"rate": "0.1"}}


def late(as_of: str, *events: Json, **terms: object) -> Json:
    """The line with the purchase of 1 January."""
    return line(as_of, BOUGHT, *events, **terms)


def test_cycles() -> None:
    """R-LINE-01: bought on the 2nd, on the statement of 1 February, due on the 10th."""
    answer = line("2024-02-02", event("purchase", "2024-01-02", "50.00"))
    assert column(answer, "principal") == ["0.00", "50.00"]
    assert column(answer, "due_on") == ["2024-01-10", "2024-02-10"]
    assert answer["open_cycle"]["from"] == "2024-02-02"
    last = line("2024-03-01", BOUGHT, statement_day=31)
    assert column(last, "issued_on") == ["2024-01-31", "2024-02-29"]


def test_a_purchase_recorded_later() -> None:
    """R-LINE-01: posted on 1 January, known on the 11th: in the cycle open then, never late before.

    Lapsed on 10 February its nights count from 1 January: 41 to the 11th.
    """
    known_late = {**BOUGHT, "recorded_on": "2024-01-11"}
    answer = line("2024-02-11", known_late, opened_on="2024-01-01", **POSTING)
    assert column(answer, "principal") == ["0.00", "1000.00"]
    assert answer["totals"]["accrued"] == "41.00"
    assert line("2024-01-10", known_late, opened_on="2024-01-01")["events"] == []


def test_what_is_met_rolls() -> None:
    """R-LINE-02: 100.00 of the minimum paid: 900.00 go to the statement of 1 February."""
    answer = late("2024-02-02", event("repayment", "2024-01-10", "100.00"), **TENTH)
    assert column(answer, "rolled") == ["900.00", "0.00"]
    assert column(answer, "principal")[1] == "900.00"
    unmet = late("2024-02-02", event("repayment", "2024-01-10", "99.99"), **TENTH)
    assert column(unmet, "rolled") == ["0.00", "0.00"]


@pytest.mark.parametrize(
    ("minimum", "due"),
    [({"rate": "0.1"}, "100.00"), ({"rate": "0.1", "floor": "150"}, "150.00"), ({}, "1000.00"),
     ({"rate": "0.00001"}, "0.01"), ({"rate": "0.1", "floor": "2000"}, "1000.00")],
)  # fmt: skip
def test_required_amount(minimum: dict[str, str], due: str) -> None:
    """R-MIN-01: a share, at least the floor, at most all; the default is all."""
    assert column(late("2024-01-02", minimum=minimum), "minimum_due") == [due]


def test_required_amount_with_a_fee() -> None:
    """R-MIN-01: a tenth of principal and the whole fee, or a tenth of all."""
    fee = event("fee", "2024-01-01", "10.00")
    assert column(late("2024-01-02", fee, **TENTH), "minimum_due") == ["110.00"]
    of_bill = {"minimum": {"rate": "0.1", "of": "bill"}}
    assert column(late("2024-01-02", fee, **of_bill), "minimum_due") == ["101.00"]


def test_interest_from_the_due_day() -> None:
    """R-LINE-03: 700.00 unpaid at the end of 10 January: 10 nights of 0.70 to the 20th."""
    answer = late("2024-01-20", event("repayment", "2024-01-09", "300.00"))
    assert answer["totals"]["accrued"] == "7.00"


def test_interest_from_the_posting_day() -> None:
    """R-LINE-04: 300.00 paid on 6 January, 700.00 on the 20th not: 5 x 0.30 and 19 x 0.70."""
    paid = event("repayment", "2024-01-06", "300.00")
    remainder = late("2024-01-20", paid, **POSTING)
    full = late("2024-01-20", paid, interest_on="full_bill", **POSTING)
    assert (remainder["totals"]["accrued"], full["totals"]["accrued"]) == ("13.30", "14.80")
    in_time = late("2024-01-20", event("repayment", "2024-01-10", "1000.00"), **POSTING)
    assert in_time["totals"]["accrued"] == "0.00"


def test_day_ends_on_a_line() -> None:
    """R-DAY-02: without its first day 18 nights of 1.00; with the last the paid part gains one."""
    ends = {"day_ends": {"first": False, "last": True}}
    assert late("2024-01-20", **POSTING, **ends)["totals"]["accrued"] == "18.00"
    paid = late("2024-01-20", event("repayment", "2024-01-20", "118.00"), **POSTING, **ends)
    assert parts(paid, 2) == {"principal": "118.00"}  # the oldest cycle first
    assert paid["totals"]["accrued"] == "0.12"


@pytest.mark.parametrize(("paid_on", "asked"), [("2024-01-13", "0.00"), ("2024-01-14", "4.00")])
def test_grace_on_a_line(paid_on: str, asked: str) -> None:
    """R-LINE-05: paid on the third day nothing is asked; a day later 4 nights of 1.00."""
    grace = {"penalty": {"daily": "0", "grace_days": 3}, "minimum": {"rate": "0"}}
    answer = late("2024-01-20", event("repayment", paid_on, "1000.00"), **grace)
    assert answer["totals"]["payoff"] == asked
    assert late("2024-01-11", penalty={"daily": "0", "grace_days": 3})["totals"]["dpd"] == 1


def test_penalty_on_a_line() -> None:
    """R-LINE-06: of 1,000.00 the unmet 100.00 bear 0.2 %, the other 900.00 bear 0.1 %.

    10 nights: 2.00 of penalty, 9.00 of interest. Then 60.00 of principal lower the base first.
    """
    penalty = {"penalty": {"daily": "0.002"}, **TENTH}
    answer = late("2024-01-20", **penalty)
    assert (column(answer, "penalty"), answer["totals"]["accrued"]) == (["2.00"], "9.00")
    paid = late("2024-01-30", event("repayment", "2024-01-20", "62.00"), **penalty)
    assert parts(paid, 2) == {"penalty": "2.00", "principal": "60.00"}
    assert column(paid, "penalty") == ["2.80"]  # 10 nights of 40.00 at 0.2 % more


def test_interest_is_asked_at_the_statement_and_when_money_comes() -> None:
    """R-LINE-07: 23 nights to 1 February inclusive; on the 20th the 10.00 run so far."""
    assert column(late("2024-02-02"), "interest")[1] == "23.00"
    paid = late("2024-01-20", event("repayment", "2024-01-20", "5.00"))
    assert paid["open_cycle"]["interest"] == "10.00"


@pytest.mark.parametrize(("compound", "interest"), [(False, "29.00"), (True, "29.48")])
def test_interest_on_interest(*, compound: bool, interest: str) -> None:
    """R-LINE-07: the 29 nights of 2 February to 1 March; compound, 23.00 bear 21 of them: 0.483."""
    assert column(late("2024-03-02", compound=compound), "interest")[2] == interest


def test_money_on_a_line() -> None:
    """R-LINE-08: the oldest cycle first, the open one last, the rest is credit."""
    more = event("purchase", "2024-01-05", "50.00")
    answer = late("2024-01-06", more, event("repayment", "2024-01-06", "1060.00"))
    assert parts(answer, 3) == {"principal": "1050.00", "credit": "10.00"}
    part = late("2024-01-06", more, event("repayment", "2024-01-06", "999.00"))
    assert (column(part, "outstanding"), part["open_cycle"]["outstanding"]) == (["1.00"], "50.00")


def test_a_refund_finds_its_purchase() -> None:
    """R-REFUND-02: of the purchase in the open cycle first; never more than it."""
    second = event("purchase", "2024-01-05", "50.00")
    answer = late("2024-01-06", second, event("refund", "2024-01-06", "40.00", of=2))
    assert (column(answer, "outstanding"), answer["open_cycle"]["outstanding"]) == (
        ["1000.00"], "10.00"
    )  # fmt: skip
    more = late("2024-01-06", second, event("refund", "2024-01-06", "50.01", of=2))
    assert more["rule"] == "R-REFUND-03"


def test_what_was_issued_is_never_raised() -> None:
    """R-STMT-01: a reversed repayment is asked in the cycle that opened after the statement."""
    answer = line("2024-02-03", event("purchase", "2024-01-02", "100.00"),
                  event("repayment", "2024-01-03", "40.00"),
                  event("reversal", "2024-02-03", of=2))  # fmt: skip
    assert column(answer, "principal")[1] == "60.00"
    assert answer["open_cycle"]["principal"] == "40.00"


def test_statement_balance() -> None:
    """R-STMT-02: everything unpaid less the credit balance."""
    answer = late("2024-02-02", event("repayment", "2024-01-10", "1200.00"))
    assert column(answer, "balance") == ["1000.00", "-200.00"]


def test_credit_pays_a_purchase() -> None:
    """R-CREDIT-02: 200.00 left over pay 150.00 of the next purchase; the repayment's parts stay."""
    answer = late("2024-01-12", event("repayment", "2024-01-10", "1200.00"),
                  event("purchase", "2024-01-12", "150.00"))  # fmt: skip
    assert answer["totals"]["credit_balance"] == "50.00"
    assert answer["open_cycle"]["outstanding"] == "0.00"
    assert parts(answer, 3) == {"principal": "150.00"}


@pytest.mark.parametrize(
    "terms",
    [{"day_count": "30/360"}, {"day_count": "actual/actual"}, {"day_count": "whole_period"},
     {"day_ends": {"last": True}}],
)  # fmt: skip
def test_terms_that_a_line_has_not(terms: dict[str, object]) -> None:
    """R-COUNT-01, R-DAY-02: refused by R-RANGE-01."""
    assert late("2024-01-02", **terms)["rule"] == "R-RANGE-01"


def test_a_purchase_beyond_what_64_bits_hold() -> None:
    """R-LINE-01: at 1.00 a night 2^61 / 10^8 = 23,058,430,092.13 minor units are the most."""
    rate = {"rate": {"daily": "1"}}
    most = event("purchase", "2024-01-01", "230584300.92")
    more = event("purchase", "2024-01-01", "0.01")
    assert "rule" not in line("2024-01-01", most, **rate)
    assert line("2024-01-01", most, more, **rate)["rule"] == "R-RANGE-01"


def test_charge_off_of_a_line() -> None:
    """R-OFF-01: 10 nights run are asked; no purchase any more."""
    off = event("charge_off", "2024-01-20")
    answer = late("2024-02-20", off)
    assert parts(answer, 2) == {"interest": "10.00", "principal": "1000.00"}
    assert answer["totals"]["payoff"] == "1010.00"
    assert late("2024-01-20", off, event("purchase", "2024-01-20", "1.00"))["rule"] == "R-OFF-02"


def test_no_statement_of_a_line_charged_off() -> None:
    """R-OFF-01: one statement before it, none after; reversed, the next one is issued again."""
    off = event("charge_off", "2024-01-20")
    assert column(late("2024-04-02", off), "issued_on") == ["2024-01-01"]
    undone = late("2024-04-02", off, event("reversal", "2024-02-10", of=2))
    assert column(undone, "issued_on") == ["2024-01-01", "2024-03-01", "2024-04-01"]
