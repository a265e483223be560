"""What is known of a borrower when something is decided, and where each of it comes from.

Whoever knows something is a ``Source``: the book, facts that were brought in, earlier decisions. A
snapshot joins what they say; what nobody knows stays unknown, and the dictionary says what that
means for a decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeAlias

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.policy.dictionary import Dictionary

DECLARED = "declared"
ROOM, ASKED_FOR = "room", "asked_for"


@dataclass(frozen=True, slots=True)
class Given:
    """A value with its source, the moment that it is of, and the number of its fact, 0 for none."""

    value: int | None
    source: str
    at: datetime | None = None
    fact_id: int = 0


Snapshot: TypeAlias = dict[str, Given]


class Source(Protocol):
    """Knows some features of a borrower."""

    async def read(
        self, connection: Connection, borrower_id: int, on: date
    ) -> Mapping[str, Given]:
        """Features by name as of a business date; what is unknown may be left out."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Joins sources: of two that know a feature the later one counts."""

    sources: Sequence[Source]
    dictionary: Dictionary

    async def take(self, connection: Connection, borrower_id: int, on: date) -> Snapshot:
        """Everything that is known."""
        found: Snapshot = {}
        for source in self.sources:
            for name, given in (await source.read(connection, borrower_id, on)).items():
                if given.value is not None or name not in found:
                    found[name] = given
        return found

    @rule("R-DECIDE-05")
    def declared(self, said: Mapping[str, int], at: datetime) -> Snapshot:
        """What is said with a request. Raises ``Refused`` for what is not for a borrower to say."""
        found: Snapshot = {}
        for name, value in said.items():
            feature = self.dictionary.get(name)
            if feature is None or feature.source != DECLARED:
                raise Refused("R-DECIDE-05", "a request cannot say that of a borrower", name)
            if feature.protected or feature.proxy_of:
                raise Refused("R-DECIDE-05", "nothing is decided by that", name)
            if not any(low <= value <= high for low, high in feature.values):
                raise Refused("R-DECIDE-05", f"{name} is out of its range", name)
            found[name] = Given(value, DECLARED, at)
        return found


@rule("R-DECIDE-05")
def with_request(known: Snapshot, declared: Snapshot, room: Given | None) -> Snapshot:
    """What is known and what is said with the request; it comes off the ``room`` of its product.

    Without a product the room over all of them counts, if a source knows it.
    """
    found = known | declared
    left = room or found.get(ROOM)
    if left is not None and left.value is not None:
        asked = declared.get(ASKED_FOR)
        taken = (asked.value if asked else None) or 0
        found[ROOM] = Given(left.value - taken, left.source, left.at, left.fact_id)
    return found
