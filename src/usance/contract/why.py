"""Why a number is what it is: the kernel's notes in the words of the quote document."""

from collections.abc import Callable
from typing import Any

from usance.contract.accrual import (
    WHY_ASKED,
    WHY_CONTINGENT,
    WHY_FEE,
    WHY_INTEREST,
    WHY_PENALTY,
    WHY_PERIOD,
)
from usance.contract.records import LINE, PENALTY, Why
from usance.contract.replay import State
from usance.core.days import iso
from usance.core.money import format_decimal

COMPONENT = ("penalty", "fee", "interest", "principal", "credit")


def rule_of(each: Why, state: State) -> str:
    """The rule that a note stands under."""
    line = state.contract.kind == LINE
    return {
        WHY_INTEREST: "R-LINE-03" if line else "R-TERM-01",
        WHY_CONTINGENT: "R-LINE-04" if state.terms.posting == 1 else "R-LINE-03",
        WHY_PENALTY: "R-PEN-01",
        WHY_FEE: "R-FEE-02",
        WHY_ASKED: "R-ROUND-01",
    }[each.code]


def reasons(state: State, money: Callable[[int], str]) -> list[dict[str, Any]]:
    """The notes in order: segments (base x rate x days / basis), and what was asked of them.

    What was asked in a ``period`` is, in all, the rounded sum of its segments so far; interest has
    periods of the contract, penalty of its row.
    """
    found = []
    periods: dict[int, int] = {}
    for each in state.whys or []:
        place = each.n if each.component == PENALTY else 0
        if each.code == WHY_PERIOD:
            periods[place] = periods.get(place, 1) + 1
        elif each.code not in (WHY_ASKED, WHY_FEE) or each.amount:
            found.append(
                {
                    "rule": rule_of(each, state),
                    "on": iso(each.on),
                    "row": each.n,
                    "component": COMPONENT[each.component],
                    "period": periods.get(place, 1),
                    "base": money(each.base),
                    "rate": format_decimal(each.rate, 8),
                    "days": each.days,
                    "basis": each.basis,
                    "amount": money(each.amount),
                }
            )
    return found
