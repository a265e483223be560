"""Breakers: when they warn, when they open, and that only a person closes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.notices.breakers import CLOSED, OPEN, WARNING, Breaker, Lately, Mark, Policy, looked

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
    (Lately(sent=1_000, usual=200), CLOSED, ""),
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
