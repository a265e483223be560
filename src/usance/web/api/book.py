"""The book itself: its products, what was done to it, its rules."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from usance.servicing import read as models
from usance.web import rulebook
from usance.web.api import views
from usance.web.api.contracts import products as all_products
from usance.web.api.endpoint import Asked, Empty, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.problems import not_found


class BookView(Struct):
    """The book's row."""

    name: str
    currency: str
    opened_on: str
    business_date: str
    demo: bool


class ProductView(Struct):
    """A product, with the terms that its offers start from."""

    product: str
    name_zh: str
    name_en: str
    settings: dict[str, Any]


class RuleView(Struct):
    """A rule in words, and where it lives."""

    rule: str
    title: str
    sentence: str


@read("/v1/book", "book:read")
async def book(asked: Asked[Empty]) -> BookView:
    """The book: name, currency, first day, business date."""
    found = await models.book(asked.services.pool)
    assert found is not None
    return BookView(
        found.name, found.currency, found.opened_on.isoformat(), found.business_date.isoformat(),
        found.demo,
    )  # fmt: skip


@read("/v1/products", "products:read")
async def products(asked: Asked[Empty]) -> Page[ProductView]:
    """All products and their terms."""
    found = await all_products(asked)
    return Page(
        [ProductView(p.code, p.name_zh, p.name_en, p.settings) for p in found.values()], None
    )


@read("/v1/products/{code}", "products:read")
async def product(asked: Asked[Empty]) -> ProductView:
    """One product."""
    for each in (await products(asked)).items:
        if each.product == asked.at["code"]:
            return each
    raise not_found("product", "code")


@read("/v1/operations", "operations:read")
async def operations(asked: Asked[PageQuery]) -> Page[views.OperationView]:
    """The audit events of all mutations, newest first."""
    rows = await models.operations(
        asked.services.pool, before=position(asked.query, 2**63 - 1), limit=asked.query.limit
    )
    items = [views.operation_view(row) for row in rows]
    return page(items, asked.query, rows[-1]["operation_id"] if rows else 0)


@read("/v1/operations/{operation_id}", "operations:read")
async def operation(asked: Asked[Empty]) -> views.OperationView:
    """One audit event."""
    row = await models.operation(asked.services.pool, asked.at["operation_id"])
    if row is None:
        raise not_found("operation", "operation_id")
    return views.operation_view(row)


@read("/v1/rules/{code}", "products:read")
async def rule_text(asked: Asked[Empty]) -> RuleView:
    """A rule in words: what the ids in answers and refusals mean."""
    found = rulebook.rule_text(asked.at["code"])
    if found is None:
        raise not_found("rule", "code")
    return RuleView(found.identifier, found.title, found.sentence)
