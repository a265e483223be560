"""The output of a quote: schedule, totals, events, annual rates (``docs/decisions/0002``)."""

from typing import Any

from usance.contract import rates
from usance.contract.records import (
    CHARGEBACK,
    LINE,
    PAYOUT,
    RECOVERY,
    REFUND,
    REPAYMENT,
    REVERSAL,
    Due,
    Event,
)
from usance.contract.replay import History, Issued, Parts, State, owed
from usance.contract.standing import (
    days_past_due,
    days_past_due_unextended,
    pay_off,
    unasked_interest,
)
from usance.contract.step import recovered_in_full
from usance.contract.terms import Agreed
from usance.contract.why import reasons
from usance.core.days import iso
from usance.core.money import format_decimal

NAMES = ("principal", "interest", "fee", "penalty")
STATUS = ("", "active", "closed", "charged_off")
SUMS = (*NAMES, "total", "paid", "outstanding")
AMOUNTS = {*SUMS, "balance_after", "minimum_due", "balance", "rolled", "credit", "credit_balance",
           "payoff", "accrued"}  # fmt: skip

Row = dict[str, Any]


class Money:
    """Formats minor units of one currency."""

    def __init__(self, decimals: int) -> None:
        self.decimals = decimals

    def __call__(self, units: int) -> str:
        """As a decimal string."""
        return format_decimal(units, self.decimals)

    def shown(self, row: Row) -> Row:
        """A row with its amounts as decimal strings."""
        return {
            name: self(value) if name in AMOUNTS and value is not None else value
            for name, value in row.items()
        }


def render(agreed: Agreed, history: History, events: list[Event], as_of: int) -> Row:
    """The whole output document."""
    state, money = history.state, Money(agreed.decimals)
    line = state.contract.kind == LINE
    document: Row = {"as_of": iso(as_of)}
    if line:
        rows = [statement_row(history, place) for place in range(len(history.issued))]
        last = open_row(state)
        document["open_cycle"] = money.shown(last)
    else:
        rows, last = term_rows(agreed, history), {}
    document["schedule"] = [money.shown(row) for row in rows]
    document["totals"] = money.shown(totals(state, [*rows, last] if line else rows, as_of))
    document["events"] = [
        money.shown(event_row(history, e)) for e in sorted(events, key=lambda e: e.seq)
    ]
    document["apr"], document["irr"] = (None, None) if line else annual(agreed, history, as_of)
    document["why"] = reasons(state, money)
    return document


def components(d: Due) -> Row:
    """The four components asked, and their sum."""
    row = {name: getattr(d, name) for name in NAMES}
    return row | {"total": sum(row.values())}


def paid_of(d: Due) -> int:
    """Everything paid on a due."""
    return d.paid_principal + d.paid_interest + d.paid_fee + d.paid_penalty


def term_rows(agreed: Agreed, history: History) -> list[Row]:
    """One row per due of a term contract."""
    rows = []
    assert agreed.plan is not None
    left = 0 if history.undrawn() else agreed.plan.principal
    for d in history.state.dues:
        left -= d.principal
        rows.append(
            {"n": d.n, "from": iso(d.from_on), "due_on": iso(d.due_on)}
            | {"days": d.due_on - d.from_on}
            | components(d)
            | {"paid": paid_of(d), "outstanding": owed(d), "balance_after": left}
        )
    return rows


def statement_row(history: History, place: int) -> Row:
    """One issued statement: as issued, and what became of it."""
    issued: Issued = history.issued[place]
    now = history.state.dues[issued.n - history.state.dues[0].n]
    said = issued.due
    asked = {name: getattr(said, name) - getattr(said, f"paid_{name}") for name in NAMES}
    asked["penalty"] += now.penalty_billed - said.penalty_billed
    total, paid, outstanding = sum(asked.values()), now.received, owed(now)
    return {
        "n": place + 1, "from": iso(said.from_on), "issued_on": iso(issued.on),
        "due_on": iso(said.due_on), "days": issued.on - said.from_on + 1, **asked,
        "total": total, "minimum_due": issued.required, "balance": issued.balance, "paid": paid,
        "rolled": max(total - paid - outstanding, 0), "outstanding": outstanding,
    }  # fmt: skip


def open_row(state: State) -> Row:
    """The cycle still open."""
    d = state.dues[-1]
    return (
        {"n": state.contract.statements + 1, "from": iso(d.from_on), "due_on": None}
        | components(d)
        | {"minimum_due": None, "paid": paid_of(d), "outstanding": owed(d)}
    )


def totals(state: State, rows: list[Row], as_of: int) -> Row:
    """Sums over all rows, and where the contract stands."""
    c, dues = state.contract, state.dues
    return {
        **{name: sum(row[name] for row in rows) for name in SUMS},
        "credit_balance": c.credit,
        "payoff": pay_off(state.terms, c, dues),
        "accrued": unasked_interest(state.terms, c, dues),
        "dpd": days_past_due(c, as_of),
        "dpd_if_not_extended": days_past_due_unextended(c, as_of),
        "status": STATUS[c.status],
        "recovered_in_full": recovered_in_full(c) == 1,
    }


def event_row(history: History, event: Event) -> Row:
    """What one event did."""
    undone = event.kind == REVERSAL or event.seq in history.reversed
    parts = Parts() if undone else history.state.parts.get(event.seq, Parts())
    penalty, fee, interest, principal, credit = parts.amounts
    row: Row = {
        "seq": event.seq, "principal": principal, "interest": interest, "fee": fee,
        "penalty": penalty, "credit": credit,
    }  # fmt: skip
    if undone:
        row["reversed"] = True
    return row


def annual(agreed: Agreed, history: History, as_of: int) -> tuple[str | None, str | None]:
    """APR of the schedule as agreed; IRR of the real flows and what is still asked."""
    assert agreed.plan is not None
    if history.undrawn():
        return None, None
    plan, fresh = agreed.plan, history.fresh()
    at_once = fresh.dues[0].asked_fee
    net = plan.principal - at_once
    planned = [d.principal + d.interest + d.fee for d in fresh.dues]
    planned[0] -= at_once
    months, days = plan.months, plan.days
    if len(planned) < plan.instalments:  # a bullet: one row after several steps
        planned = [0] * (plan.instalments - 1) + planned
    found = rates.apr(net, planned, months, days)
    flows = real_flows(history, plan.disbursed_on, as_of, at_once)
    return six(found), six(rates.irr(net, flows))


def real_flows(history: History, start: int, as_of: int, at_once: int) -> list[tuple[int, int]]:
    """(days since pay-out, amount): what was paid on its day, what is asked on its due day.

    The fee that was asked at once came off what was paid out, so it does not come in a second time.
    """
    flows: dict[int, int] = {}
    for seq, parts in history.state.parts.items():
        event = history.known[seq]
        sign = {REPAYMENT: 1, RECOVERY: 1, REFUND: 1, CHARGEBACK: -1, PAYOUT: -1}.get(event.kind, 0)
        time = event.on - start
        flows[time] = flows.get(time, 0) + sign * sum(parts.amounts)
    for d in history.state.dues:
        time = max(d.due_on, as_of) - start
        flows[time] = flows.get(time, 0) + owed(d)
    left = at_once
    for time in sorted(flows):
        taken = min(left, max(flows[time], 0))
        flows[time] -= taken
        left -= taken
    return sorted(flows.items())


def six(found: int | None) -> str | None:
    """A rate per 10^6 as six decimals."""
    return None if found is None else format_decimal(found, 6)
