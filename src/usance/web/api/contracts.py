"""Contracts: their page, and the lists behind it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from usance.servicing import read as models
from usance.servicing.read import Product, Standing
from usance.servicing.read_page import contract_page
from usance.web.api import views
from usance.web.api.endpoint import Asked, Empty, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import iso, spelled
from usance.web.problems import not_found

SEQ_MAX = 2**31 - 1
READ = "contracts:read"


class PlanView(Struct):
    """An instalment plan under a pay-later account."""

    contract_id: str
    status: str
    principal: str
    unpaid_principal: str
    opened_on: str | None


class ContractPageView(Struct):
    """A contract with the newest of everything; the lists have routes of their own."""

    contract: views.ContractView
    opening: Any
    dues: list[views.DueView]
    statements: list[views.StatementView]
    events: list[views.EventView]
    transfers: list[views.TransferView]
    plans: list[PlanView]


async def today(asked: Asked[Any]) -> int:
    """The business date as an ordinal."""
    book = await models.book(asked.services.pool)
    assert book is not None
    return book.today


async def products(asked: Asked[Any]) -> dict[int, Product]:
    """All products by id."""
    return await models.products(asked.services.pool)


async def standing(asked: Asked[Any]) -> Standing:
    """The contract of the path; 404 without one."""
    on = await today(asked)
    async with asked.services.pool.acquire() as connection:
        found = await models.contract(connection, asked.at["contract_id"], on)
    if found is None:
        raise not_found("contract", "contract_id")
    return found


@read("/v1/contracts/{contract_id}", READ)
async def contract(asked: Asked[Empty]) -> ContractPageView:
    """A contract: what is owed today and next, its newest dues, statements, events, transfers."""
    found = await contract_page(asked.services.pool, asked.at["contract_id"])
    if found is None:
        raise not_found("contract", "contract_id")
    money = asked.money
    return ContractPageView(
        contract=views.contract_view(found.standing, found.product_code, money),
        opening=found.opening,
        dues=[views.due_view(d, money) for d in found.dues],
        statements=[views.statement_view(row, money) for row in found.statements],
        events=[views.event_view(row, money) for row in found.events],
        transfers=[views.transfer_view(row, money) for row in found.transfers],
        plans=[plan_view(asked, row) for row in found.plans],
    )


def plan_view(asked: Asked[Any], row: Any) -> PlanView:
    """A plan."""
    return PlanView(
        contract_id=spelled("contract", row["contract_id"]) or "",
        status=views.STATUS[row["status"]], principal=asked.money.say(row["principal"]),
        unpaid_principal=asked.money.say(row["unpaid_principal"]),
        opened_on=iso(row["opened_on"]),
    )  # fmt: skip


@read("/v1/contracts/{contract_id}/dues", READ)
async def dues(asked: Asked[PageQuery]) -> Page[views.DueView]:
    """Everything owed, the newest page first, each page in the order of its dues."""
    found = await standing(asked)
    before = position(asked.query, 2**15 - 1, 2**15 - 1)
    rows = await models.dues(asked.services.pool, found, before, asked.query.limit)
    items = [views.due_view(d, asked.money) for d in rows]
    return page(items, asked.query, items[0].n if items else 0)


@read("/v1/contracts/{contract_id}/statements", READ)
async def statements(asked: Asked[PageQuery]) -> Page[views.StatementView]:
    """Statements as issued, newest first."""
    await standing(asked)
    before = position(asked.query, SEQ_MAX, SEQ_MAX)
    contract_id, limit = asked.at["contract_id"], asked.query.limit
    rows = await models.statements(asked.services.pool, contract_id, before, limit)
    items = [views.statement_view(row, asked.money) for row in rows]
    return page(items, asked.query, items[-1].number if items else 0)


@read("/v1/contracts/{contract_id}/statements/{number}", READ)
async def statement(asked: Asked[Empty]) -> views.StatementView:
    """One statement as issued."""
    contract_id, number = asked.at["contract_id"], asked.at["number"]
    before = min(number + 1, SEQ_MAX)
    rows = await models.statements(asked.services.pool, contract_id, before, 1)
    if not rows or rows[0]["number"] != number:
        raise not_found("statement", "number")
    return views.statement_view(rows[0], asked.money)


@read("/v1/contracts/{contract_id}/events", READ)
async def events(asked: Asked[PageQuery]) -> Page[views.EventView]:
    """Events, newest first."""
    await standing(asked)
    before = position(asked.query, SEQ_MAX, SEQ_MAX)
    contract_id, limit = asked.at["contract_id"], asked.query.limit
    rows = await models.events(asked.services.pool, contract_id, before, limit)
    items = [views.event_view(row, asked.money) for row in rows]
    return page(items, asked.query, items[-1].seq if items else 0)
