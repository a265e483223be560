"""Offers: a frozen quote with its cost sheet; accepting one begins a contract."""

from dataclasses import asdict
from typing import Any

from usance.contract.line import due_day_of
from usance.contract.records import LINE, MOVE_OUT, PURCHASE, Event
from usance.contract.replay import Opening, owed
from usance.core.days import iso, next_month_day
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.identifiers import new_operation_id
from usance.servicing import commands as asked
from usance.servicing import disclosing
from usance.servicing.answers import contract_answer, money
from usance.servicing.cost_sheet import LOAN, PLAN, write
from usance.servicing.hand import BorrowerBook, Hand, Offer
from usance.servicing.lines import begin, open_one
from usance.servicing.pricing import check_principal, price
from usance.servicing.products import Product, agreed, by_id, product_of, products
from usance.servicing.terms import id_of

ACCEPTED = 2


def make_offer(book: BorrowerBook, command: asked.MakeOffer) -> dict[str, Any]:
    """Quote a draw on the borrower's line with the product's terms."""
    product = product_of(command.product)
    if product.kind != "term" or product.code == "instalment_plan":
        raise Refused("R-PRODUCT-02", "this product is not drawn as a loan", "product")
    line = open_one(book, product)
    check_principal(product, command.principal)
    if command.principal > book.available(line):
        raise Refused("R-LIMIT-01", "the draw exceeds what is available", "principal")
    instalments = command.instalments or product.settings["instalments"][-1]
    changes: dict[str, Any] = {}
    if command.amortisation:
        changes["amortisation"] = command.amortisation
    return freeze(book, product, command.principal, instalments, changes, None, 0)


@rule("R-OFFER-02", "R-CAP-01")
def freeze(
    book: BorrowerBook, product: Product, principal: int, instalments: int,
    changes: dict[str, Any], account: Hand | None, cycle: int,
) -> dict[str, Any]:  # fmt: skip
    """Keep the quote and its cost sheet; refused where the all-in cost exceeds the cap."""
    kind = PLAN if account else LOAN
    priced = price(product, principal, instalments, book.business_date, kind, **changes)
    words = write(priced.sheet)
    cost = {name: priced.quoted[name] for name in ("schedule", "totals", "apr", "irr")}
    offer = Offer(
        new_operation_id(), book.borrower_id, product.product_id, priced.terms,
        cost | {"sheet": words.digest.hex()}, principal,
        book.business_date + product.settings["offer_days"],
        parent_id=account.contract_id if account else 0, cycle=cycle, new=True,
    )  # fmt: skip
    book.offers[offer.offer_id] = offer
    disclosing.keep(book, offer.offer_id, kind, words)
    return offer_answer(offer)


@rule("R-PLAN-01")
def offer_plan(book: BorrowerBook, command: asked.OfferPlan) -> dict[str, Any]:
    """Quote instalments for one purchase, or for what is unpaid of the last statement."""
    account = book.hand(command.contract_id)
    if account.state.kind != LINE or account.state.status != 1:
        raise Refused("R-KIND-01", "only an open pay-later account is turned into instalments")
    cycle, most = plan_source(account, command.purchase)
    amount = command.amount or most
    if not 0 < amount <= most:
        raise Refused("R-PLAN-01", "more than is unpaid of it", "amount")
    plan = products()[by_id()[account.product_id].settings["plan_product"]]
    check_principal(plan, amount)
    next_statement = next_month_day(book.business_date - 1, account.state.statement_day)
    first_due = due_day_of(account.terms, next_statement)
    return freeze(
        book, plan, amount, command.instalments, {"first_due_on": iso(first_due)}, account, cycle
    )


def plan_source(account: Hand, purchase: int) -> tuple[int, int]:
    """(cycle, unpaid principal) that may be turned into instalments."""
    if purchase:
        assert account.history is not None
        event = account.history.known.get(purchase)
        if event is None or event.kind != PURCHASE or purchase in account.history.reversed:
            raise Refused("R-SEQ-01", "there is no such purchase", "purchase")
        held = [d for d in account.dues if d.principal > d.paid_principal]
        unpaid = sum(d.principal - d.paid_principal for d in held)
        return account.state.running, min(event.amount, unpaid)
    issued = [d for d in account.dues if d.n < account.state.running and owed(d) > 0]
    if not issued:
        raise Refused("R-PLAN-01", "nothing of a statement is unpaid", "contract_id")
    return issued[-1].n, issued[-1].principal - issued[-1].paid_principal


def accept_offer(book: BorrowerBook, command: asked.AcceptOffer) -> dict[str, Any]:
    """Begin the contract today, on the terms of the offer."""
    offer = disclosing.open_offer(book, command.offer_id)
    sheet = disclosing.check_confirmed(book, offer.offer_id)
    product = by_id()[offer.product_id]
    if offer.parent_id == 0:
        line = open_one(book, product)
        if offer.principal > book.available(line):
            raise Refused("R-LIMIT-01", "the draw exceeds what is available", "offer_id")
    hand = begin_loan(book, offer)
    if offer.parent_id:
        account = book.hand(offer.parent_id)
        move = Event(kind=MOVE_OUT, amount=offer.principal, component=offer.cycle)
        booked = account.apply(move, book.business_date)
        if booked.parts.amounts[4]:
            raise Refused("R-PLAN-01", "the amount has been paid meanwhile", "offer_id")
    offer.status, offer.contract_id, offer.dirty = ACCEPTED, hand.contract_id, True
    disclosing.begin(book, sheet, hand.contract_id)
    return contract_answer(hand) | {"offer_id": written("offer", offer.offer_id)}


def begin_loan(book: BorrowerBook, offer: Offer) -> Hand:
    """The contract of an accepted offer; its days count from today."""
    document = offer.document | {"disbursed_on": iso(book.business_date)}
    found = agreed(document, book.business_date)
    assert found.plan is not None
    plan = found.plan
    if offer.parent_id:
        plan = type(plan)(**(fields_of(plan) | {"moved": True}))
    opening = Opening(found.terms, plan, plan.disbursed_on)
    stored = {
        "terms_id": id_of(found.terms), "plan": fields_of(plan) | {"fees": fees_of(plan)},
        "terms": document,
    }  # fmt: skip
    return begin(book, offer.product_id, opening, stored, offer.parent_id)


def fields_of(plan: Any) -> dict[str, Any]:
    """A plan's fields."""
    return {name: getattr(plan, name) for name in plan.__slots__}


def fees_of(plan: Any) -> list[dict[str, Any]]:
    """A plan's fees as documents."""
    return [asdict(fee) for fee in plan.fees]


def offer_answer(offer: Offer) -> dict[str, Any]:
    """An offer as the API shows it."""
    product = by_id()[offer.product_id]
    return {
        "offer_id": written("offer", offer.offer_id),
        "product": product.code,
        "principal": money(offer.principal, product.decimals),
        "valid_until": iso(offer.valid_until),
        "status": ("", "open", "accepted", "withdrawn")[offer.status],
        "terms": offer.document,
        "cost": offer.cost,
        "contract_id": written("contract", offer.contract_id) if offer.contract_id else None,
    }
