"""``policies/tellings.yaml``: what is told of what, by which template, how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

import msgspec
import yaml
from msgspec import Struct

from usance.contract import records as r
from usance.core.rules import rule

DOCUMENT = "tellings.yaml"
OF_EVENT = -1
"""Stands where what the close of a day asks for has its days."""
EventName: TypeAlias = Literal["statement", "repayment", "refund", "loan"]
KINDS: Mapping[EventName, int] = {
    "statement": r.STATEMENT, "repayment": r.REPAYMENT, "refund": r.REFUND, "loan": r.OPEN,
}  # fmt: skip


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """By which template, and for how many hours it is of use."""

    template: str
    hours: int

    @property
    def of_use(self) -> timedelta:
        """From when it is planned."""
        return timedelta(hours=self.hours)


class Tellings(Struct, frozen=True, forbid_unknown_fields=True):
    """The document. Reminders by days before the due day, overdue by days past due."""

    effective_on: date
    reminders: dict[int, Told]
    overdue: dict[int, Told]
    events: dict[EventName, Told]

    @rule("R-PLAN-02")
    def wanted(self) -> dict[tuple[int, int], Told]:
        """By (kind, days) of what the close of a day asks for: it counts from the day before."""
        before = {(r.REMINDER, days + 1): told for days, told in self.reminders.items()}
        return before | {(r.OVERDUE_STEP, days): told for days, told in self.overdue.items()}

    def of_events(self) -> dict[tuple[int, int], Told]:
        """By (kind of event, ``OF_EVENT``)."""
        return {(KINDS[name], OF_EVENT): told for name, told in self.events.items()}


@cache
def tellings() -> Tellings:
    """The document as it is shipped."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), Tellings, strict=False)
