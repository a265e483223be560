"""The feature dictionary: everything that a decision may ask for, and what it means.

A feature is a whole number with a unit. Its entry says where it comes from, what it means in plain
words, within what it lies, and what a decision does where nobody has it: a missing value is never
silently false.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule

INTEGER, CHOICE, YES_NO = "integer", "choice", "yes_no"
DAYS, MONTHS, PERCENT, MONEY = "days", "months", "percent", "money"
REFUSE, TABLE = "refuse", "table"
HOUSEHOLD = "household"

Type = Literal["integer", "choice", "yes_no"]
Unit = Literal["", "count", "days", "months", "percent", "money", "points"]
Source = Literal[
    "book", "score", "declared", "identity", "income", "bureau", "device", "household", "policy"
]
Better = Literal["", "higher", "lower"]


class Feature(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry.

    ``least`` to ``most``: within what values lie, in the unit's smallest part (minor units of
    money, hundredths of a percent). ``missing``: ``refuse`` to decide, leave it to the ``table``,
    or take this value. ``better``: which direction is to a borrower's credit. ``protected``: an
    attribute that no decision may ask for; ``proxy_of``: those that it is known to stand for.
    """

    name: str
    type: Type
    source: Source
    meaning: dict[str, str]
    missing: Literal["refuse", "table"] | int
    unit: Unit = ""
    of: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    better: Better = ""
    protected: bool = False
    proxy_of: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[tuple[int, int], ...]:
        """All values that somebody may have."""
        if self.type == YES_NO:
            return ((0, 1),)
        if self.type == CHOICE:
            return ((0, len(self.of) - 1),)
        return ((self.least, self.most),)


Dictionary = Mapping[str, Feature]


class _Given(Struct, frozen=True, forbid_unknown_fields=True):
    features: tuple[Feature, ...]


@rule("R-POLICY-01")
def dictionary_in(document: Any) -> Dictionary:
    """A dictionary, as its document says it. Raises ``Refused``."""
    try:
        given = msgspec.convert(document, _Given)
    except msgspec.ValidationError as error:
        raise Refused("R-POLICY-01", without_values(str(error)), "features") from error
    found: dict[str, Feature] = {}
    for each in given.features:
        if each.name in found:
            raise Refused("R-POLICY-01", f"{each.name} stands there twice", each.name)
        if wrong := unsound(each):
            raise Refused("R-POLICY-01", f"{each.name}: {wrong}", each.name)
        found[each.name] = each
    for each in found.values():
        for name in each.proxy_of:
            if name not in found or not found[name].protected:
                detail = f"{each.name} stands for {name}, which is not protected"
                raise Refused("R-POLICY-01", detail, each.name)
    return found


def unsound(feature: Feature) -> str:
    """What is wrong with an entry; nothing: an empty text."""
    if set(feature.meaning) != {"en", "zh"} or not all(feature.meaning.values()):
        return "its meaning is said in en and zh"
    if (feature.type == CHOICE) != bool(feature.of) or len(set(feature.of)) < len(feature.of):
        return "a choice, and nothing else, has its choices, each once"
    if feature.type == INTEGER and feature.least >= feature.most:
        return "a number lies from `least` to `most`"
    if (feature.type == INTEGER) != bool(feature.unit):
        return "a number, and nothing else, has a unit"
    taken = feature.missing
    if isinstance(taken, int) and not any(low <= taken <= high for low, high in feature.values):
        return "what is taken where a value is missing is one of its values"
    return ""
