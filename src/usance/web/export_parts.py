"""Everything the book holds about a borrower, part by part, in the shapes of the API.

Who did something is said by kind only (staff, machine, system): names of staff are not the
borrower's. That a legal hold stands is not said: it may be part of an investigation.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from usance.approvals import store as approvals
from usance.approvals.rules import STATES
from usance.contract.records import OVERDUE_STEP, REMINDER
from usance.core.identifiers import cell_of_borrower
from usance.core.money import DECIMALS
from usance.identity import access_sql
from usance.identity.accesses import shown
from usance.identity.staff_policy import staff_policy
from usance.platform.database import Connection
from usance.platform.personal import part
from usance.servicing import cost_read, held_sql, read, read_sql
from usance.servicing.hand import ALLOCATED, RETURNED, WAITS
from usance.servicing.read import Product, Standing
from usance.web.api import views
from usance.web.api.costs import CostSheetView, cost_sheet_view
from usance.web.api.values import Money, iso, spelled

ALL = 2**31 - 1
UNSAID = (
    "SetLegalHold", "LiftLegalHold",
    "ShowNumber", "RefuseInvitation", "PauseMember", "ResumeMember", "LeaveMember",
)  # fmt: skip
"""What the person must not learn: an investigation, and what a relative did (R-FAMILY-04).

That somebody left who had accepted is said by the end of the link, ``EndMember``."""
NOTICE_KIND = {REMINDER: "reminder", OVERDUE_STEP: "overdue", 2: "statement"}
RECEIPT_STATUS = {WAITS: "waiting", ALLOCATED: "allocated", RETURNED: "returned"}


class DeedView(Struct):
    """An operation on the borrower or one of the contracts."""

    operation_id: str | None
    by: str
    action: str
    contract_id: str | None
    business_date: str | None
    recorded_at: str


class ProposalView(Struct):
    """An act on the borrower that waited, or waits, for a second person."""

    proposal_id: str | None
    act: str
    by: str
    state: str
    contract_id: str | None
    created_at: str
    expires_at: str
    operation_id: str | None


class HeldContract(Struct):
    """A contract with its whole history."""

    contract: views.ContractView
    opening: Any
    dues: list[views.DueView]
    statements: list[views.StatementView]
    events: list[views.EventView]


class ReceiptView(Struct):
    """Bank money of the borrower that no contract took at first."""

    receipt_id: int
    amount: str
    value_date: str | None
    status: str
    reference: str
    outcome: str
    contract_id: str | None


class NoticeView(Struct):
    """A notice that was asked for."""

    contract_id: str | None
    due: int
    kind: str
    send_on: str | None
    days: int


class LookView(Struct):
    """A look at the borrower's details: when, as what, and why."""

    at: str
    by: str
    reason: str


async def money_of(connection: Connection) -> Money:
    """The book's currency."""
    book = await read.book(connection)
    assert book is not None
    return Money(book.currency, DECIMALS[book.currency])


@part("lines", "line")
async def lines(connection: Connection, borrower_id: int) -> list[views.LineView]:
    """Limits."""
    money, named = await money_of(connection), await read.products(connection)
    rows = await connection.fetch(read_sql.LINES, cell_of_borrower(borrower_id), borrower_id)
    return [views.line_view(row, named, money) for row in rows]


@part("offers", "offer")
async def offers(connection: Connection, borrower_id: int) -> list[views.OfferView]:
    """Offers with their terms and cost sheets."""
    money, named = await money_of(connection), await read.products(connection)
    cell = cell_of_borrower(borrower_id)
    rows = await connection.fetch(read_sql.OFFERS, cell, borrower_id, ALL)
    return [views.offer_view(row, named, money) for row in rows]


@part("cost_sheets", "cost_sheet")
async def cost_sheets(connection: Connection, borrower_id: int) -> list[CostSheetView]:
    """What was shown of the cost of borrowing before it was agreed to."""
    found = await cost_read.of_borrower(connection, borrower_id)
    return [cost_sheet_view(each) for each in found]


@part("authorisations", "authorisation")
async def authorisations(connection: Connection, borrower_id: int) -> list[views.HoldView]:
    """Holds."""
    money, cell = await money_of(connection), cell_of_borrower(borrower_id)
    rows = await connection.fetch(read_sql.AUTHORISATIONS, cell, borrower_id, ALL)
    return [views.hold_view(row, money) for row in rows]


