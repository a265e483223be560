"""How a tier moves: down when it is found, up only when it has stayed better for a while. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
import yaml
from numpy.typing import NDArray

from usance.core.rules import rule

Numbers = NDArray[np.int64]


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
    """``days``: how long a better tier must be found before it counts; one step at a time.

    ``every``: after how many days a tier is looked at again, though nothing happened.
    """

    days: int
    every: int = 30


@cache
def patience() -> Patience:
    """The one that is packed with usance."""
    text = resources.files("usance.policies").joinpath("tiers.yaml").read_text("utf-8")
    document = yaml.safe_load(text)
    return Patience(document["patience_days"], document["every_days"])


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


@dataclass(frozen=True, slots=True)
class Standings:
    """Many of ``Standing``, a column each."""

    tier: Numbers
    since: Numbers
    better_since: Numbers


@rule("R-TIER-01")
def moved_each(now: Standings, found: Numbers, on: int, patience: Patience) -> Standings:
    """``moved`` for many at once."""
    better = found < now.tier
    began = np.where(now.better_since > 0, now.better_since, on)
    rises = better & (on - began >= patience.days)
    tier = np.where(found > now.tier, found, now.tier - rises)
    return Standings(
        tier,
        np.where(tier != now.tier, on, now.since),
        np.where(rises, np.where(found < tier, on, 0), np.where(better, began, 0)),
    )


@rule("R-TIER-02")
def next_look(standings: Standings, on: int, patience: Patience) -> Numbers:
    """By when each is looked at again: when a better tier would count, or after a while."""
    waits = standings.better_since > 0
    found: Numbers = np.where(
        waits,
        np.minimum(standings.better_since + patience.days, on + patience.every),
        on + patience.every,
    )
    return np.maximum(found, on + 1)
