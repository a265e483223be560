"""Fills a template with facts: of the book, of the person, and what is secret of a notice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from usance.notices.documents import Placeholder, TemplateDocument
from usance.notices.reading import Known, Reader
from usance.notices.values import Money
from usance.servicing.products import by_id


def values_of(
    document: TemplateDocument, known: Known, phone: str, reader: Reader,
    facts: Mapping[str, Any], secrets: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """A value for every placeholder of a document. What is not there the renderer refuses."""
    own = {
        "lender": known.lender, "lender_phone": phone, "borrower": reader.borrower_name,
        "member": reader.person.name,
    }  # fmt: skip
    found = {}
    for name, placeholder in document.placeholders.items():
        for source in (secrets, facts, own):
            if name in source:
                found[name] = typed(name, placeholder, source[name], known.currency, reader)
                break
    return found


def typed(
    name: str, placeholder: Placeholder, value: Any, currency: str, reader: Reader
) -> Any:
    """A fact as the renderer takes it."""
    if name == "product" and isinstance(value, int) and value in by_id():
        product = by_id()[value]
        return product.name_en if reader.person.language == "en" else product.name_zh
    if placeholder.type == "money" and isinstance(value, int):
        return Money(value, currency)
    if placeholder.type == "date" and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    if placeholder.type == "count" and isinstance(value, str) and value.isdigit():
        return int(value)
    return value
