"""Words that no notice has, and words that a relative never reads. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

from usance.core.rules import rule
from usance.notices.links import plain
from usance.notices.policy import Lists, Policy

AMOUNT = re.compile(
    r"[¥￥$€£]|\d[\d,.]*\s*(?:元|块|万|cny|rmb|usd|yuan)|\b(?:cny|rmb|usd)\s*\d", re.IGNORECASE
)
JOINED = re.compile(r"[\W_]+")


def found_in(text: str, lists: Lists) -> Iterator[str]:
    """Words of a list that a text has."""
    seen = plain(text).casefold()
    squeezed = JOINED.sub("", seen)
    yield from (each for each in lists.zh if each in squeezed)
    yield from (each[0] for each in _whole_words(lists.en).finditer(seen))


@cache
def _whole_words(words: tuple[str, ...]) -> re.Pattern[str]:
    spaced = (r"[\W_]+".join(re.escape(part) for part in each.split()) for each in words)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(spaced)})(?![^\W_])")


@rule("R-TEMPLATE-09")
def threats(text: str, policy: Policy) -> list[str]:
    """What would frighten somebody."""
    return sorted(set(found_in(text, policy.threats)))


@rule("R-TEMPLATE-09")
def demands(text: str, scope: str, policy: Policy) -> list[str]:
    """What would ask something of a relative, or say more than the scope of the consent."""
    lists = [policy.demands["all"], *filter(None, [policy.demands.get(scope)])]
    return sorted({word for each in lists for word in found_in(text, each)})


@rule("R-TEMPLATE-10")
def amounts(text: str) -> list[str]:
    """Amounts that are written out, where a placeholder would be counted."""
    return [each[0] for each in AMOUNT.finditer(unicodedata.normalize("NFKC", text))]


@rule("R-TEMPLATE-14")
def odd_signs(text: str, allowed: Iterable[str]) -> list[str]:
    """Signs by their code points: controls but line breaks, directions, pictures, other forms."""
    found = []
    for sign in text:
        category = unicodedata.category(sign)
        bad = category[0] == "C" or category in ("So", "Zl", "Zp", "Sk") or sign == "\ufe0f"
        if bad and sign != "\n" and sign not in set(allowed):
            found.append(f"U+{ord(sign):04X}")
    return found
