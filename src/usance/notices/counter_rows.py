"""Counters in the table: of whom, locked in one order, written where they moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from usance.consents.records import Party
from usance.notices import queue_sql
from usance.notices.counters import Counter
from usance.platform.database import Connection


class TakenMeanwhile(Exception):
    """Somebody else began to count a subject at the same time: everything is decided anew."""


def of_contact(contact_hash: bytes) -> bytes:
    """The subject of a number's or an address's counters."""
    return b"contact:" + contact_hash


def of_person(party: Party) -> bytes:
    """The subject of a person's counters."""
    return f"person:{party.kind}:{party.number}".encode()


def of_debt(contract_id: int) -> bytes:
    """The subject of a debt's counters."""
    return f"debt:{contract_id}".encode()


def subjects(contacts: Iterable[bytes], party: Party, contract_id: int) -> Iterator[bytes]:
    """Whose counters a notice may be counted by."""
    yield from map(of_contact, set(contacts))
    yield of_person(party)
    yield of_debt(contract_id)


@dataclass(slots=True)
class Counters:
    """Counters by subject and row of the law; those that were locked, and those that moved."""

    held: dict[bytes, dict[str, Counter]] = field(default_factory=dict)
    stored: set[bytes] = field(default_factory=set)
    moved: set[bytes] = field(default_factory=set)

    async def lock(self, connection: Connection, wanted: Iterable[bytes]) -> None:
        """Those that are there, locked in their order; the others count nothing yet."""
        for row in await connection.fetch(queue_sql.COUNTERS, sorted(wanted)):
            self.stored.add(row["subject"])
            self.held[row["subject"]] = {
                name: Counter(slot, tuple(counts))
                for name, (slot, counts) in msgspec.json.decode(row["counts"]).items()
            }

    def of(self, subject: bytes) -> dict[str, Counter]:
        """By the id of the row."""
        return self.held.setdefault(subject, {})

    def move(self, subject: bytes, row_id: str, counter: Counter) -> None:
        """It counts something else now."""
        self.of(subject)[row_id] = counter
        self.moved.add(subject)

    async def write(self, connection: Connection, now: datetime) -> None:
        """Those that moved. Raises ``TakenMeanwhile``."""
        texts = {
            subject: msgspec.json.encode(
                {name: (each.slot, each.counts) for name, each in self.held[subject].items()}
            ).decode()
            for subject in sorted(self.moved)
        }
        there = [each for each in texts if each in self.stored]
        new = [each for each in texts if each not in self.stored]
        if there:
            await connection.execute(
                queue_sql.MOVE_COUNTERS, there, [texts[each] for each in there], now
            )
        if new:
            tag = await connection.execute(
                queue_sql.ADD_COUNTERS, new, [texts[each] for each in new], now
            )
            if tag != f"INSERT 0 {len(new)}":
                raise TakenMeanwhile
