"""How soon a case must be acknowledged and decided: rows of ``policies/cases.yaml``, and days.

Pure: which days are working days is told by a ``Calendar``. A number of days counts from the day
after the one on which the case came in; the last day is not moved, also where it is no working day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from usance.core.refusals import Refused
from usance.core.rules import rule

ANY = "any"
COUNTED = ("calendar", "working")
APPROVALS = ("handler", "senior")
WITHIN_MOST = 366
"""Days that no row may go beyond."""


class Calendar(Protocol):
    """Which days are worked on in a jurisdiction."""

    def is_working(self, day: date) -> bool:
        """Whether the day is one."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """A number of days, of the calendar or working ones."""

    days: int
    of: str = "calendar"

    @rule("R-CASE-02")
    def after(self, day: date, calendar: Calendar) -> date:
        """The last day of the span that begins on ``day``, which does not count."""
        if self.of == "calendar":
            return day + timedelta(self.days)
        left = self.days
        while left:
            day += timedelta(1)
            left -= calendar.is_working(day)
        return day


@dataclass(frozen=True, slots=True)
class Extension:
    """A later end, counted from the day the case came in, and whose approval it needs."""

    until: Span
    approval: str


@dataclass(frozen=True, slots=True)
class ClockRule:
    """A row of the document."""

    rule_id: str
    jurisdiction: str
    kind: str
    effective_on: date
    acknowledge: Span
    decide: Span
    extensions: tuple[Extension, ...]
    routes: tuple[tuple[str, str], ...]
    """Where a borrower can turn next, in English and in Chinese; a final answer names them."""
    source: str
    checked_on: date
    note: str = ""

    def document(self) -> dict[str, Any]:
        """As a case keeps it; ``clock_rule_of`` is the way back."""
        return {
            "id": self.rule_id, "jurisdiction": self.jurisdiction, "kind": self.kind,
            "effective_on": self.effective_on.isoformat(),
            "acknowledge": span_document(self.acknowledge), "decide": span_document(self.decide),
            "extensions": [
                span_document(each.until) | {"approval": each.approval} for each in self.extensions
            ],
            "routes": [{"en": en, "zh": zh} for en, zh in self.routes],
            "source": self.source, "checked_on": self.checked_on.isoformat(), "note": self.note,
        }  # fmt: skip


def span_document(span: Span) -> dict[str, Any]:
    """A span as the document writes it."""
    return {"days": span.days, "of": span.of}


@dataclass(frozen=True, slots=True)
class Clocks:
    """The last days of a case; each ends at midnight in the jurisdiction's time zone."""

    acknowledge_by: date
    decide_by: date


@rule("R-CASE-01", "R-CASE-02")
def clocks_of(found: ClockRule, received_on: date, calendar: Calendar) -> Clocks:
    """The clocks of a case that came in on a day."""
    return Clocks(
        found.acknowledge.after(received_on, calendar), found.decide.after(received_on, calendar)
    )


@rule("R-CASE-01")
def in_force(
    rules: Sequence[ClockRule], jurisdiction: str, kind: str, on: date
) -> ClockRule:
    """The row that fits best on a day; raises ``Refused`` where the document has none."""
    fitting = [
        each for each in rules
        if each.jurisdiction in (jurisdiction, ANY) and each.kind in (kind, ANY)
        and each.effective_on <= on
    ]  # fmt: skip
    if not fitting:
        raise Refused("R-CASE-01", "no rule says how soon such a case is decided", "jurisdiction")
    return max(
        fitting, key=lambda each: (each.jurisdiction != ANY, each.kind != ANY, each.effective_on)
    )


@rule("R-CASE-10")
def extension(found: ClockRule, taken: int) -> Extension:
    """The next extension after so many; raises ``Refused`` after the last."""
    if taken >= len(found.extensions):
        raise Refused("R-CASE-10", "the case cannot be put off any further")
    return found.extensions[taken]


@rule("R-CASE-10")
def extended_until(
    found: ClockRule, taken: int, received_on: date, calendar: Calendar
) -> tuple[date, str]:
    """Until when the next extension goes, counted from when the case came in; who approves it."""
    following = extension(found, taken)
    return following.until.after(received_on, calendar), following.approval


def clock_rule_of(row: dict[str, Any]) -> ClockRule:
    """A row of the document; raises ``Refused`` for one that could not be kept."""
    place = str(row["id"])
    found = ClockRule(
        place, row["jurisdiction"], row["kind"], as_day(row["effective_on"]),
        span_of(row["acknowledge"], place), span_of(row["decide"], place),
        tuple(extension_of(each, place) for each in row["extensions"]),
        tuple((each["en"], each["zh"]) for each in row["routes"]),
        row["source"], as_day(row["checked_on"]), row.get("note", ""),
    )  # fmt: skip
    ends = [found.decide, *(each.until for each in found.extensions)]
    if [each.days for each in ends] != sorted({each.days for each in ends}):
        raise Refused("R-CASE-01", "each extension ends later than the one before", place)
    if not found.routes or not all(en and zh for en, zh in found.routes):
        raise Refused("R-CASE-01", "a final answer names where to turn next", place)
    return found


def span_of(row: dict[str, Any], place: str) -> Span:
    """A span of the document; raises ``Refused``."""
    if row["of"] not in COUNTED or not 0 <= row["days"] <= WITHIN_MOST:
        raise Refused("R-CASE-01", "a span is 0 to 366 calendar or working days", place)
    return Span(row["days"], row["of"])


def extension_of(row: dict[str, Any], place: str) -> Extension:
    """An extension of the document; raises ``Refused``."""
    if row["approval"] not in APPROVALS:
        raise Refused("R-CASE-01", "an extension is approved by the handler or a senior", place)
    return Extension(span_of(row, place), row["approval"])


def as_day(value: date | str) -> date:
    """A day, also as a case keeps it."""
    return value if isinstance(value, date) else date.fromisoformat(value)
