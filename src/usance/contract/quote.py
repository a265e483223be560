"""The quote document: JSON in, JSON out, the real kernel (``docs/decisions/0002``)."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from usance.contract import documents as shape
from usance.contract import rates
from usance.contract.records import (
    CHARGE_OFF,
    CHARGEBACK,
    CHARGED_OFF,
    EXTENSION,
    FEE_EVENT,
    GOODWILL,
    LINE,
    PAYOUT,
    PENALTY_EVENT,
    PURCHASE,
    RECOVERY,
    REFUND,
    REPAYMENT,
    REVERSAL,
    WAIVER,
    Contract,
    Due,
    Event,
)
from usance.contract.replay import History, Issued, Opening, Parts, State, owed
from usance.contract.standing import days_past_due, days_past_due_unextended, pay_off
from usance.contract.terms import COMPONENTS, Agreed, agree_line, agree_term, amount, between, day
from usance.contract.why import reasons
from usance.core.days import iso
from usance.core.money import format_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule

KINDS = {
    "repayment": REPAYMENT, "fee": FEE_EVENT, "penalty": PENALTY_EVENT, "refund": REFUND,
    "goodwill": GOODWILL, "chargeback": CHARGEBACK, "reversal": REVERSAL, "waiver": WAIVER,
    "purchase": PURCHASE, "extension": EXTENSION, "charge_off": CHARGE_OFF, "recovery": RECOVERY,
    "payout": PAYOUT,
}  # fmt: skip
WITHOUT_AMOUNT = (REVERSAL, EXTENSION, CHARGE_OFF)
NAMES = ("principal", "interest", "fee", "penalty")


@dataclass(frozen=True, slots=True)
class Known:
    """An event with the day on which it entered the book, and its place in the document."""

    event: Event
    recorded_on: int
    path: str


def quote(document: object) -> dict[str, Any]:
    """The answer to a quote document, or the problem document of its refusal."""
    try:
        return answer(document)
    except Refused as refused:
        return refused.refusal.document()


def answer(document: object) -> dict[str, Any]:
    """The answer; raises ``Refused``."""
    given = read(document)
    agreed = agree(given)
    known = events_of(given, agreed)
    as_of = as_of_day(given, agreed, known)
    history = History(Opening(agreed.terms, agreed.plan, agreed.opened_on, agreed.statement_day),
                      trace=True, limit=agreed.limit)  # fmt: skip
    present = [k for k in known if k.event.on <= as_of]
    check_relations(present)
    history.run([(min(k.recorded_on, as_of), k.event) for k in present], as_of)
    return render(agreed, history, [k.event for k in known], as_of)


@rule("R-DOC-01")
def read(document: object) -> shape.Document:
    """The document in its shape."""
    try:
        return msgspec.convert(document, shape.Document)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `")
        raise Refused("R-DOC-01", detail, path.removeprefix("$.").rstrip("`")) from error


def agree(given: shape.Document) -> Agreed:
    """Terms of either kind."""
    if isinstance(given.terms, shape.TermTerms):
        return agree_term(given.terms)
    first = min((day(e.on, "events") for e in given.events), default=0)
    if not first and given.terms.opened_on is None:
        raise Refused("R-DOC-01", "opened_on is needed where there are no events", "terms")
    return agree_line(given.terms, first)


def as_of_day(given: shape.Document, agreed: Agreed, known: list[Known]) -> int:
    """The day of the view: given, or the latest day named."""
    if given.as_of is not None:
        as_of = day(given.as_of, "as_of")
        if as_of < agreed.opened_on:
            raise Refused("R-DATE-01", "as_of is before the contract opened", "as_of")
        return as_of
    return max([agreed.opened_on, *(k.event.on for k in known)])


def events_of(given: shape.Document, agreed: Agreed) -> list[Known]:
    """Events in the order of the document, each checked for itself."""
    return [
        event_of(each, agreed, f"events[{i}]") for i, each in enumerate(given.events)
    ]


def event_of(given: shape.EventIn, agreed: Agreed, path: str) -> Known:
    """One event as the kernel's integers."""
    kind = KINDS[given.type]
    on = day(given.on, f"{path}.on")
    recorded_on = day(given.recorded_on, f"{path}.recorded_on") if given.recorded_on else on
    event = Event(seq=between(given.seq, 1, 2**31, f"{path}.seq"), kind=kind, on=on)
    if kind not in WITHOUT_AMOUNT:
        if given.amount is None:
            raise Refused("R-DOC-01", "the amount is missing", f"{path}.amount")
        event.amount = amount(given.amount, agreed.decimals, f"{path}.amount")
    if kind == EXTENSION:
        event.days = between(given.days or 0, 1, 3660, f"{path}.days")
    if kind == WAIVER:
        if given.component is None or given.component == "principal":
            raise Refused("R-DOC-01", "interest, fee or penalty can be waived", f"{path}.component")
        event.component = COMPONENTS[given.component]
    event.of = given.of or 0
    if recorded_on < on and kind != REVERSAL:
        raise Refused("R-DATE-01", "recorded before it was effective", f"{path}.recorded_on")
    return Known(replace(event, booked_on=recorded_on), recorded_on, path)


