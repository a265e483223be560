"""One cycle of a pay-later line: what it asks and what its principal bears (R-LINE, R-MIN)."""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from .days import BASIS, ONE_DAY, rounded, weight
from .plan import nothing
from .reached import reached
from .terms import COMPONENTS, Terms, amount, ratio


@dataclass
class Cycle:
    """`bearing`: unpaid principal that really bears interest; the rest may come to bear it.

    `amount_days` is contingent interest (amount x weight of nights, R-LINE-04); `run` is contract
    interest that has really run since it was last taken over by the contract."""

    terms: Terms
    n: int
    start: date
    issued_on: date | None = None
    due: date | None = None
    asked_parts: dict[str, int] = field(default_factory=nothing)
    paid: dict[str, int] = field(default_factory=nothing)
    waived: dict[str, int] = field(default_factory=nothing)  # since the statement
    bearing: int = 0
    bearing_interest: int = 0  # compound only
    amount_days: int = 0
    run: int = 0
    required: int = 0
    received: int = 0
    minimum_due: int = 0
    balance: int = 0
    rolled: int = 0
    late: bool = False  # the due day has passed unpaid: what follows counts from it
    lapsed: bool = False
    stopped: bool = False  # charged off
    penalty: Fraction = Fraction(0)
    base: int = 0  # of principal, bearing penalty from the due day on (R-LINE-06)
    said: dict[str, int] | None = None  # what its statement said, if more was learnt since

    # -- what it asks -------------------------------------------------------------------------

    def asked(self, component: str) -> int:
        """Asked of a component; penalty that has run is asked once it has lapsed."""
        more = self.penalty_run() if component == "penalty" else 0
        return self.asked_parts[component] + more

    def penalty_run(self) -> int:
        """R-PEN-03: penalty interest asked in this cycle since its statement."""
        return rounded(self.penalty, self.terms.rounding) if self.lapsed else 0

    def unpaid(self, component: str) -> int:
        """Asked less paid; nothing once it was handed over."""
        return 0 if self.gone() else self.asked(component) - self.paid[component]

    def gone(self) -> bool:
        """Handed to a later statement (R-LINE-02)."""
        return self.rolled > 0

    def open(self) -> int:
        """Everything unpaid."""
        return sum(self.unpaid(component) for component in COMPONENTS)

    def unmet(self) -> int:
        """R-MIN-01: what is missing of the required amount; 0 once nothing is unpaid."""
        return max(0, min(self.required - self.received, self.open()))

    def penalty_base(self) -> int:
        """R-LINE-06: the principal that bears penalty instead of contract interest."""
        return min(self.base, self.unpaid("principal"))

    # -- nights -------------------------------------------------------------------------------

    def nights(self, start: date, end: date) -> int:
        """The weight of the nights on one unit (R-COUNT-01)."""
        if self.terms.rate.form == "daily":
            return (end - start).days
        return weight(self.terms.rate.day_count, start, end)

    def accrue(self, start: date, end: date) -> None:
        """R-LINE-03, 04, 06: the nights from `start` to `end` on what stands now."""
        nights, principal, base = self.nights(start, end), self.unpaid("principal"), 0
        if self.late:
            base = self.penalty_base()
            self.accrue_penalty(base, start, end)
        if self.lapsed:
            self.run += nights * (principal - base + self.bearing_interest)
            return
        self.run += nights * (self.bearing + self.bearing_interest)
        if self.late:
            more = self.unpaid("interest") - self.bearing_interest if self.compound() else 0
            self.amount_days += nights * (principal - base - self.bearing + more)
        elif self.from_posting():
            self.amount_days += nights * (principal - self.bearing)

    def accrue_penalty(self, base: int, start: date, end: date) -> None:
        """R-PEN-01 on a line, from the due day on."""
        assert self.due is not None
        if base:
            reached("R-PEN-01", "R-LINE-06")
            first, last = (start - self.due).days, (end - self.due).days
            self.penalty += base * self.terms.penalty.nights(first, last)

    def from_posting(self) -> bool:
        """interest_from: posting_day."""
        return bool(self.terms.choice("interest_from", "due_day") == "posting_day")

    def compound(self) -> bool:
        """Unpaid interest bears interest too."""
        return bool(self.terms.choice("compound", False))

    # -- days that matter ---------------------------------------------------------------------

    def lapse_day(self) -> date | None:
        """R-LINE-05: at the end of this day it lapses."""
        return self.due and self.due + timedelta(days=self.terms.penalty.grace_days)

    def end_day(self, today: date) -> None:
        """The end of `today`: past due, lapse."""
        if self.due == today and self.open():
            reached("R-LINE-03" if not self.from_posting() else "R-LINE-04")
            self.late = True
            if self.terms.penalty.daily is not None:
                self.base = min(self.unmet(), self.unpaid("principal"))
        if self.lapse_day() == today and self.late:
            self.lapse()

    def lapse(self) -> None:
        """R-LINE-05: fully paid by now, nothing is asked; otherwise all of it is real."""
        if self.terms.penalty.grace_days:
            reached("R-LINE-05")
        if not self.open():
            self.late, self.amount_days, self.penalty = False, 0, Fraction(0)
            return
        self.lapsed = True
        self.run += self.amount_days
        self.amount_days = 0
        self.bearing = self.unpaid("principal")
        if self.compound():
            self.bearing_interest = self.unpaid("interest")

    # -- money --------------------------------------------------------------------------------

    def post(self, principal: int, on: date, posted: date) -> None:
        """R-LINE-01, R-DAY-02: principal of day `posted`, asked since `on`."""
        self.asked_parts["principal"] += principal
        if self.from_posting():
            self.amount_days += principal * self.nights(posted, on)
            if not self.terms.day_ends.get("first", True):
                reached("R-DAY-02")
                self.amount_days -= principal * self.nights(posted, posted + ONE_DAY)

    def take(self, component: str, money: int, on: date) -> int:
        """Pay up to `money` of a component; returns the part that was paid."""
        part = min(money, self.unpaid(component))
        if not part:
            return 0
        if component == "principal":
            self.take_out(part, on)
        self.paid[component] += part
        if self.issued_on:
            self.received += part
        if component == "interest":
            self.bearing_interest = max(0, self.bearing_interest - part)
        if component == "principal":
            of_base = min(part, self.base)  # a payment lowers the penalty base first
            self.base -= of_base
            self.last_day(part, of_base, on)
            self.bearing = max(0, self.bearing - part)
        return part

    def take_out(self, part: int, on: date) -> None:
        """R-LINE-04, remainder: a payment takes its share out of the amount-days."""
        free = self.unpaid("principal") - self.bearing
        part = max(0, part - self.bearing)
        early = not self.late and (self.due is None or on <= self.due)
        remainder = self.terms.choice("interest_on", "remainder") == "remainder"
        if part and early and remainder and self.from_posting():
            reached("R-LINE-04")
            self.amount_days -= self.amount_days * part // free

    def last_day(self, part: int, of_base: int, on: date) -> None:
        """R-DAY-02: principal that bears interest (not penalty) gains one day."""
        if self.stopped or not self.terms.day_ends.get("last", False):
            return
        reached("R-DAY-02")
        night = self.nights(on, on + ONE_DAY)
        real = min(part, self.bearing) if not self.lapsed else part - of_base
        self.run += night * real
        full = self.terms.choice("interest_on", "remainder") == "full_bill"
        if not self.lapsed and (self.late or (self.from_posting() and full)):
            self.amount_days += night * (part - real - of_base)

    def stop(self) -> None:
        """R-OFF-01: nothing bears any more; what is contingent is never asked."""
        self.bearing = self.bearing_interest = self.amount_days = self.base = 0
        self.stopped = True
        self.penalty = self.penalty if self.lapsed else Fraction(0)

    # -- the statement ------------------------------------------------------------------------

    def hand_to(self, new: Cycle) -> None:
        """R-LINE-02: everything unpaid goes to the new cycle, bearing as it did."""
        if not self.open():
            return
        reached("R-LINE-02")
        total = self.open()
        for component in COMPONENTS:
            new.asked_parts[component] += self.unpaid(component)
        new.bearing += self.bearing
        new.bearing_interest += self.bearing_interest
        new.amount_days += self.amount_days
        self.rolled, self.bearing, self.bearing_interest, self.amount_days = total, 0, 0, 0

    def issue(self, on: date, due: date) -> None:
        """R-MIN-01: what is unpaid is what the statement asks; its required amount."""
        self.issued_on, self.due = on, due
        self.asked_parts = {component: self.unpaid(component) for component in COMPONENTS}
        self.paid, self.waived = nothing(), nothing()
        minimum = self.terms.choice("minimum", {})
        whole = minimum.get("of", "principal") == "bill"
        base = self.open() if whole else self.unpaid("principal")
        floor = amount(minimum.get("floor", "0"), self.terms.decimals, zero=True)
        required = max(math.ceil(base * ratio(minimum.get("rate", "1"))), floor)
        required += 0 if whole else self.open() - base
        self.required = min(required, self.open())
        reached("R-MIN-01")


def interest_of(terms: Terms, amount_days: int) -> Fraction:
    """Amount x nights at the contract rate."""
    basis = 1 if terms.rate.form == "daily" else BASIS[terms.rate.day_count]
    return terms.rate.value * Fraction(amount_days, basis)
