"""Why what a due asks is what it is, and the records that every explanation is made of.

An entry names the event and the rule it came from, and base x rate x days where it ran with time;
it may lead to another figure. Rates are per 10^8, days ordinals, amounts minor units.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from usance.contract import records as r
from usance.contract.accrual import (
    WHY_ASKED,
    WHY_CONTINGENT,
    WHY_INTEREST,
    WHY_PENALTY,
)
from usance.contract.early import row_interest
from usance.contract.records import Due, Effect, Event, Why
from usance.contract.replay import History, State
from usance.core.days import count_weight
from usance.core.money import RATE_ONE
from usance.servicing import read

COMPONENTS = ("penalty", "fee", "interest", "principal", "credit")
PARTS = ("principal", "interest", "fee", "penalty")

PAYING = {
    r.CASH: "R-ALLOC-01", r.FROM_CREDIT: "R-CREDIT-02", r.BY_REFUND: "R-REFUND-01",
    r.BY_GOODWILL: "R-GOOD-01", r.WRITE_OFF: "R-OFF-01", r.MOVE: "R-PLAN-01",
    r.RECOVER: "R-OFF-01",
}  # fmt: skip
"""Sources of effects that count as paid, and the rule each stands under."""
ASKING = {
    r.ASK: "", r.ASK_SUSPENDED: "R-NONACC-01", r.TAKE_BACK: "R-BACK-01", r.WAIVE: "R-WAIVE-01",
}  # fmt: skip
"""Sources that change what is asked; of ``ASK`` the component tells the rule."""
BEYOND = {
    r.PAY_OUT_LOAN: "R-TERM-01", r.MOVE_IN: "R-PLAN-01", r.PAY_OUT: "R-PAYOUT-01",
}  # fmt: skip
"""Sources that neither ask nor pay, and the rule each stands under."""
ASK_RULES = {
    r.PRINCIPAL: "R-LINE-01", r.INTEREST: "R-ROUND-01", r.FEE: "R-FEE-02", r.PENALTY: "R-PEN-03",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an explanation; ``what`` is a word that the page translates."""

    what: str
    amount: int
    on: int = 0
    seq: int = 0
    kind: int = 0
    n: int = 0
    component: str = ""
    base: int = 0
    rate: int = 0
    basis: int = 0
    days: int = 0
    exact: str = ""
    rule: str = ""
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure and the entries that make it."""

    figure: str
    n: int
    amount: int
    entries: list[Entry]
    unit: str = "money"
    ran: list[Entry] = field(default_factory=list)
    """Segments of time behind entries that were asked and rounded."""

    @property
    def rules(self) -> list[str]:
        """The rules named, in order, once each."""
        return list(dict.fromkeys(e.rule for e in [*self.ran, *self.entries] if e.rule))


@dataclass(frozen=True, slots=True)
class Step:
    """What one event, or time before it (``event`` None), did."""

    on: int
    event: Event | None
    effects: list[Effect]
    whys: list[Why]


@dataclass(frozen=True, slots=True)
class Trace:
    """A replayed contract on ``today``, step by step; ``said``: its statements' rows by cycle."""

    history: History
    state: State
    steps: list[Step]
    today: int
    said: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


def of_whole(_: Trace, due: Due) -> Explanation:
    """All that is asked of a due."""
    entries = [
        Entry("asked", getattr(due, part), component=part, figure=f"asked-{part} {due.n}")
        for part in PARTS if getattr(due, part)
    ]  # fmt: skip
    return Explanation("asked", due.n, sum(e.amount for e in entries), entries)


def of_rest(found: Trace, due: Due) -> Explanation:
    """What of a due is unpaid."""
    entries, paid = of_whole(found, due).entries, of_all_paid(found, due).amount
    if paid:
        entries.append(Entry("less-paid", -paid, figure=f"paid {due.n}"))
    return Explanation("unpaid", due.n, r.outstanding(due), entries)


