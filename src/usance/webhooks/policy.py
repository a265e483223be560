"""The numbers of the policy document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

import msgspec
import yaml

from usance.core.rules import rule


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As the document has them."""

    retry_seconds: tuple[int, ...]
    rest_seconds: tuple[int, ...]
    connect_seconds: float
    answer_seconds: float
    answer_bytes: int
    answer_kept: int
    lease_seconds: int
    width: int
    serving_per_second: int
    endpoints_of_a_client: int
    kept_days: int

    @property
    def lease(self) -> timedelta:
        """How long a message is somebody's."""
        return timedelta(seconds=self.lease_seconds)

    @rule("R-HOOK-06")
    def retry_after(self, attempts: int) -> timedelta | None:
        """How long to wait after so many failed attempts; None when it is given up."""
        if attempts > len(self.retry_seconds):
            return None
        return timedelta(seconds=self.retry_seconds[attempts - 1])

    @property
    def whole_schedule(self) -> timedelta:
        """From the first attempt to the last."""
        return timedelta(seconds=sum(self.retry_seconds))

    @rule("R-HOOK-06")
    def rest_after(self, failures: int) -> timedelta:
        """How long an endpoint rests after so many failures in a row."""
        place = min(failures, len(self.rest_seconds)) - 1
        return timedelta(seconds=self.rest_seconds[place])


@cache
def default_policy() -> Policy:
    """The one that is packed with usance."""
    text = resources.files("usance.policies").joinpath("webhooks.yaml").read_text("utf-8")
    return policy_in(yaml.safe_load(text))


def policy_in(document: dict[str, Any]) -> Policy:
    """The policy of a document; ValueError for one that cannot be."""
    given = {name: value for name, value in document.items() if name != "effective_on"}
    policy = msgspec.convert(given, Policy, strict=False)
    if policy.lease_seconds <= policy.answer_seconds:
        raise ValueError("webhooks: a lease must outlast an attempt")
    return policy


@dataclass(frozen=True, slots=True)
class Reach:
    """Where messages may go: plain HTTP or not, and networks allowed though they are private."""

    allow_http: bool = False
    networks: tuple[str, ...] = ()
