"""Why is this number what it is? A replay of one contract with its trace, opened figure by figure.

A figure is named by a word and, where it needs one, a number: ``asked-interest 3`` is the interest
asked in due 3, ``event 7`` what event 7 did. Its entries add up to it; an entry names the event and
the rule it came from, and base x rate x days where it ran with time. An entry may lead to another
figure. Rates are per 10^8, days ordinals, amounts minor units.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction

from usance.contract import records as r
from usance.contract.accrual import (
    WHY_ASKED,
    WHY_CONTINGENT,
    WHY_INTEREST,
    WHY_PENALTY,
)
from usance.contract.early import row_interest
from usance.contract.records import Due, Effect, Event, Why
from usance.contract.replay import History, State, key
from usance.contract.standing import days_past_due, pay_off
from usance.core.days import count_weight
from usance.core.identifiers import cell_of_contract
from usance.core.money import RATE_ONE
from usance.platform.database import Pool
from usance.servicing import read, read_sql, store

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
    """A replayed contract on ``today``, step by step."""

    state: State
    steps: list[Step]
    today: int


async def explain(pool: Pool, contract_id: int, figure: str, n: int) -> Explanation | None:
    """Open a figure as of the business date; None if contract or figure is not there."""
    async with pool.acquire() as connection:
        book = await read.book(connection)
        row = await connection.fetchrow(
            read_sql.CONTRACT.format(contract=read.CONTRACT), cell_of_contract(contract_id),
            contract_id,
        )  # fmt: skip
        if row is None or book is None:
            return None
        (hand,) = await read.load(connection, [row])
        await store.load_history(connection, hand)
    assert hand.history is not None
    return opened(trace(hand.history, book.today), figure, n)


def trace(history: History, today: int) -> Trace:
    """Fold the events that count, noting what each did and what time did before it."""
    history.trace = True
    state = history.state = history.fresh()
    steps = [Step(state.contract.on, None, list(state.effects), list(state.whys or []))]
    live = [e for e in history.known.values() if history.counts(e)]
    for event in sorted([*live, *history.pins.values()], key=key):
        if event.kind != r.STATEMENT:
            pass_time(state, event.on, steps)
        effects, whys = len(state.effects), len(state.whys or [])
        history.apply(event)
        steps.append(Step(event.on, event, state.effects[effects:], (state.whys or [])[whys:]))
    pass_time(state, today, steps)
    return Trace(state, steps, today)


def pass_time(state: State, day: int, steps: list[Step]) -> None:
    """Advance, and note what that did."""
    effects, whys = len(state.effects), len(state.whys or [])
    if day > state.contract.on:
        state.advance(day)
        steps.append(Step(day, None, state.effects[effects:], (state.whys or [])[whys:]))


def opened(found: Trace, figure: str, n: int) -> Explanation | None:
    """The explanation of a named figure."""
    word, _, part = figure.partition("-")
    if figure == "pay-off":
        return of_pay_off(found)
    if figure == "due-now":
        return of_due_now(found)
    if figure == "running":
        return of_running(found)
    if figure == "dpd":
        return of_dpd(found)
    if figure == "event":
        return of_event(found, n)
    if word == "unpaid" and part in PARTS:
        return of_unpaid(found, part)
    due = next((d for d in found.state.dues if d.n == n), None)
    if due is None or not (part in PARTS or figure in ("required", "paid")):
        return None
    if figure == "paid":
        return of_all_paid(found, due)
    if figure == "required":
        return of_required(found, due)
    if word == "asked":
        return of_asked(found, due, part)
    return of_paid(found, due, part) if word == "paid" else None


# -- figures of the whole contract -----------------------------------------------------------------


def of_pay_off(found: Trace) -> Explanation:
    """R-PAYOFF-01: everything unpaid, and what has run."""
    c, t = found.state.contract, found.state.terms
    total = pay_off(t, c, found.state.dues)
    entries = [
        Entry("unpaid", getattr(c, f"unpaid_{part}"), component=part, figure=f"unpaid-{part}",
              rule="R-PAYOFF-01")
        for part in PARTS
    ]  # fmt: skip
    rest = total - sum(e.amount for e in entries)
    entries.append(Entry("running", rest, rule="R-PAYOFF-01", figure="running"))
    return Explanation("pay-off", 0, total, [e for e in entries if e.amount])


def of_due_now(found: Trace) -> Explanation:
    """What should have been paid by today, due by due."""
    c = found.state.contract
    entries = [
        Entry("due", read.required_of(c, d), on=d.due_on, n=d.n, rule="R-LATE-01",
              figure=f"required {d.n}" if c.kind == r.LINE else "")
        for d in found.state.dues
        if 0 < d.due_on <= found.today and read.required_of(c, d)
    ]  # fmt: skip
    return Explanation("due-now", 0, sum(e.amount for e in entries), entries)


def of_unpaid(found: Trace, part: str) -> Explanation:
    """One component over all dues."""
    component = COMPONENTS.index(part)
    c = found.state.contract
    total = getattr(c, f"unpaid_{part}")
    ahead = c.kind != r.LINE and part in ("interest", "fee")  # planned there, not yet asked
    entries = [
        Entry("due", r.unpaid(d, component), on=d.due_on, n=d.n, figure=f"asked-{part} {d.n}")
        for d in found.state.dues
        if r.unpaid(d, component) and not (ahead and c.running <= d.n <= c.rows)
    ]
    asked = total - sum(e.amount for e in entries)
    if ahead and asked and c.running <= c.rows:
        entries.append(Entry("running-row", asked, n=c.running, rule="R-EARLY-01"))
    return complete(Explanation(f"unpaid-{part}", 0, total, entries), found)


def of_running(found: Trace) -> Explanation:
    """Interest that has run since it was last asked."""
    c, t, dues = found.state.contract, found.state.terms, found.state.dues
    rest = pay_off(t, c, dues) - sum(getattr(c, f"unpaid_{part}") for part in PARTS)
    waiting: list[Entry] = []
    for step in found.steps:
        for each in step.whys:
            if each.code == WHY_ASKED and each.component == r.INTEREST and each.amount:
                waiting.clear()
            elif each.code in (WHY_INTEREST, WHY_CONTINGENT):
                waiting.append(segment(found, each))
    entry = Entry("rounded", rest, on=found.today, rule="R-ROUND-01")
    return Explanation("running", 0, rest, [entry], ran=waiting)


def of_dpd(found: Trace) -> Explanation:
    """Days since the oldest unmet due day."""
    c = found.state.contract
    days = days_past_due(c, found.today)
    entry = Entry("oldest", days, on=c.late_from, rule="R-LATE-01", figure="due-now")
    return Explanation("dpd", 0, days, [entry] if days else [], unit="days")


def of_event(found: Trace, seq: int) -> Explanation | None:
    """What an event did, due by due."""
    step = next((s for s in found.steps if s.event is not None and s.event.seq == seq), None)
    if step is None or step.event is None:
        return None
    entries = []
    for effect in step.effects:
        source, component = divmod(effect.kind, 8)
        if source not in (r.SUSPEND, r.NOTICE, r.ROUNDING) and component < len(COMPONENTS):
            entries.append(entry_of(step, effect, source, component))
    return Explanation("event", seq, step.event.amount, entries)


# -- figures of a due ------------------------------------------------------------------------------


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
    rule = PAYING.get(source) or ASKING.get(source) or ASK_RULES.get(component, "")
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
