"""``policies/warnings.yaml``: which signals raise an alert, marks of the book, and fatigue."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

DOCUMENT = "warnings.yaml"
LEVELS = ("none", "watch", "look")
"""How urgent, as the policy table of warnings has it."""
Level = Literal["watch", "look"]
Outcome = Literal["true", "false", "nothing"]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[int, Meta(ge=0, le=10_000)]
Times = Annotated[int, Meta(ge=100)]


class Monitor(Struct, frozen=True, forbid_unknown_fields=True):
    """An alert from a share of ``floor`` on, if it is also ``times`` hundredths of the usual."""

    signal: str
    level: Level
    floor: Share
    times: Times


class Surge(Struct, frozen=True, forbid_unknown_fields=True):
    """So many alerts of one signal on a day, and so many hundredths of the usual number."""

    least: Positive
    times: Times
    level: Level


class Scores(Struct, frozen=True, forbid_unknown_fields=True):
    """How far scores may move (ten thousandths of PSI or CSI), over how many days and decisions."""

    moved: Positive
    days: Positive
    decisions_least: Positive
    level: Level


class Fatigue(Struct, frozen=True, forbid_unknown_fields=True):
    """Over how many days it is measured, and what is too much."""

    days: Positive
    closed_least: Positive
    true_least: Share
    unseen_hours: Positive


class WarningPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """The policy document."""

    effective_on: date
    policy: str
    signals: tuple[str, ...]
    quiet_days: Positive
    usual_days: Positive
    usual_least: Positive
    monitors: tuple[Monitor, ...]
    contracts_least: Positive
    surge: Surge
    scores: Scores
    fatigue: Fatigue
    reasons: dict[Outcome, tuple[str, ...]]

    @property
    def name(self) -> str:
        """The document and the day from which it holds."""
        return f"warnings {self.effective_on}"


@cache
def warning_policy() -> WarningPolicy:
    """The policy in force."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


def policy_in(document: Any) -> WarningPolicy:
    """The policy of a document."""
    return msgspec.convert(document, WarningPolicy)
