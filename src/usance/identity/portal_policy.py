"""What the policy document says of how borrowers come in, within what no document may loosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.refusals import Refused
from usance.core.rules import rule

DOCUMENT = "portal.yaml"
CODE_MINUTES_MOST, CODE_ATTEMPTS_MOST, LINK_MINUTES_MOST = 10, 5, 5
"""What no document may go beyond."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many within a time."""

    within: timedelta
    most: int


@dataclass(frozen=True, slots=True)
class PortalPolicy:
    """The document's settings."""

    code_valid: timedelta
    code_attempts: int
    limits: dict[str, tuple[Limit, ...]]
    idle_most: timedelta
    age_most: timedelta
    device_kept: timedelta
    link_valid: timedelta
    cooling: timedelta
    prove_within: timedelta
    stale_after: timedelta
    stale_for_new_device_after: timedelta
    identity_attempts: int


@cache
def portal_policy() -> PortalPolicy:
    """The policy in force."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


@rule("R-LOGIN-02", "R-LINK-02")
def policy_in(document: dict[str, Any]) -> PortalPolicy:
    """The policy of a document; raises ``Refused`` for one that is too loose."""
    codes, numbers, links = document["codes"], document["numbers"], document["links"]
    if not (0 < codes["minutes"] <= CODE_MINUTES_MOST):
        raise Refused("R-LOGIN-02", "a code is valid for at most 10 minutes", "codes.minutes")
    if not (0 < codes["attempts"] <= CODE_ATTEMPTS_MOST):
        raise Refused("R-LOGIN-02", "a code has at most 5 attempts", "codes.attempts")
    if not (0 < links["minutes"] <= LINK_MINUTES_MOST):
        raise Refused("R-LINK-02", "a link is valid for at most 5 minutes", "links.minutes")
    sessions = document["sessions"]
    return PortalPolicy(
        code_valid=timedelta(minutes=codes["minutes"]),
        code_attempts=codes["attempts"],
        limits={name: limits_of(each) for name, each in document["limits"].items()},
        idle_most=timedelta(minutes=sessions["idle_minutes"]),
        age_most=timedelta(hours=sessions["hours"]),
        device_kept=timedelta(days=sessions["device_days"]),
        link_valid=timedelta(minutes=links["minutes"]),
        cooling=timedelta(hours=numbers["cooling_hours"]),
        prove_within=timedelta(hours=numbers["prove_within_hours"]),
        stale_after=timedelta(days=numbers["ask_identity_after_days"]),
        stale_for_new_device_after=timedelta(days=numbers["ask_identity_of_new_device_after_days"]),
        identity_attempts=numbers["identity_attempts"],
    )


def limits_of(rows: list[dict[str, int]]) -> tuple[Limit, ...]:
    """The limits of one kind."""
    return tuple(Limit(timedelta(minutes=row["within"]), row["most"]) for row in rows)
