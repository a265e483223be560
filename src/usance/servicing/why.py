"""Why is this number what it is? A replay of one contract with its trace, opened figure by figure.

A figure is named by a word and, where it needs one, a number: ``asked-interest 3`` is the interest
asked in due 3, ``event 7`` what event 7 did. Its entries add up to it. What a due asks is in
``why_dues``, what statements said in ``why_said``.
"""

from dataclasses import replace

from usance.contract import records as r
from usance.contract.accrual import WHY_ASKED, WHY_CONTINGENT, WHY_INTEREST
from usance.contract.records import Due, Effect, Event
from usance.contract.replay import History, State, key
from usance.contract.standing import days_past_due, pay_off
from usance.core.identifiers import cell_of_contract
from usance.platform.database import Pool
from usance.servicing import read, read_sql, store, why_said
from usance.servicing.why_dues import (
    COMPONENTS,
    OF_DUE,
    PARTS,
    PAYING,
    Entry,
    Explanation,
    Step,
    Trace,
    complete,
    entry_of,
    of_asked,
    of_paid,
    of_still_due,
    segment,
)

EVERY = 10_000
"""More statements than a contract ever has."""


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
        rows = await read.statements(connection, contract_id, limit=EVERY)
    assert hand.history is not None
    found = trace(hand.history, book.today)
    return opened(replace(found, said={row["cycle"]: row for row in rows}), figure, n)


def trace(history: History, today: int) -> Trace:
    """Fold the events that count, noting what each did and what time did before it."""
    history.trace = True
    state = history.state = history.fresh()
    begun = opening_event(history, state.contract.on)
    steps = [Step(begun.on, begun, list(state.effects), list(state.whys or []))]
    live = [e for e in history.known.values() if history.counts(e)]
    for event in sorted([*live, *history.pins.values()], key=key):
        if event.kind != r.STATEMENT:
            pass_time(state, event.on, steps)
        effects, whys = len(state.effects), len(state.whys or [])
        history.apply(event)
        steps.append(Step(event.on, event, state.effects[effects:], (state.whys or [])[whys:]))
    pass_time(state, today, steps)
    return Trace(history, state, steps, today)


def opening_event(history: History, day: int) -> Event:
    """The first event: a history begins with what it opened and does not hold it as an event."""
    plan = history.opening.plan
    return Event(seq=1, kind=r.OPEN, on=day, amount=plan.principal if plan else 0)


def pass_time(state: State, day: int, steps: list[Step]) -> None:
    """Advance, and note what that did."""
    effects, whys = len(state.effects), len(state.whys or [])
    if day > state.contract.on:
        state.advance(day)
        steps.append(Step(day, None, state.effects[effects:], (state.whys or [])[whys:]))


def opened(found: Trace, figure: str, n: int) -> Explanation | None:
    """The explanation of a named figure."""
    word, _, part = figure.partition("-")
    if figure in OF_CONTRACT:
        return OF_CONTRACT[figure](found)
    if figure == "event":
        return of_event(found, n)
    if word == "unpaid" and part in PARTS:
        return of_unpaid(found, part)
    if n in found.said and word in why_said.WORDS:
        return why_said.opened(found, figure, n)
    due = next((d for d in found.state.dues if d.n == n), None)
    if due is None:
        return None
    if figure in OF_DUE:
        return OF_DUE[figure](found, due)
    if word in ("asked", "paid") and part in PARTS:
        return (of_asked if word == "asked" else of_paid)(found, due, part)
    return None


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
              figure=f"still-due {d.n}")
        for d in found.state.dues
        if 0 < d.due_on <= found.today and read.required_of(c, d)
    ]  # fmt: skip
    return Explanation("due-now", 0, sum(e.amount for e in entries), entries)


def ahead(found: Trace) -> Due | None:
    """The next due of which something must be paid."""
    c = found.state.contract
    rest = [d for d in found.state.dues if d.due_on > found.today and read.required_of(c, d) > 0]
    return min(rest, key=lambda d: d.due_on, default=None)


def of_next_due(found: Trace) -> Explanation:
    """What must be paid on the next due day."""
    due = ahead(found)
    if due is None:
        return Explanation("next-due", 0, 0, [])
    return replace(of_still_due(found, due), figure="next-due")


def of_next_in_full(found: Trace) -> Explanation:
    """What is asked for the next due day in full."""
    due = ahead(found)
    entries = [
        Entry("due", r.outstanding(d), on=d.due_on, n=d.n, figure=f"unpaid {d.n}")
        for d in found.state.dues
        if due is not None and d.due_on == due.due_on and r.outstanding(d)
    ]
    return Explanation("next-in-full", 0, sum(e.amount for e in entries), entries)


def of_credit(found: Trace) -> Explanation:
    """What was paid too much, less what of it was used or paid out."""
    entries = [
        credit_entry(step, effect)
        for step in found.steps
        for effect in step.effects
        if is_of_credit(*divmod(effect.kind, 8))
    ]
    return complete(Explanation("credit", 0, found.state.contract.credit, entries), found)


def is_of_credit(source: int, component: int) -> bool:
    """Whether an effect changes the credit balance."""
    moves = component == r.CREDIT and source in (*PAYING, r.TAKE_BACK, r.PAY_OUT)
    return moves or source == r.FROM_CREDIT


def credit_entry(step: Step, effect: Effect) -> Entry:
    """Money that became credit, or credit that went."""
    source, component = divmod(effect.kind, 8)
    entry = entry_of(step, effect, source, component)
    if source in (r.FROM_CREDIT, r.TAKE_BACK, r.PAY_OUT):
        return replace(entry, amount=-entry.amount)
    return replace(entry, rule="R-CREDIT-01")


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
        return of_undone(found, seq)
    if step.event.kind == r.STATEMENT:
        return why_said.of_event(found, seq)
    entries = []
    for effect in step.effects:
        source, component = divmod(effect.kind, 8)
        if source not in (r.SUSPEND, r.NOTICE, r.ROUNDING) and component < len(COMPONENTS):
            entries.append(entry_of(step, effect, source, component))
    return Explanation("event", seq, step.event.amount, entries)


def of_undone(found: Trace, seq: int) -> Explanation | None:
    """An event that counts for nothing: what undid it, or what it undid."""
    event = found.history.known.get(seq)
    if event is None:
        return None
    what, other = undoing(found.history, event)
    if other is None:
        return None
    drawing = r.DRAWING_RETURNED in (event.kind, other.kind)
    amount = event.amount or other.amount  # a reversal has none of its own
    entry = Entry(
        what, amount, on=other.on, seq=other.seq, kind=other.kind,
        rule="R-DRAW-01" if drawing else "R-REV-01", figure=f"event {other.seq}",
    )  # fmt: skip
    return Explanation("event", seq, amount, [entry])


def undoing(history: History, event: Event) -> tuple[str, Event | None]:
    """Which way an event that counts for nothing stands to which other one."""
    if event.seq in history.reversed:
        return "undone-by", history.known.get(history.reversed[event.seq])
    if event.kind == r.REVERSAL:
        return "undoes", history.known.get(event.of)
    if event.kind == r.DRAWING_RETURNED:
        return "undoes", opening_event(history, history.opening.opened_on)
    return "undone-by", history.returned


OF_CONTRACT = {
    "pay-off": of_pay_off, "due-now": of_due_now, "next-due": of_next_due,
    "next-in-full": of_next_in_full, "running": of_running, "dpd": of_dpd, "credit": of_credit,
}  # fmt: skip
"""Figures of the whole contract."""
