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
WAITING, APPROVED, DONE, FAILED, REFUSED, REVOKED, EXPIRED = range(1, 8)
STATES = {
    WAITING: "waiting", APPROVED: "approved", DONE: "done", FAILED: "failed", REFUSED: "refused",
    REVOKED: "revoked", EXPIRED: "expired",
}  # fmt: skip
YES, NO = 1, 2
DAYS_BACK_MAX = 3660


@dataclass(frozen=True, slots=True)
class Facts:
    """What the policy asks of an act. ``amount`` in minor units, 0 where it has none.

    ``given``: what the borrower was given by such acts in the days that the policy looks back.
    """

    amount: int = 0
    closed_day: bool = False
    given: int = 0


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
    within_days: int = 0
    """So many days are added up; 0 for the act alone."""

    def fits(self, facts: Facts) -> bool:
        """Whether the row is about an act with these facts."""
        amount = facts.amount + (facts.given if self.within_days else 0)
        large = self.over is None or amount > self.over
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

    def looks_back(self, act: str) -> int:
        """Over how many days the act is added up with others; 0 for none."""
        return max((row.within_days for row in self.acts.get(act, ())), default=0)


NOTHING = Policy("none", {})
"""Nothing waits: for a book that fills itself with invented people."""


@cache
def policy(decimals: int) -> Policy:
    """The policy document for a book whose currency has so many decimals."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text), decimals)


def policy_in(document: dict[str, Any], decimals: int) -> Policy:
    """A policy document as rows; ``KeyError`` for a weight that it does not define.

    ``ValueError`` for days to look back that are none, lack an amount, or differ within an act.
    """
    weights = {
        name: Weight(name, each["approvers"], each["days"])
        for name, each in document["weights"].items()
    }
    acts = {
        act: tuple(row_in(each, weights, decimals) for each in rows)
        for act, rows in document["acts"].items()
    }
    for act, rows in acts.items():
        if len({row.within_days for row in rows}) > 1:
            raise ValueError(f"all rows of {act} look back over the same days")
    return Policy(f"{DOCUMENT} {document['effective_on']}", acts)


def row_in(row: dict[str, Any], weights: dict[str, Weight], decimals: int) -> Row:
    """One row of an act."""
    over = parse_decimal(cut(row["over"], decimals), decimals) if "over" in row else None
    return Row(weights[row["weight"]], over, row.get("closed_day"), days_back(row))


def days_back(row: dict[str, Any]) -> int:
    """Over how many days a row adds up; 0 where it does not."""
    days = row.get("within_days")
    if days is None:
        return 0
    if "over" not in row or type(days) is not int or not 1 <= days <= DAYS_BACK_MAX:
        raise ValueError(f"within_days is 1 to {DAYS_BACK_MAX} days, beside an amount")
    return days


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
