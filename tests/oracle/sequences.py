"""Random quote documents: terms over all parameters, then events on days and of sizes that tell."""
from __future__ import annotations

import calendar
from datetime import date, timedelta
from random import Random
from typing import Any

from .quote import Oracle
from .terms import COMPONENTS, DECIMALS
from .view import money

Json = dict[str, Any]
DAY_COUNTS = ("actual/365", "actual/360", "actual/364", "actual/actual", "30/360")
ROUNDINGS = ("half_even", "half_up", "up", "down")


def maybe(random: Random, chance: float, fields: Json, more: Json) -> None:
    """Add the fields with this chance."""
    if random.random() < chance:
        fields.update(more)


def decimal(random: Random, low: int, high: int, decimals: int) -> str:
    """An amount in minor units between the two, as a decimal string."""
    return money(random.randint(low, high), decimals)


def order(random: Random) -> Json:
    """An order of components and a direction."""
    return {"order": random.sample(COMPONENTS, 4), "by": random.choice(("instalment", "component"))}


def allocation(random: Random) -> Json:
    """R-ALLOC-01, 02 and where early money goes."""
    given: Json = order(random) if random.random() < 0.6 else {}
    maybe(random, 0.5, given, {"future": random.choice(("next", "last", "spread"))})
    maybe(random, 0.3, given, {"when": [{"from_day": k, **order(random)} for k in (5, 31)]})
    maybe(random, 0.3, given, {"charged_off": order(random)})
    return given


def penalty(random: Random) -> Json:
    """R-PEN."""
    given: Json = random.choice(({"daily": "0.00075"}, {"daily": "0.001"}, {"annual": "0.18"}))
    given = dict(given)
    maybe(random, 0.5, given, {"grace_days": random.choice((0, 1, 3, 5))})
    maybe(random, 0.3, given, {"steps": [{"from_day": 4, "daily": "0.0012"},
                                         {"from_day": 31, "daily": "0.00155555"}]})
    return given


def opening(random: Random) -> date:
    """Month ends, leap days and plain days."""
    return random.choice((date(2024, 1, 31), date(2023, 12, 15), date(2024, 2, 29),
                          date(2023, 1, random.randint(1, 31)), date(2024, 12, 30)))


def common(random: Random) -> Json:
    """Parameters of both kinds."""
    terms: Json = {}
    maybe(random, 0.3, terms, {"currency": random.choice(tuple(DECIMALS))})
    maybe(random, 0.6, terms, {"rounding": random.choice(ROUNDINGS)})
    maybe(random, 0.7, terms, {"day_count": random.choice(DAY_COUNTS)})
    maybe(random, 0.5, terms, {"penalty": penalty(random)})
    maybe(random, 0.6, terms, {"allocation": allocation(random)})
    maybe(random, 0.3, terms, {"day_ends": {"first": random.random() < 0.5,
                                            "last": random.random() < 0.5}})
    return terms


def term_terms(random: Random) -> Json:
    """Random terms of a cash loan."""
    opened = opening(random)
    terms = {"kind": "term", "disbursed_on": opened.isoformat(), **common(random)}
    decimals = DECIMALS[terms.get("currency", "CNY")]
    terms |= {"principal": decimal(random, 100 * 10**decimals, 20_000 * 10**decimals, decimals),
              "instalments": random.choice((1, 2, 3, 4, 6, 12)),
              "rate": random.choice(({"annual": "0.12"}, {"annual": "0.23999999"}, {"daily": "0"},
                                     {"daily": "0.0005"}, {"period": "0.01"}, {"annual": "0.36"}))}
    maybe(random, 0.7, terms, {"amortisation": random.choice(
        ("equal_instalment", "equal_principal", "interest_first", "bullet"))})
    maybe(random, 0.15, terms, {"interest_method": "flat"})
    maybe(random, 0.15, terms, {"day_count": "whole_period"})
    maybe(random, 0.4, terms, {"every": random.choice(({"months": 1}, {"months": 2}, {"days": 15},
                                                       {"days": 7}))})
    ends = terms.get("day_ends", {"first": True})
    soonest = 1 if ends["first"] or ends["last"] else 2  # the first period needs a night
    maybe(random, 0.3, terms, {"first_due_on": (
        opened + timedelta(days=random.choice((soonest, 10, 30, 45)))).isoformat()})
    maybe(random, 0.2, terms, {"instalment_unit": money(10**decimals, decimals)})
    maybe(random, 0.6, terms, {"early_repayment": random.choice(
        ("keep_instalment", "shorten", "lower_instalment"))})
    fees = [{"amount": money(1234, decimals), "at": "each"}, {"rate": "0.015", "at": "first"},
            {"amount": money(500, decimals), "at": "disbursement"}]
    maybe(random, 0.3, terms, {"fees": random.sample(fees, random.randint(1, 3))})
    if "penalty" in terms and random.random() < 0.3:
        terms["penalty"]["on"] = "principal_and_interest"
    return terms


