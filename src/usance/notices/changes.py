"""What differs between two versions of a template, in words: for the one who is to agree. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from usance.core.rules import rule
from usance.notices.documents import TemplateDocument

LEFT_OUT = ("id", "version")


class Difference(Struct, frozen=True):
    """Where something changed, what it said before, and what it says now; empty for nothing."""

    where: str
    old: str
    new: str


@rule("R-TEMPLATE-17")
def differences(old: TemplateDocument | None, new: TemplateDocument) -> list[Difference]:
    """Every channel, language, placeholder and date that changed; all of a first version."""
    before = {} if old is None else dict(leaves(msgspec.to_builtins(old)))
    after = dict(leaves(msgspec.to_builtins(new)))
    return [
        Difference(where, before.get(where, ""), after.get(where, ""))
        for where in [*after, *(each for each in before if each not in after)]
        if before.get(where, "") != after.get(where, "") and where not in LEFT_OUT
    ]


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Names in their order, separated by spaces, with what stands there."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves(each, f"{where} {name}".lstrip())
    elif isinstance(value, list):
        yield where, ", ".join(value)
    elif isinstance(value, bool):
        yield where, "yes" if value else "no"
    elif value is not None:
        yield where, str(value)
