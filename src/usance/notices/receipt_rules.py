"""What a receipt does to a notice, whatever came before it. Pure.

A state is that of the weightiest word said, so words may come in any order, and twice: the end is
the same. What bounced did not arrive, whatever was said first; what arrived was not lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources

import msgspec
import yaml
from msgspec import Struct

from usance.core.rules import rule
from usance.notices.outbox import ARRIVED, FAILED, TAKEN

DOCUMENT = "delivery.yaml"
WEIGHTS: Mapping[str, int] = {
    "sent": 0, "failed": 1, "unanswered": 1, "delivered": 2, "answered": 2, "complained": 2,
    "bounced": 3,
}  # fmt: skip
STATES = (TAKEN, FAILED, ARRIVED, FAILED)
"""By weight."""
COUNTED = ("failed", "bounced", "complained")
"""What breakers look at."""
SOON, SELDOM = timedelta(seconds=1), timedelta(hours=1)


class Policy(Struct, frozen=True):
    """The part of the policy document that is about receipts."""

    suppress: Mapping[str, Mapping[str, int]]
    receipts_wait_days: int

    @property
    def patience(self) -> timedelta:
        """So long a receipt waits for its message."""
        return timedelta(days=self.receipts_wait_days)


@cache
def receipt_policy() -> Policy:
    """The document as it is shipped."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), Policy)


@rule("R-REPORT-03")
def state_after(state: int, before: frozenset[str], word: str) -> int:
    """The state once a word was said; ``before``: what the provider had said already.

    What the house itself had ended before any word came stays ended.
    """
    if not before and state != TAKEN:
        return state
    said = max((WEIGHTS[each] for each in before), default=-1)
    weight = WEIGHTS[word]
    return STATES[weight] if weight > said else state


@dataclass(frozen=True, slots=True)
class Silence:
    """A contact gets nothing by a channel; ``until`` None: until a person lifts it."""

    until: datetime | None


@rule("R-REPORT-04")
def silenced(policy: Policy, word: str, channel: str, now: datetime) -> Silence | None:
    """Whether a word has a contact left in peace, and until when."""
    days = policy.suppress.get(word, {}).get(channel)
    if days is None:
        return None
    return Silence(now + timedelta(days=days) if days else None)


@rule("R-REPORT-05")
def look_again(now: datetime, looks: int) -> datetime:
    """When a receipt of a message that is not known yet is looked at again."""
    return now + min(SOON * (1 << min(looks, 20)), SELDOM)
