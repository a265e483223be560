"""The cost sheet of a pay-later line, before it is opened: its rate, its free days, its examples.

A line has no schedule to add up, so the sheet follows one purchase through the kernel: paid in
full, left alone, and paid by the least amount every month.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from usance.contract import rates
from usance.contract.line import due_day_of
from usance.contract.quote import answer
from usance.contract.records import PURCHASE, Event, Terms
from usance.contract.replay import History, Opening
from usance.core.days import iso, next_month_day
from usance.core.money import format_decimal, parse_decimal
from usance.core.rules import rule
from usance.servicing.cost_policy import cost_policy
from usance.servicing.cost_sheet import (
    LINE,
    Sheet,
    Written,
    cap_of,
    cap_sentences,
    daily_of,
    head,
    penalty_sentences,
    per_thousand,
    thousand_of,
    write,
)
from usance.servicing.cost_words import Amount, Day, Share, sentence
from usance.servicing.products import Product, account_terms, product_of
from usance.servicing.what_if import MINIMUM, Walk, follow

MONTH_ENDS = (30, 61, 91, 122, 152, 182, 213, 243, 274, 304, 335, 365)
"""Days since its start on which a year's twelve payments of interest fall."""
LENT = 10**12
"""Units on which the effective rate is worked out: so many that rounding does not show."""


@lru_cache(maxsize=4096)
def line_sheet(code: str, statement_day: int, day: int) -> Written:
    """The sheet of a line that opens on ``day``: the same for everybody who opens one then."""
    product = product_of(code)
    terms = account_terms(code, statement_day)
    least, most = free_days(terms, statement_day, day)
    found = head(product, LINE, day) | {
        "free_days": {"least": least, "most": most}, "daily": daily(product),
        "statement_day": statement_day, "penalty": product.settings["terms"].get("penalty"),
        "minimum": minimum_example(product, terms, statement_day, day),
        "late": late_example(product, statement_day, day), "cap": cap_of(product),
        "interest_from": product.settings["terms"].get("interest_from", "due_day"),
        **yearly(product),
    }  # fmt: skip
    found["sentences"] = sentences(found)
    return write(found)


def daily(product: Product) -> str:
    """What a night costs, as a decimal string."""
    return daily_of(product.settings["terms"]["rate"])


@rule("R-COST-06")
def yearly(product: Product) -> Sheet:
    """APR: 365 nights; IRR: the same with its interest paid every month."""
    night = parse_decimal(daily(product), 8)
    paid, flows = 0, []
    for end in MONTH_ENDS:
        flows.append((end, LENT // 10**8 * night * (end - paid)))
        paid = end
    flows[-1] = (365, flows[-1][1] + LENT)
    effective = rates.irr(LENT, flows)
    apr = format_decimal(night * 365 // 100, 6)
    return {
        "apr": apr, "irr": format_decimal(effective or 0, 6),
        "per_thousand_month": per_thousand(apr, product.decimals),
    }  # fmt: skip


@rule("R-COST-06")
def free_days(terms: Terms, statement_day: int, day: int) -> tuple[int, int]:
    """Days from a purchase to its due day, at the least and the most, over a year from ``day``."""
    found = []
    statement = next_month_day(day - 1, statement_day)
    for _ in range(12):
        following = next_month_day(statement, statement_day)
        found.append(due_day_of(terms, statement) - statement)
        found.append(due_day_of(terms, following) - statement - 1)
        statement = following
    return min(found), max(found)


def bought(product: Product) -> int:
    """The purchase of the examples."""
    return parse_decimal(cost_policy().line_example, product.decimals)


@rule("R-COST-02")
def late_example(product: Product, statement_day: int, day: int) -> Sheet:
    """A purchase of which nothing is paid until so many days after its due day."""
    terms, days = account_terms(product.code, statement_day), cost_policy().late_days
    due_on = due_day_of(terms, next_month_day(day - 1, statement_day))
    amount = format_decimal(bought(product), product.decimals)
    totals = answer({
        "terms": product.terms(opened_on=iso(day), statement_day=statement_day),
        "events": [{"seq": 1, "type": "purchase", "on": iso(day), "amount": amount}],
        "as_of": iso(due_on + days),
    })["totals"]  # fmt: skip
    interest = parse_decimal(totals["interest"], product.decimals)
    interest += parse_decimal(totals["accrued"], product.decimals)
    return {
        "amount": amount, "days": days, "due_on": iso(due_on), "penalty": totals["penalty"],
        "interest": format_decimal(interest, product.decimals),
    }  # fmt: skip


@rule("R-COST-06")
def minimum_example(product: Product, terms: Terms, statement_day: int, day: int) -> Sheet | None:
    """A purchase of which the least amount is paid every month; None where that is everything."""
    if terms.minimum_rate >= 10**8:
        return None
    history = History(Opening(terms, None, day, statement_day))
    amount = bought(product)
    code = history.state.do(Event(seq=1, kind=PURCHASE, on=day, amount=amount, booked_on=day))
    assert code == 0, f"a purchase was refused with {code}"
    course = follow(MINIMUM, history.state, day, Walk.required)
    decimals = product.decimals
    return {
        "amount": format_decimal(amount, decimals), "total": format_decimal(course.total, decimals),
        "cost": format_decimal(course.cost, decimals), "payments": len(course.payments),
        "left": format_decimal(course.left, decimals),
        "ends_on": iso(course.ends_on) if course.ends_on else None,
    }  # fmt: skip


def sentences(sheet: Sheet) -> list[dict[str, str]]:
    """What the sheet says in words, one thing at a time."""
    currency, free, late = sheet["currency"], sheet["free_days"], sheet["late"]
    said = [
        sentence("free", currency, **free) if sheet["interest_from"] == "due_day"
        else sentence("not_free", currency),
        sentence("line_fees", currency),
        sentence(
            "after", currency, daily=Share(sheet["daily"]), apr=Share(sheet["apr"]),
            irr=Share(sheet["irr"]), thousand=thousand_of(currency),
            month=Amount(sheet["per_thousand_month"]),
        ),
    ]  # fmt: skip
    if sheet["minimum"]:
        said.append(minimum_sentence(sheet["minimum"], currency))
    if sheet["penalty"]:
        said.append(sentence(
            "late_line", currency, amount=Amount(late["amount"]), days=late["days"],
            penalty=Amount(late["penalty"]), interest=Amount(late["interest"]),
        ))  # fmt: skip
    said += penalty_sentences(sheet["penalty"], currency)
    return [*said, sentence("early_line", currency), *cap_sentences(sheet["cap"], currency)]


def minimum_sentence(example: dict[str, Any], currency: str) -> dict[str, str]:
    """What comes of paying the least amount; of what is never paid off, what is left."""
    values = {name: Amount(example[name]) for name in ("amount", "total", "cost")}
    values |= {"payments": example["payments"]}
    if example["ends_on"]:
        return sentence("minimum", currency, day=Day(example["ends_on"]), **values)
    return sentence("minimum_long", currency, left=Amount(example["left"]), **values)
