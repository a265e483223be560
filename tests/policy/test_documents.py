"""Policies as documents: what is wrong is refused with its place; differences; sources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.policy.documents import document, stacked
from usance.core.refusals import Refused
from usance.policy import shipped
from usance.policy.dictionary import dictionary_in
from usance.policy.diff import backtest, in_words
from usance.policy.documents import Policy, policy_in
from usance.policy.reasons import reasons_in
from usance.policy.sources import register_in, touched

Document = dict[str, Any]


def read(given: Document) -> Policy:
    return policy_in(given, shipped.dictionary())


def but(name: str, **changed: Any) -> Document:
    return document(name) | changed


@pytest.mark.parametrize(("changed", "path"), [
    ({"id": "cn tier"}, "id"), ({"id": ""}, "id"), ({"id": "等级"}, "id"),
    ({"version": 0}, "version"), ({"currency": "XXX"}, "currency"),
    ({"title": {"en": "a"}}, "title"),
    ({"sources": []}, "sources"), ({"inputs": ["score", "score"]}, "inputs"),
    ({"outputs": []}, "outputs"), ({"rows": []}, "rows"), ({"decides": "fate"}, ""),
    ({"effective_on": "soon"}, ""), ({"version": "1"}, ""), ({"more": 1}, ""),
    ({"guards": [{"output": "shoes", "most": "3", "source": "HOUSE-CARE"}]}, "guards[0]"),
    ({"guards": [{"output": "tier", "most": "A", "source": "HOUSE-CARE"}]}, "guards[0]"),
    ({"guards": [{"output": "tier", "source": "HOUSE-CARE"}]}, "guards[0]"),
], ids=str)  # fmt: skip
def test_a_document_that_does_not_say_what_it_must_is_refused(changed: Document, path: str) -> None:
    """R-POLICY-02."""
    with pytest.raises(Refused) as caught:
        read(but("cn-tier", **changed))
    assert (caught.value.refusal.rule, caught.value.refusal.path) == ("R-POLICY-02", path)


def test_a_condition_is_refused_where_it_stands() -> None:
    given = document("cn-tier")
    given["rows"][3]["when"] = {"days_late": "< 3"}
    with pytest.raises(Refused) as caught:
        read(given)
    assert caught.value.refusal.path == "rows[3].when.days_late"
    given = document("cn-pay-later-limit")
    given["rows"][2]["then"]["limit_most"] = "200000.01 CNY"
    with pytest.raises(Refused) as caught:
        read(given)
    assert caught.value.refusal.path == "rows[2].then"


def test_a_value_that_was_sent_is_not_said_again() -> None:
    """It could name somebody."""
    with pytest.raises(Refused) as caught:
        read(but("cn-tier", decides="Zhang San"))
    assert "Zhang" not in caught.value.refusal.detail


ENTRY = {"name": "a", "type": "integer", "unit": "count", "most": 9, "source": "book",
         "meaning": {"en": "a", "zh": "数"}, "missing": "refuse"}  # fmt: skip


@pytest.mark.parametrize("changed", [
    {"most": 0}, {"unit": ""}, {"meaning": {"en": "a"}}, {"type": "choice"}, {"of": ["x"]},
    {"missing": 10}, {"missing": "guess"}, {"proxy_of": ["sex"]}, {"source": "gossip"},
    {"type": "yes_no"}, {"better": "newer"},
], ids=str)  # fmt: skip
def test_an_entry_of_the_dictionary_is_sound(changed: Document) -> None:
    """R-POLICY-01."""
    dictionary_in({"features": [ENTRY]})
    with pytest.raises(Refused) as caught:
        dictionary_in({"features": [ENTRY | changed]})
    assert caught.value.refusal.rule == "R-POLICY-01"


def test_an_entry_stands_there_once() -> None:
    with pytest.raises(Refused, match="twice"):
        dictionary_in({"features": [ENTRY, ENTRY]})


@pytest.mark.parametrize(("read_it", "given", "broken"), [
    (reasons_in, {"reasons": [{"id": "a", "about": ["x"], "en": "a", "zh": ""}]}, "R-POLICY-12"),
    (reasons_in, {"reasons": [{"id": "a", "about": [], "en": "a", "zh": "一"}]}, "R-POLICY-12"),
    (reasons_in, {"reasons": [
        {"id": "a", "about": ["x"], "en": "a", "zh": "一"}] * 2}, "R-POLICY-12"),
    (reasons_in, {"reasons": [{"id": "a"}]}, "R-POLICY-12"),
    (register_in, {"sources": [{"id": "a"}]}, "R-POLICY-08"),
    (register_in, {"sources": [], "changes": [
        {"since": "2026-01-01", "sources": ["a"], "what": "w", "done": "d"}]}, "R-POLICY-08"),
])  # fmt: skip
def test_reasons_and_sources_are_sound(
    read_it: Callable[[Any], object], given: Document, broken: str
) -> None:
    with pytest.raises(Refused) as caught:
        read_it(given)
    assert caught.value.refusal.rule == broken


def test_a_change_of_law_names_what_it_touches() -> None:
    """R-POLICY-08."""
    (law,) = (each for each in shipped.register().sources if each.id == "CN-NFRA-2025-9")
    rules = {"R-COST-01": "NFRA 2025/9, 3", "R-ROUND-01": "docs/product.md"}
    assert touched(law, shipped.policies(), rules) == ["cn-cash-loan-price 1", "R-COST-01"]
    assert not law.holds_on(date(2025, 9, 30))
    assert law.holds_on(date(2025, 10, 1))


def test_the_digest_is_of_what_is_said() -> None:
    first, again = read(document("cn-tier")), read(document("cn-tier"))
    assert first.digest == again.digest
    given = document("cn-tier")
    given["rows"][0]["when"]["days_late"] = ">= 31 days"
    assert read(given).digest != first.digest


def test_two_versions_in_words() -> None:
    """R-POLICY-14."""
    given = document("cn-tier")
    given |= {"version": 2, "effective_on": date(2026, 7, 1)}
    given["rows"][3]["when"]["days_late"] = ">= 10 days"
    given["rows"].insert(6, {"when": {"utilisation": "> 100 %"}, "then": {"tier": "D"},
                             "because": ["limit-used-up"]})  # fmt: skip
    assert in_words(read(document("cn-tier")), read(given)) == [
        "holds from 2026-07-01 (was 2026-01-01)",
        "row 4 was: if days_late >= 7 days: tier D; is: if days_late >= 10 days: tier D",
        "row 7 is new: if utilisation >= 100.01 %: tier D",
    ]
    back = in_words(read(given), read(document("cn-tier")))
    assert back[-1].startswith("row 7 of before is gone")


def test_who_would_be_decided_otherwise_and_by_how_much() -> None:
    given = document("cn-pay-later-limit")
    given["rows"][4]["then"] = {"of_income": "40 %", "limit_most": "6000.00 CNY"}
    old, new = read(document("cn-pay-later-limit")), read(given)
    cases = [(2, 1_000_000, 2_000, 12)] * 3 + [(0, 1_000_000, 2_000, 30), (4, 0, 0, 0)]
    found = backtest(old, new, stacked(old.table, cases))
    assert (found.cases, found.same) == (5, 2)
    (moved,) = found.moved
    assert moved.before == "of_income 50 %, limit_most 8000.00 CNY"
    assert moved.after == "of_income 40 %, limit_most 6000.00 CNY"
    assert (moved.count, moved.change) == (3, {"of_income": -3_000, "limit_most": -600_000})
