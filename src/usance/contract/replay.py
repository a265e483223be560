"""Replay: the definition of a contract's state. Stored state is a cache of it.

``State`` does one event after another. ``History`` adds what concerns several at once: their
order (R-ORDER-01), reversals, the parts a charge-back takes back, refunds against their purchase,
and statements that were issued before something back-dated became known.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from usance.contract.line import open_cycle
from usance.contract.records import (
    ASK,
    ASK_SUSPENDED,
    CHARGE_OFF,
    CHARGEBACK,
    CHARGED_OFF,
    CREDIT,
    DAY,
    DRAWING_RETURNED,
    FEE,
    FEE_EVENT,
    FROM_CREDIT,
    LINE,
    NOTICE,
    OPEN,
    PAYOUT,
    PENALTY,
    PENALTY_EVENT,
    PRINCIPAL,
    PURCHASE,
    RECOVERY,
    REFUND,
    REPAYMENT,
    RESTRUCTURE,
    REVERSAL,
    ROUNDING,
    STATEMENT,
    SUSPEND,
    WRITE_OFF,
    Contract,
    Due,
    Effect,
    Event,
    Out,
    Terms,
    Why,
)
from usance.contract.schedule import Plan, open_term, restructure, restructured, undraw
from usance.contract.standing import next_alarm
from usance.contract.step import REFUSALS, advance, refusal, step
from usance.core.days import next_month_day
from usance.core.refusals import Refused
from usance.core.rules import rule


@dataclass(frozen=True, slots=True)
class Opening:
    """How a contract begins: a plan (term), or the first statement day (line)."""

    terms: Terms
    plan: Plan | None = None
    opened_on: int = 0
    statement_day: int = 1


def open_line(opening: Opening) -> tuple[Contract, list[Due]]:
    """A pay-later account with its first open cycle."""
    day = opening.opened_on
    c = Contract(kind=LINE, opened_on=day, on=day, accrued_on=day)
    c.statement_day = opening.statement_day
    dues: list[Due] = []
    open_cycle(c, dues, day)
    c.alarm = next_alarm(opening.terms, c, dues)
    return c, dues


def open_contract(opening: Opening, out: Out) -> tuple[Contract, list[Due]]:
    """Either kind."""
    if opening.plan is not None:
        return open_term(opening.terms, opening.plan, out)
    return open_line(opening)


@dataclass(slots=True)
class Parts:
    """What one event did, by component (penalty, fee, interest, principal, credit)."""

    amounts: list[int] = field(default_factory=lambda: [0] * 5)
    cycle: int = 0  # number of the due in which a purchase landed


@dataclass(slots=True)
class State:
    """A contract in the hand: its records, and what each event did."""

    terms: Terms
    contract: Contract
    dues: list[Due]
    parts: dict[int, Parts] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    whys: list[Why] | None = None
    issued: list["Issued"] = field(default_factory=list)
    plan: Plan | None = None  # of a term contract, as it stands

    def do(self, event: Event) -> int:
        """Step one event and remember what it did; the code of its refusal or 0."""
        out = Out(whys=self.whys)
        if event.on > self.contract.on:
            advance(self.terms, self.contract, self.dues, event.on, out)
        before = len(out.effects)
        running = self.contract.running
        if event.kind == RESTRUCTURE:
            code = self.restructure(event, out)
        else:
            code = step(self.terms, self.contract, self.dues, event, out)
        self.effects.extend(out.effects)
        if code == 0 and event.kind == STATEMENT:
            self.issued.append(note_issue(self, event.on, running))
        elif code == 0:
            self.parts[event.seq] = parts_of(event, out.effects[before:])
        return code

    @rule("R-RESTR-01")
    def restructure(self, event: Event, out: Out) -> int:
        """New terms and a new plan: not in the compiled kernel, as it is rare and exact."""
        code = refusal(self.terms, self.contract, self.dues, event)
        if code == 0:
            assert self.plan is not None
            first_due_on = event.on + event.component if event.component else 0
            terms, self.plan = restructured(
                self.terms, self.plan, event.amount, event.days, first_due_on
            )
            restructure(self.terms, terms, self.plan, self.contract, self.dues, out)
            self.terms = terms
            self.contract.seq = max(self.contract.seq, event.seq)
        return code

    def advance(self, day: int) -> None:
        """Let time pass to the start of ``day``."""
        out = Out(whys=self.whys)
        advance(self.terms, self.contract, self.dues, day, out)
        self.effects.extend(out.effects)


@dataclass(slots=True)
class Issued:
    """A statement as issued: the cycle's own amounts, the required amount and the balance."""

    on: int
    n: int
    due: Due
    required: int
    balance: int
    credit: int = 0


@rule("R-STMT-02")
def note_issue(state: State, day: int, n: int) -> Issued:
    """The statement just issued for cycle ``n``."""
    c, dues = state.contract, state.dues
    due = dues[n - dues[0].n]
    required = sum(
        min(max(d.required - d.received, 0), owed(d)) for d in dues if d.n <= n and owed(d) > 0
    )
    balance = sum(owed(d) for d in dues) - c.credit
    return Issued(day, n, replace(due), required, balance, c.credit)


