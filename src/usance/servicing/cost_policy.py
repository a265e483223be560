"""The policy document of costs: reading times, legal caps with their sources, and the sentences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.money import parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.shipped import register
from usance.servicing.products import Product

DOCUMENT = "costs.yaml"
LANGUAGES = ("en", "zh")
Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that borrowing may cost a year all-in: per 10^6, and by which source of law."""

    annual: str
    source: str
    title: Words

    @property
    def rate(self) -> int:
        """Per 10^6."""
        return parse_decimal(self.annual, 6)


@dataclass(frozen=True, slots=True)
class CostPolicy:
    """The document's settings; words by language."""

    reading_seconds: dict[str, int]
    caps: dict[str, Cap]
    late_days: int
    line_example: str
    names: dict[str, Words]
    sentences: dict[str, Words]

    @rule("R-COST-05")
    def cap_of(self, product: Product) -> Cap | None:
        """The lower of the law's cap and the product's own; None where there is neither."""
        law, own = self.caps.get(product.country.upper()), product.settings.get("irr_cap")
        if own is None or (law is not None and parse_decimal(own, 6) >= law.rate):
            return law
        return Cap(own, law.source if law else "", law.title if law else {})


@cache
def cost_policy() -> CostPolicy:
    """The policy in force."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


@rule("R-COST-05")
def policy_in(document: dict[str, Any]) -> CostPolicy:
    """The policy of a document; ``Refused`` for a cap without source or words not there."""
    sources = {each.id: each for each in register().sources}
    caps = {}
    for country, each in document["caps"].items():
        if each["source"] not in sources:
            raise Refused("R-COST-05", "a cap names a source of the register of law", "caps")
        title = sources[each["source"]].title
        caps[country] = Cap(each["annual"], each["source"], title)
    for place in ("names", "sentences"):
        for name, words in document[place].items():
            if any(not words.get(language) for language in LANGUAGES):
                raise Refused("R-COST-05", "words are there in every language", f"{place}.{name}")
    if any(seconds < 1 for seconds in document["reading_seconds"].values()):
        raise Refused("R-COST-04", "reading takes a second at least", "reading_seconds")
    return CostPolicy(
        document["reading_seconds"], caps, document["late_days"], document["line_example"],
        document["names"], document["sentences"],
    )  # fmt: skip
