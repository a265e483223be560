"""Reading a quote document: form, ranges and amounts (0002, Input; R-DOC, R-RANGE, R-AMT)."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

from .days import Rate, shift
from .reached import refuse_if

DECIMALS = {"CNY": 2, "USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3}
COMPONENTS = ("penalty", "fee", "interest", "principal")
PLAIN_TYPES = ("repayment", "fee", "penalty", "refund", "goodwill", "recovery", "payout",
               "purchase")
TYPES = (*PLAIN_TYPES, "chargeback", "reversal", "waiver", "extension", "charge_off",
         "restructuring", "drawing_returned")
COMMON = {"kind", "currency", "rate", "day_count", "rounding", "penalty", "allocation", "day_ends",
          "non_accrual_days"}
TERM_FIELDS = COMMON | {"principal", "disbursed_on", "amortisation", "interest_method", "fees",
                        "instalments", "every", "first_due_on", "instalment_unit",
                        "early_repayment"}
LINE_FIELDS = COMMON | {"opened_on", "statement_day", "due_day", "due_after_days", "interest_from",
                        "interest_on", "minimum", "compound", "limit"}
EVENT_FIELDS = {"seq", "on", "type", "amount", "of", "recorded_on", "component", "days",
                "instalments", "rate", "first_due_on"}
CHOICES = {
    "amortisation": ("equal_instalment", "equal_principal", "interest_first", "bullet"),
    "interest_method": ("declining", "flat"),
    "day_count": ("actual/365", "actual/360", "actual/364", "actual/actual", "30/360",
                  "whole_period"),
    "rounding": ("half_even", "half_up", "up", "down"),
    "early_repayment": ("keep_instalment", "shorten", "lower_instalment"),
    "interest_from": ("due_day", "posting_day"), "interest_on": ("remainder", "full_bill"),
    "currency": tuple(DECIMALS),
}


@dataclass(frozen=True)
class Penalty:
    """R-PEN: rate per night (None: no penalty), grace, steps (from day past due, rate)."""

    daily: Fraction | None = None
    grace_days: int = 0
    on: str = "principal"
    steps: tuple[tuple[int, Fraction], ...] = ()

    def nights(self, first: int, end: int) -> Fraction:
        """The summed rates of the nights that begin `first` .. `end` - 1 days after the due day."""
        cuts = sorted({first, end} | {k - 1 for k, _ in self.steps if first < k - 1 < end})
        return sum(((b - a) * self.rate_on(a) for a, b in pairwise(cuts)),
                   Fraction(0))

    def rate_on(self, night: int) -> Fraction:
        """The rate of the night that begins `night` days after the due day (R-PEN-01, steps)."""
        passed = [(k, rate) for k, rate in self.steps if night >= k - 1]
        return max(passed)[1] if passed else self.daily or Fraction(0)


@dataclass(frozen=True)
class Terms:
    """Both kinds of terms with every default filled in; amounts in minor units."""

    kind: str
    given: Mapping[str, Any]
    decimals: int
    opened_on: date | None
    rate: Rate
    penalty: Penalty
    rounding: str
    order: Mapping[str, Any]
    day_ends: Mapping[str, bool]
    principal: int = 0
    instalment_unit: int = 1

    def choice(self, name: str, default: Any) -> Any:
        """A plain field of the terms, or its default."""
        return self.given.get(name) if self.given.get(name) is not None else default


def day(text: Any) -> date:
    """An ISO date."""
    refuse_if(not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text), "R-DOC-01")
    try:
        return date.fromisoformat(text)
    except ValueError:
        refuse_if(True, "R-DOC-01", text)
        raise


def number(text: Any) -> Fraction:
    """A decimal string."""
    refuse_if(not isinstance(text, str) or not re.fullmatch(r"-?\d+(\.\d+)?", text), "R-DOC-01")
    return Fraction(text)


def ratio(text: Any, greatest: int = 1) -> Fraction:
    """A rate: at most eight decimals, from 0 to `greatest` (R-RANGE-01)."""
    value = number(text)
    refuse_if((value * 10**8).denominator != 1, "R-DOC-01", "more than eight decimals")
    refuse_if(not 0 <= value <= greatest, "R-RANGE-01")
    return value


def amount(text: Any, decimals: int, *, zero: bool = False) -> int:
    """R-AMT-01: a positive amount with the currency's decimals, in minor units."""
    value = number(text) * 10**decimals
    refuse_if(value.denominator != 1 or value < 0 or (value == 0 and not zero), "R-AMT-01")
    return int(value)


def read_rate(given: Mapping[str, Any], bullet_periods: int) -> Rate:
    """R-RATE-01; whole periods of m months count m / 12 of a year, of d days d / 365."""
    rate = given.get("rate", {"daily": "0"})
    refuse_if(not isinstance(rate, dict) or len(rate) != 1, "R-DOC-01")
    (form, text), = rate.items()
    refuse_if(form not in ("annual", "daily", "period"), "R-DOC-01")
    every = given.get("every", {"months": 1})
    year_share = (Fraction(every["months"], 12) if "months" in every
                  else Fraction(every["days"], 365))
    share = (year_share if form == "annual" else Fraction(1)) * bullet_periods
    value = ratio(text, 365 if form == "annual" else 1)
    return Rate(form, value, given.get("day_count", "actual/365"), share)


def read_penalty(given: Mapping[str, Any] | None) -> Penalty:
    """R-PEN-01: `daily`, or `annual` / 365."""
    if not given:
        return Penalty()
    refuse_if(bool(set(given) - {"daily", "annual", "grace_days", "on", "steps"}), "R-DOC-01")
    daily = ratio(given["daily"]) if "daily" in given else ratio(given["annual"], 365) / 365
    steps = tuple((step["from_day"], ratio(step["daily"])) for step in given.get("steps", ()))
    return Penalty(daily, given.get("grace_days", 0), given.get("on", "principal"), steps)