@rule("R-STMT-01")
def statement_event(said: Issued, seq: int) -> Event:
    """The event of a statement with what it said of its cycle: a replay is held to that."""
    d = said.due
    return Event(
        kind=STATEMENT, on=said.on, seq=seq, pinned=1, principal=d.principal - d.paid_principal,
        interest=d.interest - d.paid_interest, fee=d.fee - d.paid_fee,
        penalty=d.penalty - d.paid_penalty,
    )  # fmt: skip


def owed(d: Due) -> int:
    """Asked and unpaid."""
    asked = d.principal + d.interest + d.fee + d.penalty
    return asked - d.paid_principal - d.paid_interest - d.paid_fee - d.paid_penalty


def parts_of(event: Event, effects: Iterable[Effect]) -> Parts:
    """Sum an event's own effects by component."""
    parts = Parts()
    for effect in effects:
        source, component = divmod(effect.kind, 8)
        if source in (SUSPEND, NOTICE, ROUNDING) or not is_own(event.kind, source, component):
            continue
        parts.amounts[component] += effect.amount
        if event.kind == PURCHASE and source == ASK and component == PRINCIPAL:
            parts.cycle = effect.n
    return parts


ASKS = {FEE_EVENT: FEE, PENALTY_EVENT: PENALTY, PURCHASE: PRINCIPAL}
"""Events that ask for a component."""


def is_own(kind: int, source: int, component: int) -> bool:
    """Whether an effect is the event's own part (not credit used, interest asked on the way)."""
    if kind in ASKS:
        return source in (ASK, ASK_SUSPENDED) and component == ASKS[kind]
    if source == WRITE_OFF:  # else it only follows what was taken back, refunded or waived
        return kind == CHARGE_OFF
    return source not in (ASK, FROM_CREDIT, ASK_SUSPENDED)


UNDOING = (REVERSAL, DRAWING_RETURNED)
"""Events that undo others; the state is that without what they undo."""
MONEY = (REPAYMENT, RECOVERY, REFUND, CHARGEBACK, PAYOUT)
"""What came in or went out on a loan, whatever becomes of the loan."""


def key(event: Event) -> tuple[int, int, int]:
    """R-ORDER-01: by effective day, statements at the end of it, then sequence."""
    return event.on, int(event.kind == STATEMENT), event.seq


