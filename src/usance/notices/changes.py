"""What differs between two versions of a template, in words: for the one who is to agree. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
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
    return compared(None if old is None else msgspec.to_builtins(old), msgspec.to_builtins(new))


@rule("R-TEMPLATE-17")
def compared(old: Any, new: Any) -> list[Difference]:
    """What differs between two documents as JSON has them."""
    before = {} if old is None else dict(leaves(old))
    after = dict(leaves(new))
    return [
        Difference(where, before.get(where, ""), after.get(where, ""))
        for where in [*after, *(each for each in before if each not in after)]
        if before.get(where, "") != after.get(where, "") and where not in LEFT_OUT
    ]


SAME, GONE, CAME = "same", "gone", "came"


@rule("R-TEMPLATE-17")
def lines(change: Difference) -> list[tuple[str, str]]:
    """A change line by line: which stayed, which is gone, which came."""
    old, new = (each.split("\n") if each else [] for each in (change.old, change.new))
    found: list[tuple[str, str]] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found += [(SAME, each) for each in old[a:b]]
        else:
            found += [(GONE, each) for each in old[a:b]] + [(CAME, each) for each in new[c:d]]
    return found


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
