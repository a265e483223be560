"""How long records of a person must be kept: dated policy, by the book's currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import yaml

from usance.core.rules import rule
from usance.policies import countries


@dataclass(frozen=True, slots=True)
class Retention:
    """So many years after the last booking, by this source."""

    since: date
    years: int
    source: str


@cache
def policies() -> dict[str, list[Retention]]:
    """What each country's document says, by currency, oldest first."""
    found = {}
    for country in countries():
        document = country.joinpath("retention.yaml")
        if document.is_file():
            said = yaml.safe_load(document.read_text("utf-8"))
            entries = [Retention(e["from"], e["years"], e["source"]) for e in said["retention"]]
            found[said["currency"]] = sorted(entries, key=lambda each: each.since)
    return found


@rule("R-ERASE-02")
def in_force(currency: str, on: date) -> Retention:
    """What counts on a day; the longest of all where no document speaks of the currency."""
    known = [each for each in policies().get(currency, ()) if each.since <= on]
    if known:
        return known[-1]
    return max((each for entries in policies().values() for each in entries),
               key=lambda each: each.years)  # fmt: skip


@rule("R-ERASE-02")
def kept_until(last: date, years: int) -> date:
    """The first day on which records that grew last on ``last`` need not be kept any more."""
    leap_day = (last.month, last.day) == (2, 29)
    return date(last.year + years, 3, 1) if leap_day else last.replace(year=last.year + years)