class History:
    """The events of one contract as they became known, and the state that they make.

    ``pins`` are the statements issued so far, by day; a rebuild holds each to what it said.
    """

    def __init__(self, opening: Opening, *, trace: bool = False, limit: int = 0) -> None:
        self.opening = opening
        self.limit = limit
        self.trace = trace
        self.known: dict[int, Event] = {}
        self.reversed: dict[int, int] = {}
        self.returned: Event | None = None  # the pay-out of the loan that came back
        self.pins: dict[int, Event] = {}
        self.issued: list[Issued] = []
        self.state = self.fresh()

    def fresh(self) -> State:
        """The state at the opening."""
        out = Out(whys=[] if self.trace else None)
        c, dues = open_contract(self.opening, out)
        if self.returned is not None and self.undrawn():
            undraw(c, dues, self.returned.on, out)
        return State(
            self.opening.terms, c, dues, effects=out.effects, whys=out.whys, plan=self.opening.plan
        )

    @rule("R-REV-01", "R-STMT-01", "R-ORDER-01")
    def rebuild(self, until: int) -> None:
        """Fold all known events anew, statements held to what they said."""
        state = self.state = self.fresh()
        live = [e for e in self.known.values() if self.counts(e)]
        for event in sorted([*live, *self.pins.values()], key=key):
            self.apply(event)
        if until > state.contract.on:
            state.advance(until)

    def stood_on(self, day: int) -> State:
        """The state at the start of ``day``, as known now, with what was entered for that day."""
        then = History(self.opening)
        then.reversed, then.returned = self.reversed, self.returned
        then.known = {seq: event for seq, event in self.known.items() if event.on <= day}
        then.pins = {on: event for on, event in self.pins.items() if on < day}
        then.rebuild(day)
        return then.state

    def take(self, event: Event, reversed_by: int = 0) -> None:
        """A stored event: known, not yet part of the state (``rebuild`` makes it so)."""
        if event.kind == STATEMENT:
            self.pins[event.on] = event
        elif event.kind not in (DAY, OPEN):
            self.note(event)
            if reversed_by:
                self.reversed[event.seq] = reversed_by

    def note(self, event: Event) -> None:
        """An event that is known; one that undoes another undoes it from here on."""
        self.known[event.seq] = event
        if event.kind == REVERSAL:
            self.reversed[event.of] = event.seq
        elif event.kind == DRAWING_RETURNED:
            self.returned = event

    @rule("R-DRAW-01")
    def undrawn(self) -> bool:
        """Whether the loan's pay-out came to nothing, so that it was never owed."""
        return self.returned is not None and self.returned.seq not in self.reversed

    @rule("R-REV-01", "R-DRAW-01")
    def counts(self, event: Event) -> bool:
        """Whether the event is part of the state: not undone, and undoing none itself."""
        if event.kind in UNDOING or event.seq in self.reversed:
            return False
        return event.kind in MONEY or not self.before_return(event)

    @rule("R-DRAW-01")
    def before_return(self, event: Event) -> bool:
        """Whether the event happened to a loan that then turned out never to have been paid out."""
        return self.undrawn() and self.returned is not None and event.seq < self.returned.seq

    def apply(self, event: Event) -> None:
        """Resolve, refuse or do one event."""
        resolved = self.resolve(event)
        code = self.state.do(resolved)
        if code:
            rule_id, detail = REFUSALS[code]
            raise Refused(rule_id, detail, f"event {event.seq}")

    def resolve(self, event: Event) -> Event:
        """Fill in what the event needs from the others; a copy, so that a rebuild resolves anew."""
        if event.kind == CHARGEBACK:
            return self.resolve_charge_back(event)
        if event.kind in (REPAYMENT, RECOVERY) and self.before_return(event):
            return replace(event, kind=REPAYMENT, pinned=1)
        if event.kind == REFUND and event.of:
            self.check_refund(event)
            parts = self.state.parts.get(event.of)
            return replace(event, component=parts.cycle if parts else 0)
        if event.kind == PURCHASE and self.limit:
            self.check_limit(event)
        return event

    def check_limit(self, event: Event) -> None:
        """R-LIMIT-01."""
        c = self.state.contract
        if c.unpaid_principal + event.amount > self.limit + c.credit:
            raise Refused("R-LIMIT-01", "the purchase exceeds the limit", f"event {event.seq}")

    @rule("R-REFUND-03")
    def check_refund(self, event: Event) -> None:
        """Refunds of one purchase never exceed it."""
        refunded = sum(
            e.amount
            for e in self.known.values()
            if e.kind == REFUND and e.of == event.of and self.counts(e) and key(e) < key(event)
        )
        if refunded + event.amount > self.known[event.of].amount:
            raise Refused("R-REFUND-03", "refunds exceed the purchase", f"event {event.seq}")

    @rule("R-BACK-01", "R-BACK-02")
    def resolve_charge_back(self, event: Event) -> Event:
        """What is taken back: credit, principal, interest, fee, penalty, in that order."""
        left = list(self.state.parts[event.of].amounts) if event.of in self.state.parts else [0] * 5
        for other in self.known.values():
            alike = other.kind == CHARGEBACK and other.of == event.of and other.seq != event.seq
            if alike and self.counts(other) and key(other) < key(event):
                take_from(left, sum(self.state.parts[other.seq].amounts))
        if event.amount > sum(left):
            raise Refused("R-BACK-02", "more than is left of the repayment", f"event {event.seq}")
        parts = take_from(left, event.amount)
        return replace(
            event,
            principal=parts[3], interest=parts[2], fee=parts[1], penalty=parts[0], credit=parts[4],
        )  # fmt: skip

    def learn(self, events: list[Event]) -> None:
        """Events that become known together."""
        back = False
        for event in events:
            self.note(event)
            back = back or event.kind in UNDOING or event.on < self.state.contract.on
        if back:
            self.rebuild(self.state.contract.on)
        else:
            for event in sorted(events, key=key):
                if self.counts(event):
                    self.apply(event)

    @rule("R-LINE-01")
    def issue(self, day: int) -> None:
        """The end of a statement day: issue, and remember what was said."""
        self.state.do(Event(kind=STATEMENT, on=day, seq=0))
        issued = self.state.issued[-1]
        self.issued.append(issued)
        self.pins[day] = statement_event(issued, 0)

    def run(self, events: list[tuple[int, Event]], as_of: int) -> None:
        """Learn (known on, event) pairs day by day, issue statements, and stand at ``as_of``."""
        waiting = sorted(events, key=lambda pair: (pair[0], key(pair[1])))
        place = 0
        for end in self.turning_days(as_of):
            batch = []
            while place < len(waiting) and waiting[place][0] <= end:
                batch.append(waiting[place][1])
                place += 1
            self.learn(batch)
            charged_off = self.state.contract.status == CHARGED_OFF
            if end < as_of and self.opening.plan is None and not charged_off:
                self.issue(end)
        if self.state.contract.on < as_of:
            self.state.advance(as_of)

    def turning_days(self, as_of: int) -> list[int]:
        """Statement days before ``as_of``, and ``as_of`` itself."""
        days = []
        if self.opening.plan is None:
            day = next_month_day(self.opening.opened_on - 1, self.opening.statement_day)
            while day < as_of:
                days.append(day)
                day = next_month_day(day, self.opening.statement_day)
        return [*days, as_of]


def take_from(left: list[int], amount: int) -> list[int]:
    """Take ``amount`` out of ``left`` in the order of a charge-back; gives the parts taken."""
    parts = [0] * 5
    for component in (CREDIT, PRINCIPAL, 2, 1, 0):
        parts[component] = min(amount, left[component])
        left[component] -= parts[component]
        amount -= parts[component]
    return parts

