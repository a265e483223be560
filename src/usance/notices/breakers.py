"""When sending stops by itself: a breaker for each channel, each template and its words. Pure.

A breaker looks at what happened lately, by itself and against the same hours of the last days. It
warns, and above a higher mark it opens: from then on what would be sent is kept, in order, until a
person lets it go or drops it, with a reason. It never closes by itself; a warning ends only well
below the mark that it began at.
"""

from __future__ import annotations

from dataclasses import dataclass

from usance.core.rules import rule

CLOSED, WARNING, OPEN = "closed", "warning", "open"
PARTS = 100_000
"""Rates are per hundred thousand."""
VOLUME, DRIFT = "volume", "drift"


@dataclass(frozen=True, slots=True)
class Before:
    """What happened within the same window of the last days, together."""

    sent: int = 0
    failed: int = 0
    bounced: int = 0
    complained: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Lately:
    """What happened within the window; ``usual`` is how many are sent in one on other days.

    ``length``: how many characters what was sent had together.
    """

    sent: int = 0
    failed: int = 0
    bounced: int = 0
    complained: int = 0
    usual: int = 0
    length: int = 0
    before: Before = Before()


@dataclass(frozen=True, slots=True)
class Mark:
    """For one rate: from where on a warning, from where on open, and over how many at least.

    So, where everything fails, it is open after ``least`` sends. A rate from ``floor`` on warns too
    if it is so many hundredths (``times``) of the usual one; 0: that is not looked at.
    """

    of: str
    warn: int
    stop: int
    least: int
    floor: int = 0
    times: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the mean length of the same words may be off the usual one, in hundredths of it."""

    warn: int = 20
    stop: int = 50
    least: int = 200


@dataclass(frozen=True, slots=True)
class Policy:
    """The marks, what is an unusual volume or length, and how far below its mark a warning ends."""

    marks: tuple[Mark, ...]
    volume_warn: int = 300
    """A warning above so many hundredths of the usual volume ..."""
    volume_stop: int = 500
    """... and open above so many ..."""
    volume_least: int = 1_000
    """... if so many were sent at least."""
    ends_below: int = 50
    """A warning ends below so many hundredths of its mark."""
    drift: Drift = Drift()


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
    judged = [mark for mark in policy.marks if lately.sent >= mark.least]
    for mark in judged:
        if rate(lately, mark.of) >= mark.stop:
            return Breaker(OPEN, mark.of)
    if floods(lately, policy, policy.volume_stop):
        return Breaker(OPEN, VOLUME)
    for mark in judged:
        if rate(lately, mark.of) >= warns_at(mark, lately.before):
            return Breaker(WARNING, mark.of)
    if floods(lately, policy, policy.volume_warn):
        return Breaker(WARNING, VOLUME)
    if breaker.state == WARNING and still_warns(breaker, lately, policy):
        return breaker
    return Breaker()


@rule("R-BREAKER-04")
def sensed(breaker: Breaker, lately: Lately, policy: Policy) -> Breaker:
    """The same of a provider, which is not stopped: its weight moves (R-DELIVERY-01)."""
    found = looked(breaker, lately, policy)
    return Breaker(WARNING, found.because) if found.state == OPEN else found


def floods(lately: Lately, policy: Policy, above: int) -> bool:
    """Whether far more is sent than usual: above so many hundredths of it."""
    enough = lately.usual > 0 and lately.sent >= policy.volume_least
    return enough and lately.sent * 100 > lately.usual * above


def rate(seen: Lately | Before, of: str) -> int:
    """How many of ``PARTS`` sent ones."""
    count: int = getattr(seen, of)
    return count * PARTS // seen.sent if seen.sent else 0


@rule("R-BREAKER-04")
def warns_at(mark: Mark, before: Before) -> int:
    """From which rate on it warns: at its mark, or below where that is far more than usual."""
    if not mark.times or before.sent < mark.least:
        return mark.warn
    return min(mark.warn, max(mark.floor, rate(before, mark.of) * mark.times // 100))


def still_warns(breaker: Breaker, lately: Lately, policy: Policy) -> bool:
    """Whether a warning has not ended yet."""
    if breaker.because == VOLUME:
        mark = max(lately.usual * policy.volume_warn // 100, policy.volume_least)
        return lately.sent * 100 >= mark * policy.ends_below
    marks = [mark for mark in policy.marks if mark.of == breaker.because]
    return any(
        rate(lately, each.of) * 100 >= warns_at(each, lately.before) * policy.ends_below
        for each in marks
    )


# -- words -----------------------------------------------------------------------------------------


@rule("R-BREAKER-06")
def drifted(breaker: Breaker, lately: Lately, policy: Policy) -> Breaker:
    """The same of words: of one version of a template, by one way, in one language.

    They can only become longer or shorter by what is put into them.
    """
    if breaker.state == OPEN:
        return breaker
    drift, off = policy.drift, apart(lately)
    if lately.sent >= drift.least and lately.before.sent >= drift.least:
        if off >= drift.stop:
            return Breaker(OPEN, DRIFT)
        if off >= drift.warn:
            return Breaker(WARNING, DRIFT)
    if breaker.state == WARNING and off * 100 >= drift.warn * policy.ends_below:
        return breaker
    return Breaker()


def apart(lately: Lately) -> int:
    """How far the mean length is off the usual one, in hundredths of it; 0 without either."""
    usual = lately.before.length * lately.sent
    return abs(lately.length * lately.before.sent - usual) * 100 // usual if usual else 0
