"""The rows of ``policies/notice_rules.yaml``: what limits a notice, and where that stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from usance.notices.documents import AUDIENCES, PURPOSES, SCOPES, WAYS

DOCUMENT = "notice_rules.yaml"
ANY = "any"
HOURS, CAP, CONSENT, FORBID = "hours", "cap", "consent", "forbid"
COUNTED = ("sent", "answered", "unanswered")
"""What is counted: a notice that left, a call that was taken, a call that was not."""
KEYS = ("contact", "person", "debt")
FORCES = ("law", "guideline", "carrier", "house")
UNITS = {"hours": 3_600, "minutes": 60}
SHORTEST = {"hours": 300, "minutes": 10}
"""Seconds of a slot in which is counted, by the unit of the window: so much the gate may err."""


@dataclass(frozen=True, slots=True)
class Window:
    """Over what is counted: ``slots`` of so many seconds; of days (0), calendar days there."""

    slots: int
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row. Empty sets apply to everything; minutes of the day of ``hours`` are local."""

    id: str
    jurisdiction: str
    kind: str
    force: str
    source: str
    evidence: str
    checked_on: date
    effective_on: date
    purposes: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    past_due_most: int | None = None
    agreed: bool = False
    opens: int = 0
    closes: int = 0
    counts: str = ""
    of: str = ""
    window: Window = Window(1)
    most: int = 0

    def concerns(self, purpose: str, channel: str, audience: str, scope: str) -> bool:
        """Whether the row is about notices of this sort."""
        return (
            (not self.purposes or purpose in self.purposes)
            and (not self.channels or channel in self.channels)
            and (not self.audiences or audience in self.audiences)
            and (not self.scopes or scope in self.scopes)
        )


    def holds_at(self, past_due: int) -> bool:
        """Whether the row still holds for somebody so many days late."""
        return self.past_due_most is None or past_due <= self.past_due_most


@dataclass(frozen=True)
class Law:
    """The document: its rows, and the zones of each jurisdiction, the first being the usual one."""

    version: str
    rows: tuple[Row, ...]
    zones: Mapping[str, tuple[ZoneInfo, ...]]

    @cached_property
    def latest(self) -> int:
        """Days past due from which on no more rows end."""
        return max((row.past_due_most + 1 for row in self.rows
                    if row.past_due_most is not None), default=0)  # fmt: skip

    def known(self, jurisdiction: str) -> bool:
        """Whether the document has rows for it."""
        return jurisdiction in self.zones

    def rows_for(self, jurisdiction: str, on: date) -> tuple[Row, ...]:
        """Those of a jurisdiction and of everywhere; all of them where it is not known."""
        everyone = not self.known(jurisdiction)
        return tuple(
            row for row in self.rows
            if row.effective_on <= on
            and (everyone or row.jurisdiction in (ANY, jurisdiction))
        )  # fmt: skip

    def zones_of(self, jurisdiction: str) -> tuple[ZoneInfo, ...]:
        """Where a recipient of a jurisdiction may be; anywhere if it is not known."""
        if self.known(jurisdiction):
            return self.zones[jurisdiction]
        return tuple(zone for zones in self.zones.values() for zone in zones)


@cache
def law() -> Law:
    """The document as it is shipped."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return law_in(yaml.safe_load(text))


def law_in(document: dict[str, Any]) -> Law:
    """A document as rows; ``ValueError`` for a row that does not say what it must."""
    zones = {
        name: tuple(ZoneInfo(each) for each in found["zones"])
        for name, found in document["jurisdictions"].items()
    }
    rows = tuple(row_in(dict(each), document["effective_on"]) for each in document["rules"])
    names = [row.id for row in rows]
    if len(set(names)) < len(names):
        raise ValueError("two rows have one id")
    for row in rows:
        if row.jurisdiction not in (ANY, *zones):
            raise ValueError(f"{row.id}: there is no jurisdiction {row.jurisdiction}")
    return Law(f"{DOCUMENT} {document['effective_on']}", rows, zones)


def row_in(given: dict[str, Any], effective_on: date) -> Row:
    """One row of the document."""
    name = given["id"]
    found: dict[str, Any] = {
        key: frozenset(words(name, given.pop(key), known))
        for key, known in (("purposes", PURPOSES), ("channels", WAYS),
                           ("audiences", AUDIENCES), ("scopes", SCOPES))
        if key in given
    }  # fmt: skip
    words(name, [given["force"]], FORCES)
    words(name, [given["evidence"]], ("primary", "secondary"))
    if given["kind"] == HOURS:
        found["opens"] = minute_of(given.pop("open"))
        found["closes"] = minute_of(given.pop("close"))
        if found["opens"] >= found["closes"]:
            raise ValueError(f"{name}: it opens before it closes")
    elif given["kind"] == CAP:
        words(name, [given["counts"]], COUNTED)
        words(name, [given["of"]], KEYS)
        found["window"] = window_in(name, given)
        if given["most"] < 1:
            raise ValueError(f"{name}: what may never be sent is forbidden")
    else:
        words(name, [given["kind"]], (CONSENT, FORBID))
    return Row(**({"effective_on": effective_on} | given | found))


def words(name: str, given: list[str], known: tuple[str, ...]) -> list[str]:
    """Words of a list; ``ValueError`` for any other."""
    if wrong := set(given) - set(known):
        raise ValueError(f"{name}: {', '.join(sorted(wrong))} is not one of {', '.join(known)}")
    return given


def window_in(name: str, given: dict[str, Any]) -> Window:
    """Over what a cap counts. Parts of a day begin with one slot more: it may be half over."""
    if "days" in given:
        return Window(given.pop("days"))
    for unit, seconds in UNITS.items():
        if unit in given:
            slot = SHORTEST[unit]
            return Window(given.pop(unit) * seconds // slot + 1, slot)
    raise ValueError(f"{name}: a cap counts over days, hours or minutes")


def minute_of(text: str) -> int:
    """HH:MM as minutes since midnight."""
    hours, _, minutes = text.partition(":")
    found = int(hours) * 60 + int(minutes)
    if not 0 <= found <= 24 * 60:
        raise ValueError(f"{text} is no time of a day")
    return found
