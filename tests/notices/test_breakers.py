"""Breakers: when they warn, when they open, and that only a person closes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.notices.breakers import (
    CLOSED,
    OPEN,
    WARNING,
    Before,
    Breaker,
    Lately,
    Mark,
    Policy,
    drifted,
    looked,
    sensed,
)
from usance.notices.counters import Counter
from usance.notices.watches import WatchNumbers, is_calm, state_of

POLICY = Policy((Mark("bounced", 5_000, 10_000, 1_000), Mark("failed", 10_000, 25_000, 200),
                 Mark("complained", 80, 300, 1_000)))  # fmt: skip
"""5 and 10 %, 10 and 25 %, 0.08 and 0.3 %."""


@pytest.mark.parametrize(("lately", "state", "because"), [
    (Lately(), CLOSED, ""),
    (Lately(sent=999, bounced=999), CLOSED, ""),
    (Lately(sent=1_000, bounced=49), CLOSED, ""),
    (Lately(sent=1_000, bounced=50), WARNING, "bounced"),
    (Lately(sent=1_000, bounced=99), WARNING, "bounced"),
    (Lately(sent=1_000, bounced=100), OPEN, "bounced"),
    (Lately(sent=199, failed=199), CLOSED, ""),
    (Lately(sent=200, failed=200), OPEN, "failed"),
    (Lately(sent=10_000, complained=30), OPEN, "complained"),
    (Lately(sent=10_000, complained=29), WARNING, "complained"),
    (Lately(sent=999, usual=10), CLOSED, ""),
    (Lately(sent=1_000, usual=400), CLOSED, ""),
    (Lately(sent=1_000, usual=333), WARNING, "volume"),
    (Lately(sent=1_000, usual=200), WARNING, "volume"),
    (Lately(sent=1_001, usual=200), OPEN, "volume"),
    (Lately(sent=50_000, usual=0), CLOSED, ""),
])  # fmt: skip
def test_one_look(lately: Lately, state: str, because: str) -> None:
    """R-BREAKER-01."""
    assert looked(Breaker(), lately, POLICY) == Breaker(state, because)


def test_a_warning_ends_only_well_below_its_mark() -> None:
    """R-BREAKER-01: at 2.5 %, which is half of 5."""
    warned = looked(Breaker(), Lately(sent=1_000, bounced=50), POLICY)
    assert looked(warned, Lately(sent=1_000, bounced=26), POLICY) == warned
    assert looked(warned, Lately(sent=1_000, bounced=25), POLICY) == warned
    assert looked(warned, Lately(sent=1_000, bounced=24), POLICY) == Breaker()
    assert looked(warned, Lately(sent=10, bounced=1), POLICY) == warned


@given(
    st.lists(st.builds(Lately, *[st.integers(0, 20_000)] * 5), max_size=20)
)  # fmt: skip
def test_one_that_is_open_stays_so(looks: list[Lately]) -> None:
    """R-BREAKER-01: whatever comes."""
    found = looked(Breaker(), Lately(sent=200, failed=200), POLICY)
    assert found.state == OPEN
    for lately in looks:
        assert looked(found, lately, POLICY) == found


def test_where_everything_fails_it_is_open_after_as_many_as_the_policy_says() -> None:
    """R-BREAKER-01."""
    states = [looked(Breaker(), Lately(sent=n, failed=n), POLICY).state for n in range(1, 202)]
    assert states.index(OPEN) + 1 == 200


USUAL = Policy((Mark("failed", 10_000, 25_000, 200, 4_000, 300),))
"""From 4 % on, if that is three times the usual rate."""


@pytest.mark.parametrize(("failed", "before", "state"), [
    (39, Before(1_000), CLOSED),
    (40, Before(1_000), WARNING),
    (40, Before(199), CLOSED),
    (59, Before(1_000, 20), CLOSED),
    (60, Before(1_000, 20), WARNING),
    (100, Before(1_000, 90), WARNING),
    (99, Before(1_000, 90), CLOSED),
])  # fmt: skip
def test_what_is_far_more_than_usual_warns_below_the_mark(
    failed: int, before: Before, state: str
) -> None:
    """R-BREAKER-04: never above it, and not where too little is known of other days."""
    lately = Lately(sent=1_000, failed=failed, before=before)
    assert looked(Breaker(), lately, USUAL).state == state


def test_such_a_warning_ends_well_below_where_it_began() -> None:
    """R-BREAKER-04: at 2 %, which is half of 4."""
    warned = looked(Breaker(), Lately(1_000, 40, before=Before(1_000)), USUAL)
    assert looked(warned, Lately(1_000, 20, before=Before(1_000)), USUAL) == warned
    assert looked(warned, Lately(1_000, 19, before=Before(1_000)), USUAL) == Breaker()


def test_a_warning_of_a_volume_ends_well_below_where_it_began() -> None:
    """R-BREAKER-04."""
    warned = looked(Breaker(), Lately(sent=1_301, usual=400), USUAL)
    assert warned == Breaker(WARNING, "volume")
    assert looked(warned, Lately(sent=600, usual=400), USUAL) == warned
    assert looked(warned, Lately(sent=599, usual=400), USUAL) == Breaker()
    assert looked(warned, Lately(sent=499, usual=1), USUAL) == Breaker()


def test_a_provider_is_told_of_and_not_stopped() -> None:
    """R-BREAKER-04."""
    assert sensed(Breaker(), Lately(200, 200), USUAL) == Breaker(WARNING, "failed")
    assert sensed(Breaker(), Lately(1_001, usual=200), USUAL) == Breaker(WARNING, "volume")
    assert sensed(Breaker(), Lately(1_000), USUAL) == Breaker()


def lengths(mean: int, usual: int, sent: int = 200, before: int = 200) -> Lately:
    return Lately(sent, length=mean * sent, before=Before(before, length=usual * before))


@pytest.mark.parametrize(("lately", "state"), [
    (lengths(60, 60), CLOSED),
    (lengths(71, 60), CLOSED),
    (lengths(72, 60), WARNING),
    (lengths(48, 60), WARNING),
    (lengths(89, 60), WARNING),
    (lengths(90, 60), OPEN),
    (lengths(30, 60), OPEN),
    (lengths(0, 60), OPEN),
    (lengths(90, 60, sent=199), CLOSED),
    (lengths(90, 60, before=199), CLOSED),
    (lengths(60, 0), CLOSED),
    (Lately(), CLOSED),
])  # fmt: skip
def test_words_that_become_longer_or_shorter(lately: Lately, state: str) -> None:
    """R-BREAKER-06."""
    assert drifted(Breaker(), lately, USUAL) == Breaker(state, "drift" if state != CLOSED else "")


def test_a_warning_of_words_ends_well_below_where_it_began() -> None:
    """R-BREAKER-06: at a tenth, which is half of a fifth."""
    warned = drifted(Breaker(), lengths(120, 100), USUAL)
    assert drifted(warned, lengths(110, 100), USUAL) == warned
    assert drifted(warned, lengths(109, 100), USUAL) == Breaker()
    opened = Breaker(OPEN, "drift")
    assert drifted(opened, lengths(100, 100), USUAL) == opened


NUMBERS = WatchNumbers(24, 60, 5, 8)


def test_how_much_to_one_number_is_too_much() -> None:
    """R-BREAKER-05."""
    states = [state_of(count, NUMBERS) for count in range(10)]
    assert states == [CLOSED] * 5 + [WARNING] * 3 + [OPEN] * 2
    calm = [is_calm(count, NUMBERS, 50) for count in range(6)]
    assert calm == [True, True, True, False, False, False]


def test_what_was_a_day_ago_counts_no_more() -> None:
    """R-BREAKER-05."""
    counter = Counter(100, (3, 2) + (0,) * 21 + (4,))
    at = datetime.fromtimestamp(100 * 3_600, UTC)
    assert NUMBERS.count(counter, at) == 9
    assert NUMBERS.count(counter, at + timedelta(hours=1)) == 5
    assert NUMBERS.count(counter, at + timedelta(hours=24)) == 0