@part("contracts", "contract", "contract_opening", "due", "statement", "event")
async def contracts(connection: Connection, borrower_id: int) -> list[HeldContract]:
    """Contracts as they stand, what they began with, and their dues, statements and events."""
    book, named = await read.book(connection), await read.products(connection)
    assert book is not None
    money = Money(book.currency, DECIMALS[book.currency])
    openings = await held_sql.openings(connection, borrower_id)
    found = await read.contracts_of(connection, borrower_id, book.today, limit=ALL)
    return [
        await held(connection, each, named[each.product_id], openings.get(each.contract_id), money)
        for each in found
    ]


async def held(
    connection: Connection, found: Standing, product: Product, opening: str | None, money: Money
) -> HeldContract:
    """One contract."""
    statements = await read.statements(connection, found.contract_id, limit=ALL)
    events = await read.events(connection, found.contract_id, limit=ALL)
    dues = await read.dues(connection, found, limit=ALL)
    return HeldContract(
        contract=views.contract_view(found, product.code, money),
        opening=json.loads(opening) if opening else {},
        dues=[views.due_view(each, money) for each in dues],
        statements=[views.statement_view(row, money) for row in statements],
        events=[views.event_view(row, money) for row in events],
    )


@part("receipts", "receipt", "bank_file_row")
async def receipts(connection: Connection, borrower_id: int) -> list[ReceiptView]:
    """Bank money that waits or waited; what a contract took is among its events."""
    money = await money_of(connection)
    return [
        ReceiptView(
            receipt_id=row["receipt_id"], amount=money.say(row["amount"]),
            value_date=iso(row["value_date"]), status=RECEIPT_STATUS[row["status"]],
            reference=row["reference"], outcome=row["outcome"],
            contract_id=spelled("contract", row["paid_contract_id"]),
        )
        for row in await held_sql.receipts(connection, borrower_id)
    ]  # fmt: skip


@part("notices_wanted", "notice_wanted")
async def notices(connection: Connection, borrower_id: int) -> list[NoticeView]:
    """Notices that were asked for."""
    return [
        NoticeView(spelled("contract", row["contract_id"]), row["n"], NOTICE_KIND[row["kind"]],
                   iso(row["send_on"]), row["days"])
        for row in await held_sql.notices(connection, borrower_id)
    ]  # fmt: skip



@part("proposals", "proposal")
async def proposals(connection: Connection, borrower_id: int) -> list[ProposalView]:
    """Acts that waited for a second person."""
    return [
        ProposalView(
            proposal_id=spelled("proposal", row["proposal_id"]), act=row["act"],
            by=row["author"].partition(":")[0], state=STATES[row["state"]],
            contract_id=spelled("contract", row["contract_id"]),
            created_at=row["created_at"].isoformat(), expires_at=row["expires_at"].isoformat(),
            operation_id=spelled("operation", row["operation_id"]),
        )
        for row in await approvals.of_borrower(connection, borrower_id)
    ]  # fmt: skip


@part("accesses", "access")
async def accesses(connection: Connection, borrower_id: int) -> list[LookView]:
    """Who was shown the details, by role or system, and why; the notes of staff are not said."""
    rows = await access_sql.accesses(connection, borrower_id, 2**63 - 1, ALL)
    looks = [shown(row, staff_policy(), "en") for row in rows]
    return [LookView(each.at.isoformat(), each.who, each.reason) for each in looks]


@part("operations", "operation", "erasure")
async def operations(connection: Connection, borrower_id: int) -> list[DeedView]:
    """What was done to the borrower, by which kind of actor."""
    rows = await read.operations(connection, borrower_id=borrower_id, limit=ALL)
    return [
        DeedView(
            operation_id=spelled("operation", row["operation_id"]),
            by=row["actor"].partition(":")[0], action=row["action"],
            contract_id=spelled("contract", row["contract_id"]),
            business_date=iso(row["business_date"]), recorded_at=row["recorded_at"].isoformat(),
        )
        for row in rows if row["action"] not in UNSAID
    ]  # fmt: skip
