"""Paying: how much, at the bank, and what came of it."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.once import STATUS
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs

OTHER = "other"


async def amount_form(
    request: Asked, contract: str, given: dict[str, str], refusal: Refusal | None = None,
    status: int = 200,
) -> Response[Any]:  # fmt: skip
    """How much: what is due, everything, or another amount."""
    own = Own(request)
    owed = await own.owed(contract)
    return show(
        request, "portal/pay.html", status=status, owed=owed, contract=contract, given=given,
        refusal=refusal, products=await own.products(), can_pay=own.can_pay,
        payments=await own.payments(),
    )  # fmt: skip


@get("/pay", opt=needs(BORROWER))
async def pay_page(request: Asked) -> Response[Any]:
    """The form."""
    return await amount_form(request, request.query_params.get("contract", ""), {})


@post("/pay", opt=needs(BORROWER))
async def pay(request: Asked) -> Response[Any]:
    """Begin a payment, and on to the bank; the form's key makes a second sending harmless."""
    form, own = await form_of(request), Own(request)
    contract = form.get("contract", "")
    chosen = form.get("choice", "")
    try:
        amount = own.amount(form.get("amount", "") if chosen in ("", OTHER) else chosen)
        begun = await own.pay(contract, amount, key_of(form))
    except Refused as refused:
        status = STATUS.get(refused.refusal.rule, 422)
        return await amount_form(request, contract, form, refused.refusal, status)
    return moved(begun["bank_page"])


@get("/payments/{payment:str}", opt=needs(BORROWER))
async def payment_page(request: Asked, payment: Word) -> Response[Any]:
    """What came of a payment: a receipt, or where it stands."""
    own = Own(request)
    found = await own.payment(payment)
    return show(
        request, "portal/payment.html", payment=found, parts=await own.parts_of(found),
        products=await own.products(), name=payment,
    )  # fmt: skip


HANDLERS = [pay_page, pay, payment_page]
