"""Shapes of what the API shows, made from read models. Money is decimal strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from msgspec import Struct

from usance.contract.records import (
    ASKED,
    CHARGE,
    CHARGE_OFF,
    CHARGED_OFF,
    CLOSED,
    CYCLE,
    INSTALMENT,
    LAPSED,
    RESTRUCTURE,
    Due,
    outstanding,
)
from usance.ledger.chart import ACCOUNTS
from usance.servicing import read
from usance.web.api.values import Money, iso, spelled

Row = Mapping[str, Any]

STATUS = {1: "active", CLOSED: "closed", CHARGED_OFF: "charged_off"}
LINE_STATUS = {1: "open", 2: "closed"}
OFFER_STATUS = {1: "open", 2: "accepted", 3: "withdrawn"}
HOLD_STATUS = {1: "open", 2: "captured", 3: "voided", 4: "expired"}
DUE_KIND = {INSTALMENT: "instalment", CYCLE: "cycle", CHARGE: "charge"}
PHASE = {ASKED: "asked", LAPSED: "lapsed"}
COMPONENT = ("penalty", "fee", "interest", "principal")
EVENT_KIND = (
    "", "open", "purchase", "repayment", "refund", "fee", "penalty", "goodwill", "waiver",
    "chargeback", "reversal", "statement", "day", "extension", "restructure", "charge_off",
    "recovery", "payout", "move_out", "statement_day", "close", "drawing_returned",
)  # fmt: skip


class Parts(Struct):
    """An amount by component."""

    principal: str
    interest: str
    fee: str
    penalty: str


class DueView(Struct):
    """One thing owed."""

    n: int
    kind: str
    phase: str
    from_on: str | None
    due_on: str | None
    original_due_on: str | None
    asked: Parts
    paid: Parts
    outstanding: str
    required: str


class ContractView(Struct):
    """Where a contract stands on the business date."""

    contract_id: str
    borrower_id: str
    product: str
    parent_id: str | None
    status: str
    currency: str
    as_of: str
    opened_on: str | None
    closed_on: str | None
    principal: str
    unpaid: Parts
    pay_off: str
    due_now: str
    next_due_on: str | None
    next_due: str
    credit_balance: str
    days_past_due: int
    days_past_due_if_not_extended: int
    extensions: int
    non_accrual: bool
    recovered_in_full: bool


class EventView(Struct):
    """A business fact, and what it did."""

    seq: int
    kind: str
    effective_on: str | None
    booked_on: str | None
    recorded_at: str
    amount: str
    of: int | None
    component: str | None
    days: int | None
    instalments: int | None
    parts: Parts
    credit: str
    reversed_by: int | None
    operation_id: str | None


class TransferView(Struct):
    """One debit account, one credit account, one amount."""

    event_seq: int
    number: int
    debit: int
    debit_name: str
    credit: int
    credit_name: str
    amount: str
    effective_on: str | None
    booked_on: str | None


class StatementView(Struct):
    """A statement as issued."""

    number: int
    from_on: str | None
    issued_on: str | None
    due_on: str | None
    parts: Parts
    minimum_due: str
    balance: str
    credit_balance: str
    instalments_due: str


class OperationView(Struct):
    """The audit event of a mutation."""

    operation_id: str | None
    actor: str
    action: str
    borrower_id: str | None
    contract_id: str | None
    business_date: str | None
    recorded_at: str
    detail: dict[str, Any]


class LineView(Struct):
    """A borrower's limit on a product."""

    product: str
    limit: str
    used: str
    held: str
    available: str
    status: str
    contract_id: str | None
    opened_on: str | None


class OfferView(Struct):
    """A frozen quote with its cost sheet."""

    offer_id: str | None
    product: str
    principal: str
    status: str
    valid_until: str | None
    contract_id: str | None
    terms: Any
    cost: Any


class HoldView(Struct):
    """An authorisation."""

    authorisation_id: str | None
    contract_id: str | None
    amount: str
    captured: str
    status: str
    merchant: str
    authorised_on: str | None
    expires_on: str | None


COMPONENTS = Parts.__struct_fields__
ASKED_PARTS = attrgetter(*COMPONENTS)
PAID_PARTS = attrgetter(*(f"paid_{name}" for name in COMPONENTS))
UNPAID_PARTS = attrgetter(*(f"unpaid_{name}" for name in COMPONENTS))
ROW_PARTS = itemgetter(*COMPONENTS)


def parts(amounts: Iterable[int], money: Money) -> Parts:
    """Amounts by component, in their order."""
    return Parts(*map(money.say, amounts))


def due_view(d: Due, money: Money) -> DueView:
    """A due as it stands."""
    return DueView(
        n=d.n, kind=DUE_KIND[d.kind], phase=PHASE.get(d.phase, "ahead"),
        from_on=iso(d.from_on), due_on=iso(d.due_on), original_due_on=iso(d.original_due_on),
        asked=parts(ASKED_PARTS(d), money), paid=parts(PAID_PARTS(d), money),
        outstanding=money.say(outstanding(d)), required=money.say(d.required),
    )  # fmt: skip


