"""``policies/family.yaml``: how many relatives, how often a number is invited, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices.watches import WatchNumbers

DOCUMENT = "family.yaml"
COUNTS = {"living_most": 10, "nominations_a_year": 20, "borrowers_of_a_number": 10,
          "again_after_days": 3660, "invitation_days": 60, "visit_minutes": 120}  # fmt: skip
"""The settings, and what no document may go beyond."""
PLACES = ("from_device", "from_network")
NUMBERS = {"slots": 60, "minutes": 1440, "warn": 1_000, "stop": 1_000}
"""The same of what is counted by the place that it comes from."""


@dataclass(frozen=True, slots=True)
class FamilyPolicy:
    """The document's settings."""

    living_most: int
    nominations_a_year: int
    borrowers_of_a_number: int
    again_after: timedelta
    invited_for: timedelta
    visit: timedelta
    from_device: WatchNumbers
    from_network: WatchNumbers


@cache
def family_policy() -> FamilyPolicy:
    """The policy in force."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


@rule("R-FAMILY-03")
def policy_in(document: dict[str, Any]) -> FamilyPolicy:
    """The policy of a document; raises ``Refused`` for one without bounds."""
    _check(document, COUNTS, "")
    for place in PLACES:
        given = document.get(place)
        _check(given if isinstance(given, dict) else {}, NUMBERS, f"{place}.")
        if document[place]["warn"] > document[place]["stop"]:
            raise Refused("R-FAMILY-03", "staff is told before it is refused", f"{place}.warn")
    return FamilyPolicy(
        document["living_most"], document["nominations_a_year"], document["borrowers_of_a_number"],
        timedelta(days=document["again_after_days"]), timedelta(days=document["invitation_days"]),
        timedelta(minutes=document["visit_minutes"]),
        *(WatchNumbers(**document[place]) for place in PLACES),
    )  # fmt: skip


def _check(document: dict[str, Any], bounds: dict[str, int], where: str) -> None:
    for name, most in bounds.items():
        if type(document.get(name)) is not int or not 0 < document[name] <= most:
            detail = f"a whole number from 1 to {most} is needed"
            raise Refused("R-FAMILY-03", detail, f"{where}{name}")
