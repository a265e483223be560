"""The cost sheet: everything that borrowing costs, before anybody agrees to it.

Every figure is worked out by the kernel on the very terms that are offered; the examples of paying
late, early or little are led on by it too. A sheet is a document of decimal strings and sentences;
its digest is that of its words, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from usance.contract.quote import answer
from usance.core.days import iso, ordinal
from usance.core.money import DECIMALS, divide_half_even, format_decimal, parse_decimal
from usance.core.rules import rule
from usance.servicing.cost_policy import cost_policy
from usance.servicing.cost_words import Amount, Day, Share, Source, sentence
from usance.servicing.products import Product

LOAN, PLAN, LINE = "loan", "plan", "line"
KINDS = ("", LOAN, PLAN, LINE)
VERSION = 1
THOUSAND = "1000"
SIX = 10**6
SECOND = 10**6
"""In microseconds."""
Sheet = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A sheet word for word, with the SHA-256 of that."""

    text: str
    digest: bytes

    @property
    def sheet(self) -> Sheet:
        """The document."""
        found: Sheet = json.loads(self.text)
        return found


@rule("R-COST-03")
def write(sheet: Sheet) -> Written:
    """A sheet as it is kept and shown."""
    text = json.dumps(sheet, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Written(text, hashlib.sha256(text.encode()).digest())


def head(product: Product, kind: str, day: int) -> Sheet:
    """What every sheet begins with."""
    return {
        "version": VERSION, "kind": kind, "product": product.code, "currency": product.currency,
        "name": {"en": product.name_en, "zh": product.name_zh}, "as_of": iso(day),
        "reading_seconds": cost_policy().reading_seconds[kind],
    }  # fmt: skip


@rule("R-COST-01")
def loan_sheet(
    product: Product, terms: dict[str, Any], quoted: dict[str, Any], day: int, kind: str
) -> Sheet:
    """The sheet of a loan or a plan: ``quoted`` is the kernel's answer to ``terms``."""
    totals = quoted["totals"]
    cost = minus(totals["total"], totals["principal"], product.decimals)
    sheet = head(product, kind, day) | {
        "principal": totals["principal"], "total": totals["total"], "cost": cost,
        "items": items(terms, totals), "apr": quoted["apr"], "irr": quoted["irr"],
        "per_thousand_month": per_thousand(quoted["apr"] or "0", product.decimals),
        "schedule": [
            {name: row[name] for name in ("n", "due_on", "principal", "interest", "fee", "total")}
            for row in quoted["schedule"]
        ],
        "late": late_example(terms, quoted), "early": early_example(terms, quoted, product),
        "penalty": terms.get("penalty"), "cap": cap_of(product),
    }  # fmt: skip
    sheet["sentences"] = loan_sentences(sheet)
    return sheet


def cap_of(product: Product) -> Sheet | None:
    """The legal cap, its source and its title."""
    cap = cost_policy().cap_of(product)
    if cap is None:
        return None
    return {"annual": cap.annual, "source": cap.source, "title": cap.title}


def items(terms: dict[str, Any], totals: dict[str, str]) -> list[Sheet]:
    """Principal, interest, and each fee by its name."""
    names = cost_policy().names
    found = [{"code": code, "name": names[code], "amount": totals[code]}
             for code in ("principal", "interest")]  # fmt: skip
    fees = terms.get("fees", ())
    for fee in fees:
        code = f"fee_{fee.get('at', 'first')}"
        amount = totals["fee"] if len(fees) == 1 else alone(terms, fee)
        found.append({"code": code, "name": names[code], "amount": amount})
    return found


def alone(terms: dict[str, Any], fee: dict[str, Any]) -> str:
    """What one fee of several comes to: the kernel's schedule with that fee alone."""
    found: str = answer({"terms": terms | {"fees": [fee]}})["totals"]["fee"]
    return found


@rule("R-COST-01")
def per_thousand(yearly: str, decimals: int) -> str:
    """What 1,000 owed for a month costs at an annual rate, in money."""
    units = parse_decimal(THOUSAND, decimals) * parse_decimal(yearly, 6)
    return format_decimal(divide_half_even(units, 12 * SIX), decimals)


def minus(more: str, less: str, decimals: int) -> str:
    """The difference of two decimal strings."""
    units = parse_decimal(more, decimals) - parse_decimal(less, decimals)
    return format_decimal(units, decimals)


@rule("R-COST-02")
def late_example(terms: dict[str, Any], quoted: dict[str, Any]) -> Sheet:
    """The first instalment is paid so many days late: the penalty interest that comes on top."""
    first, days = quoted["schedule"][0], cost_policy().late_days
    paid_on = ordinal(first["due_on"]) + days
    late = answer({"terms": terms, "as_of": iso(paid_on)})["schedule"][0]
    return {
        "days": days, "due_on": first["due_on"], "paid_on": iso(paid_on),
        "instalment": first["total"], "penalty": late["penalty"],
    }  # fmt: skip


@rule("R-COST-02")
def early_example(terms: dict[str, Any], quoted: dict[str, Any], product: Product) -> Sheet:
    """Everything is paid with the first instalment (of a single one: half-way): what that saves."""
    rows, decimals = quoted["schedule"], product.decimals
    first = ordinal(rows[0]["due_on"])
    start = ordinal(terms["disbursed_on"])
    day = first if len(rows) > 1 else start + (first - start) // 2
    pay_off = answer({"terms": terms, "as_of": iso(day)})["totals"]["payoff"]
    saved = minus(quoted["totals"]["total"], pay_off, decimals)
    return {"day": iso(day), "pay_off": pay_off, "saved": saved}


def thousand_of(currency: str) -> Amount:
    """1,000 of a currency."""
    decimals = DECIMALS[currency]
    return Amount(format_decimal(parse_decimal(THOUSAND, decimals), decimals))


def loan_sentences(sheet: Sheet) -> list[dict[str, str]]:
    """What the sheet says in words, one thing at a time."""
    currency, late, early = sheet["currency"], sheet["late"], sheet["early"]
    thousand = thousand_of(currency)
    said = [sentence(
        "total_plan" if sheet["kind"] == PLAN else "total", currency,
        principal=Amount(sheet["principal"]), total=Amount(sheet["total"]),
        cost=Amount(sheet["cost"]), instalments=len(sheet["schedule"]),
    )]  # fmt: skip
    if sheet["apr"] is not None and sheet["irr"] is not None:
        said.append(sentence(
            "rate", currency, apr=Share(sheet["apr"]), irr=Share(sheet["irr"]), thousand=thousand,
            month=Amount(sheet["per_thousand_month"]),
        ))  # fmt: skip
    said.append(sentence("nothing_else", currency))
    if sheet["penalty"]:
        said.append(sentence(
            "late", currency, first=Amount(late["instalment"]), due_on=Day(late["due_on"]),
            days=late["days"], penalty=Amount(late["penalty"]),
        ))  # fmt: skip
    said += penalty_sentences(sheet["penalty"], currency)
    day, saved = Day(early["day"]), Amount(early["saved"])
    said.append(sentence("early", currency, day=day, saved=saved))
    said += cap_sentences(sheet["cap"], currency)
    return [*said, sentence("moved", currency, day=Day(sheet["as_of"]))]


def penalty_sentences(penalty: dict[str, Any] | None, currency: str) -> list[dict[str, str]]:
    """The rate of penalty interest, how it grows, and its grace."""
    if not penalty:
        return []
    said = [sentence("penalty_rate", currency, rate=Share(daily_of(penalty)))]
    said += [
        sentence("penalty_grown", currency, from_day=step["from_day"], rate=Share(step["daily"]))
        for step in penalty.get("steps", ())
    ]
    if penalty.get("grace_days"):
        said.append(sentence("grace", currency, days=penalty["grace_days"]))
    return said


def daily_of(rate: dict[str, Any]) -> str:
    """A rate for each night, as a decimal string of eight places."""
    if rate.get("daily"):
        return str(rate["daily"])
    return format_decimal(divide_half_even(parse_decimal(rate.get("annual", "0"), 8), 365), 8)


def cap_sentences(cap: Sheet | None, currency: str) -> list[dict[str, str]]:
    """The cap and its source, where there is one."""
    if cap is None:
        return []
    return [sentence("cap", currency, cap=Share(cap["annual"]), source=Source(cap["title"]))]
