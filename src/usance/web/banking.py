"""Where a bank tells of payments, and the pages of the sandbox's bank."""

from typing import Any

from litestar import Response, get, post
from litestar.response.base import ASGIResponse

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.permissions import PUBLIC, SIGNED
from usance.payments.sandbox_bank import SandboxBank
from usance.web.console.actions import form_of
from usance.web.console.render import Word, moved, services
from usance.web.portal.pages import on_refused
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import parse_amount
from usance.web.problems import ProblemError, refusal_of, respond
from usance.web.security import needs

BODY_MAX = 10_000
STATUS = {"R-PAY-03": 401, "R-PAY-04": 409, "R-PAY-06": 409, "R-FOUND-01": 404}
"""Of refusals of a notification; of all others 422."""


@post("/bank/notifications", opt=needs(SIGNED), request_max_body_size=BODY_MAX, status_code=200)
async def notification(request: Asked) -> ASGIResponse:
    """Take what a bank says of an order: signed, fresh, and for the first time."""
    found, body = services(request), await request.body()
    try:
        if found.bank is None:
            raise Refused("R-PAY-03", "the notification is not signed by the bank")
        document = await found.notifications.receive(found.bank, request.headers, body)
    except Refused as refused:
        refusal = refused.refusal
        error = ProblemError(
            STATUS.get(refusal.rule, 422), refusal.rule, refusal.detail, refusal.path
        )
        status, text, headers = refusal_of(error, request.method, "/bank/notifications")
        named = {name.decode(): value.decode() for name, value in headers}
        return ASGIResponse(body=text, status_code=status, headers=named)
    return respond(200, document)


@rule("R-PORTAL-04")
def sandbox_bank(request: Asked) -> SandboxBank:
    """The bank of the sandbox; where there is none, there is no such page either."""
    bank = services(request).bank
    if not services(request).sandbox or not isinstance(bank, SandboxBank):
        raise Refused("R-FOUND-01", "there is no such page")
    return bank


@get("/sandbox/bank/{reference:str}", opt=needs(PUBLIC), exception_handlers={Refused: on_refused})
async def bank_page(request: Asked, reference: Word) -> Response[Any]:
    """The page on which a payer confirms."""
    order = await sandbox_bank(request).look(reference)
    return show(request, "sandbox/bank.html", order=order, refusal=None)


@post("/sandbox/bank/{reference:str}", opt=needs(PUBLIC), exception_handlers={Refused: on_refused})
async def decide(request: Asked, reference: Word) -> Response[Any]:
    """The payer pays, declines, or leaves it pending; then back to where they came from."""
    bank, form = sandbox_bank(request), await form_of(request)
    order = await bank.look(reference)
    decision, paid = form.get("decision", ""), order["amount"]
    try:
        if decision == "pay" and form.get("amount"):
            paid = parse_amount(form["amount"], services(request).decimals)
        if paid <= 0:
            raise Refused("R-AMT-01", "the amount must be positive", "amount")
    except Refused as refused:
        return show(request, "sandbox/bank.html", status=422, order=order, refusal=refused.refusal)
    if decision in ("pay", "decline"):
        await bank.decide(
            reference, paid=paid if decision == "pay" else 0, twice=form.get("twice") == "1"
        )
    return moved(f"/my/payments/{order['intent'].rpartition('.')[2]}")


PAGES = [bank_page, decide]
