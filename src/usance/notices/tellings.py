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
EventName: TypeAlias = Literal[
    "statement", "repayment", "recovery", "refund", "loan", "loan_closed", "loan_reopened",
    "loan_cancelled", "account_stopped", "account_restored", "line_opened", "limit_changed",
    "line_closed", "debit_failed", "debit_returned",
]  # fmt: skip
(
    LOAN_CLOSED, LOAN_REOPENED, ACCOUNT_RESTORED, LINE_OPENED, LIMIT_CHANGED, LINE_CLOSED,
    DEBIT_FAILED, DEBIT_RETURNED,
) = range(101, 109)  # fmt: skip
"""What happens beside the kinds of events that the kernel has: numbers for the planner alone."""
KINDS: Mapping[EventName, int] = {
    "statement": r.STATEMENT, "repayment": r.REPAYMENT, "recovery": r.RECOVERY,
    "refund": r.REFUND, "loan": r.OPEN, "loan_closed": LOAN_CLOSED,
    "loan_reopened": LOAN_REOPENED, "loan_cancelled": r.DRAWING_RETURNED,
    "account_stopped": r.CHARGE_OFF, "account_restored": ACCOUNT_RESTORED,
    "line_opened": LINE_OPENED, "limit_changed": LIMIT_CHANGED, "line_closed": LINE_CLOSED,
    "debit_failed": DEBIT_FAILED, "debit_returned": DEBIT_RETURNED,
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
    debit_reasons: dict[Literal["funds", "account", "mandate"], tuple[str, ...]]

    @rule("R-PLAN-02")
    def wanted(self) -> dict[tuple[int, int], Told]:
        """By (kind, days) of what the close of a day asks for: it counts from the day before."""
        before = {(r.REMINDER, days + 1): told for days, told in self.reminders.items()}
        return before | {(r.OVERDUE_STEP, days): told for days, told in self.overdue.items()}

    def of_events(self) -> dict[tuple[int, int], Told]:
        """By (kind of event, ``OF_EVENT``)."""
        return {(KINDS[name], OF_EVENT): told for name, told in self.events.items()}

    def reasons(self) -> dict[str, str]:
        """Why a debit failed, by the bank's code."""
        return {code: why for why, codes in self.debit_reasons.items() for code in codes}


@cache
def tellings() -> Tellings:
    """The document as it is shipped."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), Tellings, strict=False)
