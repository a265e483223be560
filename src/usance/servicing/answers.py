"""What a use case answers, in the words of the API."""

from typing import Any

from usance.contract.replay import owed
from usance.contract.standing import days_past_due
from usance.core.days import NEVER, iso
from usance.core.identifiers import written
from usance.core.money import format_decimal
from usance.servicing.hand import Booked, Hand
from usance.servicing.products import by_id

STATUS = ("", "active", "closed", "charged_off")


def money(amount: int, decimals: int = 2) -> str:
    """A decimal string."""
    return format_decimal(amount, decimals)


def event_answer(hand: Hand, booked: Booked) -> dict[str, Any]:
    """One event: what it did, and where the contract stands after it."""
    decimals = by_id()[hand.product_id].decimals
    penalty, fee, interest, principal, credit = booked.parts.amounts
    return {
        "event": {
            "seq": booked.event.seq,
            "effective_on": iso(booked.event.on),
            "booked_on": iso(booked.event.booked_on),
            "principal": money(principal, decimals),
            "interest": money(interest, decimals),
            "fee": money(fee, decimals),
            "penalty": money(penalty, decimals),
            "credit": money(credit, decimals),
        },
        "contract": contract_answer(hand),
    }


def contract_answer(hand: Hand) -> dict[str, Any]:
    """Where a contract stands."""
    c = hand.state
    decimals = by_id()[hand.product_id].decimals
    asked = sum(owed(d) for d in hand.dues if d.n < c.running or c.kind == 2)
    return {
        "contract_id": written("contract", hand.contract_id),
        "product": by_id()[hand.product_id].code,
        "status": STATUS[c.status],
        "principal": money(c.unpaid_principal, decimals),
        "asked": money(asked, decimals),
        "credit_balance": money(c.credit, decimals),
        "days_past_due": days_past_due(c, c.on),
        "next_on": None if c.alarm >= NEVER else iso(c.alarm),
    }
