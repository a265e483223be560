"""The rows of a term contract and what each will ask (R-SCHED, R-EARLY-05)."""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from .days import ONE_DAY, Rate, rounded, shift, to_multiple
from .reached import reached
from .terms import COMPONENTS, Terms, amount, day, ratio

# A span is the nights from its first to its second day, and the nights of the agreed period.
Span = tuple[date, date, int]


def nothing() -> dict[str, int]:
    """Zero of every component."""
    return dict.fromkeys(COMPONENTS, 0)


@dataclass
class Row:
    """One due. `interest` is the plan of its running interest; `exact` what has really run."""

    n: int
    due: date
    original_due: date
    spans: list[Span] = field(default_factory=list)
    share: int = 0  # the instalment, or the agreed principal of equal principal
    start: date | None = None  # from which on its period counts, as shown
    charge: bool = False  # made by a charge after maturity: due at once, nothing runs on it
    extra: int = 0  # principal asked on top of it: early (shorten) or charged back
    principal: int = 0
    interest: int = 0
    again: int = 0  # interest asked for good: charged back, or before it was reopened
    fee: int = 0
    planned_fee: int = 0  # of it what is agreed but not asked yet
    lump: int = 0  # penalty that does not run any more
    exact: Fraction = Fraction(0)
    asked_early: int = 0
    paid: dict[str, int] = field(default_factory=nothing)
    penalty: Fraction = Fraction(0)
    lapsed: bool = False
    covered: bool = False
    mode: str = "half_even"

    def asked(self, component: str) -> int:
        """What the row asks of a component (R-PEN-02: contingent penalty is not asked)."""
        if component == "interest":
            return self.interest + self.again
        if component == "penalty":
            return self.lump + (rounded(self.penalty, self.mode) if self.lapsed else 0)
        return self.principal if component == "principal" else self.fee

    def unpaid(self, component: str) -> int:
        """Asked less paid."""
        return self.asked(component) - self.paid[component]

    def open(self) -> int:
        """Everything asked and unpaid."""
        return sum(self.unpaid(component) for component in COMPONENTS)

    def run(self) -> int:
        """Interest that has run, rounded."""
        return rounded(self.exact, self.mode)

    def charges(self) -> int:
        """Penalty and fee asked and unpaid."""
        return self.unpaid("penalty") + self.unpaid("fee") - self.planned_fee

    def close_for_good(self) -> None:
        """R-RESTR-01: from now on it asks what was paid there."""
        self.covered, self.exact, self.asked_early, self.interest = True, Fraction(0), 0, 0
        self.spans = []
        self.penalty, self.planned_fee, self.principal = Fraction(0), 0, self.paid["principal"]
        self.again, self.fee, self.lump = (
            self.paid[component] for component in ("interest", "fee", "penalty"))

    def interest_to_pay(self) -> int:
        """Interest run (or charged back) and not yet paid."""
        return max(0, self.run() + self.again - self.paid["interest"])


def due_days(terms: Terms) -> list[date]:
    """R-SCHED-01."""
    assert terms.opened_on is not None
    reached("R-SCHED-01")
    every, count = terms.choice("every", {"months": 1}), terms.given["instalments"]
    first = terms.given.get("first_due_on")
    if first:
        return [shift(day(first), step, every) for step in range(count)]
    return [shift(terms.opened_on, step + 1, every) for step in range(count)]


def agreed_rows(terms: Terms) -> list[Row]:
    """The rows with their periods; R-DAY-02 moves the first day, R-SCHED-05 has one row."""
    assert terms.opened_on is not None
    first, last = terms.day_ends.get("first", True), terms.day_ends.get("last", False)
    reached("R-DAY-02")
    start = terms.opened_on - ONE_DAY if first and last else terms.opened_on
    start += ONE_DAY if not first and not last else ONE_DAY * 0
    return rows_between(terms, start, due_days(terms), 1)


def new_rows(terms: Terms, before: int, today: date, first: date | None) -> list[Row]:
    """R-RESTR-01: the rows of a plan that starts today, after `before` rows."""
    every, count = terms.choice("every", {"months": 1}), terms.given["instalments"]
    dues = [shift(first, step, every) if first else shift(today, step + 1, every)
            for step in range(count)]
    return rows_between(terms, today, dues, before + 1)


def rows_between(terms: Terms, start: date, dues: list[date], first: int) -> list[Row]:
    """A row for each period, from number `first` on; a bullet has one (R-SCHED-05)."""
    if terms.choice("amortisation", "equal_instalment") == "bullet":
        reached("R-SCHED-05")
        dues = dues[-1:]
    rows = []
    for n, due in enumerate(dues, first):
        spans = [(start, due, (due - start).days)]
        rows.append(Row(n, due, due, spans, start=start, mode=terms.rounding))
        start = due
    return rows


def equal_instalment(balance: int, factors: list[Fraction], unit: int) -> int:
    """R-SCHED-02: the payment that leaves zero after the last period, to a multiple of `unit`."""
    growth, annuity = Fraction(1), Fraction(0)
    for factor in factors:
        growth *= 1 + factor
        annuity = annuity * (1 + factor) + 1
    return to_multiple(balance * growth / annuity, unit)


def flat_instalment(balance: int, lent: int, factors: list[Fraction], terms: Terms) -> int:
    """R-SCHED-06: (principal + the rounded interests) / n."""
    reached("R-SCHED-06")
    total = balance + sum(rounded(lent * factor, terms.rounding) for factor in factors)
    return to_multiple(Fraction(total, len(factors)), terms.instalment_unit)


def share_out(rows: list[Row], balance: int, terms: Terms, today: date) -> None:
    """Give each row its agreed share of what is left (R-SCHED-02, 03, 04; R-EARLY-04)."""
    kind = terms.choice("amortisation", "equal_instalment")
    share = 0
    if kind == "equal_principal":
        reached("R-SCHED-03")
        share = to_multiple(Fraction(balance, len(rows)), terms.instalment_unit)
    elif kind == "equal_instalment":
        factors = [sum((over(terms.rate, max(a, today), b, n) for a, b, n in row.spans),
                       Fraction(0)) for row in rows]
        if terms.choice("interest_method", "declining") == "flat":
            share = flat_instalment(balance, terms.principal, factors, terms)
        else:
            reached("R-SCHED-02")
            share = equal_instalment(balance, factors, terms.instalment_unit)
    else:
        reached("R-SCHED-04")
    for row in rows:
        row.share, row.extra = share, row.paid["principal"]


def over(rate: Rate, start: date, end: date, nights: int) -> Fraction:
    """Interest of one unit over a part of a span; nothing where the part is empty."""
    return rate.over(start, end, nights) if end > start else Fraction(0)


def add_agreed_fees(terms: Terms, rows: list[Row]) -> None:
    """R-FEE-01."""
    for fee in terms.choice("fees", []):
        reached("R-FEE-01")
        size = (round(ratio(fee["rate"]) * terms.principal) if "rate" in fee
                else amount(fee["amount"], terms.decimals))
        for row in rows if fee["at"] == "each" else rows[:1]:
            row.fee += size
            row.planned_fee += 0 if fee["at"] == "disbursement" else size
