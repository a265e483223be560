"""Why a figure over all contracts of a borrower is what it is: the terms of the sum.

Each term leads to the figure of its contract, which ``why`` opens further. Amounts are minor units,
days ordinals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from usance.contract.records import ACTIVE, outstanding
from usance.core.rules import rule
from usance.servicing.read import Standing

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Term:
    """One term: of a contract, whose figure says more, or of the line itself."""

    what: str
    amount: int
    product_id: int = 0
    contract_id: int = 0
    figure: str = ""
    on: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """A figure over several contracts."""

    figure: str
    terms: list[Term]
    rule: str = ""

    @property
    def amount(self) -> int:
        """What the terms make."""
        return sum(each.amount for each in self.terms)


def of(found: Standing, what: str, amount: int, figure: str, on: int = 0) -> Term:
    """A term of a contract."""
    return Term(what, amount, found.product_id, found.contract_id, figure, on)


def due_now(contracts: Iterable[Standing]) -> Sum:
    """What should have been paid by today, contract by contract."""
    terms = [
        of(s, "contract", s.due_now, "due-now", s.state.late_from if s.dpd else s.today)
        for s in contracts if s.due_now
    ]  # fmt: skip
    return Sum("due-now", terms, "R-LATE-01")


def next_due(contracts: Iterable[Standing], day: int) -> Sum:
    """What is due at least on a day."""
    terms = [
        of(s, "contract", s.next_due, "next-due", day)
        for s in contracts if day and s.next_due_on == day
    ]  # fmt: skip
    return Sum("next-due", terms)


def next_in_full(contracts: Iterable[Standing], day: int) -> Sum:
    """What is asked for a day in full: of statements more than what is required."""
    terms = [
        of(s, "contract", outstanding(d), f"unpaid {d.n}", day)
        for s in contracts for d in s.dues if day and d.due_on == day and outstanding(d)
    ]  # fmt: skip
    return Sum("next-in-full", terms)


def pay_off(contracts: Iterable[Standing]) -> Sum:
    """What closes all of it today."""
    terms = [of(s, "contract", s.pay_off, "pay-off") for s in contracts if s.pay_off]
    return Sum("pay-off", terms, "R-PAYOFF-01")


@rule("R-LIMIT-01")
def room(line: Row, contracts: Iterable[Standing], code: str) -> Sum:
    """What may still be used: the limit less unpaid principal and holds; never below zero."""
    terms = [Term("limit", line["limit_amount"], line["product_id"])]
    for s in contracts:
        if s.state.status != ACTIVE or not belongs(s, line):
            continue
        terms += [
            of(s, "used", -s.state.unpaid_principal, "unpaid-principal"),
            of(s, "credit", s.state.credit, "credit"),
        ]
    terms.append(Term("held", -line["held"]))
    over = -sum(each.amount for each in terms)
    terms.append(Term("over", max(over, 0)))
    return Sum(f"room {code}", [each for each in terms if each.amount], "R-LIMIT-01")


def belongs(found: Standing, line: Row) -> bool:
    """Whether a contract uses a line: one of its product, or a plan of its account."""
    plan = line["contract_id"] != 0 and found.parent_id == line["contract_id"]
    return bool(plan or found.product_id == line["product_id"])
