"""The oracle against figures worked out by hand (and published ones), so that it may judge."""
from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

import pytest

from .quote import Oracle

LOAN = {"kind": "term", "principal": "10000.00", "disbursed_on": "2024-01-01", "instalments": 12,
        "rate": {"period": "0.01"}}
CARD = {"kind": "statement", "opened_on": "2024-03-01", "statement_day": 5, "due_after_days": 18,
        "rate": {"daily": "0.0005"}, "interest_from": "posting_day", "interest_on": "full_bill",
        "minimum": {"rate": "0.10"}}


def quote(terms: dict[str, Any], *events: dict[str, Any], as_of: str | None = None
          ) -> dict[str, Any]:
    numbered = [{"seq": n, **event} for n, event in enumerate(events, 1)]
    document = {"terms": terms, "events": numbered}
    return Oracle(terms).quote(document | ({"as_of": as_of} if as_of else {}))


def event(on: str, kind: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"on": on, "type": kind, "amount": amount, **more}


def test_equal_instalment_of_ten_thousand_at_one_per_cent_a_month() -> None:
    # 10000 x 0.01 / (1 - 1.01^-12) = 888.4879; first interest 100.00, so principal 788.49.
    # The last row takes the residue: 0.0021 too much a month and the interest on it: 888.47.
    rows = quote(LOAN)["schedule"]
    assert [rows[0][f] for f in ("principal", "interest", "total")] == ["788.49", "100.00",
                                                                         "888.49"]
    assert {row["total"] for row in rows[:-1]} == {"888.49"}
    assert rows[-1]["total"] == "888.47"
    assert rows[-1]["balance_after"] == "0.00"


def test_zero_rate_leaves_the_residue_to_the_last_row() -> None:
    # 100.00 / 3 = 33.33 (33.333), the last 33.34.
    rows = quote({**LOAN, "principal": "100.00", "instalments": 3, "rate": {"daily": "0"}})
    assert [row["total"] for row in rows["schedule"]] == ["33.33", "33.33", "33.34"]


def test_months_keep_the_day_of_the_anchor() -> None:
    rows = quote({**LOAN, "disbursed_on": "2024-01-31", "instalments": 3})["schedule"]
    assert [row["due_on"] for row in rows] == ["2024-02-29", "2024-03-31", "2024-04-30"]


@pytest.mark.parametrize(("day_count", "interest"), [
    # 10000.00 at 12 % over the 31 nights of January 2024 (a leap year).
    ("actual/365", "101.92"),  # 1200 x 31 / 365 = 101.9178
    ("actual/360", "103.33"),  # 1200 x 31 / 360 = 103.3333
    ("actual/364", "102.20"),  # 1200 x 31 / 364 = 102.1978
    ("actual/actual", "101.64"),  # 1200 x 31 / 366 = 101.6393
    ("30/360", "100.00"),  # 1200 x 30 / 360
    ("whole_period", "100.00"),  # 1200 / 12
])
def test_day_counts(day_count: str, interest: str) -> None:
    terms = {**LOAN, "rate": {"annual": "0.12"}, "day_count": day_count}
    assert quote(terms)["schedule"][0]["interest"] == interest


def test_both_day_ends_count_one_night_more_neither_one_less() -> None:
    # 0.05 % a night on 10000.00 is 5.00: 31 nights 155.00, 32 nights 160.00, 30 nights 150.00.
    terms = {**LOAN, "rate": {"daily": "0.0005"}, "amortisation": "interest_first"}
    for first, last, interest in ((True, False, "155.00"), (True, True, "160.00"),
                                  (False, False, "150.00"), (False, True, "155.00")):
        ends = {**terms, "day_ends": {"first": first, "last": last}}
        assert quote(ends)["schedule"][0]["interest"] == interest


