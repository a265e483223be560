"""Scorecards: points that add up, reasons that add back, and files that say what they must."""

from __future__ import annotations

import random
from bisect import bisect_left

import msgspec
import pytest

from usance.core.refusals import Refused
from usance.risk.scorecard import (
    Characteristic,
    Scorecard,
    Scorer,
    digest_of,
    scorecard_in,
    written,
)

CARD = Scorecard(
    name="test", target="bad", base=500, points_at=600, odds_at=20, points_double=40,
    characteristics=(
        Characteristic("late", (0, 29), (30, -10, -60)),
        Characteristic("income", (1_000, 5_000), (-20, 5, 25), missing=-5),
    ),
)  # fmt: skip


@pytest.mark.parametrize(("values", "points", "lost"), [
    ((0, 9_000), 555, []), ((0, 5_000), 535, [("income", 20)]),
    ((1, 1_000), 470, [("income", 45), ("late", 40)]),
    ((30, None), 435, [("late", 90), ("income", 30)]),
    ((-3, 5_001), 555, []),
])  # fmt: skip
def test_points_and_what_was_lost(
    values: tuple[int, int | None], points: int, lost: list[tuple[str, int]]
) -> None:
    """R-SCORE-02."""
    found = Scorer(CARD).score(values)
    assert (found.points, [*found.lost]) == (points, lost)


def random_card(chance: random.Random) -> Scorecard:
    def one(n: int) -> Characteristic:
        edges = tuple(sorted(chance.sample(range(-50, 50), chance.randint(0, 8))))
        points = tuple(chance.randint(-90, 90) for _ in range(len(edges) + 1))
        return Characteristic(f"f{n}", edges, points)

    several = tuple(one(n) for n in range(chance.randint(1, 30)))
    return msgspec.structs.replace(CARD, characteristics=several)


@pytest.mark.parametrize("seed", range(50))
def test_reasons_add_back_to_the_score_exactly(seed: int) -> None:
    chance = random.Random(seed)
    card = random_card(chance)
    scorer = Scorer(card)
    for _ in range(50):
        values = [chance.randint(-60, 60) for _ in card.characteristics]
        found = scorer.score(values)
        weights = [lost for _, lost in found.lost]
        assert found.points == scorer.best - sum(weights)
        assert all(each > 0 for each in weights)
        assert weights == sorted(weights, reverse=True)
        assert found.reasons == found.lost[:4]
        plain = card.base + sum(
            each.points[bisect_left(each.edges, value)]
            for each, value in zip(card.characteristics, values, strict=True)
        )
        assert found.points == plain


def test_nobody_is_scored_without_what_is_asked() -> None:
    with pytest.raises(Refused, match="nobody is scored without late") as caught:
        Scorer(CARD).score((None, 5))
    assert caught.value.refusal.rule == "R-SCORE-02"


@pytest.mark.parametrize("seed", range(10))
def test_a_file_reads_back_as_what_was_written(seed: int) -> None:
    """R-SCORE-01."""
    card = random_card(random.Random(seed))
    assert scorecard_in(written(card)) == card
    assert digest_of(scorecard_in(written(card))) == digest_of(card)
    more = msgspec.structs.replace(card, base=card.base + 1)
    assert digest_of(more) != digest_of(card)


@pytest.mark.parametrize("changed", [
    {"characteristics": []}, {"points_double": 0}, {"odds_at": 0}, {"base": "500"}, {"more": 1},
    {"characteristics": [{"name": "a", "edges": [3, 3], "points": [1, 2, 3]}]},
    {"characteristics": [{"name": "a", "edges": [3, 1], "points": [1, 2, 3]}]},
    {"characteristics": [{"name": "a", "edges": [3], "points": [1, 2, 3]}]},
    {"characteristics": [{"name": "a", "edges": [], "points": [1]}] * 2},
    {"characteristics": [{"name": "a", "edges": [], "points": [1], "scale": 0}]},
    {"characteristics": [{"name": "a", "edges": [], "points": [1.5]}]},
], ids=str)  # fmt: skip
def test_a_file_that_does_not_say_what_it_must_is_refused(changed: dict[str, object]) -> None:
    given = msgspec.json.decode(written(CARD)) | changed
    with pytest.raises(Refused) as caught:
        scorecard_in(msgspec.json.encode(given))
    assert caught.value.refusal.rule == "R-SCORE-01"


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(Refused):
        scorecard_in(b"points: many")
