"""A contract, its lists, a statement, and why a number is what it is."""

from contextlib import suppress
from typing import Any

from litestar import Response, get

from usance.ledger import chart
from usance.servicing import cost_read, read, read_page, why
from usance.servicing.read import Standing
from usance.web.console import cases, forms
from usance.web.console.borrowers import today_of
from usance.web.console.render import Asked, Number, Word, identifier, language_of, services, show
from usance.web.problems import not_found
from usance.web.security import needs

LISTS = {"dues": 100, "events": 100, "transfers": 100, "statements": 100}


@get("/contracts/{contract:str}", opt=needs("contracts:read"))
async def contract_page(request: Asked, contract: Word) -> Response[str]:
    """What is owed today and next, and where it came from."""
    contract_id, pool = identifier("contract", contract), services(request).pool
    found = await read_page.contract_page(pool, contract_id)
    if found is None:
        raise not_found("contract")
    return await show(
        request, "contract.html", found=found, s=found.standing, contract=contract,
        products=await read.products(pool), accounts=account_names(request),
        cases=await cases.of_contract(request, contract_id),
        events=await read.events(pool, contract_id, limit=20, day_ends=False),
        actions=[each for each in forms.ON_CONTRACT if each.fits(found.standing)],
        has_sheet=await cost_read.of_contract(pool, contract_id) is not None,
    )  # fmt: skip


@get("/contracts/{contract:str}/costs", opt=needs("contracts:read"))
async def contract_costs(request: Asked, contract: Word) -> Response[str]:
    """What was shown of its cost before it began, word for word."""
    contract_id, pool = identifier("contract", contract), services(request).pool
    kept = await cost_read.of_contract(pool, contract_id)
    if kept is None:
        raise not_found("cost sheet")
    return await show(request, "contract_costs.html", contract=contract, kept=kept)


def account_names(request: Asked) -> dict[int, str]:
    """Ledger accounts in the reader's language."""
    place = 2 if language_of(request) == "zh" else 1
    return {number: names[place] for number, names in chart.ACCOUNTS.items()}


@get("/contracts/{contract:str}/all/{name:str}", opt=needs("contracts:read"))
async def contract_list(request: Asked, contract: Word, name: Word) -> Response[str]:
    """One of a contract's lists in full, page by page."""
    if name not in LISTS:
        raise not_found("list")
    contract_id, pool = identifier("contract", contract), services(request).pool
    async with pool.acquire() as connection:
        standing = await read.contract(connection, contract_id, await today_of(request))
    if standing is None:
        raise not_found("contract")
    before = 2**31 - 1
    with suppress(ValueError):
        before = max(min(int(request.query_params.get("before", "")), before), 0)
    rows, following = await listed(request, standing, name, before)
    return await show(
        request, "contract_list.html", s=standing, contract=contract, name=name, rows=rows,
        next=following, accounts=account_names(request),
    )  # fmt: skip


async def listed(
    request: Asked, s: Standing, name: str, before: int
) -> tuple[list[Any], int]:
    """A page of a list, and before which number the next page begins (0: there is none)."""
    pool, limit = services(request).pool, LISTS[name]
    if name == "dues":
        dues = await read.dues(pool, s, before, limit)
        return dues, dues[0].n if dues and dues[0].n > 1 else 0
    reader = {"events": read.events, "transfers": read.transfers, "statements": read.statements}
    column = {"events": "seq", "transfers": "event_seq", "statements": "number"}[name]
    rows = await reader[name](pool, s.contract_id, before, limit + 1)
    if len(rows) <= limit:
        return rows, 0
    last = rows[limit - 1][column]
    if name == "transfers":  # an event's transfers stay together
        rows = [row for row in rows[:limit] if row[column] != last] or rows[:limit]
        return rows, rows[-1][column]
    return rows[:limit], last


@get("/contracts/{contract:str}/statements/{number:int}", opt=needs("contracts:read"))
async def statement_page(request: Asked, contract: Word, number: Number) -> Response[str]:
    """A statement as it was issued, and what became of it."""
    contract_id, pool = identifier("contract", contract), services(request).pool
    async with pool.acquire() as connection:
        found = await read.statements(connection, contract_id, min(number, 2**30) + 1, 1)
        standing = await read.contract(connection, contract_id, await today_of(request))
        if not found or found[0]["number"] != number or standing is None:
            raise not_found("statement")
        dues = await read.dues(connection, standing, found[0]["cycle"] + 1, 1)
        events = await read.events_of_cycle(connection, contract_id, found[0]["cycle"])
    return await show(
        request, "statement.html", contract=contract, s=standing, statement=found[0],
        due=dues[0] if dues else None, events=events,
    )  # fmt: skip


@get("/contracts/{contract:str}/why", opt=needs("contracts:read"))
async def why_page(request: Asked, contract: Word) -> Response[str]:
    """A figure opened: the entries that make it, with base, rate, days, event and rule."""
    figure, _, number = request.query_params.get("figure", "").partition(" ")
    n = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    found = await why.explain(services(request).pool, identifier("contract", contract), figure, n)
    if found is None:
        raise not_found("figure")
    return await show(request, "why.html", contract=contract, why=found)


HANDLERS = [contract_page, contract_costs, contract_list, statement_page, why_page]
