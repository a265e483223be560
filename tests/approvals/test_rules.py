"""What waits, for whom and for how long: tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from usance.approvals import rules
from usance.approvals.rules import Facts, policy, policy_in
from usance.consents import acts as consent_acts
from usance.core.refusals import Refused
from usance.identity import erasure, machine
from usance.identity.acts import ACTS
from usance.notices import templates as notice_acts
from usance.risk.cutting import ProposeCut
from usance.risk.register import AdoptPolicy
from usance.risk.scorecards import AdoptScorecard
from usance.web.grades import PERMISSIONS
from usance.webhooks import acts as webhook_acts

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("act", "facts", "weight"),
    [
        ("Repay", Facts(10**9), None),
        ("ChargeOff", Facts(), "heavy"),
        ("Waive", Facts(20_000), None),
        ("Waive", Facts(20_001), "light"),
        ("Waive", Facts(100_000), "light"),
        ("Waive", Facts(100_001), "heavy"),
        ("Goodwill", Facts(20_001), "light"),
        ("Reverse", Facts(10**9, closed_day=False), None),
        ("Reverse", Facts(1, closed_day=True), "light"),
        ("Reverse", Facts(1_000_000, closed_day=True), "light"),
        ("Reverse", Facts(1_000_001, closed_day=True), "grave"),
        ("ChangeRoles", Facts(), "heavy"),
        ("GivePassword", Facts(), "heavy"),
        ("ReactivateStaff", Facts(), "heavy"),
        ("CreateClient", Facts(), "heavy"),
        ("RotateClientKey", Facts(), "heavy"),
        ("EndSessions", Facts(), None),
        ("Waive", Facts(1, given=19_999), None),
        ("Waive", Facts(1, given=20_000), "light"),
        ("Goodwill", Facts(1, given=100_000), "heavy"),
        ("Reverse", Facts(1, closed_day=True, given=10**9), "light"),
    ],
)
def test_what_waits(act: str, facts: Facts, weight: str | None) -> None:
    """R-APPR-01."""
    found = policy(2).weight_of(act, facts)
    assert (found and found.name) == weight


def test_bounds_are_in_the_currency_of_the_book() -> None:
    yen = policy(0).weight_of("Waive", Facts(201))
    dinar = policy(3).weight_of("Waive", Facts(200_001))
    assert yen is not None
    assert dinar is not None
    assert policy(0).weight_of("Waive", Facts(200)) is None
    assert policy(3).weight_of("Waive", Facts(200_000)) is None


def test_every_act_of_the_document_is_one_that_can_be_asked_for() -> None:
    commands = {kind.__name__ for kind in PERMISSIONS}
    beside = ACTS.keys() | machine.ACTS.keys() | erasure.ACTS.keys() | webhook_acts.ACTS.keys()
    beside |= consent_acts.ACTS.keys()
    beside |= notice_acts.ACTS.keys()
    beside |= {each.__name__ for each in (AdoptPolicy, AdoptScorecard, ProposeCut)}
    assert policy(2).acts.keys() <= commands | beside | {"BeginClose"}


def test_a_weight_that_is_not_defined_is_an_error() -> None:
    document = {"effective_on": "2026-01-01", "weights": {}, "acts": {"X": [{"weight": "y"}]}}
    with pytest.raises(KeyError):
        policy_in(document, 2)


@pytest.mark.parametrize(
    "rows",
    [[{"within_days": 30}], [{"over": "1.00", "within_days": 0}],
     [{"over": "1.00", "within_days": 3661}], [{"over": "1.00", "within_days": "30"}],
     [{"over": "1.00", "within_days": True}],
     [{"over": "2.00", "within_days": 30}, {"over": "1.00", "within_days": 7}],
     [{"over": "2.00", "within_days": 30}, {"over": "1.00"}]],
)  # fmt: skip
def test_days_to_look_back_that_cannot_be_are_an_error(rows: list[dict[str, object]]) -> None:
    """R-APPR-01."""
    weights = {"light": {"approvers": 1, "days": 7}}
    acts = {"Waive": [{"weight": "light"} | row for row in rows]}
    with pytest.raises(ValueError, match="day"):
        policy_in({"effective_on": "2026-01-01", "weights": weights, "acts": acts}, 2)


def test_only_what_is_added_up_looks_back() -> None:
    found = policy(2)
    assert [found.looks_back(each) for each in ("Waive", "Goodwill", "Reverse", "Repay")] == [
        30, 30, 0, 0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("approver", "author", "place"),
    [("staff:1", "staff:1", ""), ("staff:2", "staff:1", "staff:1"),
     ("staff:1", "staff:1", "staff:2")],
)  # fmt: skip
def test_the_author_does_not_decide(approver: str, author: str, place: str) -> None:
    """R-APPR-02."""
    with pytest.raises(Refused, match="R-APPR-02"):
        rules.check_other(approver, author, place)


@pytest.mark.parametrize("shown", [b"", b"other"])
def test_what_is_decided_is_what_was_shown(shown: bytes) -> None:
    """R-APPR-03."""
    rules.check_same(b"same", b"same", b"same")
    with pytest.raises(Refused, match="R-APPR-03"):
        rules.check_same(shown, b"same", b"same")
    with pytest.raises(Refused, match="R-APPR-03"):
        rules.check_same(b"same", b"same", b"edited")


@pytest.mark.parametrize("state", range(2, 8))
def test_only_what_waits_is_decided(state: int) -> None:
    """R-APPR-04."""
    with pytest.raises(Refused, match=rules.STATES[state]):
        rules.check_open(state, NOW + timedelta(1), NOW)


def test_what_has_waited_too_long_is_not_decided() -> None:
    """R-APPR-04, to the second."""
    rules.check_open(rules.WAITING, NOW + timedelta(seconds=1), NOW)
    with pytest.raises(Refused, match="expired"):
        rules.check_open(rules.WAITING, NOW, NOW)


def test_a_right_counts_once() -> None:
    """R-APPR-06."""
    assert rules.enough([1, 2], 2)
    assert not rules.enough([1, 1], 2)
    assert not rules.enough([], 1)