def contract_view(found: read.Standing, product: str, money: Money) -> ContractView:
    """A contract on the business date."""
    c = found.state
    return ContractView(
        contract_id=spelled("contract", found.contract_id) or "",
        borrower_id=spelled("borrower", found.borrower_id) or "",
        product=product, parent_id=spelled("contract", found.parent_id),
        status=STATUS[c.status], currency=money.currency, as_of=iso(found.today) or "",
        opened_on=iso(c.opened_on), closed_on=iso(c.closed_on), principal=money.say(c.principal),
        unpaid=parts(UNPAID_PARTS(c), money), pay_off=money.say(found.pay_off),
        due_now=money.say(found.due_now), next_due_on=iso(found.next_due_on),
        next_due=money.say(found.next_due), credit_balance=money.say(c.credit),
        days_past_due=found.dpd, days_past_due_if_not_extended=found.dpd_unextended,
        extensions=c.extensions, non_accrual=bool(c.non_accrual),
        recovered_in_full=found.recovered_in_full,
    )  # fmt: skip


def amount_of(row: Row) -> int:
    """The money of an event: a charge-off's parts, nothing of a restructuring (minor units)."""
    if row["kind"] == CHARGE_OFF:
        return sum(ROW_PARTS(row))
    return 0 if row["kind"] == RESTRUCTURE else int(row["amount"])


def event_view(row: Row, money: Money) -> EventView:
    """An event."""
    named = EVENT_KIND[row["kind"]] in ("waiver", "fee", "penalty")
    planned = row["kind"] == RESTRUCTURE
    return EventView(
        seq=row["seq"], kind=EVENT_KIND[row["kind"]], effective_on=iso(row["effective_on"]),
        booked_on=iso(row["booked_on"]), recorded_at=row["recorded_at"].isoformat(),
        amount=money.say(amount_of(row)), of=row["of_seq"] or None,
        component=COMPONENT[row["component"]] if named else None,
        days=None if planned else row["days"] or None,
        instalments=row["amount"] if planned else None,
        parts=parts(ROW_PARTS(row), money), credit=money.say(row["credit"]),
        reversed_by=row["reversed_by"] or None,
        operation_id=spelled("operation", row["operation_id"]),
    )  # fmt: skip


def transfer_view(row: Row, money: Money) -> TransferView:
    """A transfer with the names of its accounts."""
    debit, credit = row["debit"], row["credit"]
    return TransferView(
        event_seq=row["event_seq"], number=row["number"], debit=debit,
        debit_name=ACCOUNTS[debit][1], credit=credit, credit_name=ACCOUNTS[credit][1],
        amount=money.say(row["amount"]), effective_on=iso(row["effective_on"]),
        booked_on=iso(row["booked_on"]),
    )  # fmt: skip


def statement_view(row: Row, money: Money) -> StatementView:
    """A statement."""
    return StatementView(
        number=row["number"], from_on=iso(row["from_on"]), issued_on=iso(row["issued_on"]),
        due_on=iso(row["due_on"]), parts=parts(ROW_PARTS(row), money),
        minimum_due=money.say(row["required"]), balance=money.say(row["balance"]),
        credit_balance=money.say(row["credit"]), instalments_due=money.say(row["plans_due"]),
    )  # fmt: skip


def operation_view(row: Row) -> OperationView:
    """An operation."""
    detail = row["detail"]
    return OperationView(
        operation_id=spelled("operation", row["operation_id"]), actor=row["actor"],
        action=row["action"], borrower_id=spelled("borrower", row["borrower_id"]),
        contract_id=spelled("contract", row["contract_id"]),
        business_date=iso(row["business_date"]), recorded_at=row["recorded_at"].isoformat(),
        detail=msgspec.json.decode(detail) if isinstance(detail, str) else detail,
    )  # fmt: skip


def line_view(row: Row, products: Mapping[int, read.Product], money: Money) -> LineView:
    """A line."""
    limit, used, held = row["limit_amount"], row["used"], row["held"]
    return LineView(
        product=products[row["product_id"]].code, limit=money.say(limit), used=money.say(used),
        held=money.say(held), available=money.say(max(limit - used - held, 0)),
        status=LINE_STATUS[row["status"]], contract_id=spelled("contract", row["contract_id"]),
        opened_on=iso(row["opened_on"]),
    )  # fmt: skip


def offer_view(row: Row, products: Mapping[int, read.Product], money: Money) -> OfferView:
    """An offer."""
    return OfferView(
        offer_id=spelled("offer", row["offer_id"]), product=products[row["product_id"]].code,
        principal=money.say(row["principal"]), status=OFFER_STATUS[row["status"]],
        valid_until=iso(row["valid_until"]), contract_id=spelled("contract", row["contract_id"]),
        terms=msgspec.json.decode(row["document"]), cost=msgspec.json.decode(row["cost"]),
    )  # fmt: skip


def hold_view(row: Row, money: Money) -> HoldView:
    """An authorisation."""
    return HoldView(
        authorisation_id=spelled("authorisation", row["authorisation_id"]),
        contract_id=spelled("contract", row["contract_id"]), amount=money.say(row["amount"]),
        captured=money.say(row["captured"]), status=HOLD_STATUS[row["status"]],
        merchant=row["merchant"], authorised_on=iso(row["authorised_on"]),
        expires_on=iso(row["expires_on"]),
    )  # fmt: skip
