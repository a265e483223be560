"""What the policy document says of staff: who needs a second factor, and the reasons to look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.roles import roles

DOCUMENT = "staff.yaml"
INTEGRATION = "integration"
"""The reason of a machine that names none; people cannot give it."""
OPERATOR = "operator"
"""As what somebody looks who is at the command line."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody looks at a person's details, or as what, in both languages."""

    code: str
    name_en: str
    name_zh: str

    def name(self, language: str) -> str:
        """In ``zh`` or ``en``."""
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True, slots=True)
class StaffPolicy:
    """The document, read."""

    required_for_roles: frozenset[str]
    provider_amr: frozenset[str]
    provider_acr: frozenset[str]
    step_up: timedelta
    access: timedelta
    reasons: Mapping[str, Reason]
    operator: Reason

    @rule("R-FACTOR-04")
    def requires_factor(self, roles_of_account: Iterable[str]) -> bool:
        """Whether an account with these roles must have a second factor."""
        return not self.required_for_roles.isdisjoint(roles_of_account)

    @rule("R-FACTOR-05")
    def provider_showed_factor(self, claims: Mapping[str, Any]) -> bool:
        """Whether what the identity provider says of a log-in counts as a second factor."""
        amr = claims.get("amr")
        methods = {each for each in amr if isinstance(each, str)} if isinstance(amr, list) else ()
        return claims.get("acr") in self.provider_acr or not self.provider_amr.isdisjoint(methods)

    def name_of_role(self, code: str, language: str) -> str:
        """A role in ``zh`` or ``en``, as whoever it is was looking; an unknown one as it is."""
        if code == OPERATOR:
            return self.operator.name(language)
        role = roles().get(code)
        if role is None:
            return code
        return role.name_zh if language == "zh" else role.name_en

    def reasons_of_people(self) -> list[Reason]:
        """Those that a member of staff can choose from."""
        return [each for code, each in self.reasons.items() if code != INTEGRATION]


@cache
def staff_policy() -> StaffPolicy:
    """The policy in force."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


def policy_in(document: dict[str, Any]) -> StaffPolicy:
    """The policy of a document; raises ``Refused`` for a role that nobody knows."""
    factor, access = document["second_factor"], document["access"]
    unknown = sorted(set(factor["required_for_roles"]) - roles().keys())
    if unknown:
        where = "second_factor.required_for_roles"
        raise Refused("R-ROLE-02", f"no role is called {unknown[0]}", where)
    return StaffPolicy(
        required_for_roles=frozenset(factor["required_for_roles"]),
        provider_amr=frozenset(factor["provider_amr"]),
        provider_acr=frozenset(factor["provider_acr"]),
        step_up=timedelta(minutes=factor["step_up_minutes"]),
        access=timedelta(minutes=access["minutes"]),
        reasons={c: Reason(c, each["en"], each["zh"]) for c, each in access["reasons"].items()},
        operator=Reason(OPERATOR, access["operator"]["en"], access["operator"]["zh"]),
    )
