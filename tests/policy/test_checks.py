"""What must not be approved is found, each with its rule; what is shipped is sound."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.policy.documents import document, number, random_table, texts
from usance.core.refusals import Refused
from usance.policy import proving, shipped
from usance.policy.cells import MISSING, has
from usance.policy.checks import findings
from usance.policy.documents import policy_in
from usance.policy.proving import pairs, reached
from usance.policy.tables import NO_ROW, Row, Table, first_row

Document = dict[str, Any]


@pytest.mark.parametrize("policy", shipped.policies(), ids=lambda each: each.name)
def test_what_is_shipped_is_sound(policy: Any) -> None:
    assert findings(policy, shipped.known()) == []


def cases_of(table: Table) -> list[tuple[int, ...]]:
    """Every case that there is."""
    columns = []
    for place, feature in enumerate(table.inputs):
        domain = table.domain(place)
        values = [*range(feature.least, feature.most + 1), MISSING]
        columns.append([each for each in values if has(domain, each)])
    return list(itertools.product(*columns))


@pytest.mark.parametrize("seed", range(60))
def test_what_is_reached_is_what_some_case_reaches(seed: int) -> None:
    """R-POLICY-06, against looking at every case; each proof shows a case of its own."""
    chance = random.Random(seed)
    table = random_table(chance, rows=chance.randint(1, 8), most=6)
    found = reached(table)
    assert set(found) == {first_row(table, case) for case in cases_of(table)}
    for row, case in found.items():
        assert first_row(table, case) == row
        assert all(has(table.domain(n), value) for n, value in enumerate(case))


@pytest.mark.parametrize("seed", range(30))
def test_pairs_are_what_two_cases_reach_that_differ_in_one_thing(seed: int) -> None:
    """R-POLICY-13."""
    chance = random.Random(seed)
    table = random_table(chance, rows=5, most=4)
    found = pairs(table, 1, 1, 3)
    wanted = {
        (first_row(table, (a, 1, c)), first_row(table, (a, 3, c)))
        for a, _, c in cases_of(table)
    }  # fmt: skip
    assert set(found) == wanted


def test_a_large_table_is_proved_and_one_that_is_too_entangled_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(1)
    features = tuple(number(f"f{n}", most=9) for n in range(24))
    rows = tuple(
        Row(tuple(((low := chance.randrange(8), low + 1),) for _ in features), (n,))
        for n in range(60)
    )
    table = Table(features, (), rows)
    assert NO_ROW in reached(table)
    monkeypatch.setattr(proving, "STEPS_MOST", 5)
    with pytest.raises(Refused, match="too entangled"):
        reached(table)


# -- seeded faults ---------------------------------------------------------------------------------

NUMBER_ROWS = {
    "cn-tier": ("score", "< 480", {"tier": "A"}),
    "cn-warning": ("days_late", ">= 30 days", {"level": "none"}),
    "cn-extension": ("days_late", "> 60 days", {"answer": "granted", "days_most": "90 days"}),
    "cn-pay-later-open": ("score", "< 480", {"answer": "granted"}),
    "cn-pay-later-limit": (
        "debt_service", "> 60 %", {"of_income": "300 %", "limit_most": "200000.00 CNY"}),
}  # fmt: skip
"""A row about who is worst, and what it would be unfair to give them."""


def without_an_end(chance: random.Random, given: Document) -> None:
    del given["rows"][-1]


def same_row_again(chance: random.Random, given: Document) -> None:
    place = chance.randrange(len(given["rows"]))
    given["rows"].insert(chance.randint(place + 1, len(given["rows"])), given["rows"][place])


def everything_too_early(chance: random.Random, given: Document) -> None:
    wide = dict(given["rows"][-1], when={})
    given["rows"].insert(chance.randrange(len(given["rows"])), wide)


def a_protected_input(chance: random.Random, given: Document) -> None:
    given["inputs"].append(chance.choice(["age", "sex", "marriage", "education", "origin"]))


def a_proxy(chance: random.Random, given: Document) -> None:
    given["inputs"].append(chance.choice(["home_region", "title"]))


def a_household_in_a_price(chance: random.Random, given: Document) -> None:
    given["inputs"].append("household_income")
    given["decides"] = "price"


def no_reason(chance: random.Random, given: Document) -> None:
    chance.choice(given["rows"])["because"] = []


def an_unknown_reason(chance: random.Random, given: Document) -> None:
    chance.choice(given["rows"])["because"] = ["because-we-say-so"]


def a_reason_about_something_else(chance: random.Random, given: Document) -> None:
    given["rows"][0]["because"] = ["many-lenders"]


def an_unknown_source(chance: random.Random, given: Document) -> None:
    given["sources"].append("XX-1999")


def law_of_tomorrow(chance: random.Random, given: Document) -> None:
    given["sources"].append("CN-COST-2026")


def above_the_cap(chance: random.Random, given: Document) -> None:
    row = chance.choice(given["rows"])
    row["then"]["annual_cost"] = f"{chance.randint(2401, 3600) / 100} %"


def two_rows_for_one_case(chance: random.Random, given: Document) -> None:
    one, other = chance.sample(range(len(given["rows"])), 2)
    letters = given["rows"][other]["when"]["tier"]
    mine = given["rows"][one]["when"]["tier"]
    given["rows"][one]["when"]["tier"] = [*_list(mine), *_list(letters)]


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def beyond_a_guard(chance: random.Random, given: Document) -> None:
    for row in given["rows"]:
        if "income-unknown" in row["because"]:
            row["then"]["limit_most"] = f"{chance.randint(5001, 8000)}.00 CNY"


def unfair(chance: random.Random, given: Document) -> None:
    name, condition, then = NUMBER_ROWS[given["id"]]
    for row in given["rows"]:
        if row.get("when") == {name: condition}:
            row["then"] = then


def an_unknown_input(chance: random.Random, given: Document) -> None:
    given["inputs"].append("shoe_size")


def a_condition_on_no_input(chance: random.Random, given: Document) -> None:
    chance.choice(given["rows"]).setdefault("when", {})["shoe_size"] = "> 40"


def a_wrong_unit(chance: random.Random, given: Document) -> None:
    units = {"%": "days", "days": "%", "day": "months", "CNY": "USD"}
    for row in given["rows"]:
        for name, condition in row.get("when", {}).items():
            for unit, other in units.items():
                if isinstance(condition, str) and condition.endswith(unit):
                    row["when"][name] = condition.removesuffix(unit) + other
                    return
    given["rows"][0].setdefault("when", {})[given["inputs"][0]] = "< 3 furlongs"


def an_output_that_nobody_gave(chance: random.Random, given: Document) -> None:
    chance.choice(given["rows"])["then"].popitem()


def a_word_too_much(chance: random.Random, given: Document) -> None:
    chance.choice(given["rows"])["unless"] = {}


Spoil = Callable[[random.Random, Document], None]
EVERY = tuple(texts())
FAULTS: list[tuple[Spoil, tuple[str, ...], str]] = [
    (without_an_end, EVERY, "R-POLICY-06"), (same_row_again, EVERY, "R-POLICY-06"),
    (everything_too_early, EVERY, "R-POLICY-06"),
    (a_protected_input, EVERY, "R-POLICY-10"), (a_proxy, EVERY, "R-POLICY-10"),
    (a_household_in_a_price, EVERY, "R-POLICY-11"),
    (no_reason, EVERY, "R-POLICY-12"), (an_unknown_reason, EVERY, "R-POLICY-12"),
    (a_reason_about_something_else, EVERY, "R-POLICY-12"),
    (an_unknown_source, EVERY, "R-POLICY-08"), (law_of_tomorrow, EVERY, "R-POLICY-08"),
    (above_the_cap, ("cn-cash-loan-price",), "R-POLICY-09"),
    (two_rows_for_one_case, ("cn-cash-loan-price",), "R-POLICY-07"),
    (beyond_a_guard, ("cn-pay-later-limit",), "R-POLICY-09"),
    (unfair, tuple(NUMBER_ROWS), "R-POLICY-13"),
    (an_unknown_input, EVERY, "R-POLICY-02"), (a_condition_on_no_input, EVERY, "R-POLICY-02"),
    (a_wrong_unit, EVERY, "R-POLICY-03"), (an_output_that_nobody_gave, EVERY, "R-POLICY-02"),
    (a_word_too_much, EVERY, "R-POLICY-02"),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(200))
def test_a_seeded_fault_is_found(seed: int) -> None:
    """Two hundred: each refused when it is read, or found, under the rule that it breaks."""
    chance = random.Random(seed)
    spoil, where, broken = FAULTS[seed % len(FAULTS)]
    given = document(chance.choice(where))
    spoil(chance, given)
    found: Counter[str] = Counter()
    try:
        policy = policy_in(given, shipped.dictionary())
        found.update(each.rule for each in findings(policy, shipped.known()))
    except Refused as refused:
        found[refused.refusal.rule] += 1
    assert found[broken], f"{spoil.__name__} of {given['id']} gave {dict(found)}"


def test_findings_show_a_case_and_name_the_row() -> None:
    given = document("cn-tier")
    del given["rows"][-1]
    (one,) = findings(policy_in(given, shipped.dictionary()), shipped.known())
    assert one.row == 0
    assert one.detail.startswith("no row answers days_late 0 days, ")
    given = document("cn-pay-later-limit")
    beyond_a_guard(random.Random(1), given)
    (one,) = findings(policy_in(given, shipped.dictionary()), shipped.known())
    assert one.row == 4
    assert "income missing" in one.detail
