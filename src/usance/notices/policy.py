"""``policies/templates.yaml``: bounds, word lists, and what a relative's consent lets through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources

import msgspec
import yaml
from msgspec import Struct

from usance.notices.documents import Language

DOCUMENT = "templates.yaml"


class Lists(Struct, frozen=True, forbid_unknown_fields=True):
    """Words in both languages."""

    en: tuple[str, ...]
    zh: tuple[str, ...]


class Scope(Struct, frozen=True, forbid_unknown_fields=True):
    """Types of placeholders that a scope lets through, and whether an amount may be among them."""

    types: frozenset[str]
    amounts: bool


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """The policy document."""

    effective_on: date
    segments_max: int
    signature: Mapping[Language, str]
    lengths: Mapping[str, int]
    emoji: frozenset[str]
    bills: frozenset[str]
    shorteners: frozenset[str]
    personal: tuple[str, ...]
    scopes: Mapping[str, Scope]
    threats: Lists
    demands: Mapping[str, Lists]


@cache
def template_policy() -> Policy:
    """The policy document."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), Policy)
