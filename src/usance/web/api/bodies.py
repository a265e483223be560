"""Shapes of request bodies. Unknown fields are refused; what is optional has its default here.

Only what may be back-dated takes an ``effective_on``; everything else happens on the business date.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from usance.web.api.values import Amount, Day, Seq, Text


class Body(Struct, forbid_unknown_fields=True, kw_only=True):
    """A request body."""


class Priced(Body, kw_only=True):
    """An amount in the book's currency."""

    amount: Amount
    currency: str | None = None


class Payment(Priced, kw_only=True):
    """Money, and the day from which it counts: the business date unless an earlier one is given."""

    effective_on: Day | None = None


class BorrowerBody(Body, kw_only=True):
    """A person to register."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    phone: Annotated[str, Meta(min_length=6, max_length=40)]
    identity_number: Annotated[str, Meta(min_length=4, max_length=64)]
    email: Annotated[str, Meta(max_length=254)] = ""
    language: Literal["zh-CN", "en"] = "zh-CN"


class SearchBody(Body, kw_only=True):
    """One of the two."""

    phone: Annotated[str, Meta(max_length=40)] | None = None
    identity_number: Annotated[str, Meta(max_length=64)] | None = None


class LineBody(Body, kw_only=True):
    """A line on a product."""

    product: Text
    limit: Amount
    currency: str | None = None
    statement_day: Annotated[int, Meta(ge=0, le=28, description="0: the product's")] = 0


class LimitBody(Body, kw_only=True):
    """A new limit."""

    limit: Amount
    currency: str | None = None


class ShownBody(Body, kw_only=True):
    """In which language a cost sheet is shown."""

    language: Literal["en", "zh"] = "zh"


class ConfirmedBody(Body, kw_only=True):
    """What was shown, and who read it: the borrower on a screen of their own, or at a desk."""

    digest: Annotated[str, Meta(max_length=64)]
    nonce: Annotated[str, Meta(max_length=64)]
    how: Literal["borrower", "desk"]


class OfferBody(Body, kw_only=True):
    """What to quote; without instalments or amortisation the product's own."""

    product: Text
    principal: Amount
    currency: str | None = None
    instalments: Annotated[int, Meta(ge=0, le=480)] = 0
    amortisation: Literal["", "equal_instalment", "equal_principal", "interest_first", "bullet"] = (
        ""
    )


class PlanBody(Body, kw_only=True):
    """What to turn into instalments: one purchase, an amount, or what is left of the statement."""

    instalments: Annotated[int, Meta(ge=1, le=480)]
    amount: Amount | None = None
    currency: str | None = None
    purchase: Seq | None = None


class AuthoriseBody(Priced, kw_only=True):
    """A hold for a merchant."""

    product: Text
    merchant: Text
    valid_days: Annotated[int, Meta(ge=1, le=30)] = 7


class CaptureBody(Priced, kw_only=True):
    """How much of the hold is bought; the rest stays held unless ``final``."""

    final: bool = True


class RefundBody(Payment, kw_only=True):
    """Money back from a merchant; ``of`` names the purchase."""

    of: Seq | None = None


class ComponentBody(Priced, kw_only=True):
    """An amount of one component."""

    component: Literal["interest", "fee", "penalty"]


class ChargeBody(Priced, kw_only=True):
    """A fee, or an agreed lump-sum penalty."""

    component: Literal["fee", "penalty"]


class ChargeBackBody(Body, kw_only=True):
    """A repayment to take back; without amount, all that is left of it."""

    of: Seq
    amount: Amount | None = None
    currency: str | None = None


class ReverseBody(Body, kw_only=True):
    """The event that never happened."""

    of: Seq


class ExtendBody(Body, kw_only=True):
    """By how many days."""

    days: Annotated[int, Meta(ge=1, le=3660)]


class RestructureBody(Body, kw_only=True):
    """The new plan; without a rate, the old one; without a first due day, a step from today."""

    instalments: Annotated[int, Meta(ge=1, le=480)]
    annual_rate: Annotated[str, Meta(max_length=20, pattern=r"^[0-9]\.?[0-9]*$")] | None = None
    first_due_on: Day | None = None


class StatementDayBody(Body, kw_only=True):
    """The day of the month."""

    day: Annotated[int, Meta(ge=1, le=28)]


class CloseBody(Body, kw_only=True):
    """The business date to close; it must be the open one."""

    business_date: Day


class AllocationBody(Body, kw_only=True):
    """Bank money that waits, and the day from which it counts: its value date unless given."""

    receipt_id: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    effective_on: Day | None = None


class DrawingReturnBody(Body, kw_only=True):
    """What the bank says: the pay-out could not be made, or it has come back."""

    reason: Literal["failed", "returned"]


class LinkBody(Body, kw_only=True):
    """Where a link into the portal leads: a page below ``/my``; the first one if none is named."""

    target: Annotated[
        str, Meta(max_length=60, description="`pay`, `statements`, `history`, `data`, `number`, or"
                  " `contracts/` and the id of a contract of the borrower.")
    ] = ""  # fmt: skip


class PayOutBody(Body, kw_only=True):
    """Without amount, the whole credit balance."""

    amount: Amount | None = None
    currency: str | None = None
