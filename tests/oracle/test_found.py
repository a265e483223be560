"""Documents on which kernel and oracle have differed in long runs."""
from __future__ import annotations

import json

import pytest

from .compare import compared
from .sequences import Json
from .test_against_kernel import kernel

DIFFERED = {
    "a refund beyond all principal, then a charge-back": """
        {"as_of": "2024-11-02", "terms": {"kind": "term", "disbursed_on": "2024-02-29",
        "rounding": "down", "day_count": "whole_period", "principal": "11345.19", "instalments":
        12, "rate": {"annual": "0.36"}}, "events": [{"seq": 1, "on": "2024-02-29", "type":
        "repayment", "amount": "6736.68"}, {"seq": 2, "on": "2024-05-03", "type": "repayment",
        "amount": "585.40"}, {"seq": 3, "on": "2024-07-03", "type": "repayment", "amount":
        "492.00"}, {"seq": 4, "on": "2024-07-29", "type": "repayment", "amount": "4195.27"},
        {"seq": 5, "on": "2024-08-01", "type": "chargeback", "amount": "585.40", "of": 2},
        {"seq": 6, "on": "2024-08-30", "type": "refund", "amount": "593.81"}, {"seq": 7, "on":
        "2024-11-02", "type": "chargeback", "amount": "4195.27", "of": 4}]}""",
    "a charge-off reversed after statement days that passed without a statement": """
        {"as_of": "2025-06-30", "terms": {"kind": "statement", "opened_on": "2024-12-30",
        "day_ends": {"first": false, "last": false, "statement": false}, "rate": {"annual": "0.18"},
        "interest_from": "posting_day"}, "events": [{"seq": 1, "on": "2024-12-31", "type":
        "purchase", "amount": "614.25"}, {"seq": 4, "on": "2025-02-01", "type": "charge_off"},
        {"seq": 5, "on": "2025-06-30", "type": "reversal", "of": 4}]}""",
    "a charge-back on a due day, extended, then early money": """
        {"as_of": "2023-06-04", "terms": {"kind": "term", "disbursed_on": "2023-01-20", "day_count":
        "actual/actual", "principal": "9874.82", "instalments": 6, "rate": {"daily": "0.0005"},
        "first_due_on": "2023-03-06"}, "events": [{"seq": 1, "on": "2023-02-28", "type":
        "repayment", "amount": "10642.38"}, {"seq": 3, "on": "2023-05-06", "type": "chargeback",
        "amount": "3559.65", "of": 1}, {"seq": 4, "on": "2023-05-31", "type": "extension", "days":
        30}, {"seq": 5, "on": "2023-06-04", "type": "repayment", "amount": "1223.47"}]}""",
    "a repayment charged back of a loan whose pay-out came back": """
        {"as_of": "2023-07-31", "terms": {"kind": "term", "disbursed_on": "2023-01-31", "principal":
        "16059.50", "instalments": 4, "rate": {"annual": "0.12"}}, "events": [{"seq": 2, "on":
        "2023-03-01", "type": "repayment", "amount": "16457.80"}, {"seq": 3, "on": "2023-03-14",
        "type": "drawing_returned"}, {"seq": 5, "on": "2023-05-31", "type": "payout", "amount":
        "3946.72"}, {"seq": 6, "on": "2023-07-31", "type": "chargeback", "amount": "16457.80", "of":
        2}]}""",
    "a restructuring with nothing but interest left": """
        {"as_of": "2024-04-30", "terms": {"kind": "term", "disbursed_on": "2024-02-29",
        "day_count": "whole_period", "principal": "9972.05", "instalments": 4, "rate": {"annual":
        "0.36"}}, "events": [{"seq": 2, "on": "2024-04-30", "type": "refund", "amount":
        "10477.87"}, {"seq": 3, "on": "2024-04-30", "type": "restructuring", "instalments": 1,
        "first_due_on": "2024-05-01"}]}""",
    "a charge-back after a pay-off, an extension, part of a period": """
        {"as_of": "2025-06-30", "terms": {"kind": "term", "disbursed_on": "2024-12-30",
        "day_count": "whole_period", "principal": "5896.75", "instalments": 12, "rate": {"annual":
        "0.23999999"}, "early_repayment": "lower_instalment"}, "events": [{"seq": 1, "on":
        "2024-12-30", "type": "repayment", "amount": "4429.00"}, {"seq": 2, "on": "2025-02-28",
        "type": "refund", "amount": "1721.62"}, {"seq": 4, "on": "2025-06-30", "type":
        "chargeback", "amount": "3763.85", "of": 1}, {"seq": 5, "on": "2025-06-30", "type":
        "extension", "days": 7}]}""",
    "a charge-back on the day of a charge-off, which is a due day": """
        {"as_of": "2024-05-29", "terms": {"kind": "term", "disbursed_on": "2024-02-29",
        "principal": "19212.89", "instalments": 3, "rate": {"daily": "0.0005"}}, "events":
        [{"seq": 1, "on": "2024-03-31", "type": "repayment", "amount": "1251.73"}, {"seq": 3,
        "on": "2024-05-29", "type": "charge_off"}, {"seq": 4, "on": "2024-05-29", "type":
        "chargeback", "amount": "1251.73", "of": 1}]}""",
    "a recovery after a charge-back after a charge-off": """
        {"as_of": "2024-05-15", "terms": {"kind": "term", "disbursed_on": "2024-01-31",
        "currency": "VND", "day_count": "actual/365", "principal": "3818", "instalments": 3,
        "rate": {"annual": "0.23999999"}}, "events": [{"seq": 1, "on": "2024-03-01", "type":
        "repayment", "amount": "1386"}, {"seq": 3, "on": "2024-03-20", "type": "charge_off"},
        {"seq": 4, "on": "2024-03-20", "type": "chargeback", "amount": "1386", "of": 1}, {"seq":
        5, "on": "2024-05-15", "type": "recovery", "amount": "1"}]}""",
    "the same with a rate of the period": """
        {"as_of": "2025-02-01", "terms": {"kind": "term", "disbursed_on": "2024-12-30",
        "day_count": "actual/360", "principal": "7730.62", "instalments": 12, "rate": {"period":
        "0.01"}}, "events": [{"seq": 1, "on": "2025-01-01", "type": "repayment", "amount":
        "7755.12"}, {"seq": 2, "on": "2025-01-30", "type": "chargeback", "amount": "7755.12",
        "of": 1}, {"seq": 3, "on": "2025-02-01", "type": "extension", "days": 15}]}""",
    "an extension on the day of a charge-back": """
        {"as_of": "2024-03-10", "terms": {"kind": "term", "disbursed_on": "2024-02-29",
        "day_count": "actual/actual", "allocation": {"order": ["interest", "penalty", "fee",
        "principal"], "by": "instalment", "future": "spread", "when": [{"from_day": 5, "order":
        ["principal", "interest", "fee", "penalty"], "by": "component"}, {"from_day": 31, "order":
        ["interest", "principal", "fee", "penalty"], "by": "component"}]}, "principal":
        "15501.12", "instalments": 6, "rate": {"daily": "0"}, "first_due_on": "2024-03-10"},
        "events": [{"seq": 1, "on": "2024-02-29", "type": "repayment", "amount": "0.01"}, {"seq":
        2, "on": "2024-03-10", "type": "chargeback", "amount": "0.01", "of": 1}, {"seq": 3, "on":
        "2024-03-10", "type": "extension", "days": 7}, {"seq": 4, "on": "2024-03-10", "type":
        "repayment", "amount": "2583.53"}]}""",
    "the same over the end of February": """
        {"as_of": "2024-03-04", "terms": {"kind": "term", "disbursed_on": "2024-01-31",
        "day_count": "actual/364", "principal": "4185.07", "instalments": 12, "rate": {"period":
        "0.01"}}, "events": [{"seq": 2, "on": "2024-02-01", "type": "repayment", "amount":
        "4291.81"}, {"seq": 3, "on": "2024-02-29", "type": "chargeback", "amount": "4291.81",
        "of": 2}, {"seq": 5, "on": "2024-03-04", "type": "extension", "days": 30}]}""",
}


@pytest.mark.parametrize("name", DIFFERED)
def test_they_agree_now(name: str) -> None:
    document: Json = json.loads(DIFFERED[name])
    assert not compared(kernel(), document)
