"""What may be recorded, and what is known at a moment: the rules alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usance.core.refusals import Refused
from usance.policy.dictionary import HOUSEHOLD
from usance.policy.shipped import dictionary
from usance.risk import facts
from usance.risk.facts import Given, Kept, Known, Value
from usance.risk.facts_policy import fact_policy, policy_in

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INCOME = Given("income", "income", "8000.00 CNY", NOON)


def refused(rule: str) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, match=rule)


@pytest.mark.parametrize(
    ("changed", "rule", "path"),
    [
        ({"name": "shoe_size"}, "R-FACT-01", "name"),
        ({"source": "bureau"}, "R-FACT-01", "source"),
        ({"name": "utilisation", "source": "income"}, "R-FACT-01", "source"),
        ({"reference": "x" * 201}, "R-FACT-01", "reference"),
        ({"reference": "two\nlines"}, "R-FACT-01", "reference"),
        ({"name": "age", "source": "identity"}, "R-FACT-03", "name"),
        ({"name": "sex", "source": "identity"}, "R-FACT-03", "name"),
        ({"name": "title", "source": "declared"}, "R-FACT-03", "name"),
        ({"name": "home_region", "source": "declared"}, "R-FACT-03", "name"),
    ],
)
def test_a_source_tells_its_own_features_alone(
    changed: dict[str, str], rule: str, path: str
) -> None:
    """R-FACT-01, R-FACT-03"""
    assert facts.feature_of(INCOME, dictionary()).name == "income"
    with refused(rule) as caught:
        facts.feature_of(replace(INCOME, **changed), dictionary())  # type: ignore[arg-type]
    assert caught.value.refusal.path == path


def test_nothing_that_is_protected_can_be_recorded() -> None:
    """R-FACT-03"""
    named = [each for each in dictionary().values() if each.protected or each.proxy_of]
    assert len(named) >= 7
    for each in named:
        with refused("R-FACT-03"):
            facts.feature_of(Given(each.name, each.source, "1", NOON), dictionary())


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("income", "8000.00 CNY", 800_000), ("income", "8,000 CNY", 800_000),
        ("income", "0 CNY", 0), ("debt_service", "35.5 %", 3_550), ("debt_service", "40%", 4_000),
        ("bureau_lenders", "3", 3), ("student", True, 1), ("student", "false", 0),
        ("tier", "C", 2),
    ],
)  # fmt: skip
def test_values_with_their_units(name: str, value: Value, number: int) -> None:
    """R-FACT-02"""
    assert facts.value_of(value, dictionary()[name], "CNY") == number


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("income", "8000"), ("income", "8000.00 USD"), ("income", "8000.001 CNY"), ("income", True),
        ("income", "-1 CNY"), ("income", "1000000.01 CNY"), ("income", "lots"), ("income", ""),
        ("income", "< 8000 CNY"), ("debt_service", "35"), ("debt_service", "35 days"),
        ("bureau_lenders", "3 days"), ("bureau_lenders", "1.5"), ("bureau_lenders", "1001"),
        ("student", "1"), ("student", "maybe"), ("tier", "F"), ("tier", True),
        ("income", "missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_not_repeated(name: str, value: Value) -> None:
    """R-FACT-02"""
    with refused("R-FACT-02") as caught:
        facts.value_of(value, dictionary()[name], "CNY")
    assert caught.value.refusal.path == "value"
    if isinstance(value, str) and len(value) > 3 and value not in ("missing",):
        assert value not in str(caught.value)


def test_who_may_record() -> None:
    """R-FACT-04"""
    row, day = fact_policy().row, NOON.date()
    assert facts.check_recorder("staff:1", row("income", day), "income", 0).days == 365
    assert facts.check_recorder("machine:1", row("bureau", day), "bureau", 0).days == 90
    assert facts.check_recorder("usance", row("bureau", day), "bureau", 0).scope == "credit-report"
    for actor, source in (
        ("staff:1", "bureau"), ("borrower:1", "declared"), ("usance", "income"),
        ("staff:1", "device"), ("staff:1", "book"), ("staff:1", "score"),
    ):  # fmt: skip
        with refused("R-FACT-04"):
            facts.check_recorder(actor, row(source, day), source, 0)
    assert facts.check_recorder("staff:1", row("bureau", day), "bureau", 7)  # puts one right


def test_the_policy_is_dated_and_whole() -> None:
    """R-FACT-04"""
    one = {"source": "income", "effective_on": date(2026, 1, 1), "days": 10, "ground": "law",
           "law": "x", "by": ["staff"]}  # fmt: skip
    bureau = {"answer_seconds": 1, "attempts": 1, "first_delay_seconds": 1, "answer_bytes": 1}
    two = one | {"effective_on": date(2026, 2, 1), "days": 20}
    found = policy_in({"rows": [two, one], "bureau": bureau})
    days = [found.row("income", date(2026, month, 15)) for month in (1, 2)]
    assert [each.days for each in days if each] == [10, 20]
    assert found.row("income", date(2025, 12, 31)) is None
    for wrong in ({"days": 0}, {"by": []}, {"ground": "consent"}, {"purpose": "household",
                  "scope": "household-income"}, {"source": "gossip"}):  # fmt: skip
        with refused("R-FACT-04"):
            policy_in({"rows": [one | wrong], "bureau": bureau})


def test_how_long_it_is_good() -> None:
    """R-FACT-08"""
    row = fact_policy().row("bureau", NOON.date())
    assert row is not None
    assert facts.end_of(NOON, NOON, row) == NOON + timedelta(days=90)
    assert facts.end_of(NOON - timedelta(days=89), NOON, row) == NOON + timedelta(days=1)
    for observed in (NOON + timedelta(seconds=1), NOON - timedelta(days=90),
                     NOON.replace(tzinfo=None)):  # fmt: skip
        with refused("R-FACT-08"):
            facts.end_of(observed, NOON, row)


def test_only_a_household_has_another_side() -> None:
    """R-FACT-05, R-FACT-11"""
    row = fact_policy().row
    household, income = row("household", NOON.date()), row("income", NOON.date())
    assert household is not None
    assert income is not None
    facts.check_sides(replace(INCOME, other_id=2), 1, household)
    facts.check_sides(INCOME, 1, income)
    for given_, its in ((INCOME, household), (replace(INCOME, other_id=1), household),
                        (replace(INCOME, other_id=2), income)):  # fmt: skip
        with refused("R-FACT-05"):
            facts.check_sides(given_, 1, its)


@pytest.mark.parametrize(
    "number",
    ["110101199003070021",  # a wrong check
     "110101200803010",  # the old, short form
     "A12345678", "", "1" * 18, "１" * 17 + "1"],
)  # fmt: skip
def test_a_number_that_says_no_age(number: str) -> None:
    """R-FACT-10"""
    assert facts.of_age(number, date(2026, 3, 1)) is None


def test_of_age_from_the_eighteenth_birthday() -> None:
    """R-FACT-10"""

    def number(born: str) -> str:
        digits = f"110101{born}002"
        return digits + facts.check_of(digits)

    assert facts.of_age(number("20080301"), date(2026, 3, 1)) is True
    assert facts.of_age(number("20080302"), date(2026, 3, 1)) is False
    assert facts.of_age(number("20080229"), date(2026, 2, 28)) is False
    assert facts.of_age(number("20080229"), date(2026, 3, 1)) is True
    assert facts.of_age(number("20270101"), date(2026, 3, 1)) is None  # not born yet
    assert facts.of_age(number("20080231"), date(2026, 3, 1)) is None  # no such day


# -- as of a moment --------------------------------------------------------------------------------

MOMENTS = [NOON + timedelta(hours=hours) for hours in range(12)]
kept = st.builds(
    Kept,
    fact_id=st.integers(1, 10_000), name=st.sampled_from(["income", "bureau_late"]),
    source=st.just("income"), observed_at=st.sampled_from(MOMENTS),
    recorded_at=st.sampled_from(MOMENTS), valid_until=st.sampled_from(MOMENTS),
    corrects=st.integers(0, 5), agreed=st.booleans(),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(kept, unique_by=lambda each: each.fact_id), st.sampled_from(MOMENTS))
def test_nothing_of_the_future_is_looked_at(some: list[Kept], at: datetime) -> None:
    """R-FACT-06: what was recorded later changes nothing, and the order says nothing."""
    by_then = [each for each in some if each.recorded_at <= at]
    found = facts.standing(some, at)
    assert found == facts.standing(by_then, at) == facts.standing(reversed(some), at)
    for name, each in found.items():
        assert each.recorded_at <= at < each.valid_until
        assert each.agreed
        newer = [o for o in by_then if o.name == name and o.observed_at > each.observed_at]
        assert all(any(c.corrects == o.fact_id for c in by_then) for o in newer)


def test_what_was_superseded_does_not_come_back() -> None:
    """R-FACT-06, R-FACT-07"""
    old = Kept(1, "income", "income", MOMENTS[0], MOMENTS[0], MOMENTS[11])
    new = Kept(2, "income", "income", MOMENTS[1], MOMENTS[1], MOMENTS[3])
    assert facts.standing([old, new], MOMENTS[0]) == {"income": old}
    assert facts.standing([old, new], MOMENTS[2]) == {"income": new}
    assert facts.standing([old, new], MOMENTS[3]) == {}
    assert facts.standing([old, replace(new, agreed=False)], MOMENTS[2]) == {}


def test_a_correction_takes_the_place() -> None:
    """R-FACT-09"""
    wrong = Kept(1, "income", "income", MOMENTS[0], MOMENTS[0], MOMENTS[11])
    right = Kept(2, "income", "income", MOMENTS[0], MOMENTS[2], MOMENTS[11], corrects=1)
    assert facts.standing([right, wrong], MOMENTS[1]) == {"income": wrong}
    assert facts.standing([right, wrong], MOMENTS[2]) == {"income": right}
    facts.check_correction(replace(INCOME, corrects=1), wrong, corrected=False)
    for old, corrected in ((None, False), (replace(wrong, name="student"), False), (wrong, True)):
        with refused("R-FACT-09"):
            facts.check_correction(replace(INCOME, corrects=1), old, corrected=corrected)


def test_a_decision_is_told_values_only() -> None:
    known = {"income": Known(5, "income", NOON, 1), "student": Known(None, "declared", NOON, 2)}
    assert facts.told(known) == {"income": 5}
    assert dictionary()["household_income"].source == HOUSEHOLD
    assert dictionary()["income"].source != HOUSEHOLD
