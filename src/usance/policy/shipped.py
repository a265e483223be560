"""The documents of ``policies/risk``, read: what a book begins with."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import yaml

from usance.policies import texts_of
from usance.policy.checks import Known
from usance.policy.dictionary import Dictionary, dictionary_in
from usance.policy.documents import Policy, PolicySays, policy_in
from usance.policy.reasons import Reasons, reasons_in
from usance.policy.sources import Register, register_in

FOLDER = "risk"
FEATURES, REASONS, SOURCES = "features", "reasons", "sources"


@cache
def _documents() -> dict[str, Any]:
    return {name: yaml.safe_load(text) for name, text in texts_of(FOLDER).items()}


@cache
def dictionary() -> Dictionary:
    """The feature dictionary."""
    return dictionary_in(_documents()[FEATURES])


@cache
def reasons() -> Reasons:
    """What borrowers are told."""
    return reasons_in(_documents()[REASONS])


@cache
def register() -> Register:
    """The register of law."""
    return register_in(_documents()[SOURCES])


def known() -> Known:
    """What policies are held against."""
    return Known(dictionary(), reasons(), {each.id: each for each in register().sources})


def names() -> set[str]:
    """The ids of the policies; nothing is parsed for them."""
    return set(texts_of(FOLDER)) - {FEATURES, REASONS, SOURCES}


@cache
def policies() -> tuple[Policy, ...]:
    """Every policy, by id."""
    return tuple(
        policy_in(_documents()[name], dictionary()) for name in sorted(names())
    )  # fmt: skip


def policy_of(says: PolicySays) -> Policy:
    """What a document says, held against the dictionary. Raises ``Refused``."""
    return policy_in(msgspec.to_builtins(says), dictionary())


def asked_by(name: str) -> tuple[Policy, ...]:
    """The policies that ask for a feature, by id."""
    return tuple(each for each in policies() if name in each.says.inputs)
