"""Counters against a plain list of moments: never fewer than there were, and hardly more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.notices.counters import Counter, added, free_again, slot_of, start_of, total
from usance.notices.legal import Window

START = datetime(2026, 3, 7, 20, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")  # the clock moves on 2026-03-08
WINDOWS = [Window(1), Window(7), Window(13, 300), Window(289, 300), Window(7, 10)]
"""A calendar day, seven of them, an hour, a day, a minute."""


def in_window(window: Window, moments: list[datetime], now: datetime) -> int:
    """How many of the moments lie within the window that ends now, counted one by one."""
    if window.seconds:
        since = now - timedelta(seconds=(window.slots - 1) * window.seconds)
        return sum(since < each <= now for each in moments)
    today = now.astimezone(NEW_YORK).date()
    first = today - timedelta(days=window.slots - 1)
    return sum(first <= each.astimezone(NEW_YORK).date() <= today for each in moments)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@given(st.lists(st.integers(0, 40_000), max_size=30))
def test_a_counter_holds_what_the_window_holds(window: Window, gaps: list[int]) -> None:
    """R-GATE-04: of calendar days exactly; of parts of a day at most one slot too long."""
    counter, moments, now = Counter(), list[datetime](), START
    for gap in gaps:
        now += timedelta(seconds=gap)
        slot = slot_of(window, now, NEW_YORK)
        found = total(counter, window, slot)
        assert found >= in_window(window, moments, now)
        wider = Window(window.slots + 1, window.seconds)
        assert found <= in_window(wider if window.seconds else window, moments, now)
        counter = added(counter, window, slot)
        assert 1 <= len(counter.counts) <= window.slots
        assert counter.counts[-1], "no zeros are kept at its end"
        moments.append(now)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=30), st.integers(1, 9))
def test_it_is_free_again_at_the_first_slot_that_has_room(
    window: Window, gaps: list[int], most: int
) -> None:
    """R-GATE-04."""
    counter, now = Counter(), START
    for gap in gaps:
        now += timedelta(seconds=gap)
        counter = added(counter, window, slot_of(window, now, NEW_YORK))
    slot = slot_of(window, now, NEW_YORK)
    free = free_again(counter, window, slot, most)
    assert total(counter, window, free) < most
    assert all(total(counter, window, each) >= most for each in range(slot, free))
    moment = start_of(window, free, NEW_YORK)
    assert slot_of(window, moment, NEW_YORK) == free
    assert slot_of(window, moment - timedelta(seconds=1), NEW_YORK) == free - 1


def test_a_clock_that_goes_back_frees_nothing() -> None:
    window = Window(1)
    counter = added(Counter(), window, 100)
    assert total(counter, window, 99) == 1
    again = added(counter, window, 99)
    assert (again.slot, total(again, window, 100)) == (100, 2)
