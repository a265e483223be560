"""The policy document of facts: who may record what on which ground, and how long it is good."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule

DOCUMENT = "facts.yaml"
BUREAU = "bureau"
CONSENT = "consent"
CHANNEL = "inquiry"
"""The way that consents of facts are about: nobody is told anything, something is looked up."""


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What holds for a source from a day on."""

    source: Literal["identity", "declared", "income", "bureau", "household"]
    effective_on: date
    days: int
    ground: Literal["contract", "law", "consent"]
    law: str
    by: tuple[Literal["staff", "machine", "bureau"], ...]
    purpose: str = ""
    scope: str = ""
    both_sides: bool = False


class Patience(Struct, frozen=True, forbid_unknown_fields=True):
    """How a bureau is asked."""

    answer_seconds: int
    attempts: int
    first_delay_seconds: int
    answer_bytes: int


class FactPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """The document."""

    rows: tuple[Row, ...]
    bureau: Patience

    def row(self, source: str, on: date) -> Row | None:
        """What holds for a source on a day."""
        return newest((each for each in self.rows if each.source == source), on)

    def scopes(self) -> list[tuple[str, str]]:
        """(source, scope) of those that rest on a consent, as of any row there is."""
        return sorted({(each.source, each.scope) for each in self.rows if each.purpose})


def newest(rows: Iterable[Row], on: date) -> Row | None:
    """The newest that is effective on a day."""
    begun = [each for each in rows if each.effective_on <= on]
    return max(begun, key=lambda each: each.effective_on, default=None)


@rule("R-FACT-04")
def policy_in(document: Any) -> FactPolicy:
    """The policy of a document. Raises ``Refused``."""
    try:
        found = msgspec.convert(document, FactPolicy)
    except msgspec.ValidationError as error:
        raise Refused("R-FACT-04", without_values(str(error)), "facts") from error
    for each in found.rows:
        if each.days < 1 or not each.by:
            detail = "it is good for a day at least, and somebody records it"
            raise Refused("R-FACT-04", detail, each.source)
        if (each.ground == CONSENT) != bool(each.purpose and each.scope):
            detail = "who rests on a consent, and nobody else, names its purpose and scope"
            raise Refused("R-FACT-04", detail, each.source)
    return found


@cache
def fact_policy() -> FactPolicy:
    """The policy that comes with the book."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


def sources_text() -> str:
    """The sources of which somebody records facts."""
    return ", ".join(sorted({each.source for each in fact_policy().rows}))