def test_bullet_and_flat() -> None:
    # Bullet at 1 % a period: 12 periods, 1200.00. Flat: 100.00 a period, (10000 + 1200) / 12.
    bullet = quote({**LOAN, "amortisation": "bullet"})["schedule"]
    assert [(row["due_on"], row["total"]) for row in bullet] == [("2025-01-01", "11200.00")]
    flat = quote({**LOAN, "interest_method": "flat"})["schedule"]
    assert {row["interest"] for row in flat} == {"100.00"}
    assert flat[0]["total"] == "933.33"
    assert flat[-1]["total"] == "933.37"


def test_paying_off_early_costs_interest_for_the_days_used_only() -> None:
    # 10000.00 x 0.0005 x 10 nights = 50.00.
    terms = {**LOAN, "rate": {"daily": "0.0005"}}
    seen = quote(terms, as_of="2024-01-11")["totals"]
    assert (seen["payoff"], seen["accrued"]) == ("10050.00", "50.00")
    paid = quote(terms, event("2024-01-11", "repayment", "10060.00"))
    assert paid["events"][0] == {"seq": 1, "principal": "10000.00", "interest": "50.00",
                                 "fee": "0.00", "penalty": "0.00", "credit": "10.00"}
    assert paid["totals"]["payoff"] == "0.00"
    assert quote(terms, event("2024-01-11", "repayment", "10050.00"),
                 event("2024-01-11", "repayment", "1.00")) == {"rule": "R-CLOSE-01"}


def test_a_covered_row_closes_with_the_interest_of_the_days_used() -> None:
    # Day 11: interest run 10 x 5.00 = 50.00, the rest of the planned total is principal; the 21
    # nights left of January are counted in row 2 on the lower balance.
    terms = {**LOAN, "rate": {"daily": "0.0005"}}
    total = quote(terms)["schedule"][0]["total"]
    rows = quote(terms, event("2024-01-11", "repayment", total))["schedule"]
    assert rows[0]["interest"] == "50.00"
    assert rows[0]["outstanding"] == "0.00"
    as_agreed = (31, "2024-02-01", 29)
    assert (rows[0]["days"], rows[1]["from"], rows[1]["days"]) == as_agreed
    assert rows[1]["total"] == total


def test_penalty_with_grace_and_a_step() -> None:
    # Principal 788.49 late from 2024-02-01. Grace 3: nothing is asked on the 4th, on the 5th
    # 4 nights x 0.001 x 788.49 = 3.15396; from day 6 past due (night of the 6th) 0.002.
    # On the 8th: 5 nights x 0.001 + 2 x 0.002 = 0.009 x 788.49 = 7.09641.
    terms = {**LOAN, "penalty": {"daily": "0.001", "grace_days": 3,
                                 "steps": [{"from_day": 6, "daily": "0.002"}]}}
    for as_of, penalty in (("2024-02-04", "0.00"), ("2024-02-05", "3.15"), ("2024-02-08", "7.10")):
        assert quote(terms, as_of=as_of)["schedule"][0]["penalty"] == penalty
    assert quote(terms, as_of="2024-02-08")["totals"]["dpd"] == 7
    in_time = quote(terms, event("2024-02-04", "repayment", "888.49"), as_of="2024-03-01")
    assert in_time["schedule"][0]["penalty"] == "0.00"


def test_a_day_late_on_five_hundred() -> None:
    # The market example: 500 x 0.05 % x 5 days = 1.25.
    terms = {"kind": "statement", "opened_on": "2024-01-02", "rate": {"daily": "0.0005"}}
    seen = quote(terms, event("2024-01-05", "purchase", "500.00"), as_of="2024-02-15")
    assert seen["schedule"][0]["due_on"] == "2024-02-10"
    assert seen["totals"]["accrued"] == "1.25"


def test_card_that_counts_the_statement_day() -> None:
    # Published: 1000.00 posted on 30 March, 100.00 paid on 23 April, statement of 5 May:
    # 1000 x 0.0005 x 24 + 900 x 0.0005 x 13 = 12.00 + 5.85 = 17.85.
    seen = quote(CARD, event("2024-03-30", "purchase", "1000.00"),
                 event("2024-04-23", "repayment", "100.00"), as_of="2024-05-06")
    assert seen["schedule"][-1]["interest"] == "17.85"


