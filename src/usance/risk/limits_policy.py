"""The policy document of limits: the cap of a person, steps up, more for a while, cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.money import DECIMALS, parse_decimal
from usance.policy import shipped
from usance.risk.deciding_policy import TIER


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that all lines of a person may come to, in minor units.

    ``source`` by its id in the register of law, and since when it holds.
    """

    most: int
    source: str
    since: date


@dataclass(frozen=True, slots=True)
class Raises:
    """Steps up: whom they are offered, how far they go, how often, and how long an offer holds.

    Tiers are their places in the dictionary, 0 the best; months are of 30 days each.
    """

    tiers: frozenset[int]
    share_percent: int
    months: int
    used_percent: int
    offer_days: int


@dataclass(frozen=True, slots=True)
class Temporary:
    """More for a while: who may ask, how much of the limit, how long, and how often."""

    tiers: frozenset[int]
    share_percent: int
    days: int
    months: int


@dataclass(frozen=True, slots=True)
class Cuts:
    """Cuts: by tier the share of the limit that is left; how often; when one holds at the earliest.

    ``notice`` in ``en`` and ``zh``, with places for product, before, after and day.
    """

    tiers: Mapping[int, int]
    months: int
    notice_days: int
    notice: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """The whole document."""

    caps: Mapping[str, Cap]
    whole: Mapping[str, int]
    raises: Raises
    temporary: Temporary
    cuts: Cuts

    def cap_on(self, currency: str, on: date) -> Cap | None:
        """The cap of a currency on a day, if there is one."""
        found = self.caps.get(currency)
        return found if found is not None and found.since <= on else None


@cache
def limit_policy() -> LimitPolicy:
    """The one that is packed with usance."""
    text = resources.files("usance.policies").joinpath("limits.yaml").read_text("utf-8")
    return limit_policy_in(yaml.safe_load(text))


def limit_policy_in(document: dict[str, Any]) -> LimitPolicy:
    """The policy of a document; ValueError for one that cannot be."""
    raises, temporary, cuts = (document[name] for name in ("raises", "temporary", "cuts"))
    found = LimitPolicy(
        {currency: _cap(currency, each) for currency, each in document["caps"].items()},
        {
            currency: parse_decimal(str(each), DECIMALS[currency])
            for currency, each in document["whole"].items()
        },
        Raises(**raises | {"tiers": _places(raises["tiers"])}),
        Temporary(**temporary | {"tiers": _places(temporary["tiers"])}),
        Cuts(**cuts | {"tiers": {_place(name): share for name, share in cuts["tiers"].items()}}),
    )
    _check(found)
    return found


def _cap(currency: str, said: dict[str, str]) -> Cap:
    """The number that a source sets. KeyError for one that sets none."""
    sources = {each.id: each for each in shipped.register().sources}
    source = sources[said["source"]]
    amount, _, unit = source.limits[said["limit"]].partition(" ")
    if unit != currency:
        raise ValueError(f"limits: {source.id} sets {said['limit']} in {unit}, not in {currency}")
    return Cap(parse_decimal(amount, DECIMALS[currency]), source.id, source.in_force_on)


def _place(name: str) -> int:
    """The place of a tier in the dictionary; ValueError for a name that is none."""
    return shipped.dictionary()[TIER].of.index(name)


def _places(names: list[str]) -> frozenset[int]:
    return frozenset(_place(name) for name in names)


def _check(policy: LimitPolicy) -> None:
    """Shares and times that can be; nobody is raised and cut at once."""
    raises, temporary, cuts = policy.raises, policy.temporary, policy.cuts
    shares = (raises.share_percent, raises.used_percent, temporary.share_percent)
    if not all(0 <= each <= 100 for each in (*shares, *cuts.tiers.values())):
        raise ValueError("limits: a share lies between 0 and 100 percent")
    times = (raises.months, raises.offer_days, temporary.days, temporary.months, cuts.months)
    if not all(0 < each <= 366 for each in times):
        raise ValueError("limits: days and months lie between 1 and 366")
    if cuts.notice_days < 1:
        raise ValueError("limits: a cut is never without notice")
    if (raises.tiers | temporary.tiers) & cuts.tiers.keys():
        raise ValueError("limits: no tier is both raised and cut")
    if not {"en", "zh"} == set(cuts.notice):
        raise ValueError("limits: a notice is in en and zh")
    if any(each < 1 for each in policy.whole.values()):
        raise ValueError("limits: limits are multiples of an amount above zero")
