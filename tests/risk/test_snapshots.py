"""What is joined of several sources, what a request may say, and which policy decides what."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any, cast

import pytest
import yaml

from usance.core.refusals import Refused
from usance.platform.database import Connection
from usance.policy import shipped
from usance.risk.deciding_policy import KINDS, deciding_policy, deciding_policy_in
from usance.risk.snapshots import Given, Snapshots, with_request
from usance.risk.telling import granted_limit, spoken

AT = datetime(2026, 1, 5, tzinfo=UTC)
NOBODY = cast(Connection, None)


class Says:
    """A source that knows what it was given."""

    def __init__(self, source: str, **facts: int | None) -> None:
        self.known = {name: Given(value, source, AT) for name, value in facts.items()}

    async def read(self, _: Connection, borrower_id: int, on: date) -> dict[str, Given]:
        assert (borrower_id, on) == (1, date(2026, 1, 5))
        return self.known


async def test_of_two_who_know_the_later_counts_and_nobody_unknows() -> None:
    joined = Snapshots(
        (Says("book", tenure=3, days_late=0, utilisation=7),
         Says("bureau", tenure=5, days_late=None),
         Says("income", income=None)), shipped.dictionary(),
    )  # fmt: skip
    found = await joined.take(NOBODY, 1, date(2026, 1, 5))
    assert {name: (each.value, each.source) for name, each in found.items()} == {
        "tenure": (5, "bureau"), "days_late": (0, "book"), "utilisation": (7, "book"),
        "income": (None, "income"),
    }  # fmt: skip


@pytest.mark.parametrize(("known", "declared", "room", "left"), [
    ({"room": 100}, {"asked_for": 30}, None, 70),
    ({"room": 100}, {"asked_for": 30}, 50, 20),
    ({"room": 100}, {}, None, 100),
    ({}, {"asked_for": 30}, 10, -20),
    ({}, {"asked_for": 30}, None, None),
    ({"room": None}, {"asked_for": 30}, None, None),
])  # fmt: skip
def test_what_is_asked_for_comes_off_the_room(
    known: dict[str, int | None], declared: dict[str, int], room: int | None, left: int | None
) -> None:
    """R-DECIDE-05."""
    book = {name: Given(value, "book") for name, value in known.items()}
    said = {name: Given(value, "declared") for name, value in declared.items()}
    found = with_request(book, said, Given(room, "book") if room is not None else None)
    assert (found["room"].value if "room" in found else None) == left


@pytest.mark.parametrize("said", [
    {"income": 5}, {"marriage": 1}, {"home_region": 5}, {"title": 0}, {"nothing": 1},
    {"asked_for": -1}, {"student": 2}, {"score": 900}, {"tier": 0},
])  # fmt: skip
def test_a_request_says_only_what_is_declared(said: dict[str, int]) -> None:
    """R-DECIDE-05: nothing that has another source, and nothing that nobody is judged by."""
    with pytest.raises(Refused, match="R-DECIDE-05"):
        Snapshots((), shipped.dictionary()).declared(said, AT)


def test_the_shipped_document_names_policies_of_the_right_kind_and_sources_of_law() -> None:
    """R-DECIDE-05, R-DECIDE-08."""
    policy = deciding_policy()
    policies = {each.says.id: each for each in shipped.policies()}
    for currency, kinds in policy.policies.items():
        for kind, name in kinds.items():
            says = policies[name].says
            assert (says.decides, says.currency) == (kind, currency)
    law = {each.id for each in shipped.register().sources}
    assert {each["source"] for each in policy.rights.values()} <= law
    assert policy.rights_in("CNY")["source"] == "CN-PIPL-24"
    assert policy.rights_in("EUR")["source"] == "EU-GDPR-22"
    with pytest.raises(Refused, match="R-DECIDE-05"):
        policy.policy_for("EUR", "open")


@pytest.mark.parametrize("change", [
    lambda d: d["policies"]["CNY"].pop("draw"), lambda d: d["before"].pop("open"),
    lambda d: d["before"].update(open="yes"), lambda d: d["before"].update(tier=True),
    lambda d: d["rights"].pop("any"), lambda d: d["rights"]["any"].pop("zh"),
])  # fmt: skip
def test_a_document_that_cannot_be(change: Any) -> None:
    text = resources.files("usance.policies").joinpath("deciding.yaml").read_text("utf-8")
    document = deepcopy(yaml.safe_load(text))
    assert set(deciding_policy_in(document).policies["CNY"]) == set(KINDS)
    change(document)
    with pytest.raises(ValueError, match="deciding"):
        deciding_policy_in(document)


@pytest.mark.parametrize(("share", "most", "income", "limit"), [
    (15_000, 5_000_000, 1_000_000, 1_500_000), (15_000, 1_000_000, 1_000_000, 1_000_000),
    (0, 100_000, 1_000_000, 100_000), (0, 0, 1_000_000, 0), (0, 300_000, None, 300_000),
    (5_000, 800_000, 333, 166), (5_000, 800_000, None, 800_000),
])  # fmt: skip
def test_a_limit_is_a_share_up_to_an_amount(
    share: int, most: int, income: int | None, limit: int
) -> None:
    """R-DECIDE-02, R-LIMIT-05: in whole multiples, rounded down."""
    assert granted_limit({"of_income": share, "limit_most": most}, income, 1) == limit
    assert granted_limit({"of_income": share, "limit_most": most}, income, 10_000) == (
        limit // 10_000 * 10_000
    )


@pytest.mark.parametrize(("name", "value", "english", "chinese"), [
    ("days_late", 5, "5 days", "5天"), ("tenure", 1, "1 month", "1个月"),
    ("student", 1, "yes", "是"),
    ("income", None, "not known", "未知"), ("tier", 2, "C", "C"),
    ("debt_service", 5_050, "50.5 %", "50.5 %"), ("income", 500, "5.00 CNY", "5.00 CNY"),
])  # fmt: skip
def test_values_as_people_say_them(
    name: str, value: int | None, english: str, chinese: str
) -> None:
    feature = shipped.dictionary()[name]
    assert spoken(value, feature, "CNY", "en") == english
    assert spoken(value, feature, "CNY", "zh") == chinese