def line_terms(random: Random) -> Json:
    """Random terms of a pay-later line; grace ends before the next statement."""
    terms = {"kind": "statement", "opened_on": opening(random).isoformat(), **common(random)}
    if terms.get("day_count") in ("30/360", "actual/actual"):  # a line has a fixed basis
        del terms["day_count"]
    decimals = DECIMALS[terms.get("currency", "CNY")]
    maybe(random, 0.8, terms, {"rate": random.choice(({"daily": "0.0005"}, {"annual": "0.18"},
                                                      {"annual": "0.23999999"}))})
    maybe(random, 0.6, terms, {"statement_day": random.choice((1, 5, 15, 28, 30, 31))})
    due = random.choice(({"due_day": 10}, {"due_after_days": random.choice((5, 18, 20))}))
    maybe(random, 0.5, terms, due)
    if "due_day" in terms and "statement_day" in terms:
        terms["due_day"] = (terms["statement_day"] + 9) % 28 + 1
    maybe(random, 0.5, terms, {"interest_from": "posting_day"})
    if terms.get("interest_from") != "posting_day":  # ends of posted amounts need a posting day
        terms.pop("day_ends", None)
    maybe(random, 0.5, terms, {"interest_on": random.choice(("remainder", "full_bill"))})
    minimum: Json = {"rate": random.choice(("0.1", "0.05", "1"))}
    maybe(random, 0.5, minimum, {"floor": money(10**(decimals + 1), decimals)})
    maybe(random, 0.5, minimum, {"of": random.choice(("principal", "bill"))})
    maybe(random, 0.7, terms, {"minimum": minimum})
    maybe(random, 0.3, terms, {"compound": True})
    maybe(random, 0.3, terms, {"limit": money(8000 * 10**decimals, decimals)})
    if "day_ends" in terms and random.random() < 0.5:
        terms["day_ends"]["statement"] = False
    return terms