def of_still_due(found: Trace, due: Due) -> Explanation:
    """What of a due must be paid by its due day: on a line, the rest of what is required."""
    amount = read.required_of(found.state.contract, due)
    if found.state.contract.kind != r.LINE or due.kind != r.CYCLE:
        return replace(of_rest(found, due), figure="still-due")
    entries = [Entry("required", due.required, figure=f"required {due.n}", rule="R-MIN-01")]
    if due.received:
        entries.append(Entry("less-paid", -due.received, figure=f"received {due.n}"))
    beyond = amount - sum(e.amount for e in entries)
    if beyond:
        what = "paid-beyond" if beyond > 0 else "no-more-than"
        entries.append(Entry(what, beyond, figure=f"unpaid {due.n}", rule="R-MIN-01"))
    return Explanation("still-due", due.n, amount, entries)


def of_required(found: Trace, due: Due) -> Explanation:
    """R-MIN-01: what must be paid of a statement's cycle."""
    t = found.state.terms
    pin = next((s.event for s in found.steps if s.event and s.event.kind == r.STATEMENT
                and s.on < due.due_on and any(e.n == due.n for e in s.effects)), None)  # fmt: skip
    entries = []
    if pin is not None:
        others = pin.interest + pin.fee + pin.penalty
        base = pin.principal + (others if t.minimum_of_bill else 0)
        entries.append(
            Entry("minimum", min(max(-(-base * t.minimum_rate // RATE_ONE), t.minimum_floor), base),
                  on=pin.on, base=base, rate=t.minimum_rate, rule="R-MIN-01")
        )  # fmt: skip
        if not t.minimum_of_bill and others:
            entries.append(Entry("in-full", others, on=pin.on, rule="R-MIN-01"))
    return complete(Explanation("required", due.n, due.required, entries), found)


def of_asked(found: Trace, due: Due, part: str) -> Explanation:
    """What is asked of one component of a due."""
    component = COMPONENTS.index(part)
    figure = Explanation(f"asked-{part}", due.n, getattr(due, part), [])
    if part == "principal" and due.kind == r.INSTALMENT:
        return complete(replace(figure, entries=planned_principal(found, due)), found)
    ran: list[Entry] = []
    waiting: list[Entry] = []
    for step in found.steps:
        for each in step.whys:
            if belongs(each, due, component):
                waiting.append(segment(found, each))
            if each.code == WHY_ASKED and each.component == component and each.amount:
                ran.extend(waiting if each.n == due.n else ())
                waiting.clear()
        for effect in step.effects:
            source, what = divmod(effect.kind, 8)
            if effect.n == due.n and what == component and source in ASKING:
                figure.entries.append(entry_of(step, effect, source, component))
    if part == "interest" and due.kind == r.INSTALMENT:
        figure.entries.extend(planned_interest(found, due, figure.entries))
        ran.extend(waiting if due.n == found.state.contract.running else ())
    return complete(replace(figure, ran=ran), found)


def of_paid(found: Trace, due: Due, part: str) -> Explanation:
    """What was paid of one component of a due, event by event."""
    component = COMPONENTS.index(part)
    entries = []
    for step in found.steps:
        for effect in step.effects:
            source, what = divmod(effect.kind, 8)
            if effect.n == due.n and what == component and source in PAYING:
                entries.append(entry_of(step, effect, source, component))
    paid = Explanation(f"paid-{part}", due.n, getattr(due, f"paid_{part}"), entries)
    return complete(paid, found)


def of_all_paid(found: Trace, due: Due) -> Explanation:
    """What was paid of a due, over all components."""
    parts = [of_paid(found, due, part) for part in PARTS]
    entries = sorted((e for each in parts for e in each.entries), key=lambda e: (e.on, e.seq))
    return Explanation("paid", due.n, sum(each.amount for each in parts), entries)


def belongs(each: Why, due: Due, component: int) -> bool:
    """Whether a segment of time may be behind what a due asks: a line asks interest elsewhere."""
    if component == r.INTEREST:
        return each.code in (WHY_INTEREST, WHY_CONTINGENT)
    return each.code == WHY_PENALTY and component == r.PENALTY and each.n == due.n


def planned_principal(found: Trace, due: Due) -> list[Entry]:
    """Instalment less interest, or the part that the plan gives the row."""
    c, t = found.state.contract, found.state.terms
    if t.amortisation == r.EQUAL_INSTALMENT and c.instalment - due.interest == due.principal:
        return [
            Entry("instalment", c.instalment, rule="R-SCHED-02"),
            Entry("less-interest", -due.interest, n=due.n, figure=f"asked-interest {due.n}"),
        ]
    rules = {r.EQUAL_INSTALMENT: "R-SCHED-02", r.EQUAL_PRINCIPAL: "R-SCHED-03",
             r.INTEREST_FIRST: "R-SCHED-04", r.BULLET: "R-SCHED-05"}  # fmt: skip
    last = due.n == c.rows and due.principal != c.instalment
    what = "all-that-remains" if last else "planned"
    return [Entry(what, due.principal, on=due.due_on, rule=rules[t.amortisation])]


def planned_interest(found: Trace, due: Due, asked: list[Entry]) -> list[Entry]:
    """Interest of a row that is not yet asked: the plan on the balance it will have."""
    c, t = found.state.contract, found.state.terms
    rest = due.interest - sum(e.amount for e in asked)
    if rest == 0 or due.n < c.running or due.n > c.rows:
        return []
    rows = [d for d in found.state.dues if c.running <= d.n < due.n]
    base = c.principal if t.flat else c.balance - sum(r.unpaid(d, r.PRINCIPAL) for d in rows)
    weight = count_weight(t.count, due.from_on, due.due_on)
    whole = row_interest(t, c, due, due.from_on, base) == due.interest
    return [
        Entry("planned", rest, on=due.due_on, base=base if whole else 0, rate=t.rate,
              basis=t.basis, days=weight, rule="R-SCHED-02")
    ]  # fmt: skip


# -- entries ---------------------------------------------------------------------------------------


def entry_of(step: Step, effect: Effect, source: int, component: int) -> Entry:
    """An effect as an entry."""
    sign = -1 if source == r.WAIVE else 1
    known = PAYING | ASKING | BEYOND
    rule = known.get(source) or ASK_RULES.get(component, "")
    event = step.event
    return Entry(
        "event" if event is not None else "time", sign * effect.amount, on=step.on,
        seq=event.seq if event else 0, kind=event.kind if event else 0, n=effect.n,
        component=COMPONENTS[component], rule=rule,
    )  # fmt: skip


def segment(found: Trace, each: Why) -> Entry:
    """A stretch of nights: base x rate x days, exact to a hundredth of a minor unit."""
    t = found.state.terms
    penalty = each.code == WHY_PENALTY
    basis = t.penalty_basis if penalty else t.basis
    exact = Fraction(each.base * each.rate * each.days, basis * RATE_ONE)
    rule = {WHY_PENALTY: "R-PEN-01", WHY_CONTINGENT: "R-LINE-03"}.get(each.code, "R-RATE-01")
    return Entry(
        "contingent" if each.code == WHY_CONTINGENT else "nights", 0, on=each.on, n=each.n,
        component=COMPONENTS[each.component], base=each.base, rate=each.rate, basis=basis,
        days=each.days, exact=str(round(exact * 100)), rule=rule,
    )  # fmt: skip


def complete(figure: Explanation, found: Trace) -> Explanation:
    """Say plainly what came from another cycle or plan, so that entries always add up."""
    rest = figure.amount - sum(e.amount for e in figure.entries)
    if rest == 0:
        return figure
    line = found.state.contract.kind == r.LINE
    moved = Entry("moved", rest, rule="R-LINE-02" if line else "R-EARLY-05")
    return replace(figure, entries=[*figure.entries, moved])


OF_DUE = {
    "paid": of_all_paid, "required": of_required, "asked": of_whole, "unpaid": of_rest,
    "still-due": of_still_due,
}  # fmt: skip
"""Figures of one due."""