def check_relations(known: list[Known]) -> None:
    """What events say of one another: R-SEQ-01, R-KIND-01, R-DATE-01, R-REV-02."""
    by_seq: dict[int, Known] = {}
    reversed_once: set[int] = set()
    for each in known:
        if each.event.seq in by_seq:
            raise Refused("R-SEQ-01", "the seq is used twice", each.path)
        by_seq[each.event.seq] = each
    for each in sorted(known, key=lambda k: (k.event.on, k.event.seq)):
        event = each.event
        needs = event.kind in (REVERSAL, CHARGEBACK)
        if not needs and not (event.kind == REFUND and event.of):
            continue
        target = by_seq.get(event.of)
        if target is None:
            raise Refused("R-SEQ-01", "the event that it refers to is not there", f"{each.path}.of")
        check_target(each, target.event)
        if event.kind == REVERSAL:
            if event.of in reversed_once:
                raise Refused("R-REV-02", "reversed twice", each.path)
            reversed_once.add(event.of)


def check_target(each: Known, target: Event) -> None:
    """Whether one event may refer to the other."""
    event = each.event
    wanted = {CHARGEBACK: (REPAYMENT,), REFUND: (PURCHASE,)}.get(event.kind)
    if (wanted and target.kind not in wanted) or target.kind == REVERSAL:
        raise Refused("R-KIND-01", "the event does not fit the one it refers to", each.path)
    if event.on < target.on:
        raise Refused("R-DATE-01", "the event is before the one it refers to", each.path)


class Money:
    """Formats minor units of one currency."""

    def __init__(self, decimals: int) -> None:
        self.decimals = decimals

    def __call__(self, units: int) -> str:
        return format_decimal(units, self.decimals)


def render(agreed: Agreed, history: History, events: list[Event], as_of: int) -> dict[str, Any]:
    """The whole output document."""
    state, money = history.state, Money(agreed.decimals)
    c = state.contract
    line = c.kind == LINE
    document: dict[str, Any] = {"as_of": iso(as_of)}
    if line:
        document["schedule"] = [statement_row(history, i, money) for i in range(len(history.issued))]
        document["open_cycle"] = open_row(state, money)
    else:
        document["schedule"] = term_rows(agreed, state, money)
    document["totals"] = totals(state, as_of, money)
    document["events"] = [event_row(history, e, money) for e in sorted(events, key=lambda e: e.seq)]
    document["apr"], document["irr"] = (None, None) if line else annual(agreed, history, as_of)
    document["why"] = reasons(state, money)
    return document


def components(d: Due, money: Money) -> dict[str, str]:
    """The four components asked, and their sum."""
    row = {name: money(getattr(d, name)) for name in NAMES}
    row["total"] = money(d.principal + d.interest + d.fee + d.penalty)
    return row


def paid_of(d: Due) -> int:
    """Everything paid on a due."""
    return d.paid_principal + d.paid_interest + d.paid_fee + d.paid_penalty


def term_rows(agreed: Agreed, state: State, money: Money) -> list[dict[str, Any]]:
    """One row per due of a term contract."""
    rows = []
    assert agreed.plan is not None
    left = agreed.plan.principal
    for d in state.dues:
        left -= d.principal
        rows.append(
            {"n": d.n, "from": iso(d.from_on), "due_on": iso(d.due_on), "days": d.due_on - d.from_on}
            | components(d, money)
            | {"paid": money(paid_of(d)), "outstanding": money(owed(d)), "balance_after": money(left)}
        )
    return rows