class Story:
    """One document as it grows; the oracle tells what is owed, so that sizes can tell."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.line = random.random() < 0.5
        self.terms = line_terms(random) if self.line else term_terms(random)
        self.decimals = DECIMALS[self.terms.get("currency", "CNY")]
        self.oracle = Oracle(self.terms)
        self.events: list[Json] = []
        self.today = date.fromisoformat(self.terms["opened_on" if self.line else "disbursed_on"])
        self.opened = self.today

    def document(self, as_of: date | None = None) -> Json:
        """The document so far."""
        return {"terms": self.terms, "events": list(self.events),
                **({"as_of": as_of.isoformat()} if as_of else {})}

    def seen(self) -> Json:
        """What the oracle says today."""
        return self.oracle.quote(self.document(self.today))

    def edges(self, answer: Json) -> list[date]:
        """Due days, statement days, ends of grace, month ends and leap days, and around them."""
        grace = self.terms.get("penalty", {}).get("grace_days", 0)
        days = {date.fromisoformat(row[field]) + timedelta(days=more)
                for row in answer["schedule"] for field in ("due_on", "issued_on")
                if row.get(field) for more in (-1, 0, 1, 4, grace, grace + 1, 31)}
        for month in range(3):
            first = self.today.replace(day=1) + timedelta(days=31 * month)
            length = calendar.monthrange(first.year, first.month)[1]
            days |= {first.replace(day=length), first.replace(day=1), first.replace(day=min(
                length, self.terms.get("statement_day", 1)))}
        return sorted(day for day in days if self.today <= day <= self.today + timedelta(days=65))

    def size(self, answer: Json) -> str:
        """Exactly due, the minimum, the pay-off, a part, too much."""
        totals, rows = answer["totals"], answer["schedule"]
        open_rows = [row["outstanding"] for row in rows if float(row["outstanding"])]
        payoff = round(float(totals["payoff"]) * 10**self.decimals)
        sizes = [totals["payoff"], totals["outstanding"], *open_rows[:2],
                 decimal(self.random, 1, max(payoff, 1), self.decimals),
                 decimal(self.random, 1, max(payoff // 4, 1), self.decimals),
                 decimal(self.random, 1, max(payoff // 20, 1), self.decimals),
                 money(payoff + self.random.randint(1, 5000), self.decimals),
                 money(1, self.decimals)]
        if self.line and rows:
            sizes += [rows[-1]["minimum_due"]] * 3
        usable: list[str] = [size for size in sizes if float(size) > 0]
        return self.random.choice(usable)

    def add(self, event: Json) -> Json:
        """Append an event with the next number and today's date, where it has none."""
        event = {"seq": len(self.events) + 1, "on": self.today.isoformat(), **event}
        self.events.append(event)
        return event

    def grow(self) -> None:
        """One more event that is accepted; a refused one is taken back."""
        answer = self.seen()
        if "rule" in answer:  # an event in the past may refuse what came later
            return
        edges = self.edges(answer)
        if edges and self.random.random() < 0.8:
            self.today = self.random.choice(edges[:12])
            answer = self.seen()
        kind = self.random.choices(*self.kinds())[0]
        event = getattr(self, "make_" + kind)(answer)
        if event is None:
            return
        self.add(self.back_dated(event))
        if "rule" in self.seen():
            self.events.pop()

    def kinds(self) -> tuple[list[str], list[int]]:
        """What happens, and how often."""
        often = {"repayment": 30, "fee": 3, "penalty": 2, "refund": 4, "goodwill": 2,
                 "chargeback": 3, "reversal": 3, "waiver": 3, "charge_off": 1, "recovery": 2,
                 "payout": 2, **({"purchase": 25} if self.line else
                                 {"extension": 3, "restructuring": 2, "drawing_returned": 1})}
        return list(often), list(often.values())

    def back_dated(self, event: Json) -> Json:
        """Now and then an event took effect before it was recorded."""
        span = (self.today - self.opened).days
        if event["type"] in ("repayment", "purchase") and span and self.random.random() < 0.08:
            earlier = self.today - timedelta(days=self.random.randint(0, min(span, 40)))
            return {**event, "on": earlier.isoformat(), "recorded_on": self.today.isoformat()}
        return event

    def pick(self, *types: str) -> int | None:
        """The seq of some earlier event of these types."""
        found = [event["seq"] for event in self.events if event["type"] in types]
        return self.random.choice(found) if found else None

    def make_repayment(self, answer: Json) -> Json:
        return {"type": "repayment", "amount": self.size(answer)}

    def make_goodwill(self, answer: Json) -> Json:
        return {"type": "goodwill", "amount": self.size(answer)}

    def make_recovery(self, answer: Json) -> Json:
        return {"type": "recovery", "amount": self.size(answer)}

    def make_fee(self, answer: Json) -> Json:
        return {"type": "fee", "amount": decimal(self.random, 1, 5000, self.decimals)}

    def make_penalty(self, answer: Json) -> Json:
        return {"type": "penalty", "amount": decimal(self.random, 1, 3000, self.decimals)}

    def make_purchase(self, answer: Json) -> Json:
        return {"type": "purchase",
                "amount": decimal(self.random, 1, 2000 * 10**self.decimals, self.decimals)}

    def make_refund(self, answer: Json) -> Json:
        of = self.pick("purchase") if self.random.random() < 0.7 else None
        if of is None:
            return {"type": "refund", "amount": self.size(answer)}
        whole = next(event["amount"] for event in self.events if event["seq"] == of)
        minor = round(float(whole) * 10**self.decimals)
        part = self.random.choice((minor, self.random.randint(1, minor)))
        return {"type": "refund", "amount": money(part, self.decimals), "of": of}

    def make_chargeback(self, answer: Json) -> Json | None:
        of = self.pick("repayment")
        if of is None:
            return None
        whole = next(event["amount"] for event in self.events if event["seq"] == of)
        minor = round(float(whole) * 10**self.decimals)
        part = self.random.choice((minor, minor, self.random.randint(1, minor)))
        return {"type": "chargeback", "amount": money(part, self.decimals), "of": of}

    def make_reversal(self, answer: Json) -> Json | None:
        of = self.pick("repayment", "fee", "penalty", "refund", "purchase", "goodwill", "waiver",
                       "chargeback", "extension", "charge_off", "payout", "restructuring",
                       "drawing_returned")
        return {"type": "reversal", "of": of} if of else None

    def make_waiver(self, answer: Json) -> Json | None:
        component = self.random.choice(("interest", "fee", "penalty"))
        rows = [row for row in answer["schedule"] if row["due_on"] <= self.today.isoformat()]
        most = max((round(float(row[component]) * 10**self.decimals) for row in rows), default=0)
        if not most:
            return None
        part = self.random.choice((most, self.random.randint(1, most)))
        return {"type": "waiver", "amount": money(part, self.decimals), "component": component}

    def make_charge_off(self, answer: Json) -> Json:
        return {"type": "charge_off"}

    def make_extension(self, answer: Json) -> Json:
        return {"type": "extension", "days": self.random.choice((1, 7, 15, 30))}

    def make_restructuring(self, answer: Json) -> Json:
        form, text = next(iter(self.terms["rate"].items()))
        rate = self.random.choice(({}, {"rate": {form: text}}, {"rate": {form: "0.001"}}))
        first = self.today + timedelta(days=self.random.choice((1, 10, 45)))
        dues = self.random.choice(({}, {"first_due_on": first.isoformat()}))
        return {"type": "restructuring", "instalments": self.random.choice((1, 2, 6)), **rate,
                **dues}

    def make_drawing_returned(self, answer: Json) -> Json:
        return {"type": "drawing_returned"}

    def make_payout(self, answer: Json) -> Json | None:
        most = round(float(answer["totals"]["credit_balance"]) * 10**self.decimals)
        return {"type": "payout", "amount": money(self.random.randint(1, most), self.decimals)
                } if most else None


def story(random: Random, events: int = 12) -> Story:
    """A story whose events were all accepted."""
    told = Story(random)
    for _ in range(random.randint(1, events)):
        told.grow()
    return told
