"""How a tier moves: down when it is found, up only when it has stayed better for a while. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from usance.core.rules import rule


@dataclass(frozen=True, slots=True)
class Standing:
    """``tier``: 0 the best. ``since``: the day from which it holds, as an ordinal.

    ``better_since``: the first day of an unbroken run of days that found a better one; 0: none.
    """

    tier: int
    since: int
    better_since: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """``days``: how long a better tier must be found before it counts; one step at a time."""

    days: int


@rule("R-TIER-01")
def moved(now: Standing, found: int, on: int, patience: Patience) -> Standing:
    """Where somebody stands after a tier was found on a day (an ordinal, not before the last)."""
    if found > now.tier:
        return Standing(found, on)
    if found == now.tier:
        return replace(now, better_since=0) if now.better_since else now
    since = now.better_since or on
    if on - since < patience.days:
        return replace(now, better_since=since)
    return Standing(now.tier - 1, on, on if found < now.tier - 1 else 0)
