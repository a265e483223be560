"""What was committed, as messages: ids, kinds, amounts and days, and no person's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec

from usance.contract import records as r
from usance.core.identifiers import borrower_of_contract, written
from usance.core.money import format_decimal
from usance.core.rules import rule
from usance.webhooks import types

Row: TypeAlias = Mapping[str, Any]
CONTRACT_STATUS = {r.ACTIVE: "active", r.CLOSED: "closed", r.CHARGED_OFF: "charged_off"}
LINE_STATUS = {0: None, 1: "open", 2: "closed"}
PARTS = ("principal", "interest", "fee", "penalty", "credit")
OF_OTHERS = (r.REFUND, r.CHARGEBACK, r.REVERSAL)
"""Events that refer to another one."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something that happened; ``data`` differs from type to type."""

    type: str
    data: dict[str, Any]
    happened_at: datetime
    business_date: date
    operation_id: int = 0


@dataclass(frozen=True, slots=True)
class Names:
    """What numbers of the tables are called outside: money of the book, and products."""

    currency: str
    decimals: int
    products: Mapping[int, str]

    def money(self, units: int) -> str:
        """A decimal string."""
        return format_decimal(units, self.decimals)


@rule("R-HOOK-08")
def of_event(row: Row, names: Names) -> Message | None:
    """An event of a contract; None for a kind that nobody is told of."""
    kind = types.OF_EVENTS.get(row["kind"])
    if kind is None:
        return None
    data = of_contract(row["contract_id"]) | {
        "product": names.products.get(row["product_id"]),
        "event": row["seq"],
        "effective_on": row["effective_on"].isoformat(),
        "booked_on": row["booked_on"].isoformat(),
    }
    data |= details_of(row, names)
    happened = row["happened_at"], row["business_date"], row["operation_id"]
    return Message(kind.name, data, *happened)


def of_contract(contract_id: int) -> dict[str, Any]:
    """Which contract, and whose."""
    return {
        "contract_id": written("contract", contract_id),
        "borrower_id": written("borrower", borrower_of_contract(contract_id)),
    }


def details_of(row: Row, names: Names) -> dict[str, Any]:
    """What a kind of event has to say beside its day."""
    kind, parts = row["kind"], {each: names.money(row[each]) for each in PARTS}
    if kind == r.STATEMENT:
        return {"currency": names.currency} | statement(row, names)
    if kind == r.EXTENSION:
        return {"days": row["days"]}
    if kind == r.STATEMENT_DAY:
        return {"statement_day": row["amount"]}
    found = {"amount": names.money(row["amount"]), "currency": names.currency, "parts": parts}
    return found | ({"of_event": row["of_seq"] or None} if kind in OF_OTHERS else {})


def statement(row: Row, names: Names) -> dict[str, Any]:
    """What a statement asks for, as its row says."""
    if row["number"] is None:
        return {}
    return {
        "number": row["number"], "due_on": row["due_on"].isoformat(),
        "required": names.money(row["required"]), "balance": names.money(row["balance"]),
    }  # fmt: skip


@rule("R-HOOK-08")
def of_change(row: Row, names: Names) -> Message | None:
    """A line or a contract whose state changed; None where an event says it already."""
    happened = row["recorded_at"], row["business_date"], row["operation_id"]
    if not row["contract_id"]:
        return Message(types.LINE_CHANGED.name, line(row, names), *happened)
    data = of_contract(row["contract_id"]) | {
        "product": names.products.get(row["product_id"]),
        "status": CONTRACT_STATUS[row["status"]],
        "status_before": CONTRACT_STATUS[row["old_status"]],
    }
    if row["status"] == r.CLOSED:
        return Message(types.CLOSED.name, data, *happened)
    if row["old_status"] == r.CLOSED:
        return Message(types.REOPENED.name, data, *happened)
    return None


def line(row: Row, names: Names) -> dict[str, Any]:
    """A line as it became; ``version`` grows with every write of it."""
    before = row["old_status"]
    return {
        "borrower_id": written("borrower", row["borrower_id"]),
        "product": names.products.get(row["product_id"]),
        "status": LINE_STATUS[row["status"]], "status_before": LINE_STATUS[before],
        "limit": names.money(row["limit_amount"]),
        "limit_before": names.money(row["old_limit"]) if before else None,
        "currency": names.currency, "version": row["version"],
    }  # fmt: skip


@rule("R-HOOK-08")
def of_notice(row: Row, closed: Row) -> Message | None:
    """What the close of a day found: so many days late, or so many days before a due day."""
    days, type_ = row["days"], types.OVERDUE
    if row["kind"] == r.REMINDER:
        days, type_ = days - 1, types.DUE_SOON
    elif row["kind"] != r.OVERDUE_STEP:
        return None
    data = of_contract(row["contract_id"]) | {"due": row["n"], "days": days}
    return Message(type_.name, data, closed["finished_at"], closed["business_date"])


@rule("R-HOOK-08")
def of_day(closed: Row) -> Message:
    """A closed business date with its digest and counts."""
    counts = ("woken", "events", "statements", "notices", "transfers")
    data = {name: closed[name] for name in counts} | {"digest": closed["digest"].hex()}
    return Message(
        types.DAY_CLOSED.name, data, closed["finished_at"], closed["business_date"]
    )


def body_of(endpoint_id: int, row: Row) -> bytes:
    """What is sent: the same bytes at every attempt."""
    operation_id = row["operation_id"]
    return msgspec.json.encode({
        "id": message_id(endpoint_id, row["sequence"]),
        "type": row["type"],
        "sequence": row["sequence"],
        "happened_at": row["happened_at"],
        "business_date": row["business_date"],
        "operation_id": written("operation", operation_id) if operation_id else None,
        "data": msgspec.Raw(row["data"].encode()),
    })  # fmt: skip


def message_id(endpoint_id: int, sequence: int) -> str:
    """The name of a message, the same at every attempt and at no other endpoint."""
    return f"w-{endpoint_id}-{sequence}"
