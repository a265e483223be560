"""Rates as token buckets, and the slice of one that a process spends by itself.

Tokens in the table are millionths of a request, so that slow rates fill exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MILLION: Final = 1_000_000
SHARE_OF_BURST: Final = 10
"""A slice is at most the tenth part of a full bucket: so much is lost where it is not spent."""
PATIENCE: Final = timedelta(milliseconds=50)
"""So long at least a process does not ask again where there was less than it wanted."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_second`` in millionths of a request; ``burst`` in requests."""

    per_second: int
    burst: int

    @property
    def most(self) -> int:
        """The largest slice."""
        return max(self.burst // SHARE_OF_BURST, 1)

    def time_for(self, tokens: int) -> timedelta:
        """How long so many millionths take to come, rounded up to a microsecond."""
        return timedelta(microseconds=-(-max(tokens, 0) * MILLION // self.per_second))


@dataclass(slots=True)
class Slice:
    """What a process took of a bucket and may spend until ``ends``.

    ``wanted`` is how much it takes the next time: twice as much where it spent all in time, what it
    did spend where it did not. ``not_before``: it does not ask again earlier.
    """

    ends: datetime
    not_before: datetime
    left: int = 0
    taken: int = 0
    wanted: int = 1

    def spend(self, now: datetime) -> bool:
        """One request, if there is anything left to spend."""
        if self.left > 0 and now < self.ends:
            self.left -= 1
            return True
        return False

    def next_wanted(self, now: datetime, rate: Rate) -> int:
        """How much to take now."""
        spent = self.taken - self.left
        wanted = self.wanted * 2 if self.left == 0 and now < self.ends else spent
        return min(max(wanted, 1), rate.most)

    def fill(
        self, now: datetime, granted: int, left_over: int, rate: Rate, lease: timedelta
    ) -> None:
        """What came of asking: whole requests, and the millionths that stay in the bucket."""
        self.left = self.taken = granted
        self.ends = now + lease
        if granted == 0:
            self.not_before = now + max(PATIENCE, rate.time_for(MILLION - left_over))
        elif granted < self.wanted:
            self.not_before = now + max(PATIENCE, rate.time_for(MILLION))
        else:
            self.not_before = now


def seconds_until(now: datetime, moment: datetime) -> int:
    """For ``Retry-After``: whole seconds, at least one."""
    return max(-(-(moment - now) // timedelta(seconds=1)), 1)
