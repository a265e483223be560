"""How often something happened lately, in a few numbers: asked and noted without looking at a log.

A counter is a row of slots, the newest first. A window of calendar days is exact; one of hours or
minutes is counted in slots and holds at least what the window holds, so that nothing is ever let
through that a row forbids.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from usance.notices.legal import Window


@dataclass(frozen=True, slots=True)
class Counter:
    """``counts[k]``: how often in slot ``slot - k``."""

    slot: int = 0
    counts: tuple[int, ...] = ()


def slot_of(window: Window, now: datetime, zone: tzinfo) -> int:
    """Which slot a moment is in; of days, the calendar day in the recipient's zone."""
    if window.seconds == 0:
        return now.astimezone(zone).toordinal()
    return int(now.timestamp()) // window.seconds


def moved(counter: Counter, window: Window, slot: int) -> tuple[int, ...]:
    """The counts as seen from a slot: as many as the window has, the newest first.

    A clock that went back, or a recipient who moved west, is counted as if it had not.
    """
    return (_kept(counter, window, slot) + (0,) * window.slots)[: window.slots]


def _kept(counter: Counter, window: Window, slot: int) -> tuple[int, ...]:
    """The same without the zeros at its end."""
    gone = max(slot - counter.slot, 0)
    if gone >= window.slots or not counter.counts:
        return ()
    return ((0,) * gone + counter.counts)[: window.slots]


def total(counter: Counter, window: Window, slot: int) -> int:
    """How often within the window that ends with a slot."""
    return sum(counter.counts[: max(window.slots - max(slot - counter.slot, 0), 0)])


def added(counter: Counter, window: Window, slot: int) -> Counter:
    """Once more."""
    first, *rest = _kept(counter, window, slot) or (0,)
    return Counter(max(slot, counter.slot), _trimmed([first + 1, *rest]))


def removed(counter: Counter, window: Window, slot: int) -> Counter:
    """Once less in a slot; nothing where it is not within the window any more."""
    place = counter.slot - slot
    if not 0 <= place < len(counter.counts) or not counter.counts[place]:
        return counter
    counts = list(counter.counts)
    counts[place] -= 1
    return Counter(counter.slot, _trimmed(counts[: window.slots]))


def _trimmed(counts: list[int]) -> tuple[int, ...]:
    """Without the zeros at the end: a day in slots of minutes is mostly zeros."""
    while counts and not counts[-1]:
        counts.pop()
    return tuple(counts)


def free_again(counter: Counter, window: Window, slot: int, most: int) -> int:
    """The first slot from this one on in which fewer than ``most`` are within the window."""
    counts = moved(counter, window, slot)
    at, left = max(slot, counter.slot), sum(counts)
    for count in reversed(counts):
        if left < most:
            break
        at, left = at + 1, left - count
    return at


def start_of(window: Window, slot: int, zone: tzinfo) -> datetime:
    """When a slot begins."""
    if window.seconds == 0:
        local = datetime.fromordinal(slot).replace(tzinfo=zone)
        return local.astimezone(UTC)
    return datetime.fromtimestamp(slot * window.seconds, UTC)
