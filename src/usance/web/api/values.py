"""Amounts, days and ids on their way in and out of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from msgspec import Meta

from usance.contract import terms
from usance.core.days import iso as iso_of_ordinal
from usance.core.identifiers import parse, written
from usance.core.money import format_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.web.problems import not_found

Amount: TypeAlias = Annotated[
    str,
    Meta(
        description="A positive amount as a decimal string.",
        extra_json_schema={"pattern": r"^[0-9]{1,9}(\.[0-9]{1,3})?$", "example": "120.00"},
    ),
]
Day: TypeAlias = Annotated[
    str, Meta(description="A day, YYYY-MM-DD.", extra_json_schema={"format": "date"})
]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Seq: TypeAlias = Annotated[int, Meta(ge=1, le=2**31 - 1, description="Number of an event.")]

Ids: TypeAlias = Mapping[str, Any]
"""What stands in the path: ids as integers; ``WORDS`` as they are."""

KINDS = {f"{kind}_id": kind for kind in ("borrower", "contract", "offer", "authorisation")} | {
    "operation_id": "operation", "proposal_id": "proposal", "case_id": "case",
    "record_id": "consent", "notice_id": "notice", "report_id": "report", "member_id": "member",
    "decision_id": "decision", "fact_id": "fact", "pull_id": "pull", "alert_id": "alert",
    "limit_offer_id": "limit_offer",
}
NUMBERS = ("file_id", "number", "seq")
WORDS = ("code", "template_id", "channel", "policy_id")
"""What stands in a path as it is."""
NUMBER_MAX = 2**31 - 1


@rule("R-FOUND-01")
def identifier(name: str, text: str) -> int:
    """An id from the path, a day as its ordinal; what cannot be is what is not there."""
    try:
        if name in KINDS:
            return parse(KINDS[name], text)
        if name == "business_date":
            return ordinal(text)
        value = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    except (ValueError, Refused):
        value = 0
    if not 0 < value <= NUMBER_MAX:
        raise not_found(name.removesuffix("_id"), name)
    return value


@dataclass(frozen=True, slots=True)
class Money:
    """Decimal strings of the book's currency and minor units."""

    currency: str
    decimals: int

    @rule("R-CURRENCY-01")
    def read(self, text: str, currency: str | None = None, path: str = "amount") -> int:
        """Minor units, above zero; raises ``Refused``."""
        if currency is not None and currency != self.currency:
            raise Refused("R-CURRENCY-01", f"the book is kept in {self.currency}", "currency")
        return terms.amount(text, self.decimals, path)

    def say(self, units: int) -> str:
        """A decimal string."""
        return format_decimal(units, self.decimals)


def ordinal(text: str | None, path: str = "effective_on") -> int:
    """A day as its ordinal, 0 for none; raises ``Refused``."""
    return 0 if text is None else terms.day(text, path)


@lru_cache(maxsize=16_384)
def iso(day: int | date | None) -> str | None:
    """A day as ISO text; None for none."""
    if isinstance(day, int):
        return iso_of_ordinal(day) if day else None
    return day.isoformat() if day else None


def spelled(kind: str, value: int | None) -> str | None:
    """A written id; None for 0 and for none."""
    return written(kind, value) if value else None


def plain(value: Any) -> dict[str, Any]:
    """A record's columns by name."""
    return dict(value.items())
