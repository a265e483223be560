"""Reasons in plain words: what a borrower is told, and which features it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule

MOST = 4
"""More are not likely to help. Source: 12 CFR 1002.9, comment 9(b)(2)-1."""


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """One reason; of the features that it is ``about`` the first is what it is told of.

    ``helps``: what would change it, where somebody can do something.
    """

    id: str
    about: tuple[str, ...]
    en: str
    zh: str
    helps: dict[str, str] = {}


Reasons = Mapping[str, Reason]


class _Given(Struct, frozen=True, forbid_unknown_fields=True):
    reasons: tuple[Reason, ...]


@rule("R-POLICY-12")
def reasons_in(document: Any) -> Reasons:
    """The reasons of a document, by id. Raises ``Refused``."""
    try:
        given = msgspec.convert(document, _Given)
    except msgspec.ValidationError as error:
        raise Refused("R-POLICY-12", without_values(str(error)), "reasons") from error
    found = {each.id: each for each in given.reasons}
    if len(found) < len(given.reasons):
        raise Refused("R-POLICY-12", "two reasons have one id", "reasons")
    for each in given.reasons:
        said = each.about and each.en and each.zh
        if not said or (each.helps and set(each.helps) != {"en", "zh"}):
            detail = f"{each.id} is said in en and zh, and of some feature"
            raise Refused("R-POLICY-12", detail, each.id)
    return found
