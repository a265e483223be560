"""Made-up values, for previews and to count parts: of every type a long one."""

from __future__ import annotations

from datetime import date
from typing import Any

from usance.notices.documents import Placeholder, TemplateDocument
from usance.notices.values import Money

BY_NAME = {"lender": "Usance Lending", "product": "Pay Later", "device": "Android"}
BY_TYPE: dict[str, Any] = {
    "money": Money(1_234_567, "CNY"), "date": date(2026, 11, 27), "count": 12,
    "name": "Li Xiaoming", "masked_name": "Li Xiaoming", "code": "ABCDEFGHJK",
    "percent": 14_400_000, "phone": "400-820-8820",
    "texts": (("Your payment", "Your payment came."), ("Your refund", "Your refund is booked.")),
}  # fmt: skip


def sample(name: str, placeholder: Placeholder) -> Any:
    """One value: of choices the one with the longest words."""
    if placeholder.type == "choice":
        lengths = {each: sum(map(len, words.values()))
                   for each, words in placeholder.choices.items()}  # fmt: skip
        return max(lengths, key=lambda each: (lengths[each], each), default="")
    return BY_NAME.get(name) or BY_TYPE[placeholder.type]


def samples(document: TemplateDocument) -> dict[str, Any]:
    """A value for every placeholder of a document."""
    return {name: sample(name, each) for name, each in document.placeholders.items()}