def check_form(given: Mapping[str, Any]) -> None:
    """R-DOC-01 for the terms: known fields, needed fields, known words, whole numbers."""
    refuse_if(not isinstance(given, dict) or given.get("kind") not in ("term", "statement"),
              "R-DOC-01")
    term = given["kind"] == "term"
    refuse_if(bool(set(given) - (TERM_FIELDS if term else LINE_FIELDS)), "R-DOC-01")
    needed = {"principal", "disbursed_on", "rate", "instalments"} if term else set()
    refuse_if(bool(needed - set(given)), "R-DOC-01")
    for field, words in CHOICES.items():
        refuse_if(field in given and given[field] not in words, "R-DOC-01", field)
    for field in ("instalments", "statement_day", "due_day", "due_after_days"):
        value = given.get(field, 1)
        refuse_if(not isinstance(value, int) or isinstance(value, bool), "R-DOC-01", field)


def read_terms(given: Mapping[str, Any], first_event: date | None) -> Terms:
    """The terms with their defaults, or a refusal."""
    check_form(given)
    term = given["kind"] == "term"
    decimals = DECIMALS[given.get("currency", "CNY")]
    opening = given.get("disbursed_on" if term else "opened_on")
    principal = amount(given["principal"], decimals) if term else 0
    bullet = term and given.get("amortisation") == "bullet"
    refuse_if(principal > 10**11, "R-RANGE-01")
    refuse_if(term and not 1 <= given["instalments"] <= 480, "R-RANGE-01")
    terms = Terms(
        given["kind"], given, decimals, day(opening) if opening else first_event,
        read_rate(given, given["instalments"] if bullet else 1), read_penalty(given.get("penalty")),
        given.get("rounding", "half_even"), given.get("allocation", {}),
        given.get("day_ends", {}), principal,
        amount(given.get("instalment_unit", str(Fraction(1)) if decimals == 0
                         else "0." + "1".rjust(decimals, "0")), decimals))
    if term:
        check_length(terms)
    return terms


def check_length(terms: Terms) -> None:
    """R-RANGE-01: a first due day after the disbursement, and at most 40 years."""
    assert terms.opened_on is not None
    first = terms.given.get("first_due_on")
    refuse_if(first is not None and day(first) <= terms.opened_on, "R-RANGE-01")
    every, opened = terms.choice("every", {"months": 1}), terms.opened_on
    days = every.get("days", 0) + 31 * every.get("months", 0)
    refuse_if(days * terms.given["instalments"] > 41 * 366, "R-RANGE-01")
    neither = not terms.day_ends.get("first", True) and not terms.day_ends.get("last", False)
    due = day(first) if first else shift(opened, 1, every)
    refuse_if(neither and (due - opened).days == 1 and terms.given.get("amortisation") != "bullet",
              "R-RANGE-01", "no night")
    last = shift(opened, terms.given["instalments"], every)
    refuse_if(last > shift(opened, 480, {"months": 1}), "R-RANGE-01")


@dataclass(frozen=True)
class Event:
    """One event of the document; `amount` in minor units (0 where the type has none)."""

    seq: int
    on: date
    type: str
    amount: int
    of: int | None
    recorded_on: date
    posted_on: date  # of a purchase: it stands on the day it was recorded, its interest earlier
    component: str | None
    days: int
    instalments: int = 0
    rate: Mapping[str, Any] | None = None
    first_due_on: date | None = None


def read_event(given: Mapping[str, Any], decimals: int) -> Event:
    """R-DOC-01 and R-AMT-01 of one event."""
    needed = {"seq", "on", "type"}
    refuse_if(not isinstance(given, dict) or bool(needed - set(given)), "R-DOC-01")
    refuse_if(bool(set(given) - EVENT_FIELDS) or given["type"] not in TYPES, "R-DOC-01")
    kind, on = given["type"], day(given["on"])
    with_amount = kind in PLAIN_TYPES or kind in ("chargeback", "waiver")
    refuse_if(with_amount and "amount" not in given, "R-DOC-01")
    refuse_if(kind == "extension" and not isinstance(given.get("days"), int), "R-DOC-01")
    refuse_if(kind == "restructuring" and not isinstance(given.get("instalments"), int),
              "R-DOC-01")
    refuse_if(kind == "waiver" and given.get("component") not in COMPONENTS[:3], "R-DOC-01")
    recorded_on = day(given["recorded_on"]) if "recorded_on" in given else on
    return Event(given["seq"], max(on, recorded_on) if kind == "purchase" else on, kind,
                 amount(given["amount"], decimals) if with_amount else 0, given.get("of"),
                 recorded_on, on, given.get("component"), given.get("days", 0),
                 given.get("instalments", 0), given.get("rate"), first_due_day(given, on))


def first_due_day(given: Mapping[str, Any], on: date) -> date | None:
    """R-RESTR-01: the first due day of a restructuring, where one is named."""
    if given.get("first_due_on") is None:
        return None
    first = day(given["first_due_on"])
    refuse_if(not 1 <= (first - on).days <= 3660, "R-RANGE-01")
    return first


def new_terms(terms: Terms, principal: int, instalments: int,
              rate: Mapping[str, Any] | None) -> Terms:
    """R-RESTR-01: over so many instalments, at another rate where one is given."""
    given = {**terms.given, "instalments": instalments, "rate": rate or terms.given.get("rate")}
    bullet = terms.choice("amortisation", "equal_instalment") == "bullet"
    return replace(terms, given=given, principal=principal,
                   rate=read_rate(given, instalments if bullet else 1))
