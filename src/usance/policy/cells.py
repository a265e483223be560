"""Conditions as sets of whole numbers: written and read with their units.

Everything that a table asks is a whole number: money in minor units, shares in hundredths of a
percent, days, answers (0, 1), choices by their place. So a condition is a few intervals, and what
a table leaves out can be proved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from usance.core.money import DECIMALS, format_decimal, parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.dictionary import CHOICE, DAYS, MONEY, MONTHS, PERCENT, TABLE, YES_NO, Feature

MISSING = -(2**63)
"""Stands for a value that nobody has. No interval of values has it."""
Span: TypeAlias = tuple[int, int]
Cell: TypeAlias = tuple[Span, ...]
"""Intervals with both ends, in order and apart from each other."""
NOTHING: Cell = ()
UNKNOWN: Cell = ((MISSING, MISSING),)

LITERAL = r"(?P<{0}>-?\d[\d,]*(?:\.\d+)?)\s*(?P<{0}_unit>%|[A-Za-z]+)?"
COMPARED = re.compile(r"(?P<sign><=|>=|<|>)\s*" + LITERAL.format("value"))
BETWEEN = re.compile(LITERAL.format("low") + r"\s*\.\.\s*" + LITERAL.format("high"))
ALONE = re.compile(LITERAL.format("value"))
WORDS = {DAYS: ("days", "day"), MONTHS: ("months", "month"), PERCENT: ("%",)}
HUNDREDTHS = 2
"""Digits of a percentage after its point; amounts have as many as their currency."""


@rule("R-POLICY-03")
def cell_of(given: Any, feature: Feature, currency: str) -> Cell:
    """A condition as it stands in a document. Raises ``Refused``."""
    if isinstance(given, list):
        if not given:
            raise _unfit(feature, given, "a list of conditions has at least one")
        return united(span for each in given for span in cell_of(each, feature, currency))
    if isinstance(given, dict):
        return _other_than(given, feature, currency)
    if given == "missing":
        if feature.missing != TABLE:
            raise _unfit(feature, given, "the dictionary does not leave that to a table")
        return UNKNOWN
    found = _of_values(given, feature, currency)
    allowed = within(found, feature.values)
    if allowed != found:
        raise _unfit(feature, given, f"{feature.name} lies from {feature.least} to {feature.most}")
    return found


def _other_than(given: dict[str, Any], feature: Feature, currency: str) -> Cell:
    """``{not: ...}``: all values but those."""
    if set(given) != {"not"}:
        raise _unfit(feature, given, "only `not` is known beside plain conditions")
    return without(feature.values, cell_of(given["not"], feature, currency))


def _of_values(given: Any, feature: Feature, currency: str) -> Cell:
    if feature.type == YES_NO:
        if not isinstance(given, bool):
            raise _unfit(feature, given, "a question is answered by true or false")
        return ((int(given), int(given)),)
    if isinstance(given, bool):
        raise _unfit(feature, given, "true and false answer a question")
    if feature.type == CHOICE:
        if given not in feature.of:
            raise _unfit(feature, given, f"the choices are {', '.join(feature.of)}")
        place = feature.of.index(given)
        return ((place, place),)
    text = str(given).strip()
    if match := COMPARED.fullmatch(text):
        return _compared(match, feature, currency)
    if match := BETWEEN.fullmatch(text):
        low, high = (_number(match, name, feature, currency) for name in ("low", "high"))
        if low > high:
            raise _unfit(feature, given, "an interval begins before it ends")
        return ((low, high),)
    if match := ALONE.fullmatch(text):
        value = _number(match, "value", feature, currency)
        return ((value, value),)
    raise _unfit(feature, given, "a condition is `< 5`, `3 .. 7`, `5`, a list, or `missing`")


def _compared(match: re.Match[str], feature: Feature, currency: str) -> Cell:
    value = _number(match, "value", feature, currency)
    low, high = feature.least, feature.most
    ends = {"<": (low, value - 1), "<=": (low, value), ">": (value + 1, high), ">=": (value, high)}
    found = ends[match["sign"]]
    if found[0] > found[1] or not low <= value <= high:
        raise _unfit(feature, match[0], f"{feature.name} lies from {low} to {high}")
    return (found,)


@rule("R-POLICY-03")
def number_of(text: str, feature: Feature, currency: str) -> int:
    """A value with its unit, as the whole number that it stands for. Raises ``Refused``."""
    match = ALONE.fullmatch(text.strip())
    if match is None:
        raise _unfit(feature, text, "a value is a number with its unit")
    return _number(match, "value", feature, currency)


def _number(match: re.Match[str], name: str, feature: Feature, currency: str) -> int:
    unit, text = match[f"{name}_unit"] or "", match[name]
    wanted = (currency,) if feature.unit == MONEY else WORDS.get(feature.unit, ("",))
    if unit not in wanted:
        raise _unfit(feature, match[0], f"its unit is {wanted[0] or 'none'}")
    try:
        return parse_decimal(text.replace(",", ""), _places(feature, currency))
    except ValueError as error:
        raise _unfit(feature, match[0], str(error)) from error


def _places(feature: Feature, currency: str) -> int:
    """Digits after the point."""
    return {MONEY: DECIMALS[currency], PERCENT: HUNDREDTHS}.get(feature.unit, 0)


def _unfit(feature: Feature, given: Any, why: str) -> Refused:
    detail = f"{str(given)[:60]!r} does not fit {feature.name}: {why}"
    return Refused("R-POLICY-03", detail, feature.name)


# -- sets ------------------------------------------------------------------------------------------


def united(spans: Iterable[Span]) -> Cell:
    """The same values, in order and without seams."""
    found: list[Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)


def within(one: Cell, other: Cell) -> Cell:
    """What both have."""
    return united(
        (max(low, least), min(high, most))
        for low, high in one for least, most in other if max(low, least) <= min(high, most)
    )  # fmt: skip


def without(one: Cell, other: Cell) -> Cell:
    """What the first has and the second has not."""
    left = list(one)
    for least, most in other:
        left = [
            (low, high)
            for start, end in left
            for low, high in ((start, min(end, least - 1)), (max(start, most + 1), end))
            if low <= high
        ]
    return united(left)


def has(cell: Cell, value: int) -> bool:
    """Whether a value is one of them."""
    return any(low <= value <= high for low, high in cell)


def borders(cells: Iterable[Cell]) -> list[int]:
    """Where anything begins, or has ended: between two of these all cells answer alike."""
    return sorted({edge for cell in cells for low, high in cell for edge in (low, high + 1)})


# -- words -----------------------------------------------------------------------------------------


def said(cell: Cell, feature: Feature, currency: str) -> str:
    """A condition as it would be written; reading it gives the same."""
    parts = [_said(span, feature, currency) for span in cell]
    return " or ".join(parts) if parts else "never"


def _said(span: Span, feature: Feature, currency: str) -> str:
    low, high = span
    if low == MISSING:
        return "missing"
    if feature.type == CHOICE:
        return ", ".join(feature.of[low : high + 1])
    if feature.type == YES_NO:
        return {(0, 0): "false", (1, 1): "true"}.get(span, "false, true")
    if span == (feature.least, feature.most):
        return "any value"
    start, end = (value_said(each, feature, currency) for each in span)
    if low == high:
        return start
    if low == feature.least:
        return f"<= {end}"
    return f">= {start}" if high == feature.most else f"{start} .. {end}"


def value_said(value: int, feature: Feature, currency: str) -> str:
    """A value with its unit."""
    if value == MISSING:
        return "missing"
    if feature.type == CHOICE:
        return feature.of[value]
    if feature.type == YES_NO:
        return "true" if value else "false"
    names = (currency,) if feature.unit == MONEY else WORDS.get(feature.unit, ("",))
    unit = names[-1] if value == 1 else names[0]
    plain = format_decimal(value, _places(feature, currency))
    if feature.unit == PERCENT:
        plain = plain.rstrip("0").rstrip(".")
    return f"{plain} {unit}".rstrip()
