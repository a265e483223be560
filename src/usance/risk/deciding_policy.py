"""The policy document of deciding: which policy decides what, and before which acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.refusals import Refused
from usance.core.rules import rule

OPEN, LIMIT, DRAW, TIER, EXTENSION = "open", "limit", "draw", "tier", "extension"
KINDS = (OPEN, LIMIT, DRAW, TIER, EXTENSION)
ANY = "any"
ACTS = (OPEN, LIMIT, DRAW, EXTENSION)
"""What an act of servicing can wait for."""


@dataclass(frozen=True, slots=True)
class DecidingPolicy:
    """``policies``: ids by currency and kind. ``before``: acts that are decided by themselves."""

    policies: Mapping[str, Mapping[str, str]]
    scorecard: str
    before: frozenset[str]
    rights: Mapping[str, Mapping[str, str]]
    """By currency: ``source`` by its id in the register of law, and the words in en and zh."""

    @rule("R-DECIDE-05")
    def policy_for(self, currency: str, kind: str) -> str:
        """The id of the policy that decides it in a book of this currency. Raises ``Refused``."""
        found = self.policies.get(currency, {}).get(kind)
        if found is None:
            raise Refused("R-DECIDE-05", "no policy decides that in this book", "kind")
        return found

    @rule("R-DECIDE-08")
    def rights_in(self, currency: str) -> Mapping[str, str]:
        """What a borrower of a book in this currency is told of being decided upon by a machine."""
        return self.rights.get(currency) or self.rights[ANY]


@cache
def deciding_policy() -> DecidingPolicy:
    """The one that is packed with usance."""
    text = resources.files("usance.policies").joinpath("deciding.yaml").read_text("utf-8")
    return deciding_policy_in(yaml.safe_load(text))


def deciding_policy_in(document: dict[str, Any]) -> DecidingPolicy:
    """The policy of a document; ValueError for one that cannot be."""
    policies, before = document["policies"], document["before"]
    for currency, kinds in policies.items():
        if set(kinds) != set(KINDS):
            raise ValueError(f"deciding: {currency} says which policy decides each of {KINDS}")
    if set(before) != set(ACTS) or not all(isinstance(each, bool) for each in before.values()):
        raise ValueError(f"deciding: `before` says true or false of each of {ACTS}")
    rights = document["rights"]
    if ANY not in rights or any(set(each) != {"source", "en", "zh"} for each in rights.values()):
        raise ValueError("deciding: rights are said in en and zh with their source, and for `any`")
    acts = frozenset(name for name, each in before.items() if each)
    return DecidingPolicy(policies, document["scorecard"], acts, rights)
