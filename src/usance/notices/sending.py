"""``policies/sending.yaml``: the ways of a notice, and how long is waited for what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from usance.core.rules import rule
from usance.notices.documents import Purpose, Way

DOCUMENT = "sending.yaml"


class Holdout(Struct, frozen=True, forbid_unknown_fields=True):
    """Which notices are measured against not being sent, and how many of a hundred are not."""

    share: int
    templates: tuple[str, ...]

    @rule("R-MEASURE-01")
    def holds_out(self, template_id: str, borrower_id: int, key: str) -> bool:
        """By lot, the same for a notice however often it is asked."""
        if template_id not in self.templates:
            return False
        drawn = hashlib.sha256(f"{template_id}:{borrower_id}:{key}".encode()).digest()
        return int.from_bytes(drawn[:8]) % 100 < self.share


class Digest(Struct, frozen=True, forbid_unknown_fields=True):
    """What can wait to be told with others, and how many go in one message at most."""

    templates: frozenset[str]
    most: int


class Sending(Struct, frozen=True, forbid_unknown_fields=True):
    """The document."""

    effective_on: date
    ways: Mapping[Purpose, tuple[Way, ...]]
    push: frozenset[Purpose]
    holdout: Holdout
    digest: Digest
    retry_seconds: tuple[int, ...]
    lease_seconds: int
    attempt_seconds: int
    batch: int
    width: int

    @property
    def lease(self) -> timedelta:
        """How long a notice is somebody's."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def begin_within(self) -> timedelta:
        """No attempt is begun later after the claim, so that it ends within the lease."""
        return timedelta(seconds=self.lease_seconds - self.attempt_seconds)

    @rule("R-SEND-02")
    def retry_after(self, attempts: int) -> timedelta | None:
        """How long to wait after so many failed attempts; None when it is given up."""
        if attempts > len(self.retry_seconds):
            return None
        return timedelta(seconds=self.retry_seconds[attempts - 1])


@cache
def sending() -> Sending:
    """The document as it is shipped."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return sending_in(yaml.safe_load(text))


def sending_in(document: dict[str, Any]) -> Sending:
    """A document; ``ValueError`` for one that cannot be."""
    found = msgspec.convert(document, Sending)
    if found.lease_seconds <= 2 * found.attempt_seconds:
        raise ValueError("sending: a lease must outlast the wait for an attempt and the attempt")
    return found
