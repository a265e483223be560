"""Types of placeholders: what a value must be, and how it is written in a language.

A value is never trusted. A name comes from people: whatever could open a placeholder, begin a link,
turn the direction of writing or break a line is taken out of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from usance.core.money import AMOUNT_MAX, DECIMALS, RATE_ONE, format_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices.documents import Language, Placeholder

NAME_MAX = 40
RULE = "--------"
"""Between the texts of several notices."""
COUNT_MAX = 999_999
DIGITS_IN_A_NAME = 4
MARKS_IN_A_ROW = 2
KEPT = set(" '’-·.&")
"""What a name has beside letters, marks and a few digits."""
DOT = re.compile(r"\.(?=\S)")
CODE = re.compile(r"[A-Z0-9]{4,20}", re.ASCII)
PHONE = re.compile(r"\+?[0-9](?:[0-9-]|(?<! ) ){1,17}[0-9]", re.ASCII)
IN_CHINESE = {
    "CNY": "元", "USD": "美元", "EUR": "欧元", "GBP": "英镑", "HKD": "港元", "TWD": "新台币",
    "SGD": "新加坡元", "JPY": "日元",
}  # fmt: skip
PERCENT_DECIMALS = 6
"""A rate per 10^8 is a percentage per 10^6."""


class Money(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units of a currency."""

    amount: int
    currency: str


class _Wrong(Exception):
    """A value is not of its type; says what that would be."""


@rule("R-TEMPLATE-03")
def said(name: str, placeholder: Placeholder, value: Any, language: Language) -> str:
    """A value as it is written in a language. Raises ``Refused`` for one of another type."""
    try:
        if placeholder.type == "choice":
            return _choice(placeholder, value, language)
        return WRITTEN[placeholder.type](value, language)
    except _Wrong as wrong:
        raise Refused("R-TEMPLATE-03", str(wrong), name) from wrong


@rule("R-TEMPLATE-05")
def _money(value: Any, language: Language) -> str:
    """``CNY 1,234.50`` or ``1,234.50 元``."""
    if not isinstance(value, Money) or value.currency not in DECIMALS:
        raise _Wrong("an amount of a known currency is needed")
    if not _is_whole(value.amount, AMOUNT_MAX):
        raise _Wrong("an amount is a whole number of minor units, not below zero")
    digits = format_decimal(value.amount, DECIMALS[value.currency])
    whole, dot, fraction = digits.partition(".")
    grouped = f"{int(whole):,}{dot}{fraction}"
    if language == "en":
        return f"{value.currency} {grouped}"
    return f"{grouped} {IN_CHINESE.get(value.currency, value.currency)}"


@rule("R-TEMPLATE-05")
def _date(value: Any, language: Language) -> str:
    """``2026-11-27`` or ``2026年11月27日``."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _Wrong("a day is needed")
    if language == "en":
        return value.isoformat()
    return f"{value.year}年{value.month}月{value.day}日"


def _count(value: Any, _language: Language) -> str:
    if not _is_whole(value, COUNT_MAX):
        raise _Wrong(f"a whole number up to {COUNT_MAX} is needed")
    return str(value)


def _percent(value: Any, _language: Language) -> str:
    """A rate per 10^8."""
    if not _is_whole(value, 100 * RATE_ONE):
        raise _Wrong("a rate per 10^8 is needed")
    return f"{format_decimal(value, PERCENT_DECIMALS).rstrip('0').rstrip('.')}%"


@rule("R-TEMPLATE-05")
def _code(value: Any, _language: Language) -> str:
    """Up to six characters as they are, longer ones in groups of five."""
    if not isinstance(value, str) or not CODE.fullmatch(value):
        raise _Wrong("a code has 4 to 20 capital letters and digits")
    if len(value) <= 6:
        return value
    return "-".join(value[n : n + 5] for n in range(0, len(value), 5))


def _phone(value: Any, _language: Language) -> str:
    if not isinstance(value, str) or not PHONE.fullmatch(value):
        raise _Wrong("a telephone number is needed")
    return value


def _name(value: Any, _language: Language) -> str:
    """A name, made harmless."""
    if not isinstance(value, str):
        raise _Wrong("a name is needed")
    plain = harmless(value)
    if not any(unicodedata.category(each)[0] == "L" for each in plain):
        raise _Wrong("a name has a letter")
    return plain


def _masked(value: Any, language: Language) -> str:
    """A name's first letter."""
    plain = _name(value, language)
    return next(each for each in plain if unicodedata.category(each)[0] == "L") + "**"


def _choice(placeholder: Placeholder, value: Any, language: Language) -> str:
    words = placeholder.choices.get(value) if isinstance(value, str) else None
    if words is None or language not in words:
        raise _Wrong("one of the declared choices is needed")
    return words[language]


@rule("R-TEMPLATE-04")
def harmless(name: str) -> str:
    """A name without anything that is none: controls, directions, braces, links, numbers, pictures.

    Compatibility forms are unified first, so that a full-width dot is a dot. Cut to a length.
    """
    plain = unicodedata.normalize("NFKC", name[: 8 * NAME_MAX])
    kept = [each if _belongs(each) else " " for each in plain if not _invisible(each)]
    if sum(each.isdecimal() for each in kept) > DIGITS_IN_A_NAME:
        kept = [" " if each.isdecimal() else each for each in kept]
    whole = DOT.sub("·", " ".join("".join(_few_marks(kept)).split()))
    return whole[:NAME_MAX].strip(" .·-'’&")


def _belongs(sign: str) -> bool:
    """Letters, their marks, digits, and what joins names."""
    return sign in KEPT or unicodedata.category(sign)[0] in "LM" or sign.isdecimal()


def _invisible(sign: str) -> bool:
    """What shows nothing: it falls out; a line break becomes a space."""
    return unicodedata.category(sign) == "Cf"


def _few_marks(signs: list[str]) -> list[str]:
    """At most two marks on a letter, none without one."""
    found: list[str] = []
    row = MARKS_IN_A_ROW
    for sign in signs:
        is_mark = unicodedata.category(sign)[0] == "M"
        row = row + 1 if is_mark else (0 if sign.isalpha() else MARKS_IN_A_ROW)
        if not is_mark or row <= MARKS_IN_A_ROW:
            found.append(sign)
    return found


@rule("R-DIGEST-03")
def _texts(value: Any, _language: Language) -> str:
    """Texts of other notices, each under its heading; they were rendered before."""
    if not isinstance(value, tuple) or not value or not all(
        isinstance(each, tuple) and len(each) == 2 and all(isinstance(part, str) for part in each)
        for each in value
    ):  # fmt: skip
        raise _Wrong("headings and texts are needed")
    return f"\n\n{RULE}\n".join(f"{heading}\n{text}" for heading, text in value)


def _is_whole(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


WRITTEN: dict[str, Callable[[Any, Language], str]] = {
    "money": _money, "date": _date, "count": _count, "percent": _percent, "code": _code,
    "phone": _phone, "name": _name, "masked_name": _masked, "texts": _texts,
}  # fmt: skip
