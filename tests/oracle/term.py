"""A term contract: time passes and money comes in (R-TERM, R-LATE, R-PEN, R-ALLOC, R-PAYOFF)."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from .days import ONE_DAY
from .early import bearing, pay_next_due, pay_running, repay_ahead, replan
from .plan import Row, add_agreed_fees, agreed_rows, new_rows, nothing, over, share_out
from .reached import reached, refuse_if
from .terms import COMPONENTS, Event, Terms, new_terms

CLOSED_ACCEPTS = ("refund", "chargeback", "recovery", "goodwill", "waiver", "payout")
FOLLOWED = ("chargeback", "refund", "goodwill", "waiver")  # by what was written off
PARTS = (*COMPONENTS, "credit")


class TermContract:
    """State at the start of `today` plus the events of the day so far."""

    def __init__(self, terms: Terms) -> None:
        assert terms.opened_on is not None
        self.terms, self.today, self.balance = terms, terms.opened_on, terms.principal
        self.lent = terms.principal
        self.known_by = 0  # the event by which it was known that the pay-out came to nothing
        self.credit, self.closed, self.stopped = 0, False, False
        self.left: dict[int, dict[str, int]] = {}  # what is left of each repayment, by seq
        self.rows = agreed_rows(terms)
        share_out(self.rows, self.balance, terms, self.rows[0].spans[0][0])
        add_agreed_fees(terms, self.rows)
        first = self.rows[0]
        self.accrue(min(first.spans[0][0], self.today), self.today)  # R-DAY-02, both ends count
        replan(self, principal_too=True)
        self.begin_day()

    def never_paid_out(self, known_by: int) -> None:
        """R-DRAW-01: the pay-out came to nothing; nothing was ever owed."""
        reached("R-DRAW-01")
        self.known_by, self.lent, self.balance, self.closed = known_by, 0, 0, True
        for row in self.rows:
            row.close_for_good()

    # -- looking ------------------------------------------------------------------------------

    def is_ahead(self, row: Row) -> bool:
        """Not yet due; a charge after maturity, and all once charged off (R-OFF-01), is due."""
        return row.due > self.today and not row.charge and not self.stopped

    def ahead(self) -> list[Row]:
        """Rows not yet due."""
        return sorted(filter(self.is_ahead, self.rows), key=lambda r: (r.due, r.n))

    def running(self) -> list[Row]:
        """Rows ahead that are not covered; the first is the running row (R-EARLY-01)."""
        return [row for row in self.ahead() if not row.covered]

    def due(self) -> list[Row]:
        """Rows that are due, oldest first; a charge-off made all due at once (R-OFF-01)."""
        found = [row for row in self.rows if not self.is_ahead(row)]
        return sorted(found, key=lambda r: r.n if self.stopped else (r.due, r.n))

    def days_past_due(self) -> int:
        """R-LATE-01."""
        late = [row.due for row in self.rows if row.due < self.today and row.open()]
        if late:
            reached("R-LATE-01")
        return (self.today - min(late)).days if late else 0

    def days_past_due_if_not_extended(self) -> int:
        """R-EXT-01: counted from the original due days."""
        late = [r.original_due for r in self.rows if r.original_due < self.today and r.open()]
        return (self.today - min(late)).days if late else 0

    def payoff(self) -> int:
        """R-PAYOFF-01: what closes the contract today."""
        reached("R-PAYOFF-01")
        charges = sum(row.charges() for row in self.rows)
        charges += sum(row.planned_fee for row in self.running()[:1])
        interest = sum(row.unpaid("interest") for row in self.due())
        interest += sum(row.interest_to_pay() for row in self.ahead())
        return charges + interest + sum(row.unpaid("principal") for row in self.rows)

    def accrued(self) -> int:
        """Interest run and not yet asked."""
        return sum(max(0, row.run() - row.asked_early) for row in self.ahead())

    # -- time ---------------------------------------------------------------------------------

    def advance(self, to: date) -> None:
        """Let time pass to the start of `to`, from one day that matters to the next."""
        while self.today < to:
            stop = min([to, *(d for d in self.days_that_matter() if self.today < d < to)])
            self.accrue(self.today, stop)
            self.today = stop
            self.begin_day()

    def days_that_matter(self) -> list[date]:
        """Due days, and the days after the ends of grace."""
        grace = timedelta(days=self.terms.penalty.grace_days) + ONE_DAY
        return [row.due for row in self.rows] + [row.due + grace for row in self.rows]

    def accrue(self, start: date, end: date) -> None:
        """R-DAY-01, R-TERM-01: the nights from `start` to `end` on what stands now."""
        if self.stopped or start == end:
            return
        reached("R-DAY-01", "R-TERM-01")
        base = bearing(self.terms, self.balance)
        for row in self.ahead():
            for a, b, nights in row.spans:
                row.exact += base * over(self.terms.rate, max(a, start), min(b, end), nights)
        for row in self.due():
            self.accrue_penalty(row, max(start, row.due), max(end, row.due))

    def accrue_penalty(self, row: Row, start: date, end: date) -> None:
        """R-PEN-01: nights of the unpaid overdue principal (and interest, where agreed)."""
        rule = self.terms.penalty
        base = row.unpaid("principal")
        base += row.unpaid("interest") if rule.on == "principal_and_interest" else 0
        if rule.daily is not None and base:
            reached("R-PEN-01")
            row.penalty += base * rule.nights((start - row.due).days, (end - row.due).days)

    def begin_day(self) -> None:
        """The ends of yesterday (R-PEN-02), then the rows due today (R-TERM-01, R-CREDIT-02)."""
        grace = timedelta(days=self.terms.penalty.grace_days)
        for row in self.due():
            if row.due == self.today and not row.charge and not self.stopped:
                self.fall_due(row)
            if not row.lapsed and row.due + grace < self.today:
                self.end_grace(row)
        self.use_credit()
        self.check_closed()

    def fall_due(self, row: Row) -> None:
        """R-TERM-01: the interest is fixed; the principal leaves the balance."""
        row.interest, row.planned_fee = row.run(), 0
        self.balance -= row.unpaid("principal")

    def end_grace(self, row: Row) -> None:
        """R-PEN-02: what is not fully paid by the end of grace bears penalty from the due day."""
        row.lapsed = row.open() > 0
        if row.lapsed:
            reached("R-PEN-02", "R-PEN-03")
        else:
            row.penalty = Fraction(0)

    # -- money --------------------------------------------------------------------------------

    def waterfall(self) -> tuple[tuple[str, ...], str]:
        """R-ALLOC-02: the order and direction for today's days past due."""
        agreed, dpd = self.terms.order, self.days_past_due()
        chosen: Mapping[str, Any] = agreed
        passed = [entry for entry in agreed.get("when", ()) if entry["from_day"] <= dpd]
        if passed:
            reached("R-ALLOC-02")
            chosen = max(passed, key=lambda entry: entry["from_day"])
        if self.stopped and "charged_off" in agreed:
            reached("R-ALLOC-02")
            chosen = agreed["charged_off"]
        order = chosen.get("order", agreed.get("order", COMPONENTS))
        return tuple(order), chosen.get("by", agreed.get("by", "instalment"))

    def pay_due(self, money: int, parts: dict[str, int]) -> int:
        """R-ALLOC-01: pay what is asked and due; returns what is left over."""
        reached("R-ALLOC-01")
        order, by = self.waterfall()
        places = [(row, component) for row in self.due() for component in order]
        if by == "component":
            places = [(row, component) for component in order for row in self.due()]
        for row, component in places:
            part = min(money, row.unpaid(component))
            row.paid[component] += part
            parts[component] += part
            money -= part
        return money

    def pay(self, money: int) -> dict[str, int]:
        """A repayment: what is due, then early money, then the credit balance (R-CREDIT-01)."""
        parts = dict.fromkeys(PARTS, 0)
        payoff = self.payoff()
        if money >= payoff and not self.stopped:
            self.settle(parts)
            money -= payoff
        else:
            money = self.pay_due(money, parts)
            money = pay_running(self, money, parts) if money else 0
            money = pay_next_due(self, money, parts)
            money = repay_ahead(self, money, parts)
        if money:
            reached("R-CREDIT-01")
        self.credit += money
        parts["credit"] = money
        return parts

    def settle(self, parts: dict[str, int]) -> None:
        """R-PAYOFF-01: pay everything where it is asked, and close."""
        for row in self.running()[:1]:
            row.planned_fee = 0
        for row in self.rows:
            for component in COMPONENTS:
                part = row.unpaid(component)
                if component == "interest" and self.is_ahead(row):
                    part = row.interest_to_pay()
                if component == "fee":
                    part -= row.planned_fee
                row.paid[component] += part
                parts[component] += part
        self.close()

    def close(self) -> None:
        """R-CLOSE-01; rows after today then ask only what was paid there (R-PAYOFF-01)."""
        reached("R-CLOSE-01")
        self.closed, self.balance = True, 0
        for row in self.ahead():
            row.interest, row.again = 0, row.paid["interest"]
            row.exact, row.asked_early = Fraction(0), 0
            row.fee, row.planned_fee, row.lump = row.paid["fee"], 0, row.paid["penalty"]
            row.principal = row.paid["principal"]

    def check_closed(self) -> None:
        """Closed is: nothing unpaid and nothing ahead; a charge afterwards opens it again."""
        owed = self.payoff()
        if self.stopped:
            self.closed = not owed
            return
        if not owed and not self.closed:
            self.close()
        self.closed = not owed

    def use_credit(self) -> None:
        """R-CREDIT-02: a credit balance pays what is asked and due, never early."""
        if self.credit:
            before = self.credit
            self.credit = self.pay_due(self.credit, nothing())
            if self.credit < before:
                reached("R-CREDIT-02")

    # -- events -------------------------------------------------------------------------------

    def apply(self, event: Event) -> dict[str, int]:
        """One event of today; returns its parts (0002, events)."""
        if event.type == "repayment" and event.seq < self.known_by:
            return self.on_credit(event)
        refuse_if(self.closed and event.type not in CLOSED_ACCEPTS, "R-CLOSE-01")
        if self.stopped and event.type in FOLLOWED:
            reached("R-OFF-03")
        parts: dict[str, int] = getattr(self, "on_" + event.type)(event)
        self.use_credit()
        self.check_closed()
        return parts

    def on_repayment(self, event: Event) -> dict[str, int]:
        """A repayment; after a charge-off it has to come as recovery."""
        refuse_if(self.stopped, "R-OFF-02", "use recovery")
        parts = self.pay(event.amount)
        self.left[event.seq] = dict(parts)
        return parts

    def on_credit(self, event: Event) -> dict[str, int]:
        """R-DRAW-01: what was paid on a loan that was never paid out is the borrower's; what a
        charge-back of money already paid out left owed is paid first."""
        parts = dict.fromkeys(PARTS, 0)
        parts["credit"] = self.pay_due(event.amount, parts)
        self.credit += parts["credit"]
        self.left[event.seq] = dict(parts)
        return parts

    def on_recovery(self, event: Event) -> dict[str, int]:
        """R-OFF-01: money after a charge-off."""
        refuse_if(not self.stopped, "R-OFF-02")
        return self.pay(event.amount)

    def on_goodwill(self, event: Event) -> dict[str, int]:
        """R-GOOD-01."""
        reached("R-GOOD-01")
        return self.pay(event.amount)

    def charge_row(self) -> Row:
        """R-FEE-02: the first row with due day >= today not covered, or a new one due today."""
        rows = [row for row in self.rows if row.due >= self.today and not row.covered
                and (row.charge or not self.stopped)]
        if rows:
            return min(rows, key=lambda row: (row.due, row.n))
        new = Row(len(self.rows) + 1, self.today, self.today, charge=True,
                  mode=self.terms.rounding)
        self.rows.append(new)
        return new

    def on_fee(self, event: Event) -> dict[str, int]:
        """R-FEE-02."""
        refuse_if(self.stopped, "R-OFF-02")
        reached("R-FEE-02")
        self.charge_row().fee += event.amount
        return dict.fromkeys(PARTS, 0) | {"fee": event.amount}

    def on_penalty(self, event: Event) -> dict[str, int]:
        """R-FEE-02, an agreed lump sum."""
        refuse_if(self.stopped, "R-OFF-02")
        reached("R-FEE-02")
        self.charge_row().lump += event.amount
        return dict.fromkeys(PARTS, 0) | {"penalty": event.amount}

    def on_refund(self, event: Event) -> dict[str, int]:
        """R-REFUND-01: principal of rows due, then future principal, then credit."""
        reached("R-REFUND-01")
        parts, money = dict.fromkeys(PARTS, 0), event.amount
        for row in self.due():
            part = min(money, row.unpaid("principal"))
            row.paid["principal"] += part
            parts["principal"] += part
            money -= part
        parts["credit"] = repay_ahead(self, money, parts)
        self.credit += parts["credit"]
        return parts

    def on_waiver(self, event: Event) -> dict[str, int]:
        """R-WAIVE-01: off what is asked and unpaid, oldest row first."""
        assert event.component is not None
        rows = sorted(self.rows, key=lambda row: row.n)
        room = [self.waivable(row, event.component) for row in rows]
        refuse_if(event.amount > sum(room), "R-WAIVE-02")
        reached("R-WAIVE-01")
        money = event.amount
        for row, most in zip(rows, room, strict=True):
            part = min(money, most)
            row.again -= part if event.component == "interest" else 0
            row.fee -= part if event.component == "fee" else 0
            row.lump -= part if event.component == "penalty" else 0
            money -= part
        return dict.fromkeys(PARTS, 0) | {event.component: event.amount}

    def waivable(self, row: Row, component: str) -> int:
        """Asked and unpaid: of a row ahead only the interest that was already asked."""
        if component == "interest" and self.is_ahead(row):
            return max(0, row.asked_early + row.again - row.paid["interest"])
        return row.unpaid(component) - (row.planned_fee if component == "fee" else 0)

    def on_chargeback(self, event: Event) -> dict[str, int]:
        """R-BACK-01: take back credit first, then principal, interest, fee, penalty."""
        left = self.left.get(event.of or 0, dict.fromkeys(PARTS, 0))
        refuse_if(event.amount > sum(left.values()), "R-BACK-02")
        reached("R-BACK-01")
        parts, money = dict.fromkeys(PARTS, 0), event.amount
        for component in ("credit", "principal", "interest", "fee", "penalty"):
            parts[component] = min(money, left[component])
            left[component] -= parts[component]
            money -= parts[component]
        from_credit = min(parts["credit"], self.credit)
        self.credit -= from_credit
        parts["principal"] += parts["credit"] - from_credit
        parts["credit"] = from_credit
        self.ask_again(parts)
        return parts

    def ask_again(self, parts: dict[str, int]) -> None:
        """What was taken back is asked in the first row with due day >= today."""
        if not any(parts[component] for component in COMPONENTS):
            return
        row = self.charge_row()
        row.principal += parts["principal"]
        row.extra += parts["principal"]
        row.again += parts["interest"]
        row.fee += parts["fee"]
        row.lump += parts["penalty"]
        if self.is_ahead(row):
            self.balance += parts["principal"]
        replan(self, principal_too=False)

    def on_extension(self, event: Event) -> dict[str, int]:
        """R-EXT-01: rows not fully paid move; overdue rows become current again."""
        refuse_if(self.stopped, "R-OFF-02")
        reached("R-EXT-01")
        by = timedelta(days=event.days)
        was_running, was_due = self.running()[:1], self.due()
        moved = False
        for row in self.rows:
            before, moved = moved, row.open() > 0 if row in was_due else not row.covered
            row.due += by if moved else timedelta()
            if row.start is not None and moved and before:
                row.start += by
        again = [row for row in was_due if row.open() and row.due >= self.today]
        for row in again:
            self.reopen(row)
        reopened = [row for row in again if self.is_ahead(row)]
        for row in reopened[:1]:
            self.take_over(row, was_running)
        self.count_nights()
        replan(self, principal_too=False)
        return dict.fromkeys(PARTS, 0)

    def reopen(self, row: Row) -> None:
        """The row is current again: what was asked stays asked, principal is on balance."""
        row.lump, row.penalty, row.lapsed = row.asked("penalty"), Fraction(0), False
        if not self.is_ahead(row):
            return
        row.again, row.exact, row.asked_early = row.asked("interest"), Fraction(0), 0
        self.balance += row.unpaid("principal")

    def take_over(self, first: Row, was_running: list[Row]) -> None:
        """The first reopened row is the running one again: the period that runs goes on in it."""
        for row in was_running:
            first.exact, first.asked_early = row.exact, row.asked_early
            first.spans = [(a, b, row.spans[-1][2]) for a, b, _ in first.spans]
            row.again += row.asked_early
            row.exact, row.asked_early = Fraction(0), 0

    def count_nights(self) -> None:
        """The nights from today on: each to the first row with a later due day."""
        start = self.today
        for row in self.running():
            start = max(start, row.spans[0][0]) if row is self.running()[0] else start
            row.spans = [(start, row.due, row.spans[-1][2])]
            start = row.due

    def on_restructuring(self, event: Event) -> dict[str, int]:
        """R-RESTR-01: all unpaid principal is planned anew; what is asked goes to the first row."""
        refuse_if(self.stopped, "R-OFF-02")
        reached("R-RESTR-01")
        principal = sum(row.unpaid("principal") for row in self.rows)
        interest = sum(row.interest_to_pay() if self.is_ahead(row) else row.unpaid("interest")
                       for row in self.rows)
        fee = sum(row.unpaid("fee") - row.planned_fee for row in self.rows)
        penalty = sum(row.unpaid("penalty") for row in self.rows)
        for row in self.rows:
            row.close_for_good()
        self.terms = new_terms(self.terms, principal, event.instalments, event.rate)
        rows = new_rows(self.terms, len(self.rows), self.today, event.first_due_on)
        share_out(rows, principal, self.terms, self.today)
        rows[0].again, rows[0].fee, rows[0].lump = interest, fee, penalty
        self.rows += rows
        self.balance = principal
        replan(self, principal_too=True)
        return dict.fromkeys(PARTS, 0)

    def on_charge_off(self, event: Event) -> dict[str, int]:
        """R-OFF-01: interest and penalty stop; what is unpaid stays owed."""
        refuse_if(self.stopped, "R-OFF-02")
        reached("R-OFF-01")
        for row in self.ahead():
            row.interest, row.asked_early = row.run(), row.run()
            row.fee, row.planned_fee = row.fee - row.planned_fee, 0
        for row in self.rows:
            row.penalty = row.penalty if row.lapsed else Fraction(0)
        self.stopped, self.balance = True, 0
        self.use_credit()
        off = {component: sum(row.unpaid(component) for row in self.rows)
               for component in COMPONENTS}
        return dict.fromkeys(PARTS, 0) | off

    def on_payout(self, event: Event) -> dict[str, int]:
        """The credit balance, or a part of it, is paid out."""
        refuse_if(event.amount > self.credit, "R-PAYOUT-01")
        self.credit -= event.amount
        return dict.fromkeys(PARTS, 0) | {"credit": event.amount}
