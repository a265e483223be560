"""A pay-later line: cycles, statements, money (R-LINE, R-STMT, R-REFUND-02, R-LIMIT)."""
from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from .cycle import Cycle, interest_of
from .days import ONE_DAY, next_month_day, rounded
from .plan import nothing
from .reached import reached, refuse_if
from .term import FOLLOWED, PARTS
from .terms import COMPONENTS, Event, Terms, amount

Said = Callable[[date], dict[str, int] | None]


class LineContract:
    """State at the start of `today` plus the events of the day so far.

    `said(day)` gives what the statement of that day asked when it was issued, or None where
    nothing about the past was learnt later (R-STMT-01)."""

    def __init__(self, terms: Terms, said: Said) -> None:
        assert terms.opened_on is not None
        self.terms, self.today, self.said = terms, terms.opened_on, said
        self.cycles = [Cycle(terms, 1, terms.opened_on)]
        self.credit, self.stopped = 0, False
        self.amount_days, self.asked_interest = 0, 0  # of the running statement period
        self.left: dict[int, dict[str, int]] = {}
        self.purchases: dict[int, tuple[int, Cycle]] = {}  # what may be refunded, and where it is

    # -- looking ------------------------------------------------------------------------------

    @property
    def open_cycle(self) -> Cycle:
        """The cycle that is not issued yet."""
        return self.cycles[-1]

    def interest_run(self) -> int:
        """R-LINE-07: interest run in this period and not yet asked, rounded."""
        exact = interest_of(self.terms, self.amount_days + sum(c.run for c in self.cycles))
        return max(0, rounded(exact, self.terms.rounding) - self.asked_interest)

    def unpaid(self) -> int:
        """Everything unpaid on the contract."""
        return sum(cycle.open() for cycle in self.cycles)

    def payoff(self) -> int:
        """R-PAYOFF-01 for a line."""
        reached("R-PAYOFF-01")
        return self.unpaid() + self.interest_run()

    def accrued(self) -> int:
        """Interest run and not yet asked."""
        return self.interest_run()

    def days_past_due(self) -> int:
        """R-LATE-01: the age of the oldest unmet required amount."""
        late = [c.due for c in self.cycles if c.due and c.due < self.today and c.unmet()]
        if late:
            reached("R-LATE-01")
        return (self.today - min(late)).days if late else 0

    def days_past_due_if_not_extended(self) -> int:
        """A line is not extended."""
        return self.days_past_due()

    # -- time ---------------------------------------------------------------------------------

    def advance(self, to: date) -> None:
        """Let time pass to the start of `to`, from one day that matters to the next."""
        while self.today < to:
            stop = min([to, *(d for d in self.days_that_matter() if self.today < d < to)])
            ends = {c.due for c in self.cycles} | {c.lapse_day() for c in self.cycles}
            if self.today in ends or self.today == self.statement_day():
                self.end_day()
            else:
                self.accrue(self.today, stop)
                self.today = stop

    def days_that_matter(self) -> list[date]:
        """Due days, ends of grace, the statement day."""
        days = [day for c in self.cycles for day in (c.due, c.lapse_day()) if day]
        return [*days, self.statement_day()]

    def statement_day(self) -> date:
        """R-LINE-01: the next statement day, today's own included."""
        return next_month_day(self.today - ONE_DAY, self.terms.choice("statement_day", 1))

    def accrue(self, start: date, end: date) -> None:
        """R-DAY-01: the nights on what stands now."""
        if not self.stopped and start < end:
            reached("R-DAY-01")
            for cycle in self.cycles:
                if not cycle.gone():
                    cycle.accrue(start, end)

    def end_day(self) -> None:
        """The end of today: past due and lapse first, then the statement; then the night."""
        today, tomorrow = self.today, self.today + ONE_DAY
        issuing = today == self.statement_day() and self.issues(today)
        if issuing and not self.terms.day_ends.get("statement", True):
            self.close_interest()  # R-DAY-02: the night falls in the next statement
        for cycle in self.cycles:
            if not cycle.gone():
                cycle.end_day(today)
        self.today = tomorrow
        self.accrue(today, tomorrow)
        if issuing:
            self.issue(today)

    def issues(self, on: date) -> bool:
        """No statement of a line that stands charged off (R-OFF-01), or stood so on that day."""
        said = self.said(on)
        return not self.stopped if said is None else bool(said)

    def issue(self, on: date) -> None:
        """R-LINE-01, 02, 07, R-STMT: the statement."""
        said = self.said(on)
        reached("R-LINE-01", "R-LINE-07", "R-STMT-02")
        if self.terms.day_ends.get("statement", True):
            self.close_interest()
        self.use_credit()
        cycle, new = self.open_cycle, Cycle(self.terms, len(self.cycles) + 1, on + ONE_DAY)
        for old in self.cycles[:-1]:
            if old.due and old.due <= on and not old.unmet():
                old.hand_to(cycle)
        self.keep_to_what_was_said(cycle, new, said)
        cycle.balance = self.unpaid() + new.open() - self.credit
        cycle.issue(on, self.due_day(on))
        cycle.minimum_due = sum(c.unmet() for c in self.cycles)
        self.cycles.append(new)

    def close_interest(self) -> None:
        """R-LINE-07: the interest of the period is asked; the next period starts with none."""
        self.ask_interest()
        self.amount_days = self.asked_interest = 0

    def due_day(self, statement: date) -> date:
        """R-LINE-01: the first `due_day` after the statement, or so many days after it."""
        if "due_after_days" in self.terms.given:
            return statement + timedelta(days=self.terms.given["due_after_days"])
        return next_month_day(statement, self.terms.choice("due_day", 10))

    def keep_to_what_was_said(self, cycle: Cycle, new: Cycle, said: dict[str, int] | None) -> None:
        """R-STMT-01: what is more than the statement said lands in the next cycle."""
        cycle.said = said
        for component in COMPONENTS if said is not None else ():
            assert said is not None
            more = cycle.unpaid(component) - said[component]
            if more > 0:
                reached("R-STMT-01")
                if component == "principal":
                    self.move_days(cycle, new, more)
                cycle.asked_parts[component] -= more
                new.asked_parts[component] += more

    def move_days(self, cycle: Cycle, new: Cycle, more: int) -> None:
        """Principal that moves on takes its share of amount-days; what bears goes last."""
        free = cycle.unpaid("principal") - cycle.bearing
        moved = min(more, free)
        days = cycle.amount_days * moved // free if free else 0
        cycle.amount_days, new.amount_days = cycle.amount_days - days, new.amount_days + days
        cycle.bearing -= more - moved
        new.bearing += more - moved

    def ask_interest(self) -> None:
        """R-LINE-07: interest run is asked in the open cycle."""
        now = self.interest_run()
        self.amount_days += sum(cycle.run for cycle in self.cycles)
        for cycle in self.cycles:
            cycle.run = 0
        self.asked_interest += now
        self.open_cycle.asked_parts["interest"] += now

    # -- money --------------------------------------------------------------------------------

    def waterfall(self) -> tuple[tuple[str, ...], str]:
        """R-ALLOC-02."""
        agreed, dpd = self.terms.order, self.days_past_due()
        chosen = agreed
        passed = [entry for entry in agreed.get("when", ()) if entry["from_day"] <= dpd]
        if passed:
            reached("R-ALLOC-02")
            chosen = max(passed, key=lambda entry: entry["from_day"])
        if self.stopped and "charged_off" in agreed:
            chosen = agreed["charged_off"]
        order = chosen.get("order", agreed.get("order", COMPONENTS))
        return tuple(order), chosen.get("by", agreed.get("by", "instalment"))

    def allocate(self, money: int, parts: dict[str, int]) -> int:
        """R-LINE-08: oldest cycle first, the open one last; returns what is left over."""
        reached("R-LINE-08")
        if self.unpaid() and not self.stopped:
            self.ask_interest()
        order, by = self.waterfall()
        places = [(cycle, component) for cycle in self.cycles for component in order]
        if by == "component":
            places = [(cycle, component) for component in order for cycle in self.cycles]
        for cycle, component in places:
            part = cycle.take(component, money, self.today)
            parts[component] += part
            money -= part
        return money

    def pay(self, money: int) -> dict[str, int]:
        """A repayment; what is more than all becomes credit (R-CREDIT-01)."""
        parts = dict.fromkeys(PARTS, 0)
        parts["credit"] = self.allocate(money, parts)
        self.credit += parts["credit"]
        return parts

    def use_credit(self) -> None:
        """R-CREDIT-02."""
        if self.credit and self.unpaid():
            reached("R-CREDIT-02")
            self.credit = self.allocate(self.credit, nothing())

    # -- events -------------------------------------------------------------------------------

    def apply(self, event: Event) -> dict[str, int]:
        """One event of today; returns its parts (0002, events)."""
        if self.stopped and event.type in FOLLOWED:
            reached("R-OFF-03")
        parts: dict[str, int] = getattr(self, "on_" + event.type)(event)
        self.use_credit()
        return parts

    def on_purchase(self, event: Event) -> dict[str, int]:
        """R-LINE-01, R-LIMIT-01; nothing is bought on a line that was charged off."""
        limit = self.terms.given.get("limit")
        used = sum(cycle.unpaid("principal") for cycle in self.cycles) - self.credit
        refuse_if(limit is not None and used + event.amount > amount(limit, self.terms.decimals),
                  "R-LIMIT-01")
        refuse_if(self.stopped, "R-OFF-02")
        self.open_cycle.post(event.amount, self.today, event.posted_on)
        self.purchases[event.seq] = (event.amount, self.open_cycle)
        return dict.fromkeys(PARTS, 0) | {"principal": event.amount}

    def on_repayment(self, event: Event) -> dict[str, int]:
        """A repayment; after a charge-off it has to come as recovery."""
        refuse_if(self.stopped, "R-OFF-02")
        parts = self.pay(event.amount)
        self.left[event.seq] = dict(parts)
        return parts

    def on_recovery(self, event: Event) -> dict[str, int]:
        """R-OFF-01."""
        refuse_if(not self.stopped, "R-OFF-02")
        return self.pay(event.amount)

    def on_goodwill(self, event: Event) -> dict[str, int]:
        """R-GOOD-01."""
        reached("R-GOOD-01")
        return self.pay(event.amount)

    def on_fee(self, event: Event) -> dict[str, int]:
        """R-FEE-02: in the open cycle."""
        refuse_if(self.stopped, "R-OFF-02")
        reached("R-FEE-02")
        self.open_cycle.asked_parts["fee"] += event.amount
        return dict.fromkeys(PARTS, 0) | {"fee": event.amount}

    def on_penalty(self, event: Event) -> dict[str, int]:
        """R-FEE-02: a lump sum, in the open cycle."""
        refuse_if(self.stopped, "R-OFF-02")
        reached("R-FEE-02")
        self.open_cycle.asked_parts["penalty"] += event.amount
        return dict.fromkeys(PARTS, 0) | {"penalty": event.amount}

    def on_refund(self, event: Event) -> dict[str, int]:
        """R-REFUND-02: the cycle that asked the purchase first, then the oldest, then credit."""
        first: list[Cycle] = []
        if event.of is not None:
            rest, where = self.purchases.get(event.of, (0, self.open_cycle))
            refuse_if(event.amount > rest, "R-REFUND-03")
            self.purchases[event.of] = (rest - event.amount, where)
            first = [where]
        reached("R-REFUND-02")
        parts, money = dict.fromkeys(PARTS, 0), event.amount
        for cycle in first + self.cycles:
            part = cycle.take("principal", money, self.today)
            parts["principal"] += part
            money -= part
        parts["credit"] = money
        self.credit += money
        return parts

    def on_waiver(self, event: Event) -> dict[str, int]:
        """R-WAIVE-01."""
        assert event.component is not None
        refuse_if(event.amount > sum(c.unpaid(event.component) for c in self.cycles), "R-WAIVE-02")
        reached("R-WAIVE-01")
        money = event.amount
        for cycle in self.cycles:
            part = cycle.take(event.component, money, self.today)
            cycle.paid[event.component] -= part
            cycle.asked_parts[event.component] -= part
            if cycle.issued_on:  # taken off, not received (R-MIN-01)
                cycle.waived[event.component] += part
                cycle.received -= part
            money -= part
        return dict.fromkeys(PARTS, 0) | {event.component: event.amount}

    def on_chargeback(self, event: Event) -> dict[str, int]:
        """R-BACK-01: asked again in the open cycle; credit is taken back first."""
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
        for component in ("interest", "fee", "penalty"):
            self.open_cycle.asked_parts[component] += parts[component]
        self.open_cycle.post(parts["principal"], self.today, self.today)
        return parts

    def on_charge_off(self, event: Event) -> dict[str, int]:
        """R-OFF-01."""
        refuse_if(self.stopped, "R-OFF-02")
        reached("R-OFF-01")
        self.ask_interest()
        self.use_credit()
        for cycle in self.cycles:
            cycle.stop()
        self.stopped = True
        off = {component: sum(cycle.unpaid(component) for cycle in self.cycles)
               for component in COMPONENTS}
        return dict.fromkeys(PARTS, 0) | off

    def on_payout(self, event: Event) -> dict[str, int]:
        """Of the credit balance."""
        refuse_if(event.amount > self.credit, "R-PAYOUT-01")
        self.credit -= event.amount
        return dict.fromkeys(PARTS, 0) | {"credit": event.amount}
