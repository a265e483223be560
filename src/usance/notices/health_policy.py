"""``policies/breakers.yaml``: when sending stops or warns, and when a provider loses weight."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from importlib import resources

import msgspec
import yaml
from msgspec import Struct

from usance.notices import breakers, failover
from usance.notices.watches import WatchNumbers

DOCUMENT = "breakers.yaml"


class FailoverNumbers(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the document."""

    points: int
    errors: int
    slow_share: int
    settle_seconds: int
    settle_slow_seconds: int
    rest_seconds: int
    least: int


class MarkNumbers(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the document."""

    of: str
    warn: int
    stop: int
    least: int
    floor: int
    times: int


class DriftNumbers(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the document."""

    warn: int
    stop: int
    least: int


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """``policies/breakers.yaml``."""

    effective_on: date
    window_minutes: int
    marks: tuple[MarkNumbers, ...]
    volume_warn: int
    volume_stop: int
    volume_least: int
    usual_days: int
    ends_below: int
    drift: DriftNumbers
    recipient: WatchNumbers
    providers: FailoverNumbers
    slow_minutes: int

    @property
    def breakers(self) -> breakers.Policy:
        """What ``looked`` goes by."""
        marks = tuple(
            breakers.Mark(each.of, each.warn, each.stop, each.least, each.floor, each.times)
            for each in self.marks
        )
        drift = breakers.Drift(self.drift.warn, self.drift.stop, self.drift.least)
        return breakers.Policy(
            marks, self.volume_warn, self.volume_stop, self.volume_least, self.ends_below, drift
        )

    @property
    def weights(self) -> failover.Policy:
        """What ``moved`` goes by."""
        found = self.providers
        return failover.Policy(
            found.points, found.errors, found.slow_share,
            timedelta(seconds=found.settle_seconds), timedelta(seconds=found.settle_slow_seconds),
            timedelta(seconds=found.rest_seconds), found.least,
        )  # fmt: skip


@cache
def health_policy() -> Document:
    """The document as it is shipped."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), Document)
