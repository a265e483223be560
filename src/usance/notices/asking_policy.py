"""``policies/verification.yaml``: limits of asking, when misses are an alarm, reports."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Annotated, Any

import msgspec
import yaml
from msgspec import Meta, Struct

from usance.notices.buckets import Bucket

DOCUMENT = "verification.yaml"
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[int, Meta(ge=1, le=100)]


class Limit(Struct, frozen=True, forbid_unknown_fields=True):
    """So many at once at most, leaking out within so many minutes."""

    most: Positive
    minutes: Positive

    @property
    def bucket(self) -> Bucket:
        """As it is counted."""
        within = timedelta(minutes=self.minutes)
        return Bucket(within, within // self.most)


class Strain(Struct, frozen=True, forbid_unknown_fields=True):
    """Above so many hundredths of the page's bucket an ask of a network counts for so many."""

    above: Share
    counts: Positive


class AlarmMarks(Struct, frozen=True, forbid_unknown_fields=True):
    """When misses are a surge, and when it has ended."""

    minutes: Positive
    least: Positive
    times: Annotated[int, Meta(ge=100)]
    always: Positive
    usual_days: Positive
    ends_below: Share


class ReportPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What a report may hold, how long, and what is the lender's own."""

    text_max: Positive
    kept_days: Positive
    hosts: tuple[str, ...]
    numbers: tuple[str, ...]


class AskingPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """The policy document."""

    effective_on: date
    limits: dict[str, Limit]
    strain: Strain
    alarm: AlarmMarks
    reports: ReportPolicy
    kept_days: Positive

    def bucket(self, name: str) -> Bucket:
        """One of the limits."""
        return self.limits[name].bucket


@cache
def asking_policy() -> AskingPolicy:
    """The policy in force."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


def policy_in(document: Any) -> AskingPolicy:
    """The policy of a document."""
    return msgspec.convert(document, AskingPolicy)
