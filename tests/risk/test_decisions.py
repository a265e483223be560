"""Decisions: made of a snapshot, with the reasons that were used, and the same when made again."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from tests.policy.documents import document
from usance.core.refusals import Refused
from usance.policy import shipped
from usance.policy.documents import policy_in
from usance.policy.tables import first_row, taken
from usance.risk.decisions import Decider, Decision, explained, fingerprint, replayed
from usance.risk.scorecard import Characteristic, Scorecard, Scorer

CARD = Scorecard(
    name="test", target="bad", base=560, points_at=600, odds_at=20, points_double=40,
    characteristics=(
        Characteristic("late_12m", (0, 2), (30, -20, -90)),
        Characteristic("utilisation", (5_000, 9_000), (20, 0, -40), missing=0),
        Characteristic("tenure", (6, 24), (-15, 0, 20)),
    ),
)  # fmt: skip
MILD = {"days_late": 0, "days_late_12m": 0, "failed_debits_90d": 0, "paid_share_6m": 10_000,
        "utilisation": 1_000, "late_12m": 0, "tenure": 30}  # fmt: skip


def decider(name: str = "cn-tier", card: Scorecard | None = CARD) -> Decider:
    return Decider(policy_in(document(name), shipped.dictionary()), shipped.reasons(), card)


@pytest.mark.parametrize(("facts", "tier", "score", "reasons"), [
    ({}, "A", 630, ("all-in-order",)),
    ({"days_late": 45}, "E", 630, ("late-now",)),
    ({"utilisation": 9_500}, "C", 570, ("limit-used-up",)),
    # The score stands for what it lost most by: late payments, then how long somebody is here.
    ({"late_12m": 3, "tenure": 2}, "E", 475, ("late-lately", "new-here")),
    ({"late_12m": 3, "tenure": 30}, "D", 510, ("late-lately",)),
    ({"late_12m": 1, "utilisation": 9_500, "tenure": 1}, "D", 485,
     ("limit-used-up", "late-lately", "new-here")),
], ids=str)  # fmt: skip
def test_what_is_decided_and_why(
    facts: dict[str, int], tier: str, score: int, reasons: tuple[str, ...]
) -> None:
    """R-DECIDE-01, R-DECIDE-02."""
    made = decider()
    found = made.decide(MILD | facts)
    (output,) = made.policy.table.outputs
    assert output.of[found.outcome["tier"]] == tier
    assert found.score == score
    assert set(found.reasons) == set(reasons)


def test_reasons_are_at_most_four_and_the_heaviest_first() -> None:
    found = decider().decide(MILD | {"late_12m": 3, "utilisation": 9_500, "tenure": 1})
    assert found.lost == (("late_12m", 120), ("utilisation", 60), ("tenure", 35))
    assert found.reasons == ("late-lately", "limit-used-up", "new-here")
    assert len(found.reasons) <= 4


def test_without_a_scorecard_the_score_is_a_fact() -> None:
    found = decider(card=None).decide(MILD | {"score": 500})
    assert found.score is None
    assert found.facts["score"] == 500
    assert found.reasons == ("score-low",)
    missing = decider(card=None).decide(MILD | {"score": None})
    assert missing.facts["score"] is None


def test_a_snapshot_has_what_was_asked_for_and_nothing_else() -> None:
    found = decider().decide(MILD | {"shoe_size": 44, "age": 30})
    assert set(found.facts) == set(MILD)


@pytest.mark.parametrize("facts", [{"tenure": None}, {"days_late": -1}, {"days_late": 10**9}])
def test_nothing_is_decided_without_what_it_takes(facts: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        decider().decide(MILD | facts)
    with pytest.raises(Refused, match="was not given"):
        decider().decide({})


def random_facts(chance: random.Random) -> dict[str, int | None]:
    return {
        "days_late": chance.choice([0, 0, 0, chance.randint(1, 60)]),
        "days_late_12m": chance.choice([0, 0, chance.randint(1, 120)]),
        "failed_debits_90d": chance.choice([0, 0, chance.randint(1, 5)]),
        "paid_share_6m": chance.choice([None, 10_000, chance.randint(0, 12_000)]),
        "utilisation": chance.choice([None, chance.randint(0, 12_000)]),
        "late_12m": chance.randint(0, 4), "tenure": chance.randint(0, 60),
    }  # fmt: skip


def test_a_hundred_thousand_decisions_are_made_again_bit_for_bit() -> None:
    """R-DECIDE-03: also after they were stored, and after the policy has moved on."""
    chance = random.Random(5)
    old, seen = decider(), set()
    later = document("cn-tier") | {"version": 2}
    later["rows"][3]["when"]["days_late"] = ">= 10 days"
    moved_on = Decider(policy_in(later, shipped.dictionary()), shipped.reasons(), CARD)
    for n in range(100_000):
        facts = random_facts(chance)
        first = old.decide(facts)
        stored = msgspec.json.decode(msgspec.json.encode(first), type=Decision)
        assert replayed(old, stored) == first == stored
        seen.add(first.row)
        if n % 1_000 == 0:
            assert fingerprint(replayed(old, stored)) == fingerprint(first)
            with pytest.raises(Refused, match="another version"):
                replayed(moved_on, stored)
    assert len(seen) >= len(old.policy.table.rows) - 1


def test_a_decision_is_what_table_and_scorecard_say_each_by_itself() -> None:
    chance, made = random.Random(9), decider()
    for _ in range(5_000):
        facts = random_facts(chance)
        found = made.decide(facts)
        score = Scorer(CARD).score([facts[e.name] for e in CARD.characteristics]).points
        values = taken(made.policy.table, facts | {"score": score})
        assert (found.score, found.row) == (score, first_row(made.policy.table, values) + 1)
        assert len(found.tried) == found.row - 1


def test_it_is_explained_in_both_languages() -> None:
    made = decider("cn-draw", None)
    facts = {"days_late": 4, "room": 5_000, "tier": 1, "asked_for": 100,
             "new_device_days": 30, "number_changed_days": None}  # fmt: skip
    found = made.decide(facts)
    assert explained(made, found, "en") == {
        "policy": "Drawing and buying", "outcome": {"answer": "refused"},
        "reasons": ["an amount is past its due day"], "helps": ["pay what is past due"],
    }  # fmt: skip
    assert explained(made, found, "zh")["reasons"] == ["有款项已过到期日"]
