"""How a tier moves."""

from __future__ import annotations

import random

import pytest

from usance.risk.tiers import Patience, Standing, moved

PATIENCE = Patience(days=90)


@pytest.mark.parametrize(("found", "stands"), [
    # (day, tier that is found) in turn, and the tier that holds after each
    ([(10, 2), (11, 2)], [2, 2]),
    ([(10, 3)], [3]),
    ([(10, 4), (11, 2), (100, 2), (101, 2)], [4, 4, 4, 3]),
    ([(10, 1), (50, 1), (99, 1), (100, 1), (190, 1)], [2, 2, 2, 1, 1]),
    # one worse day begins the wait anew
    ([(10, 1), (50, 2), (51, 1), (140, 1), (141, 1)], [2, 2, 2, 2, 1]),
    # one step at a time, and the wait for the next step begins with the last
    ([(10, 0), (100, 0), (150, 0), (190, 0)], [2, 1, 1, 0]),
], ids=str)  # fmt: skip
def test_down_at_once_and_up_after_a_while(
    found: list[tuple[int, int]], stands: list[int]
) -> None:
    """R-TIER-01."""
    now, seen = Standing(2, 1), []
    for day, tier in found:
        now = moved(now, tier, day, PATIENCE)
        seen.append(now.tier)
    assert seen == stands


@pytest.mark.parametrize("seed", range(20))
def test_nobody_rises_faster_than_patience_or_stays_above_what_is_found(seed: int) -> None:
    chance = random.Random(seed)
    now, day, rose = Standing(2, 1), 1, 1
    for _ in range(400):
        day += chance.randint(0, 20)
        found = chance.randint(0, 4)
        after = moved(now, found, day, PATIENCE)
        assert after.tier >= min(found, now.tier)
        assert after.tier == found or found < now.tier
        if after.tier < now.tier:
            assert now.tier - after.tier == 1
            assert day - rose >= PATIENCE.days or now.better_since
            assert day - now.better_since >= PATIENCE.days
            rose = day
        now = after
