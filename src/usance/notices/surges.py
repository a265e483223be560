"""When misses are a surge: somebody sends forgeries, or guesses codes. Pure.

One look at a window of minutes, one number for what is usual. An alarm goes up at a mark and comes
down only well below the mark that it went up at.
"""

from __future__ import annotations

from dataclasses import dataclass

from usance.core.rules import rule
from usance.notices.asking_policy import AlarmMarks


@dataclass(frozen=True, slots=True)
class Misses:
    """Within the window, and usually in one, in hundredths."""

    lately: int
    usual: int = 0


def usual_of(missed: int, minutes: int, window: int) -> int:
    """How many hundredths of a miss a window has, of so many in so many minutes."""
    return missed * window * 100 // minutes if minutes else 0


@rule("R-VERIFY-05")
def mark_of(usual: int, marks: AlarmMarks) -> int:
    """From how many misses on it is a surge."""
    above_usual = -(-usual * marks.times // 10_000)
    return min(max(marks.least, above_usual), max(marks.always, marks.least))


@rule("R-VERIFY-05")
def surges(misses: Misses, marks: AlarmMarks) -> bool:
    """Whether an alarm goes up."""
    return misses.lately >= mark_of(misses.usual, marks)


@rule("R-VERIFY-05")
def is_calm(lately: int, mark: int, marks: AlarmMarks) -> bool:
    """Whether an alarm that went up at this mark comes down."""
    return lately * 100 < mark * marks.ends_below
