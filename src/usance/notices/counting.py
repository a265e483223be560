"""Counts what is about to leave, before it does, and takes back what an attempt was counted as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from usance.core.rules import rule
from usance.notices import reading
from usance.notices.counters import Counter, added, removed, slot_of
from usance.notices.gate import Gate, Notice
from usance.notices.legal import CAP, Row
from usance.notices.reading import Known, Reader

SENT = "sent"
NOTHING = Counter()


@dataclass(frozen=True, slots=True, repr=False)
class Counting:
    """The counters that one notice to one reader moves, among those that were read."""

    known: Known
    gate: Gate
    reader: Reader
    contract_id: int

    def asked(self, notice: Notice, now: datetime) -> Mapping[str, Counter]:
        """What the gate asks for, by the id of the row; nothing counted is a counter of its own."""
        return {
            cap.id: self._of(cap, notice.channel).get(cap.id, NOTHING)
            for cap in self.gate.caps(notice, now)
        }

    @rule("R-SEND-04")
    def count(self, notice: Notice, now: datetime) -> None:
        """Once more."""
        for cap in self.gate.caps(notice, now, SENT):
            subject, slot = self._subject(cap, notice.channel), self._slot(cap, notice, now)
            counters = self.known.counters.setdefault(subject, {})
            counters[cap.id] = added(counters.get(cap.id, NOTHING), cap.window, slot)
            self.known.moved.add(subject)

    @rule("R-SEND-04")
    def uncount(self, notice: Notice, counted_at: datetime) -> None:
        """Once less, where it was counted: it is asked about anew."""
        for cap in self.gate.caps(notice, counted_at, SENT):
            counters = self._of(cap, notice.channel)
            if cap.kind == CAP and cap.id in counters:
                slot = self._slot(cap, notice, counted_at)
                counters[cap.id] = removed(counters[cap.id], cap.window, slot)
                self.known.moved.add(self._subject(cap, notice.channel))

    def _subject(self, cap: Row, way: str) -> bytes:
        """Whose counter a row counts by; a way without a contact is counted by the person."""
        if cap.of == "debt":
            return reading.of_debt(self.contract_id)
        if cap.of == "contact" and way in self.reader.hashes:
            return b"contact:" + self.reader.hashes[way]
        return reading.of_person(self.reader.person)

    def _of(self, cap: Row, way: str) -> dict[str, Counter]:
        return self.known.counters.setdefault(self._subject(cap, way), {})

    def _slot(self, cap: Row, notice: Notice, at: datetime) -> int:
        zone: ZoneInfo = (
            self.reader.person.zone or self.gate.law.zones_of(notice.jurisdiction)[0]
        )
        return slot_of(cap.window, at, zone)
