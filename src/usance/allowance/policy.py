"""The rates of the policy document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.allowance.rules import MILLION, Rate

EVERY = "every"


@dataclass(frozen=True, slots=True)
class Rates:
    """Kinds of requests by name with their rates, and which route counts as which kind."""

    lease: timedelta
    kinds: dict[str, Rate]
    routes: dict[str, str]


@cache
def default_rates() -> Rates:
    """Those that are packed with usance."""
    text = resources.files("usance.policies").joinpath("rates.yaml").read_text("utf-8")
    return rates_in(yaml.safe_load(text))


def rates_in(document: dict[str, Any]) -> Rates:
    """The rates of a document; ValueError for one that cannot be."""
    kinds = {name: rate_of(name, each) for name, each in document["kinds"].items()}
    if EVERY not in kinds:
        raise ValueError(f"rates: the kind {EVERY!r} is missing")
    routes = {
        route: name for name, each in document["kinds"].items() for route in each.get("routes", ())
    }
    return Rates(timedelta(milliseconds=document["lease_milliseconds"]), kinds, routes)


def rate_of(name: str, given: dict[str, Any]) -> Rate:
    """One kind's rate."""
    per_second = int(Decimal(given["per_second"]) * MILLION)
    if per_second <= 0 or given["burst"] < 1:
        raise ValueError(f"rates: {name} must let at least something through")
    return Rate(per_second, given["burst"])
