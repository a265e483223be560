"""The policy document of cases, and the calendars that it names.

The calendar of a case is that of its jurisdiction: its public holidays (with the working days that
China shifts to weekends) and its time zone. It is not the business date, which the book moves: a
borrower waits by the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import yaml

from usance.cases.clocks import ANY, ClockRule, clock_rule_of
from usance.core.refusals import Refused
from usance.core.rules import rule

if TYPE_CHECKING:
    from holidays import HolidayBase

DOCUMENT = "cases.yaml"


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """Where a case belongs: its time zone and its public holidays (none: weekends alone)."""

    code: str
    zone: str
    holidays: str = ""
    subdivision: str = ""

    @rule("R-CASE-02")
    def day_of(self, moment: datetime) -> date:
        """The calendar day there."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    @rule("R-CASE-02")
    def is_working(self, day: date) -> bool:
        """Whether people work there on a day."""
        if not self.holidays:
            return day.weekday() < 5
        return public_holidays(self.holidays, self.subdivision).is_working_day(day)


@cache
def public_holidays(country: str, subdivision: str) -> HolidayBase:
    """The public holidays of a country; years are added as they are asked for."""
    import holidays

    return holidays.country_holidays(country, subdiv=subdivision or None)


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """The document's settings."""

    jurisdictions: dict[str, Jurisdiction]
    homes: dict[str, str]
    """The jurisdiction of a book, by its currency."""
    rules: tuple[ClockRule, ...]
    soon_days: int
    close_after_days: int
    reopen_within_days: int
    own_cases_a_day: int
    own_bytes_a_day: int

    def home(self, currency: str) -> str:
        """The jurisdiction of a book that is kept in this currency."""
        return self.homes.get(currency, ANY)

    @rule("R-CASE-01")
    def jurisdiction(self, code: str) -> Jurisdiction:
        """A jurisdiction; raises ``Refused`` for one that the document does not name."""
        found = self.jurisdictions.get(code)
        if found is None:
            known = ", ".join(self.jurisdictions)
            raise Refused("R-CASE-01", f"a jurisdiction is one of {known}", "jurisdiction")
        return found

    def days_at(self, moment: datetime) -> dict[str, date]:
        """The calendar day in each jurisdiction."""
        return {code: each.day_of(moment) for code, each in self.jurisdictions.items()}


@cache
def case_policy() -> CasePolicy:
    """The policy in force."""
    text = resources.files("usance.policies").joinpath(DOCUMENT).read_text("utf-8")
    return policy_in(yaml.safe_load(text))


@rule("R-CASE-01")
def policy_in(document: dict[str, Any]) -> CasePolicy:
    """The policy of a document; raises ``Refused`` for one that says too little."""
    places = {
        code: Jurisdiction(
            code, each["zone"], each.get("holidays", ""), each.get("subdivision", "")
        )
        for code, each in document["jurisdictions"].items()
    }
    rules = tuple(clock_rule_of(row) for row in document["rules"])
    if len({each.rule_id for each in rules}) < len(rules):
        raise Refused("R-CASE-01", "an id stands for one row", "rules")
    if not any(each.jurisdiction == each.kind == ANY for each in rules):
        raise Refused("R-CASE-01", "a row for any jurisdiction and any kind is needed", "rules")
    if unknown := [each.rule_id for each in rules if each.jurisdiction not in places]:
        raise Refused("R-CASE-01", "a row of an unknown jurisdiction", unknown[0])
    homes = {
        currency: code
        for code, each in document["jurisdictions"].items() for currency in each["currencies"]
    }  # fmt: skip
    names = (
        "soon_days", "close_after_days", "reopen_within_days", "own_cases_a_day", "own_bytes_a_day",
    )  # fmt: skip
    numbers = (document[name] for name in names)
    return CasePolicy(places, homes, rules, *numbers)
