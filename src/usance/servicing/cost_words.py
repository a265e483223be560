"""How a cost sheet says what it has worked out: sentences of the policy document, both languages.

A sheet keeps its sentences as they were shown, so that years later nobody has to guess from a newer
document what somebody read.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from usance.core.rules import rule
from usance.servicing.cost_policy import LANGUAGES, cost_policy

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
HUNDREDTH = Decimal("0.01")


class Amount(str):
    """A decimal string with its currency, as it stands in a sentence."""


class Share(str):
    """A rate as a decimal string, said in percent."""


class Day(str):
    """A day as YYYY-MM-DD, said in words."""


class Source(dict[str, str]):
    """A title by language."""


@rule("R-COST-01")
def sentence(code: str, currency: str, **values: Any) -> dict[str, str]:
    """One sentence in every language, with the rule that it serves."""
    words = cost_policy().sentences[code]
    said = {"code": code, "rule": words["rule"]}
    for language in LANGUAGES:
        given = {name: spoken(value, currency, language) for name, value in values.items()}
        said[language] = words[language].format(**given)
    return said


def spoken(value: Any, currency: str, language: str) -> str:
    """A value as a language says it."""
    if isinstance(value, Amount):
        own = "元" if currency == "CNY" and language == "zh" else f" {currency}"
        return f"{Decimal(value):,f}{own}"
    if isinstance(value, Share):
        return percent(value)
    if isinstance(value, Day):
        return day_in_words(value, language)
    if isinstance(value, Source):
        return value.get(language, "")
    return str(value)


def percent(rate: str) -> str:
    """0.146776 is 14.68 %, and 0.000425 is 0.0425 %: small ones keep two places more."""
    number = Decimal(rate) * 100
    if abs(number) >= 1 or number == number.quantize(HUNDREDTH):
        return f"{number.quantize(HUNDREDTH, ROUND_HALF_EVEN):f} %"
    return f"{number.quantize(HUNDREDTH / 100, ROUND_HALF_EVEN).normalize():f} %"


def day_in_words(day: str, language: str) -> str:
    """1 March 2026, 2026年3月1日."""
    found = date.fromisoformat(day)
    if language == "zh":
        return f"{found.year}年{found.month}月{found.day}日"
    return f"{found.day} {MONTHS[found.month - 1]} {found.year}"
