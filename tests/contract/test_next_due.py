"""Early money pays the next due first (R-EARLY-06), worked by hand and on all terms."""

from __future__ import annotations

from itertools import product

import pytest

from tests.contract.documents import Json, column, event, loan, parts

EFFECTS: list[Json] = [
    {}, {"allocation": {"future": "last"}}, {"allocation": {"future": "spread"}},
    {"early_repayment": "shorten"}, {"early_repayment": "lower_instalment"},
]  # fmt: skip
PLANS: list[Json] = [
    {}, {"amortisation": "equal_instalment"}, {"amortisation": "interest_first"},
    {"interest_method": "flat"}, {"interest_method": "flat", "amortisation": "equal_instalment"},
    {"rate": {"annual": "0"}, "fees": [{"rate": "0.0066", "at": "each"}]},
    {"rate": {"period": "0.01"}, "amortisation": "equal_instalment"},
    {"day_count": "30/360", "rate": {"annual": "0.24"}, "rounding": "up"},
    {"day_ends": {"first": True, "last": True}, "penalty": {"daily": "0.002"}},
]


@pytest.mark.parametrize(("plan", "effect"), list(product(PLANS, EFFECTS)))
def test_who_pays_an_instalment_early_is_never_overdue_by_it(plan: Json, effect: Json) -> None:
    """R-EARLY-06: exactly what each row asks, some days before its day, until all is paid."""
    terms, paid = plan | effect, []
    for due_on, early in (("2024-02-01", "2024-01-28"), ("2024-03-01", "2024-02-10"),
                          ("2024-04-01", "2024-03-31")):  # fmt: skip
        seen = loan(early, *paid, **terms)
        n = column(seen, "due_on").index(due_on)
        paid.append(event("repayment", early, column(seen, "outstanding")[n]))
        after = loan(due_on, *paid, **terms)
        assert column(after, "outstanding")[n] == "0.00"
        late = loan(early.replace(early[5:], "04-30"), *paid, **terms)
        dates = [row["due_on"] for row in late["schedule"] if row["outstanding"] != "0.00"]
        assert all(each > due_on for each in dates)
    assert loan("2024-05-01", *paid, **terms)["totals"]["payoff"] == "0.00"


def test_what_is_beyond_repays_principal() -> None:
    """R-EARLY-06: 10 nights of 1.20, 425.20 more close row 1; 200.00 lower the two that follow.

    Row 1 wants 437.20 and asks 12.00 of it as interest. Of 774.80 left, 200.00 go: 2 x 287.40.
    """
    money = event("repayment", "2024-01-11", "637.20")
    answer = loan("2024-01-11", money, early_repayment="lower_instalment")
    assert parts(answer, 1) == {"interest": "12.00", "principal": "625.20"}
    assert column(answer, "principal") == ["425.20", "487.40", "287.40"]
    assert column(answer, "paid") == ["437.20", "200.00", "0.00"]
    shorter = loan("2024-01-11", money, early_repayment="shorten")
    assert column(shorter, "principal") == ["425.20", "600.00", "174.80"]


def test_less_than_the_instalment_leaves_the_rest_of_it() -> None:
    """R-EARLY-06: 112.00 on the 11th: 12.00 interest, 100.00 of row 1, which then asks 300.00."""
    money = event("repayment", "2024-01-11", "112.00")
    for effect in EFFECTS:
        answer = loan("2024-02-01", money, **effect)
        assert column(answer, "principal") == ["400.00"] * 3
        assert column(answer, "outstanding")[0] == "323.10"  # and 21 nights of 1.10


def test_on_the_first_day_of_a_period_nothing_is_near_due() -> None:
    """R-EARLY-06: what exceeds row 1 on its due day has its effect at once; row 2 stays asked."""
    money = event("repayment", "2024-02-01", "637.20")
    answer = loan("2024-02-01", money, early_repayment="lower_instalment")
    assert column(answer, "principal") == ["400.00", "500.00", "300.00"]
    assert column(answer, "outstanding")[1] == "317.40"  # 300.00 and 29 nights of 0.60


def test_after_an_extension() -> None:
    """R-EARLY-06: row 1 now due on 16 February asks 46 nights of 1.20; paid ten days before."""
    late = event("extension", "2024-01-20", days=15)
    for effect in EFFECTS:
        asked = column(loan("2024-02-06", late, **effect), "outstanding")[0]
        assert asked == "455.20"
        answer = loan("2024-02-17", late, event("repayment", "2024-02-06", asked), **effect)
        assert (answer["totals"]["dpd"], column(answer, "outstanding")[0]) == (0, "0.00")
        assert column(answer, "due_on")[1] == "2024-03-16"


def test_interest_alone_is_paid_whole_or_not_here() -> None:
    """R-EARLY-06: of 37.20 on the 31st, 36.00 have run; 30.00 less are no payment of the row."""
    terms: Json = {"amortisation": "interest_first", "early_repayment": "shorten"}
    whole = loan("2024-02-02", event("repayment", "2024-01-31", "37.20"), **terms)
    assert (column(whole, "interest")[0], column(whole, "principal")[0]) == ("36.00", "1.20")
    assert whole["totals"]["dpd"] == 0
    less = loan("2024-02-02", event("repayment", "2024-01-31", "37.19"), **terms)
    assert less["totals"]["dpd"] == 1


def test_a_refund_pays_no_due_in_advance() -> None:
    """R-EARLY-06, R-REFUND-01: 400.00 back from a merchant repay principal by the effect."""
    answer = loan("2024-01-11", event("refund", "2024-01-11", "400.00"), early_repayment="shorten")
    assert column(answer, "principal")[0] == "800.00"
