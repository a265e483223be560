"""Roles of staff as the policy document says: each gives permissions, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.permissions import SCOPES, STAFF_ONLY

DOCUMENT = "roles.yaml"


@dataclass(frozen=True, slots=True)
class Role:
    """What a member of staff may do by one of their roles."""

    code: str
    name_en: str
    name_zh: str
    may: frozenset[str]


@cache
def roles() -> dict[str, Role]:
    """Every role by its code."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return roles_in(yaml.safe_load(text))


@rule("R-ROLE-01")
def roles_in(document: dict[str, Any]) -> dict[str, Role]:
    """The roles of a document; raises ``Refused`` for a permission that nobody knows."""
    found = {}
    for code, each in document["roles"].items():
        may = frozenset(flat(each["may"]))
        unknown = sorted(may - SCOPES - STAFF_ONLY)
        if unknown:
            raise Refused("R-ROLE-01", f"no permission is called {unknown[0]}", f"roles.{code}.may")
        found[code] = Role(code, each["name"]["en"], each["name"]["zh"], may)
    return found


def flat(items: Iterable[Any]) -> list[str]:
    """Names, and lists of names, as one list."""
    found: list[str] = []
    for each in items:
        found += flat(each) if isinstance(each, list) else [str(each)]
    return found


@rule("R-ROLE-02")
def known(codes: Iterable[str]) -> list[str]:
    """Codes of roles, sorted, each once; raises ``Refused`` for none, or one that nobody knows."""
    wanted = sorted(set(codes))
    if not wanted or not roles().keys() >= set(wanted):
        raise Refused("R-ROLE-02", f"roles are of {', '.join(roles())}", "role")
    return wanted


def that_give(permission: str) -> list[str]:
    """Codes of the roles that give a permission."""
    return [code for code, role in roles().items() if permission in role.may]


def permissions_of(codes: Iterable[str]) -> frozenset[str]:
    """What these roles give together; one that is no longer known gives nothing."""
    known_roles = roles()
    return frozenset().union(*(known_roles[each].may for each in codes if each in known_roles))
