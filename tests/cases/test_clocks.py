"""R-CASE-01, R-CASE-02, R-CASE-10: which row, which day, and how far a case is put off."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from usance.cases.clocks import Span, clock_rule_of, clocks_of, extended_until, in_force
from usance.cases.policy import DOCUMENT, case_policy, policy_in
from usance.core.refusals import Refused

POLICY = case_policy()


def document() -> dict[str, Any]:
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(("place", "after", "days", "wanted", "why"), [
    ("CN", "2026-02-13", 1, "2026-02-14", "a Saturday that is worked for the Spring Festival"),
    ("CN", "2026-02-14", 1, "2026-02-24", "nine days off, 15 to 23 February"),
    ("CN", "2026-02-10", 5, "2026-02-24", "11, 12, 13, 14 and then the 24th"),
    ("CN", "2026-02-27", 1, "2026-02-28", "a second Saturday that is worked"),
    ("CN", "2026-09-30", 1, "2026-10-08", "National Day, a week off"),
    ("CN", "2026-09-18", 1, "2026-09-20", "a Sunday that is worked"),
    ("CN", "2025-01-27", 1, "2025-02-05", "Spring Festival 2025, 28 January to 4 February"),
    ("CN", "2025-01-24", 1, "2025-01-26", "the Sunday before it is worked"),
    ("CN", "2026-01-02", 1, "2026-01-04", "a Sunday worked for New Year"),
    ("CN", "2026-03-06", 1, "2026-03-09", "a plain weekend"),
    ("GB", "2026-12-24", 3, "2026-12-31", "Christmas, a Saturday Boxing Day and its Monday"),
    ("GB", "2026-04-02", 1, "2026-04-07", "Good Friday to Easter Monday"),
    ("GB", "2026-05-01", 3, "2026-05-07", "the early May bank holiday"),
    ("GB", "2026-08-28", 1, "2026-09-01", "the summer bank holiday"),
    ("US", "2026-07-02", 1, "2026-07-06", "the Fourth of July on a Saturday, kept on Friday"),
    ("US", "2026-11-25", 2, "2026-11-30", "Thanksgiving; the Friday after is a working day"),
    ("US", "2027-12-23", 1, "2027-12-27", "Christmas on a Saturday, kept on Friday"),
    ("any", "2026-12-24", 1, "2026-12-25", "no holidays are known: weekdays are worked"),
    ("any", "2026-12-25", 1, "2026-12-28", "weekends are not"),
])  # fmt: skip
def test_working_days(place: str, after: str, days: int, wanted: str, why: str) -> None:
    calendar = POLICY.jurisdiction(place)
    assert Span(days, "working").after(day(after), calendar) == day(wanted), why


@pytest.mark.parametrize(("place", "kind", "rule_id", "acknowledge", "ends"), [
    ("CN", "complaint", "CN-complaint-2020", "2026-02-14", ["2026-02-28", "2026-03-15",
                                                            "2026-04-14"]),
    ("GB", "complaint", "GB-complaint-2016", "2026-02-18", ["2026-04-10", "2026-05-08"]),
    ("US", "complaint", "US-complaint-2012", "2026-02-23", ["2026-02-28", "2026-04-14"]),
    ("CN", "appeal", "any-2026", "2026-02-13", ["2026-02-28", "2026-03-15", "2026-04-10"]),
    ("TW", "complaint", "any-2026", "2026-02-13", ["2026-02-28", "2026-03-15", "2026-04-10"]),
    ("any", "incident", "any-2026", "2026-02-13", ["2026-02-28", "2026-03-15", "2026-04-10"]),
])  # fmt: skip
def test_the_clocks_of_a_case_that_came_in_on_friday_13_february(
    place: str, kind: str, rule_id: str, acknowledge: str, ends: list[str]
) -> None:
    """R-CASE-01: 15, 30, 60 days in China, three working days and eight weeks in England, ..."""
    calendar, came_in = POLICY.jurisdiction(place), day("2026-02-13")
    found = in_force(POLICY.rules, place, kind, came_in)
    assert found.rule_id == rule_id
    clocks = clocks_of(found, came_in, calendar)
    assert clocks.acknowledge_by == day(acknowledge)
    later = [
        extended_until(found, n, came_in, calendar)[0] for n in range(len(found.extensions))
    ]
    assert [clocks.decide_by, *later] == [day(each) for each in ends]
    with pytest.raises(Refused) as refused:
        extended_until(found, len(found.extensions), came_in, calendar)
    assert refused.value.refusal.rule == "R-CASE-10"


def test_the_last_extension_in_china_and_england_is_a_seniors() -> None:
    for rule_id, wanted in {
        "CN-complaint-2020": ["handler", "senior"], "GB-complaint-2016": ["senior"],
        "US-complaint-2012": ["handler"], "any-2026": ["handler", "senior"],
    }.items():  # fmt: skip
        (found,) = [each for each in POLICY.rules if each.rule_id == rule_id]
        assert [each.approval for each in found.extensions] == wanted


@pytest.mark.parametrize(("moment", "days"), [
    ("2026-03-02T15:59:59", {"CN": "2026-03-02", "GB": "2026-03-02", "US": "2026-03-02"}),
    ("2026-03-02T16:00:00", {"CN": "2026-03-03", "GB": "2026-03-02", "US": "2026-03-02"}),
    ("2026-03-03T04:59:59", {"CN": "2026-03-03", "GB": "2026-03-03", "US": "2026-03-02"}),
    ("2026-07-01T23:30:00", {"CN": "2026-07-02", "GB": "2026-07-02", "US": "2026-07-01"}),
    ("2026-07-02T04:00:00", {"CN": "2026-07-02", "GB": "2026-07-02", "US": "2026-07-02"}),
])  # fmt: skip
def test_a_day_is_that_of_the_jurisdiction(moment: str, days: dict[str, str]) -> None:
    """R-CASE-02: also where the summer moves the clock."""
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    found = POLICY.days_at(at)
    assert {code: found[code].isoformat() for code in days} == days


def test_a_book_has_the_jurisdiction_of_its_currency() -> None:
    assert [POLICY.home(each) for each in ("CNY", "GBP", "USD", "EUR")] == ["CN", "GB", "US", "any"]
    with pytest.raises(Refused) as refused:
        POLICY.jurisdiction("ZZ")
    assert refused.value.refusal.rule == "R-CASE-01"


# -- rows as dated data ----------------------------------------------------------------------------


def with_newer_row() -> dict[str, Any]:
    """The document with a stricter row for China from the middle of 2026 on."""
    found = document()
    old = next(row for row in found["rules"] if row["id"] == "CN-complaint-2020")
    newer = deepcopy(old) | {"id": "CN-complaint-2026", "effective_on": day("2026-07-01")}
    newer["decide"] = {"days": 10, "of": "working"}
    found["rules"].append(newer)
    return found


def test_a_row_holds_from_its_day_on() -> None:
    """R-CASE-01: as of a day, whatever came later."""
    rules = policy_in(with_newer_row()).rules
    chosen = {
        on: in_force(rules, "CN", "complaint", day(on)).rule_id
        for on in ("2020-02-29", "2020-03-01", "2026-06-30", "2026-07-01", "2030-01-01")
    }
    assert chosen == {
        "2020-02-29": "any-2026", "2020-03-01": "CN-complaint-2020",
        "2026-06-30": "CN-complaint-2020", "2026-07-01": "CN-complaint-2026",
        "2030-01-01": "CN-complaint-2026",
    }  # fmt: skip
    with pytest.raises(Refused) as refused:
        in_force(rules, "CN", "complaint", day("1999-12-31"))
    assert refused.value.refusal.rule == "R-CASE-01"


def test_a_row_is_kept_whole() -> None:
    for found in POLICY.rules:
        assert clock_rule_of(found.document()) == found
        assert found.source
        assert found.checked_on.year == 2026


@pytest.mark.parametrize("change", [
    {"extensions": [{"days": 15, "of": "calendar", "approval": "handler"}]},
    {"extensions": [{"days": 40, "of": "calendar", "approval": "handler"},
                    {"days": 30, "of": "calendar", "approval": "handler"}]},
    {"extensions": [{"days": 40, "of": "calendar", "approval": "nobody"}]},
    {"routes": []}, {"routes": [{"en": "a court", "zh": ""}]},
    {"decide": {"days": -1, "of": "calendar"}}, {"decide": {"days": 367, "of": "calendar"}},
    {"decide": {"days": 5, "of": "weekly"}}, {"id": "GB-complaint-2016"}, {"jurisdiction": "ZZ"},
])  # fmt: skip
def test_a_document_that_could_not_be_kept_is_refused(change: dict[str, Any]) -> None:
    found = document()
    found["rules"][1] |= change
    with pytest.raises(Refused) as refused:
        policy_in(found)
    assert refused.value.refusal.rule == "R-CASE-01"


def test_a_document_needs_a_row_for_everything() -> None:
    found = document()
    del found["rules"][0]
    with pytest.raises(Refused):
        policy_in(found)


# -- against counting day by day -------------------------------------------------------------------

DAYS = some.dates(min_value=date(2024, 1, 1), max_value=date(2026, 12, 31))


@given(DAYS, some.integers(0, 40), some.sampled_from(["CN", "GB", "US", "any"]))
def test_a_span_holds_as_many_working_days_as_it_says(came_in: date, days: int, code: str) -> None:
    calendar = POLICY.jurisdiction(code)
    end = Span(days, "working").after(came_in, calendar)
    between = [came_in + timedelta(n) for n in range(1, (end - came_in).days + 1)]
    assert sum(calendar.is_working(each) for each in between) == days
    assert end == came_in or calendar.is_working(end)
    assert Span(days).after(came_in, calendar) == came_in + timedelta(days)
