"""What needs a second person, and who may be it. Pure: nothing here looks anything up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.money import parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule

DOCUMENT = "approvals.yaml"
DECIDE = "approvals:decide"
"""The permission to be the second person."""
WAITING, APPROVED, DONE, FAILED, REFUSED, REVOKED, EXPIRED = range(1, 8)
STATES = {
    WAITING: "waiting", APPROVED: "approved", DONE: "done", FAILED: "failed", REFUSED: "refused",
    REVOKED: "revoked", EXPIRED: "expired",
}  # fmt: skip
YES, NO = 1, 2


@dataclass(frozen=True, slots=True)
class Facts:
    """What the policy asks of an act. ``amount`` in minor units, 0 where it has none."""

    amount: int = 0
    closed_day: bool = False


@dataclass(frozen=True, slots=True)
class Weight:
    """How many others must agree, and within how many days."""

    name: str
    approvers: int
    days: int

    def expiry(self, now: datetime) -> datetime:
        """Until when a proposal made now waits."""
        return now + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an act: the conditions that are not None must hold."""

    weight: Weight
    over: int | None
    closed_day: bool | None

    def fits(self, facts: Facts) -> bool:
        """Whether the row is about an act with these facts."""
        large = self.over is None or facts.amount > self.over
        return large and self.closed_day in (None, facts.closed_day)


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy document in force; ``version`` names it in every proposal."""

    version: str
    acts: Mapping[str, tuple[Row, ...]]

    @rule("R-APPR-01")
    def weight_of(self, act: str, facts: Facts) -> Weight | None:
        """How much the act weighs; None if it happens at once."""
        fitting = (row.weight for row in self.acts.get(act, ()) if row.fits(facts))
        return next(fitting, None)

    def concerns(self, act: str) -> bool:
        """Whether the act may have to wait, so that its facts are worth looking up."""
        return act in self.acts


NOTHING = Policy("none", {})
"""Nothing waits: for a book that fills itself with invented people."""


@cache
def policy(decimals: int) -> Policy:
    """The policy document for a book whose currency has so many decimals."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text), decimals)


def policy_in(document: dict[str, Any], decimals: int) -> Policy:
    """A policy document as rows; ``KeyError`` for a weight that it does not define."""
    weights = {
        name: Weight(name, each["approvers"], each["days"])
        for name, each in document["weights"].items()
    }
    acts = {
        act: tuple(row_in(each, weights, decimals) for each in rows)
        for act, rows in document["acts"].items()
    }
    return Policy(f"{DOCUMENT} {document['effective_on']}", acts)


def row_in(row: dict[str, Any], weights: dict[str, Weight], decimals: int) -> Row:
    """One row of an act."""
    over = parse_decimal(cut(row["over"], decimals), decimals) if "over" in row else None
    return Row(weights[row["weight"]], over, row.get("closed_day"))


def cut(text: str, decimals: int) -> str:
    """A bound of the document in a currency with fewer decimals."""
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:decimals]}" if decimals else whole


@rule("R-APPR-02")
def check_other(approver: str, author: str, on_behalf_of: str = "") -> None:
    """Nobody approves what they asked for, neither for themselves nor in somebody's place."""
    if author in (approver, on_behalf_of):
        raise Refused("R-APPR-02", "who asked for it does not decide it", "proposal_id")


@rule("R-APPR-03")
def check_same(shown: bytes, stored: bytes, recomputed: bytes) -> None:
    """What is decided is what was shown, and what was shown is what was asked for."""
    if not shown == stored == recomputed:
        raise Refused("R-APPR-03", "this is not the proposal that was shown", "digest")


@rule("R-APPR-04")
def check_open(state: int, expires_at: datetime, now: datetime) -> None:
    """Only what waits, and has not waited too long, is decided or revoked."""
    if state != WAITING:
        raise Refused("R-APPR-04", f"the proposal is {STATES[state]}", "proposal_id")
    if now >= expires_at:
        raise Refused("R-APPR-04", f"the proposal is {STATES[EXPIRED]}", "proposal_id")


@rule("R-APPR-06")
def enough(rights: Iterable[int], needed: int) -> bool:
    """Whether agreement rests on so many people's right to decide.

    A right counts once, whoever used it, and only while its holder may still decide.
    """
    return len(set(rights)) >= needed
