"""Which provider of a channel sends, by weights that follow how they fare. Pure.

Of a channel's providers each has a weight, in points of a hundred, and a resting weight to which it
drifts back. One that errs or is slow loses points to the others; where all are slow, or none is,
nothing moves: then it is not the provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from usance.core.rules import rule

POINTS = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """When points move, and how many."""

    points: int = 10
    errors: int = 50
    """More errors than this within the last minute or two cost points."""
    slow_share: int = 15
    """At least so many of a hundred messages slow, of those of the last minutes, cost points."""
    settle: timedelta = timedelta(minutes=1)
    """After a move for errors nothing moves for so long ..."""
    settle_slow: timedelta = timedelta(minutes=5)
    """... nor after any, for slowness."""
    rest: timedelta = timedelta(minutes=15)
    """Untouched for so long, weights begin to drift back."""
    least: int = 0
    """A provider keeps so many points, so that it is noticed when it is well again."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider of a channel. ``slow`` of ``answered`` messages took too long, lately."""

    name: str
    weight: int
    resting: int
    errors: int = 0
    answered: int = 0
    slow: int = 0

    def is_slow(self, policy: Policy) -> bool:
        """Whether too many took too long; who answered nothing says nothing."""
        return self.answered > 0 and self.slow * 100 >= policy.slow_share * self.answered


@dataclass(frozen=True, slots=True)
class Moved:
    """New weights, and why; the same where nothing moved."""

    providers: tuple[Provider, ...]
    because: str = ""


@rule("R-DELIVERY-01")
def moved(
    providers: Sequence[Provider], policy: Policy, now: datetime, changed_at: datetime | None
) -> Moved:
    """What errors, slowness and time do to the weights, one move at a time."""
    since = now - changed_at if changed_at else timedelta.max
    found = tuple(providers)
    if since >= policy.settle:
        erring = [each for each in found if each.errors > policy.errors and room(each, policy)]
        others = [each for each in found if each.errors <= policy.errors]
        if erring and others:
            worst = max(erring, key=lambda each: (each.errors, each.name))
            return Moved(shifted(found, worst, others, policy), f"{worst.name} errs")
    if since >= policy.settle_slow:
        slow = [each for each in found if each.is_slow(policy) and room(each, policy)]
        others = [each for each in found if not each.is_slow(policy)]
        if slow and others:
            worst = max(slow, key=lambda each: (each.slow * POINTS // each.answered, each.name))
            return Moved(shifted(found, worst, others, policy), f"{worst.name} is slow")
    if since >= policy.rest and not any(each.errors > policy.errors for each in found):
        return drifted(found, policy)
    return Moved(found)


def room(each: Provider, policy: Policy) -> bool:
    """Whether it has points to lose."""
    return each.weight > policy.least


def shifted(
    found: tuple[Provider, ...], worst: Provider, others: Sequence[Provider], policy: Policy
) -> tuple[Provider, ...]:
    """Points go from one to the others, in turn, the heaviest resting ones first."""
    points = min(policy.points, worst.weight - policy.least)
    ranked = sorted(others, key=lambda each: (-each.resting, each.name))
    share, odd = divmod(points, len(ranked))
    more = {each.name: share + (place < odd) for place, each in enumerate(ranked)}
    more[worst.name] = -points
    return tuple(replace(e, weight=e.weight + more.get(e.name, 0)) for e in found)


def drifted(found: tuple[Provider, ...], policy: Policy) -> Moved:
    """One step back toward the resting weights, from who has too much to who has too little."""
    above = max(found, key=lambda each: (each.weight - each.resting, each.name))
    below = min(found, key=lambda each: (each.weight - each.resting, each.name))
    points = min(policy.points, above.weight - above.resting, below.resting - below.weight)
    if points <= 0:
        return Moved(found)
    change = {above.name: -points, below.name: points}
    moved_back = tuple(replace(e, weight=e.weight + change.get(e.name, 0)) for e in found)
    return Moved(moved_back, f"{below.name} rests")


@rule("R-DELIVERY-01")
def chosen(providers: Sequence[Provider], point: int, tried: Sequence[str] = ()) -> Provider | None:
    """Who sends, by a point from 0 to 99; of those not yet tried. None if all were.

    Who has no points sends only where nobody with points is left.
    """
    left = [each for each in providers if each.name not in tried]
    whole = sum(each.weight for each in left)
    if not left or whole == 0:
        return left[0] if left else None
    at = point * whole // POINTS
    for each in left:
        if at < each.weight:
            return each
        at -= each.weight
    return left[-1]
