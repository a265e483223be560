"""The answer of a quote: schedule, totals, events (0002)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from .cycle import Cycle
from .line import LineContract
from .term import PARTS, TermContract
from .terms import COMPONENTS, Event

Answer = dict[str, Any]


def money(minor: int, decimals: int) -> str:
    """Minor units as a decimal string."""
    if not decimals:
        return str(minor)
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def amounts(asked: dict[str, int], paid: int) -> dict[str, int]:
    """Components, total, paid and outstanding of one row."""
    total = sum(asked.values())
    return {**asked, "total": total, "paid": paid, "outstanding": max(0, total - paid)}


def term_rows(contract: TermContract) -> list[Answer]:
    """One row per due."""
    rows: list[Answer] = []
    balance = contract.lent
    for row in contract.rows:
        asked = {component: row.asked(component) for component in COMPONENTS}
        balance -= row.principal
        start = row.start or row.due
        rows.append({"n": row.n, "from": start, "due_on": row.due, "days": (row.due - start).days,
                     **amounts(asked, sum(row.paid.values())), "balance_after": balance})
    return rows


def cycle_row(cycle: Cycle) -> Answer:
    """One statement as issued, or the open cycle; penalty interest is added as it is asked.

    What was handed over or taken off since is what is neither paid nor still unpaid."""
    issued = cycle.issued_on
    asked = {component: cycle.asked(component) + cycle.waived[component]
             for component in COMPONENTS}
    said = cycle.said or {"minimum_due": cycle.minimum_due, "balance": cycle.balance}
    if cycle.said:  # it stays as it was issued; penalty interest is added as it is asked
        asked = {component: cycle.said[component] for component in COMPONENTS}
        asked["penalty"] += cycle.penalty_run()
    paid, total = sum(cycle.paid.values()), sum(asked.values())
    return {"n": cycle.n, "from": cycle.start, "due_on": cycle.due, "issued_on": issued,
            "days": (issued - cycle.start).days + 1 if issued else None, **asked, "total": total,
            "paid": paid, "rolled": max(0, total - paid - cycle.open()),
            "outstanding": cycle.open(),
            "minimum_due": said["minimum_due"] if issued else None,
            "balance": said["balance"] if issued else None}


def totals(contract: TermContract | LineContract, rows: Iterable[Answer]) -> Answer:
    """Sums over the rows (and the open cycle), and what stands on the contract."""
    sums = {field: sum(row[field] for row in rows)
            for field in (*COMPONENTS, "total", "paid", "outstanding")}
    return {**sums, "credit_balance": contract.credit, "payoff": contract.payoff(),
            "accrued": contract.accrued(), "dpd": contract.days_past_due(),
            "dpd_if_not_extended": contract.days_past_due_if_not_extended(),
            "recovered_in_full": contract.stopped and not contract.payoff()}


COUNTS = ("n", "days", "dpd", "dpd_if_not_extended", "seq")


def shown(fields: Answer, decimals: int) -> Answer:
    """Amounts as decimal strings, days as ISO dates, counts as they are."""
    def show(name: str, value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        return money(value, decimals) if type(value) is int and name not in COUNTS else value
    return {name: show(name, value) for name, value in fields.items()}


def answer(contract: TermContract | LineContract, events: list[Event],
           parts: dict[int, dict[str, int]], undone: set[int]) -> Answer:
    """The document that `quote` gives, less apr, irr and why."""
    decimals = contract.terms.decimals
    lines = [cycle_row(c) for c in contract.cycles] if isinstance(contract, LineContract) else []
    rows = lines or term_rows(contract)  # type: ignore[arg-type]
    shown_rows = [shown(row, decimals) for row in rows]
    given: Answer = {"as_of": contract.today.isoformat(),
                     "schedule": shown_rows[:-1] if lines else shown_rows,
                     "totals": shown(totals(contract, rows), decimals)}
    if lines:
        given["open_cycle"] = {name: value for name, value in shown_rows[-1].items()
                               if name not in ("rolled", "minimum_due", "balance", "issued_on")}
    given["events"] = []
    for event in sorted(events, key=lambda event: event.seq):
        own = parts.get(event.seq, dict.fromkeys(PARTS, 0))
        mark = {"reversed": True} if event.seq in undone else {}
        given["events"].append(shown({"seq": event.seq, **own}, decimals) | mark)
    return given
