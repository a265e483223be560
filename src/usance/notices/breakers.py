"""When sending stops by itself: a breaker for each channel and each template. Pure.

A breaker looks at what happened lately. It warns, and above a higher mark it opens: from then on
what would be sent is kept, in order, until a person lets it go or drops it, with a reason. It never
closes by itself; a warning ends only well below the mark that it began at.
"""

from __future__ import annotations

from dataclasses import dataclass

from usance.core.rules import rule

CLOSED, WARNING, OPEN = "closed", "warning", "open"
PARTS = 100_000
"""Rates are per hundred thousand."""


@dataclass(frozen=True, slots=True)
class Lately:
    """What happened within the window; ``usual`` is how many are sent in one on other days."""

    sent: int = 0
    failed: int = 0
    bounced: int = 0
    complained: int = 0
    usual: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """For one rate: from where on a warning, from where on open, and over how many at least.

    So, where everything fails, it is open after ``least`` sends.
    """

    of: str
    warn: int
    stop: int
    least: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The marks, what is an unusual volume, and how far below its mark a warning ends."""

    marks: tuple[Mark, ...]
    volume_stop: int = 500
    """Open above so many hundredths of the usual volume ..."""
    volume_least: int = 1_000
    """... if so many were sent at least."""
    ends_below: int = 50
    """A warning ends below so many hundredths of its mark."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Where a breaker stands, and what for."""

    state: str = CLOSED
    because: str = ""


@rule("R-BREAKER-01")
def looked(breaker: Breaker, lately: Lately, policy: Policy) -> Breaker:
    """Where it stands after a look. One that is open stays so."""
    if breaker.state == OPEN:
        return breaker
    for mark in policy.marks:
        if lately.sent >= mark.least and rate(lately, mark) >= mark.stop:
            return Breaker(OPEN, mark.of)
    if lately.usual > 0 and lately.sent >= policy.volume_least and floods(lately, policy):
        return Breaker(OPEN, "volume")
    for mark in policy.marks:
        if lately.sent >= mark.least and rate(lately, mark) >= mark.warn:
            return Breaker(WARNING, mark.of)
    if breaker.state == WARNING and still_warns(breaker, lately, policy):
        return breaker
    return Breaker()


def floods(lately: Lately, policy: Policy) -> bool:
    """Whether far more is sent than usual."""
    return lately.sent * 100 > lately.usual * policy.volume_stop


def rate(lately: Lately, mark: Mark) -> int:
    """How many of ``PARTS`` sent ones."""
    count: int = getattr(lately, mark.of)
    return count * PARTS // lately.sent if lately.sent else 0


def still_warns(breaker: Breaker, lately: Lately, policy: Policy) -> bool:
    """Whether a warning has not ended yet."""
    marks = [mark for mark in policy.marks if mark.of == breaker.because]
    return any(rate(lately, each) * 100 >= each.warn * policy.ends_below for each in marks)
