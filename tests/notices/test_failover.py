"""Weights follow how providers fare, keep their sum, and find back to rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.notices.failover import Policy, Provider, chosen, moved

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
POLICY = Policy()
ONE, TWO = Provider("one", 51, 51), Provider("two", 49, 49)
LONG_AGO = NOW - timedelta(hours=1)


def weights(*providers: Provider, since: timedelta = timedelta(hours=1)) -> list[int]:
    """After one look."""
    found = moved(providers, POLICY, NOW, NOW - since)
    return [each.weight for each in found.providers]


@pytest.mark.parametrize(("one", "two", "wanted"), [
    (ONE, TWO, [51, 49]),
    (replace(ONE, errors=50), TWO, [51, 49]),
    (replace(ONE, errors=51), TWO, [41, 59]),
    (replace(ONE, errors=51), replace(TWO, errors=51), [51, 49]),
    (replace(ONE, errors=51, weight=0), replace(TWO, weight=100), [0, 100]),
    (replace(ONE, errors=51, weight=4), replace(TWO, weight=96), [0, 100]),
    (replace(ONE, answered=100, slow=15), replace(TWO, answered=100, slow=14), [41, 59]),
    (replace(ONE, answered=100, slow=15), replace(TWO, answered=100, slow=90), [51, 49]),
    (replace(ONE, answered=100, slow=14), replace(TWO, answered=100, slow=14), [51, 49]),
    (replace(ONE, weight=21), replace(TWO, weight=79), [31, 69]),
    (replace(ONE, weight=48), replace(TWO, weight=52), [51, 49]),
])  # fmt: skip
def test_one_look(one: Provider, two: Provider, wanted: list[int]) -> None:
    """R-DELIVERY-01: errors first, then slowness, then rest; where all fare alike, nothing."""
    assert weights(one, two) == wanted


@pytest.mark.parametrize(("since", "erring", "slow", "resting"), [
    (timedelta(seconds=59), 51, 51, 21), (timedelta(seconds=60), 41, 51, 21),
    (timedelta(minutes=5), 41, 41, 21), (timedelta(minutes=15), 41, 41, 31),
])  # fmt: skip
def test_it_settles_first(since: timedelta, erring: int, slow: int, resting: int) -> None:
    """R-DELIVERY-01."""
    assert weights(replace(ONE, errors=99), TWO, since=since)[0] == erring
    assert weights(replace(ONE, answered=9, slow=9), TWO, since=since)[0] == slow
    assert weights(replace(ONE, weight=21), replace(TWO, weight=79), since=since)[0] == resting


@given(
    st.integers(0, 100), st.lists(st.tuples(*[st.sampled_from([0, 51]), st.integers(0, 20)] * 3),
                                  max_size=20),
)  # fmt: skip
def test_points_are_neither_made_nor_lost(
    first: int, looks: list[tuple[int, int, int, int, int, int]]
) -> None:
    """R-DELIVERY-01: and left in peace, all find back to rest."""
    found = (Provider("a", first, 50), Provider("b", 100 - first, 30), Provider("c", 0, 20))
    for errs_a, slow_a, errs_b, slow_b, errs_c, slow_c in looks:
        seen = zip(found, ((errs_a, slow_a), (errs_b, slow_b), (errs_c, slow_c)), strict=True)
        given_ = [replace(each, errors=e, answered=20, slow=s) for each, (e, s) in seen]
        found = moved(given_, POLICY, NOW, LONG_AGO).providers
        assert sum(each.weight for each in found) == 100
        assert all(each.weight >= POLICY.least for each in found)
    for _ in range(40):
        found = moved(
            [replace(each, errors=0, answered=0, slow=0) for each in found], POLICY, NOW, LONG_AGO
        ).providers
    assert [each.weight for each in found] == [50, 30, 20]


def test_who_sends_is_chosen_by_weight_among_those_not_tried() -> None:
    """R-DELIVERY-01."""

    def names(providers: list[Provider], *tried: str) -> list[str]:
        found = [chosen(providers, point, tried) for point in range(100)]
        return [each.name for each in found if each]

    both = [ONE, TWO]
    assert [names(both).count(each) for each in ("one", "two")] == [51, 49]
    assert names(both, "one") == ["two"] * 100
    assert chosen(both, 0, ["one", "two"]) is None
    idle = [replace(ONE, weight=0), replace(TWO, weight=100)]
    assert names(idle) == ["two"] * 100
    assert chosen(idle, 99, ["two"]) == idle[0], "better late by who is ill than not at all"
