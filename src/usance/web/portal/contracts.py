"""A contract of the borrower: what is owed when, statements, every "why", and what if."""

from typing import Any

from litestar import Response, get

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.web.console.render import Number, Word
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs


@get("/contracts/{contract:str}", opt=needs(BORROWER))
async def contract_page(request: Asked, contract: Word) -> Response[Any]:
    """What is owed of it, its schedule or statements, and what happened."""
    own = Own(request)
    found = await own.contract(contract)
    return show(
        request, "portal/contract.html", found=found, s=found.standing, contract=contract,
        products=await own.products(), dues=await own.schedule(found.standing),
        events=await own.contract_events(contract), owed=await own.owed(contract),
    )  # fmt: skip


@get("/contracts/{contract:str}/statements/{number:int}", opt=needs(BORROWER))
async def statement_page(request: Asked, contract: Word, number: Number) -> Response[Any]:
    """A statement as it was issued, and what became of it."""
    statement, due, events = await Own(request).statement(contract, number)
    return show(
        request, "portal/statement.html", contract=contract, statement=statement, due=due,
        events=events,
    )  # fmt: skip


@get("/contracts/{contract:str}/why", opt=needs(BORROWER))
async def why_page(request: Asked, contract: Word) -> Response[Any]:
    """A figure opened."""
    figure, _, number = request.query_params.get("figure", "").partition(" ")
    n = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    found, own = await Own(request).why(contract, figure, n), Own(request)
    return show(
        request, "portal/why.html", contract=contract, why=found, today=await own.today()
    )


@get("/contracts/{contract:str}/what-if", opt=needs(BORROWER))
async def what_if_page(request: Asked, contract: Word) -> Response[Any]:
    """Pay early, pay the minimum, miss one: led on by the kernel from where the contract stands."""
    own, text = Own(request), request.query_params.get("amount", "").strip()
    amount, refusal = 0, None
    if text:
        try:
            amount = own.amount(text)
        except Refused as refused:
            refusal = refused.refusal
        if amount < 0:
            amount, refusal = 0, Refusal("R-PAY-01", "the amount must be positive", "amount")
    found = await own.what_if(contract, amount)
    return show(
        request, "portal/what_if.html", status=422 if refusal else 200, contract=contract,
        found=found, text=text, refusal=refusal,
    )  # fmt: skip


HANDLERS = [contract_page, statement_page, why_page, what_if_page]
