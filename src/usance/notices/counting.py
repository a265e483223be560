"""Counts what is about to leave, before it does, and takes back what an attempt was counted as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from usance.core.rules import rule
from usance.notices.counter_rows import Counters, of_contact, of_debt, of_person
from usance.notices.counters import Counter, added, removed, slot_of
from usance.notices.gate import Gate, Notice
from usance.notices.legal import Row
from usance.notices.reading import Reader

SENT = "sent"
NOTHING = Counter()


@dataclass(frozen=True, slots=True, repr=False)
class Counting:
    """The counters that one notice to one reader moves, among those that were read."""

    counters: Counters
    gate: Gate
    reader: Reader
    contract_id: int

    def asked(self, notice: Notice, now: datetime) -> Mapping[str, Counter]:
        """What the gate asks for, by the id of the row; nothing counted is a counter of its own."""
        return {
            cap.id: self.counters.of(self._subject(cap, notice.channel)).get(cap.id, NOTHING)
            for cap in self.gate.caps(notice, now)
        }

    @rule("R-SEND-04")
    def count(self, notice: Notice, now: datetime) -> None:
        """Once more."""
        for cap in self.gate.caps(notice, now, SENT):
            subject, slot = self._subject(cap, notice.channel), self._slot(cap, notice, now)
            counter = self.counters.of(subject).get(cap.id, NOTHING)
            self.counters.move(subject, cap.id, added(counter, cap.window, slot))

    @rule("R-SEND-04")
    def uncount(self, notice: Notice, counted_at: datetime) -> None:
        """Once less, where it was counted: it is asked about anew."""
        for cap in self.gate.caps(notice, counted_at, SENT):
            subject = self._subject(cap, notice.channel)
            counter = self.counters.of(subject).get(cap.id)
            if counter is not None:
                slot = self._slot(cap, notice, counted_at)
                self.counters.move(subject, cap.id, removed(counter, cap.window, slot))

    def _subject(self, cap: Row, way: str) -> bytes:
        """Whose counter a row counts by; a way without a contact is counted by the person."""
        if cap.of == "debt":
            return of_debt(self.contract_id)
        if cap.of == "contact" and way in self.reader.hashes:
            return of_contact(self.reader.hashes[way])
        return of_person(self.reader.person.party)

    def _slot(self, cap: Row, notice: Notice, at: datetime) -> int:
        zone: ZoneInfo = (
            self.reader.person.zone or self.gate.law.zones_of(notice.jurisdiction)[0]
        )
        return slot_of(cap.window, at, zone)
