"""What a contract costs a year, worked out slowly: dated flows from the oracle, halved in decimals.

Nothing is shared with the application: schedules are the oracle's, days are dates, and the rate is
looked for where the sum of discounted flows changes its sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

from tests.oracle.quote import Oracle

SIX = Decimal("0.000001")
SILENT = ("non_accrual_days", "reminders", "overdue_notices")
"""Terms that change nothing of what is owed; the oracle knows none of them."""
Flow = tuple[date, Decimal]


def present(rate: Decimal, flows: Iterable[Flow], start: date) -> Decimal:
    """The value of the flows on ``start`` at an effective annual rate."""
    year = Decimal(365)
    return sum(
        (amount / (1 + rate) ** (Decimal((on - start).days) / year) for on, amount in flows),
        Decimal(0),
    )


def effective(flows: list[Flow], most: int = 10**6) -> Decimal | None:
    """The effective annual rate to six decimals; 0 where nothing is charged."""
    with localcontext() as context:
        context.prec = 30
        start = min(on for on, _ in flows)
        if present(Decimal(0), flows, start) <= 0:
            return Decimal(0)
        low, high = Decimal(0), Decimal(most)
        if present(high, flows, start) > 0:
            return None
        for _ in range(62):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if present(middle, flows, start) > 0 else (low, middle)
            )
        return high.quantize(SIX, ROUND_HALF_EVEN)


def periodic(paid_out: Fraction, flows: list[Fraction], periods: Fraction) -> Fraction:
    """The rate for a period, times the periods of a year, between two fractions 10^-12 apart."""
    low, high = Fraction(0), Fraction(4)
    while high - low > Fraction(1, 10**9):
        middle = Fraction(round((low + high) / 2 * 10**14), 10**14)
        factor, value = 1 / (1 + middle), Fraction(0)
        for amount in reversed(flows):
            value = (value + amount) * factor
            value = Fraction(round(value * 10**18), 10**18)
        low, high = (middle, high) if value > paid_out else (low, middle)
    return high * periods


def flows_of(terms: Mapping[str, Any], events: list[dict[str, Any]], as_of: date) -> list[Flow]:
    """The borrower's purse: lent, paid, and what is asked and unpaid on its due day."""
    known = {name: each for name, each in terms.items() if name not in SILENT}
    found = Oracle(known).quote({"as_of": as_of.isoformat(), "terms": known, "events": events})
    assert "rule" not in found, found
    flows = [(date.fromisoformat(terms["disbursed_on"]), -Decimal(terms["principal"]))]
    flows += [
        (date.fromisoformat(each["on"]), Decimal(each["amount"]))
        for each in events if each["type"] == "repayment"
    ]  # fmt: skip
    for row in found["schedule"]:
        on = max(date.fromisoformat(row["due_on"]), as_of)
        flows.append((on, Decimal(row["outstanding"])))
    flows.append((as_of, -Decimal(found["totals"]["credit_balance"])))
    return flows
