"""Drafts of templates to break in one place at a time."""

from __future__ import annotations

from datetime import date
from typing import Any

from usance.core.refusals import Refusal
from usance.notices.documents import TemplateDocument, document_in
from usance.notices.lints import findings
from usance.notices.policy import template_policy
from usance.notices.values import Money

POLICY = template_policy()
TODAY = date(2026, 11, 27)


def words(zh: str, en: str, **more: Any) -> dict[str, Any]:
    """Both languages."""
    return {"zh-CN": {"text": zh} | more, "en": {"text": en} | more}


def draft(**changed: Any) -> dict[str, Any]:
    """A good draft, with some parts in the place of others."""
    return {
        "id": "hello", "version": 1, "event": "repayment.booked", "purpose": "servicing",
        "audience": "borrower", "effective_on": "2026-12-01",
        "placeholders": {"amount": {"type": "money"}},
        "channels": {"sms": words("收到{amount}。", "We received {amount}.")},
    } | changed  # fmt: skip


def saying(zh: str, en: str = "", **changed: Any) -> dict[str, Any]:
    """A draft that says this and needs no value."""
    spoken = words(zh, en or zh)
    return draft(placeholders={}, channels={"sms": spoken}) | changed


def family(zh: str, en: str, scope: str = "overdue", **changed: Any) -> dict[str, Any]:
    """A draft for a relative."""
    whose = {"audience": "family_member", "purpose": "family", "scope": scope}
    return saying(zh, en, **whose) | changed


def bill(**changed: Any) -> dict[str, Any]:
    """A draft of a bill reminder."""
    spoken = words("今天应还。核对码 {code}。", "Due today. Check code {code}.")
    placed = {"code": {"type": "code"}}
    return draft(event="due.reminder", placeholders=placed, channels={"sms": spoken}) | changed


def document(**changed: Any) -> TemplateDocument:
    """A good draft as a document."""
    return document_in(draft(**changed))


def found(plain: dict[str, Any]) -> list[Refusal]:
    """What is wrong with a draft."""
    return findings(document_in(plain), POLICY)


def rules_of(plain: dict[str, Any]) -> set[str]:
    """By which rules something is wrong with a draft."""
    return {each.rule for each in found(plain)}


GOOD: dict[str, Any] = {
    "money": Money(123_450, "CNY"), "date": TODAY, "count": 3, "name": "Wang", "code": "ABCDEFGHJK",
    "masked_name": "Wang", "percent": 14_400_000, "phone": "400-820-8820",
}  # fmt: skip
"""A value of each type but choices."""