def statement_row(history: History, place: int, money: Money) -> dict[str, Any]:
    """One issued statement: as issued, and what became of it."""
    issued: Issued = history.issued[place]
    now = history.state.dues[issued.n - history.state.dues[0].n]
    said = issued.due
    asked = {name: getattr(said, name) - getattr(said, f"paid_{name}") for name in NAMES}
    later = now.penalty_billed - said.penalty_billed
    asked["penalty"] += later
    total = sum(asked.values())
    paid = now.received
    outstanding = owed(now)
    return {
        "n": place + 1, "from": iso(said.from_on), "issued_on": iso(issued.on),
        "due_on": iso(said.due_on), "days": issued.on - said.from_on + 1,
        **{name: money(value) for name, value in asked.items()},
        "total": money(total), "minimum_due": money(issued.required),
        "balance": money(issued.balance), "paid": money(paid),
        "rolled": money(max(total - paid - outstanding, 0)), "outstanding": money(outstanding),
    }  # fmt: skip


def open_row(state: State, money: Money) -> dict[str, Any]:
    """The cycle still open."""
    d = state.dues[-1]
    return (
        {"n": state.contract.statements + 1, "from": iso(d.from_on), "due_on": None}
        | components(d, money)
        | {"minimum_due": None, "paid": money(paid_of(d)), "outstanding": money(owed(d))}
    )


def totals(state: State, as_of: int, money: Money) -> dict[str, Any]:
    """Sums over all dues, and where the contract stands."""
    c, dues = state.contract, state.dues
    sums = {name: sum(getattr(d, name) for d in dues) for name in NAMES}
    pay_off_amount = pay_off(state.terms, c, dues)
    asked = c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty
    return {
        **{name: money(value) for name, value in sums.items()},
        "total": money(sum(sums.values())),
        "paid": money(sum(paid_of(d) for d in dues)),
        "outstanding": money(sum(owed(d) for d in dues)),
        "credit_balance": money(c.credit),
        "payoff": money(pay_off_amount),
        "accrued": money(accrued(state, pay_off_amount - asked)),
        "dpd": days_past_due(c, as_of),
        "dpd_if_not_extended": days_past_due_unextended(c, as_of),
        "status": ("", "active", "closed", "charged_off")[c.status],
    }


def accrued(state: State, beyond_asked: int) -> int:
    """Interest run and not yet asked, rounded: what the pay-off holds beyond what is asked."""
    c: Contract = state.contract
    if c.kind == LINE or c.running > c.rows or c.status == CHARGED_OFF:
        return beyond_asked
    row = state.dues[c.running - state.dues[0].n]
    return beyond_asked - (row.fee - c.fee_billed)


def event_row(history: History, event: Event, money: Money) -> dict[str, Any]:
    """What one event did."""
    undone = event.kind == REVERSAL or event.seq in history.reversed
    parts = Parts() if undone else history.state.parts.get(event.seq, Parts())
    penalty, fee, interest, principal, credit = parts.amounts
    row: dict[str, Any] = {
        "seq": event.seq, "principal": money(principal), "interest": money(interest),
        "fee": money(fee), "penalty": money(penalty), "credit": money(credit),
    }  # fmt: skip
    if undone:
        row["reversed"] = True
    return row


def annual(agreed: Agreed, history: History, as_of: int) -> tuple[str | None, str | None]:
    """APR of the schedule as agreed; IRR of the real flows and what is still asked."""
    assert agreed.plan is not None
    plan, fresh = agreed.plan, history.fresh()
    at_once = fresh.contract.fee_billed
    net = plan.principal - at_once
    planned = [d.principal + d.interest + d.fee for d in fresh.dues]
    planned[0] -= at_once
    months, days = plan.months, plan.days
    if len(planned) < plan.instalments:  # a bullet: one row after several steps
        planned = [0] * (plan.instalments - 1) + planned
    found = rates.apr(net, planned, months, days)
    flows = real_flows(history, plan.disbursed_on, as_of, at_once)
    return six(found), six(rates.irr(net, flows))


def real_flows(
    history: History, start: int, as_of: int, at_once: int
) -> list[tuple[int, int]]:
    """(days since pay-out, amount): what was paid on its day, what is asked on its due day."""
    flows: dict[int, int] = {}
    for seq, parts in history.state.parts.items():
        event = history.known[seq]
        sign = {REPAYMENT: 1, RECOVERY: 1, REFUND: 1, CHARGEBACK: -1, PAYOUT: -1}.get(event.kind, 0)
        time = event.on - start
        flows[time] = flows.get(time, 0) + sign * sum(parts.amounts)
    for d in history.state.dues:
        time = max(d.due_on, as_of) - start
        flows[time] = flows.get(time, 0) + owed(d) - (at_once if d.n == 1 and owed(d) else 0)
    return sorted(flows.items())


def six(found: int | None) -> str | None:
    """A rate per 10^6 as six decimals."""
    return None if found is None else format_decimal(found, 6)
