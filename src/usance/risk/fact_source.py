"""Facts that were brought in or follow from rows of the book, as a source of snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from usance.platform.clock import Clock, SystemClock
from usance.platform.crypto import KeyService
from usance.platform.database import Connection
from usance.risk.facts_store import known_facts
from usance.risk.snapshots import Given


class FactSource:
    """What is known at the moment of a decision."""

    def __init__(self, keys: KeyService, clock: Clock | None = None) -> None:
        self._keys, self._clock = keys, clock or SystemClock()

    async def read(
        self, connection: Connection, borrower_id: int, on: date  # noqa: ARG002
    ) -> Mapping[str, Given]:
        """Whatever business date is open: facts have moments of their own."""
        found = await known_facts(connection, self._keys, borrower_id, self._clock.now())
        return {
            name: Given(each.value, each.source, each.observed_at, each.fact_id)
            for name, each in found.items()
        }
