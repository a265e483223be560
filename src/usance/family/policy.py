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

DOCUMENT = "family.yaml"
COUNTS = {"living_most": 10, "nominations_a_year": 20, "borrowers_of_a_number": 10,
          "again_after_days": 3660, "invitation_days": 60, "visit_minutes": 120}  # fmt: skip
"""The settings, and what no document may go beyond."""


@dataclass(frozen=True, slots=True)
class FamilyPolicy:
    """The document's settings."""

    living_most: int
    nominations_a_year: int
    borrowers_of_a_number: int
    again_after: timedelta
    invited_for: timedelta
    visit: timedelta


@cache
def family_policy() -> FamilyPolicy:
    """The policy in force."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


@rule("R-FAMILY-03")
def policy_in(document: dict[str, Any]) -> FamilyPolicy:
    """The policy of a document; raises ``Refused`` for one without bounds."""
    for name, most in COUNTS.items():
        if type(document.get(name)) is not int or not 0 < document[name] <= most:
            raise Refused("R-FAMILY-03", f"a whole number from 1 to {most} is needed", name)
    return FamilyPolicy(
        document["living_most"], document["nominations_a_year"], document["borrowers_of_a_number"],
        timedelta(days=document["again_after_days"]), timedelta(days=document["invitation_days"]),
        timedelta(minutes=document["visit_minutes"]),
    )  # fmt: skip
