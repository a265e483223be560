"""Make a book: name, first day, products, consent documents, templates of notices, policies."""

import json
from datetime import date

from usance.consents.acts import enter_shipped
from usance.notices.starting import adopt_starting_set
from usance.platform.clock import SystemClock
from usance.platform.database import Pool, transaction
from usance.risk.shipping import adopt_shipped
from usance.servicing import columns as sql
from usance.servicing.products import products
from usance.servicing.terms import forget


async def create_book(
    pool: Pool, *, name: str, opened_on: date, demo: bool = False, country: str = "cn"
) -> None:
    """One book a database; it offers the products of one country, and has their currency."""
    forget()
    found = [each for each in products().values() if each.country == country]
    async with transaction(pool) as connection:
        await connection.execute(sql.INSERT_BOOK, name, found[0].currency, opened_on, demo)
        for each in found:
            await connection.execute(
                sql.INSERT_PRODUCT,
                each.product_id, each.code, each.name_zh, each.name_en, json.dumps(each.settings),
            )  # fmt: skip
        await enter_shipped(connection, SystemClock().now())
        await adopt_starting_set(connection, opened_on)
        await adopt_shipped(connection, opened_on)
