"""Why a number is what it is: the kernel's notes in the words of the quote document."""

from collections.abc import Callable
from typing import Any

from usance.contract.accrual import (
    WHY_ASKED,
    WHY_CONTINGENT,
    WHY_FEE,
    WHY_INTEREST,
    WHY_PENALTY,
)
from usance.contract.records import LINE, Why
from usance.contract.replay import State
from usance.core.days import iso
from usance.core.money import format_decimal

COMPONENT = ("penalty", "fee", "interest", "principal", "credit")


def rule_of(each: Why, line: bool, posting: bool) -> str:
    """The rule that a note stands under."""
    return {
        WHY_INTEREST: "R-LINE-03" if line else "R-TERM-01",
        WHY_CONTINGENT: "R-LINE-04" if posting else "R-LINE-03",
        WHY_PENALTY: "R-PEN-01",
        WHY_FEE: "R-FEE-02",
        WHY_ASKED: "R-ROUND-01",
    }[each.code]


def reasons(state: State, money: Callable[[int], str]) -> list[dict[str, Any]]:
    """The notes in order: segments (base x rate x days), and what was asked of them, rounded."""
    line = state.contract.kind == LINE
    found = []
    for each in state.whys or []:
        if each.code in (WHY_ASKED, WHY_FEE) and each.amount == 0:
            continue
        found.append(
            {
                "rule": rule_of(each, line, state.terms.posting == 1),
                "on": iso(each.on),
                "row": each.n,
                "component": COMPONENT[each.component],
                "base": money(each.base),
                "rate": format_decimal(each.rate, 8),
                "days": each.days,
                "amount": money(each.amount),
            }
        )
    return found
