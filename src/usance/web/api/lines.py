"""Lines and offers: limits, frozen quotes, and their acceptance."""

from __future__ import annotations

from usance.servicing import commands as ask
from usance.web.api import bodies
from usance.web.api.endpoint import Empty, command
from usance.web.api.values import Ids, Money


@command("POST", "/v1/borrowers/{borrower_id}/lines")
def open_line(at: Ids, body: bodies.LineBody, money: Money) -> ask.OpenLine:
    """Give a borrower a limit on a product; a pay-later product opens its account at once."""
    limit = money.read(body.limit, body.currency, "limit")
    return ask.OpenLine(
        borrower_id=at["borrower_id"], product=body.product, limit=limit,
        statement_day=body.statement_day,
    )  # fmt: skip


@command("PUT", "/v1/borrowers/{borrower_id}/lines/{code}/limit")
def change_limit(at: Ids, body: bodies.LimitBody, money: Money) -> ask.ChangeLimit:
    """Set the limit of a line."""
    limit = money.read(body.limit, body.currency, "limit")
    return ask.ChangeLimit(borrower_id=at["borrower_id"], product=at["code"], limit=limit)


@command("POST", "/v1/borrowers/{borrower_id}/lines/{code}/close")
def close_line(at: Ids, _body: Empty, _: Money) -> ask.CloseLine:
    """End a product for a borrower: nothing owed, nothing held, no credit balance."""
    return ask.CloseLine(borrower_id=at["borrower_id"], product=at["code"])


@command("POST", "/v1/borrowers/{borrower_id}/offers")
def make_offer(at: Ids, body: bodies.OfferBody, money: Money) -> ask.MakeOffer:
    """Quote a draw: terms, schedule and every cost, valid for some days."""
    return ask.MakeOffer(
        borrower_id=at["borrower_id"], product=body.product,
        principal=money.read(body.principal, body.currency, "principal"),
        instalments=body.instalments, amortisation=body.amortisation,
    )  # fmt: skip


@command("POST", "/v1/contracts/{contract_id}/plan-offers")
def offer_plan(at: Ids, body: bodies.PlanBody, money: Money) -> ask.OfferPlan:
    """Quote turning part of a pay-later account into instalments."""
    amount = money.read(body.amount, body.currency) if body.amount is not None else 0
    return ask.OfferPlan(
        contract_id=at["contract_id"], instalments=body.instalments, amount=amount,
        purchase=body.purchase or 0,
    )  # fmt: skip


@command("POST", "/v1/borrowers/{borrower_id}/offers/{offer_id}/shown")
def show_costs(at: Ids, body: bodies.ShownBody, _: Money) -> ask.ShowCosts:
    """The cost sheet is shown now; the first time counts. Answers with its words and a nonce."""
    return ask.ShowCosts(
        borrower_id=at["borrower_id"], offer_id=at["offer_id"], language=body.language
    )


@command("POST", "/v1/borrowers/{borrower_id}/offers/{offer_id}/confirmed")
def confirm_costs(at: Ids, body: bodies.ConfirmedBody, _: Money) -> ask.ConfirmCosts:
    """The sheet that was shown has been read; refused before its reading time is over."""
    return ask.ConfirmCosts(
        borrower_id=at["borrower_id"], offer_id=at["offer_id"], digest=body.digest,
        nonce=body.nonce, how=body.how,
    )  # fmt: skip


@command("POST", "/v1/borrowers/{borrower_id}/offers/{offer_id}/accept")
def accept_offer(at: Ids, _body: Empty, _: Money) -> ask.AcceptOffer:
    """Accept an open offer whose costs are confirmed: the contract begins today."""
    return ask.AcceptOffer(borrower_id=at["borrower_id"], offer_id=at["offer_id"])