def test_card_that_counts_neither_end() -> None:
    # Published: 20000 x 0.0005 x 48 + 18000 x 0.0005 x 12 = 480 + 108 = 588.00. Of the 49 nights
    # from the purchase on 2 July to the payment on 20 August neither end counts: 48 days; from
    # there to the statement day (not counted) 12.
    terms = {**CARD, "opened_on": "2024-07-02", "statement_day": 1, "due_day": 20,
             "day_ends": {"first": False, "last": False, "statement": False}}
    del terms["due_after_days"]
    seen = quote(terms, event("2024-07-02", "purchase", "20000.00"),
                 event("2024-08-20", "repayment", "2000.00"), as_of="2024-09-02")
    assert seen["schedule"][0]["minimum_due"] == "2000.00"
    assert seen["schedule"][-1]["interest"] == "588.00"


def test_card_that_counts_both_ends_but_not_the_statement_day() -> None:
    # Published as 21 + 15 days (the amounts are not): 1000.00 of 30 March, 100.00 paid on 19 April
    # is 21 days with both ends; 900.00 from there to the statement of 4 May, not counted, 15 days.
    # 100 x 0.0005 x 21 + 900 x 0.0005 x (20 + 15) = 1.05 + 15.75 = 16.80
    terms = {**CARD, "statement_day": 4,
             "day_ends": {"first": True, "last": True, "statement": False}}
    seen = quote(terms, event("2024-03-30", "purchase", "1000.00"),
                 event("2024-04-19", "repayment", "100.00"), as_of="2024-05-05")
    assert seen["schedule"][-1]["interest"] == "16.80"


def test_remainder_takes_the_share_of_a_payment_out() -> None:
    # As the card above, but only the 900.00 left bear: 900 x 0.0005 x 37 nights = 16.65.
    seen = quote({**CARD, "interest_on": "remainder"}, event("2024-03-30", "purchase", "1000.00"),
                 event("2024-04-23", "repayment", "100.00"), as_of="2024-05-06")
    assert seen["schedule"][-1]["interest"] == "16.65"


def test_paying_the_minimum_only_takes_105_cycles() -> None:
    # Published: 100000 at 3 % a month, minimum 5 % of the bill but at least 1000: 105 bills (the
    # last one asks nothing), 215601.62 paid where the minimum is rounded to the nearest cent. A
    # required amount is rounded up here (R-MIN-01), which repays sooner: 215601.17 in all.
    # The bill is paid on its due day, the day after the statement; a 30/360 month of interest on
    # the remainder is in the next bill, and bears interest in its turn.
    paid, balance = {"nearest": 0, "up": 0}, 0
    for how in paid:
        balance = 10_000_000
        while balance:
            exact = Fraction(balance, 20)
            part = min(balance, max(round(exact) if how == "nearest" else ceil(exact), 100_000))
            paid[how] += part
            balance = round((balance - part) * Fraction(103, 100))
    assert paid == {"nearest": 21_560_162, "up": 21_560_117}
    terms = {"kind": "statement", "opened_on": "2024-01-01", "statement_day": 1, "due_day": 2,
             "rate": {"annual": "0.36"}, "day_count": "30/360", "compound": True,
             "minimum": {"rate": "0.05", "floor": "1000.00", "of": "bill"}}
    events = [event("2024-01-01", "purchase", "100000.00")]
    while True:
        year, month = divmod(len(events) - 1, 12)
        on = f"{2024 + year}-{month + 1:02d}-02"
        due = quote(terms, *events, as_of=on)["schedule"][-1]["minimum_due"]
        if due == "0.00":
            break
        events.append(event(on, "repayment", due))
    assert len(events) == 105
    assert sum(Fraction(each["amount"]) for each in events[1:]) * 100 == paid["up"]
