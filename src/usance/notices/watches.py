"""Numbers that too much goes to, places that too many contacts are named from: what is too much.

Each has one counter, so that asking costs the same however much was counted. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from usance.core.rules import rule
from usance.notices.breakers import CLOSED, OPEN, WARNING
from usance.notices.counters import Counter, slot_of, total
from usance.notices.legal import Window

RECIPIENT, DEVICE, NETWORK = "recipient", "device", "network"
WATCHED = (RECIPIENT, DEVICE, NETWORK)
"""Kinds of breakers whose names are keyed hashes in hexadecimal."""
MANY = "many"
"""Why such a breaker warns or opens."""


class WatchNumbers(Struct, frozen=True, forbid_unknown_fields=True):
    """How many within ``slots`` of so many ``minutes`` warn, and how many open."""

    slots: int
    minutes: int
    warn: int
    stop: int

    @property
    def window(self) -> Window:
        """As counters know it."""
        return Window(self.slots, self.minutes * 60)

    def slot(self, at: datetime) -> int:
        """Which slot a moment is in."""
        return slot_of(self.window, at, UTC)

    def count(self, counter: Counter, now: datetime) -> int:
        """How many within the window that ends now."""
        return total(counter, self.window, self.slot(now))


@rule("R-BREAKER-05")
def state_of(count: int, numbers: WatchNumbers) -> str:
    """Where a count puts its breaker, if it is closed."""
    if count >= numbers.stop:
        return OPEN
    return WARNING if count >= numbers.warn else CLOSED


@rule("R-BREAKER-05")
def is_calm(count: int, numbers: WatchNumbers, ends_below: int) -> bool:
    """Whether a warning ends."""
    return count * 100 < numbers.warn * ends_below
