"""The one gate: whether a notice may go now, later, or not at all, and why. Pure.

Everything that is sent passes here just before it is sent; there is no way around. What the gate
cannot know (a counter, a consent) it takes as against sending.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from usance.core.rules import rule
from usance.notices.counters import Counter, free_again, slot_of, start_of, total
from usance.notices.legal import CAP, CONSENT, COUNTED, FORBID, HOURS, Law, Row

SEND, HOLD, DROP = "send", "hold", "drop"
SECURITY = "security"
PREFERENCE, SUPPRESSED, TOO_LATE, DIGEST = "PREFERENCE", "SUPPRESSED", "TOO-LATE", "DIGEST"
"""What stands in a trace beside the ids of rows."""
OPENINGS = 8
"""So often the hours of several zones push a moment on before they agree, or never do."""
UNKNOWN = timedelta(minutes=5)
"""So soon is asked again where a counter could not be had."""
SORTS = 1_000
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be sent, as far as the gate is concerned. ``until``: of no use from then on."""

    purpose: str
    channel: str
    audience: str
    jurisdiction: str
    until: datetime
    scope: str = ""
    past_due: int = 0


@dataclass(frozen=True, slots=True)
class Recipient:
    """What is known of who is to get it.

    ``zone`` is None where nobody knows. ``refused``: purposes that were switched off for this
    channel. ``hours``: (opens, closes) in minutes, the recipient's own. ``agreed``: rows that they
    agreed to set aside. ``consents``: live ones, as (purpose, scope, channel).
    """

    zone: ZoneInfo | None
    suppressed: bool = False
    refused: frozenset[str] = frozenset()
    hours: tuple[int, int] | None = None
    agreed: frozenset[str] = frozenset()
    consents: frozenset[tuple[str, str, str]] = frozenset()
    digest: int | None = None
    """The minute of the day that the notice waits for, to be told with others; None: at once."""


class Step(NamedTuple):
    """One thing that was asked: its row or word, and what it said."""

    id: str
    says: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``because`` is the id that decided; a notice that is held is asked about again then."""

    outcome: str
    because: str = ""
    not_before: datetime | None = None
    trace: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Asked:
    """The rows that are about one sort of notice, by what they ask."""

    forbid: tuple[Row, ...]
    consent: tuple[Row, ...]
    hours: tuple[Row, ...]
    caps: tuple[Row, ...]

    @cached_property
    def counted(self) -> Mapping[str, tuple[Row, ...]]:
        """The caps, by what they count."""
        return {
            counts: tuple(row for row in self.caps if row.counts == counts) for counts in COUNTED
        }


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides by one document. ``counters`` are given by row id; one that is missing is full."""

    law: Law
    _known: dict[tuple[object, ...], Asked] = field(default_factory=dict)

    def rows(self, notice: Notice, now: datetime) -> Asked:
        """The rows that are about such a notice."""
        on, late = now.date(), min(notice.past_due, self.law.latest)
        sort = (notice.jurisdiction, notice.purpose, notice.channel, notice.audience,
                notice.scope, late, on)  # fmt: skip
        found = self._known.get(sort)
        if found is None:
            if len(self._known) > SORTS:  # yesterday's
                self._known.clear()
            found = self._known[sort] = self._looked_up(notice, on)
        return found

    def _looked_up(self, notice: Notice, on: date) -> Asked:
        found: dict[str, list[Row]] = {FORBID: [], CONSENT: [], HOURS: [], CAP: []}
        for row in self.law.rows_for(notice.jurisdiction, on):
            concerns = row.concerns(notice.purpose, notice.channel, notice.audience, notice.scope)
            if concerns and row.holds_at(notice.past_due):
                found[row.kind].append(row)
        return Asked(*(tuple(each) for each in found.values()))

    def caps(self, notice: Notice, now: datetime, counts: str = "") -> tuple[Row, ...]:
        """The rows whose counters the gate asks for; with ``counts``, those that it counts up."""
        found = self.rows(notice, now)
        return found.counted.get(counts, ()) if counts else found.caps

    @rule("R-GATE-01")
    def decide(
        self, notice: Notice, who: Recipient, counters: Mapping[str, Counter], now: datetime
    ) -> Verdict:
        """Now, later or never; the trace has everything that was asked, up to what decided."""
        asked, trace = self.rows(notice, now), list[Step]()
        if refused := _refused(notice, who, trace) or _never(asked, notice, who, trace):
            return Verdict(DROP, refused, None, tuple(trace))
        zones = (who.zone,) if who.zone else self.law.zones_of(notice.jurisdiction)
        at, because = now, ""
        for row in asked.caps:
            if row.agreed and row.id in who.agreed:
                continue
            until = _counted(row, counters.get(row.id), zones, now)
            trace.append(Step(row.id, HOLD if until else SEND, until))
            if until is not None and until > at:
                at, because = until, row.id
        spans, first = _spans(notice, who, asked.hours), at
        at, because = _within(spans, zones, at, because, trace)
        if who.digest is not None and at < notice.until:
            together = _together(who.digest, notice, spans, zones, first, trace)
            if together is not None and together > now:
                at, because = together, DIGEST
        if at >= notice.until:
            trace.append(Step(TOO_LATE, DROP, notice.until))
            return Verdict(DROP, because or TOO_LATE, None, tuple(trace))
        if at > now:
            return Verdict(HOLD, because, at, tuple(trace))
        return Verdict(SEND, "", None, tuple(trace))


