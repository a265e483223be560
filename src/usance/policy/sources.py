"""The register of law: what each source says, since when, and which limits it sets.

Rules and policies name their sources by the register's ids. A change of law is an entry here; what
it touches is found by these names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused, without_values
from usance.core.rules import rule
from usance.policy.documents import Policy

FORM = "R-POLICY-08"


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """One text of law, or of whoever else binds a lender.

    ``limits``: numbers that it sets, by our words, as a policy would write them. ``cited_as``: how
    rules name it in words. ``ended_on``: from that day on it does not hold.
    """

    id: str
    jurisdiction: str
    title: dict[str, str]
    says: str
    in_force_on: date
    checked_on: date
    ended_on: date | None = None
    limits: dict[str, str] = {}
    cited_as: tuple[str, ...] = ()

    def holds_on(self, day: date) -> bool:
        """Whether it is law that day."""
        return self.in_force_on <= day and (self.ended_on is None or day < self.ended_on)


class Change(Struct, frozen=True, forbid_unknown_fields=True):
    """A change of law, and what was done about it."""

    since: date
    sources: tuple[str, ...]
    what: str
    done: str


Sources = Mapping[str, Source]


class Register(Struct, frozen=True, forbid_unknown_fields=True):
    """Sources, and how they changed."""

    sources: tuple[Source, ...]
    changes: tuple[Change, ...] = ()


@rule(FORM)
def register_in(document: Any) -> Register:
    """The register as its document says it. Raises ``Refused``."""
    try:
        found = msgspec.convert(document, Register)
    except msgspec.ValidationError as error:
        raise Refused(FORM, without_values(str(error)), "sources") from error
    known = [each.id for each in found.sources]
    if len(set(known)) < len(known):
        raise Refused(FORM, "two sources have one id", "sources")
    for change in found.changes:
        if not set(change.sources) <= set(known):
            raise Refused(FORM, "a change names a source that is not in the register", "changes")
    return found


@rule(FORM)
def touched(source: Source, policies: Iterable[Policy], rules: Mapping[str, str]) -> list[str]:
    """What rests on a source: ids of policies, then of rules. ``rules``: their sources in words."""
    by_policy = [
        each.name for each in policies
        if source.id in each.says.sources or any(source.id == g.source for g in each.guards)
    ]  # fmt: skip
    by_rule = [
        name for name, words in rules.items() if any(cited in words for cited in source.cited_as)
    ]
    return by_policy + by_rule
