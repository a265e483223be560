"""Purchases as merchants make them: authorise, capture, void, refund."""

from __future__ import annotations

from usance.servicing import commands as ask
from usance.web.api import bodies
from usance.web.api.endpoint import Empty, command
from usance.web.api.values import Ids, Money, ordinal

HOLD = "/v1/borrowers/{borrower_id}/authorisations/{authorisation_id}"


@command("POST", "/v1/borrowers/{borrower_id}/authorisations")
def authorise(at: Ids, body: bodies.AuthoriseBody, money: Money) -> ask.Authorise:
    """Hold part of a pay-later line for a merchant."""
    return ask.Authorise(
        borrower_id=at["borrower_id"], product=body.product, merchant=body.merchant,
        amount=money.read(body.amount, body.currency), valid_days=body.valid_days,
    )  # fmt: skip


@command("POST", HOLD + "/capture")
def capture(at: Ids, body: bodies.CaptureBody, money: Money) -> ask.Capture:
    """Turn (part of) a hold into a purchase; the rest stays held unless final."""
    return ask.Capture(
        borrower_id=at["borrower_id"], authorisation_id=at["authorisation_id"],
        amount=money.read(body.amount, body.currency), final=body.final,
    )  # fmt: skip


@command("POST", HOLD + "/void")
def void(at: Ids, _body: Empty, _: Money) -> ask.Void:
    """Release what is left of a hold."""
    return ask.Void(borrower_id=at["borrower_id"], authorisation_id=at["authorisation_id"])


@command("POST", "/v1/contracts/{contract_id}/purchases")
def purchase(at: Ids, body: bodies.Payment, money: Money) -> ask.Purchase:
    """A purchase without a hold before it."""
    return ask.Purchase(
        contract_id=at["contract_id"], amount=money.read(body.amount, body.currency),
        effective_on=ordinal(body.effective_on),
    )  # fmt: skip


@command("POST", "/v1/contracts/{contract_id}/refunds")
def refund(at: Ids, body: bodies.RefundBody, money: Money) -> ask.Refund:
    """A merchant gives money back, of one purchase or of none."""
    return ask.Refund(
        contract_id=at["contract_id"], amount=money.read(body.amount, body.currency),
        effective_on=ordinal(body.effective_on), of=body.of or 0,
    )  # fmt: skip