@rule("R-GATE-02")
def _refused(notice: Notice, who: Recipient, trace: list[Step]) -> str:
    """Where nothing arrives, or nothing is wanted; what protects somebody is not switched off."""
    trace.append(Step(SUPPRESSED, DROP if who.suppressed else SEND))
    if who.suppressed:
        return SUPPRESSED
    if notice.purpose != SECURITY and who.refused:
        unwanted = notice.purpose in who.refused
        trace.append(Step(PREFERENCE, DROP if unwanted else SEND))
        return PREFERENCE if unwanted else ""
    return ""


@rule("R-GATE-03")
def _never(asked: Asked, notice: Notice, who: Recipient, trace: list[Step]) -> str:
    """What is forbidden, and what needs a consent that does not live."""
    for row in asked.forbid:
        trace.append(Step(row.id, DROP))
        return row.id
    if asked.consent:
        lives = (notice.purpose, notice.scope, notice.channel) in who.consents
        for row in asked.consent:
            trace.append(Step(row.id, SEND if lives else DROP))
            if not lives:
                return row.id
    return ""


@rule("R-GATE-04")
def _counted(
    row: Row, counter: Counter | None, zones: tuple[ZoneInfo, ...], now: datetime
) -> datetime | None:
    """Until when a cap holds; None where there is room. Without its counter there is none."""
    slot = slot_of(row.window, now, zones[0])
    if counter is None:
        return now + UNKNOWN
    if total(counter, row.window, slot) < row.most:
        return None
    free = free_again(counter, row.window, slot, row.most)
    return max(start_of(row.window, free, each) for each in zones)


@rule("R-GATE-05", "R-GATE-06")
def _spans(
    notice: Notice, who: Recipient, hours: tuple[Row, ...]
) -> list[tuple[str, int, int]]:
    """Hours of the law and of the recipient, as (id, opens, closes) in minutes."""
    spans = [
        (row.id, row.opens, row.closes)
        for row in hours if not (row.agreed and row.id in who.agreed)
    ]  # fmt: skip
    if notice.purpose != SECURITY and who.hours is not None:
        spans.append((PREFERENCE, *who.hours))
    return spans


def _within(
    spans: list[tuple[str, int, int]], zones: tuple[ZoneInfo, ...], at: datetime, because: str,
    trace: list[Step],
) -> tuple[datetime, str]:  # fmt: skip
    """The first moment from ``at`` on that lies in all hours, in all zones."""
    if not spans:
        return at, because
    last, opens, _ = max(spans, key=lambda each: each[1])
    first, _, closes = min(spans, key=lambda each: each[2])
    for _ in range(OPENINGS):
        before = at
        for zone in zones:
            local = at.astimezone(zone)
            minute = local.hour * 60 + local.minute
            if opens <= minute < closes:
                continue
            because = last if minute < opens else first
            at = _moment(local.toordinal() + (minute >= opens), opens, zone)
        if at == before:
            break
    else:
        at = NEVER  # these hours have no moment in common
    trace += [Step(name, HOLD if name == because else SEND) for name, _, _ in spans]
    return at, because


@rule("R-DIGEST-01")
def _together(
    minute: int, notice: Notice, spans: list[tuple[str, int, int]], zones: tuple[ZoneInfo, ...],
    at: datetime, trace: list[Step],
) -> datetime | None:  # fmt: skip
    """The next time, from ``at`` on, at which it is told with others, within all hours.

    None where it would be of no use any more by then: it does not wait.
    """
    day = at.astimezone(zones[0]).toordinal()
    moment = _moment(day, minute, zones[0])
    if moment < at:
        moment = _moment(day + 1, minute, zones[0])
    moment, _ = _within(spans, zones, moment, DIGEST, [])
    waits = moment < notice.until
    trace.append(Step(DIGEST, HOLD if waits else SEND, moment))
    return moment if waits else None


@lru_cache(maxsize=4_096)
def _moment(day: int, minute: int, zone: ZoneInfo) -> datetime:
    """A minute of a day there. One that a clock change leaves out is the next that there is."""
    local = datetime.combine(datetime.fromordinal(day), time(minute // 60, minute % 60), zone)
    found = local.astimezone(UTC)
    while (back := found.astimezone(zone)).hour * 60 + back.minute < minute:
        found += timedelta(minutes=minute - back.hour * 60 - back.minute)
    return found
