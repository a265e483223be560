"""The JSON shapes of the quote document (``docs/decisions/0002``), as typed structs.

Unknown fields and wrong types are refused when a document is converted; meaning is checked in
``terms`` and ``quote``.
"""

from typing import Literal

import msgspec


class Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A struct that refuses fields it does not know."""


class Rate(Shape, kw_only=True, frozen=True):
    """Exactly one of the three forms (R-RATE-01)."""

    annual: str | None = None
    daily: str | None = None
    period: str | None = None


class Every(Shape, kw_only=True, frozen=True):
    """The step between due days; one of the two."""

    months: int | None = None
    days: int | None = None


class PenaltyStep(Shape, kw_only=True, frozen=True):
    """From the ``from_day``-th day past due on, this daily rate."""

    from_day: int
    daily: str


class Penalty(Shape, kw_only=True, frozen=True):
    """Penalty interest; ``daily`` or ``annual``."""

    daily: str | None = None
    annual: str | None = None
    grace_days: int = 0
    on: Literal["principal", "principal_and_interest"] = "principal"
    steps: tuple[PenaltyStep, ...] = ()


Component = Literal["penalty", "fee", "interest", "principal"]


class Waterfall(Shape, kw_only=True, frozen=True):
    """An order of components; ``from_day`` for one that depends on days past due."""

    order: tuple[Component, ...] = ("penalty", "fee", "interest", "principal")
    by: Literal["instalment", "component"] = "instalment"
    from_day: int | None = None


class Allocation(Shape, kw_only=True, frozen=True):
    """The waterfall, its exceptions, and where early principal goes."""

    order: tuple[Component, ...] = ("penalty", "fee", "interest", "principal")
    by: Literal["instalment", "component"] = "instalment"
    future: Literal["next", "last", "spread"] = "next"
    when: tuple[Waterfall, ...] = ()
    charged_off: Waterfall | None = None


class FeeTerm(Shape, kw_only=True, frozen=True):
    """A fee in the terms; ``amount`` or ``rate``."""

    amount: str | None = None
    rate: str | None = None
    at: Literal["disbursement", "first", "each"] = "first"


class DayEnds(Shape, kw_only=True, frozen=True):
    """Which ends of a stretch of days bear interest (R-DAY-02)."""

    first: bool = True
    last: bool = False
    statement: bool = True


class Minimum(Shape, kw_only=True, frozen=True):
    """The required amount of a statement (R-MIN-01)."""

    rate: str = "1"
    floor: str = "0"
    of: Literal["principal", "bill"] = "principal"


DayCount = Literal[
    "actual/365", "actual/360", "actual/364", "actual/actual", "30/360", "whole_period"
]
Rounding = Literal["half_even", "half_up", "up", "down"]


class Common(Shape, kw_only=True, frozen=True):
    """What both kinds of terms have."""

    currency: str = "CNY"
    rounding: Rounding = "half_even"
    penalty: Penalty | None = None
    allocation: Allocation = Allocation()
    day_ends: DayEnds = DayEnds()
    day_count: DayCount = "actual/365"
    non_accrual_days: int = 91
    reminders: tuple[int, ...] = ()
    overdue_notices: tuple[int, ...] = ()


class TermTerms(Common, kw_only=True, frozen=True, tag_field="kind", tag="term"):
    """A cash loan or an instalment plan."""

    principal: str
    disbursed_on: str
    instalments: int
    rate: Rate = Rate(annual="0")
    amortisation: Literal["equal_instalment", "equal_principal", "interest_first", "bullet"] = (
        "equal_instalment"
    )
    interest_method: Literal["declining", "flat"] = "declining"
    every: Every = Every(months=1)
    first_due_on: str | None = None
    instalment_unit: str | None = None
    early_repayment: Literal["keep_instalment", "shorten", "lower_instalment"] = "keep_instalment"
    fees: tuple[FeeTerm, ...] = ()


class StatementTerms(Common, kw_only=True, frozen=True, tag_field="kind", tag="statement"):
    """A pay-later line."""

    opened_on: str | None = None
    statement_day: int = 1
    due_day: int | None = None
    due_after_days: int | None = None
    rate: Rate = Rate(annual="0")
    interest_from: Literal["due_day", "posting_day"] = "due_day"
    interest_on: Literal["remainder", "full_bill"] = "remainder"
    minimum: Minimum = Minimum()
    compound: bool = False
    limit: str | None = None


EventType = Literal[
    "repayment", "fee", "penalty", "refund", "goodwill", "chargeback", "reversal", "waiver",
    "purchase", "extension", "restructuring", "charge_off", "recovery", "payout",
    "drawing_returned",
]  # fmt: skip


class EventIn(Shape, kw_only=True, frozen=True):
    """One dated event."""

    seq: int
    on: str
    type: EventType
    amount: str | None = None
    of: int | None = None
    recorded_on: str | None = None
    component: Component | None = None
    days: int | None = None
    instalments: int | None = None
    rate: Rate | None = None
    first_due_on: str | None = None


class Document(Shape, kw_only=True, frozen=True):
    """A quote document."""

    terms: TermTerms | StatementTerms
    as_of: str | None = None
    events: tuple[EventIn, ...] = ()
