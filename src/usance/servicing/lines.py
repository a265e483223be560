"""Lines: a borrower's limit on a product, and its end."""

from datetime import date
from typing import Any

from usance.contract.records import CLOSE, LINE, OPEN, STATEMENT_DAY, Event, Out
from usance.contract.replay import Opening, open_contract
from usance.contract.step import recovered_in_full
from usance.core.identifiers import contract_of, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.risk.limits import check_cap
from usance.risk.limits_policy import limit_policy
from usance.servicing import commands as asked
from usance.servicing import disclosing
from usance.servicing.answers import event_answer, money
from usance.servicing.hand import BorrowerBook, Hand, Line
from usance.servicing.line_sheet import line_sheet
from usance.servicing.products import Product, account_terms, product_of
from usance.servicing.terms import id_of

OPEN_LINE, CLOSED_LINE = 1, 2
STATUS = {OPEN_LINE: "open", CLOSED_LINE: "closed"}


@rule("R-LINE-11")
def check_limit(product: Product, limit: int) -> None:
    """A limit is positive and within what policy and law allow for the product."""
    if product.kind == "term" and product.code == "instalment_plan":
        raise Refused("R-PRODUCT-01", "this product has no line of its own", "product")
    if not 0 < limit <= product.amount("limit_max"):
        raise Refused(
            "R-LINE-11", f"the limit must be positive and at most {product.settings['limit_max']}",
            "limit",
        )  # fmt: skip


@rule("R-LIMIT-04")
def check_person(book: BorrowerBook, product: Product, limit: int, before: int) -> None:
    """What all open lines of the borrower come to stays under the cap of a person."""
    others = sum(
        each.limit for each in book.lines.values()
        if each.status == OPEN_LINE and each.product_id != product.product_id
    )  # fmt: skip
    cap = limit_policy().cap_on(product.currency, date.fromordinal(book.business_date))
    check_cap(limit, before, others, cap.most if cap else None)


@rule("R-ERASE-05")
def open_line(book: BorrowerBook, command: asked.OpenLine) -> dict[str, Any]:
    """Give the borrower a limit; a pay-later product opens its account at once."""
    product = product_of(command.product)
    if not book.known:
        raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
    if book.erased:
        raise Refused("R-ERASE-05", "the borrower is erased", "borrower_id")
    if product.currency != book.currency:
        raise Refused("R-PRODUCT-02", f"this book is not kept in {product.currency}", "product")
    check_limit(product, command.limit)
    existing = book.lines.get(product.product_id)
    if existing is not None and existing.status == OPEN_LINE:
        raise Refused("R-LINE-12", "the borrower has a line on this product", "product")
    check_person(book, product, command.limit, before=0)
    line = Line(
        book.borrower_id, product.product_id, command.limit, 0, OPEN_LINE, 0, book.business_date,
        new=True,
    )  # fmt: skip
    if product.kind == "statement":
        line.contract_id = open_account(book, product, command.statement_day).contract_id
        give_sheet(book, product, line.contract_id)
    book.lines[product.product_id] = line
    say(book, line, before=0)
    return line_answer(book, line, product)


@rule("R-COST-06")
def give_sheet(book: BorrowerBook, product: Product, contract_id: int) -> None:
    """What the account costs is a document of it; an account taken over was agreed to elsewhere."""
    if product.authorised_elsewhere:
        return
    day = book.hands[contract_id].state.statement_day
    disclosing.give_line(book, contract_id, line_sheet(product.code, day, book.business_date))


@rule("R-AUDIT-01")
def say(book: BorrowerBook, line: Line, before: int) -> None:
    """What became of a line stands with the audit event; no event of a contract says it."""
    book.said = book.said | {"line": {
        "product": line.product_id, "status": STATUS[line.status], "limit": line.limit,
        "limit_before": before,
    }}  # fmt: skip


def open_account(book: BorrowerBook, product: Product, statement_day: int) -> Hand:
    """The contract that accrues under a pay-later line."""
    if not 0 <= statement_day <= 28:
        raise Refused("R-LINE-13", "a statement day lies between 1 and 28", "statement_day")
    day = statement_day or product.settings["statement_day"]
    terms = account_terms(product.code, day)
    opening = Opening(terms, None, book.business_date, day)
    document = {
        "terms_id": id_of(terms), "opened_on": book.business_date, "statement_day": day,
        "terms": product.terms(statement_day=day),
    }  # fmt: skip
    return begin(book, product.product_id, opening, document, 0)


def begin(
    book: BorrowerBook, product_id: int, opening: Opening, document: dict[str, Any], parent_id: int
) -> Hand:
    """A new contract, with its opening event."""
    book.last_contract += 1
    book.new_contracts += 1
    out = Out()
    state, dues = open_contract(opening, out)
    hand = Hand(
        contract_of(book.borrower_id, book.last_contract), product_id, document["terms_id"],
        opening.terms, state, dues, parent_id, new=True, opening=document,
    )  # fmt: skip
    state.seq = 1
    amount = opening.plan.principal if opening.plan else 0
    hand.book(Event(seq=1, kind=OPEN, on=state.on, amount=amount), out.effects, book.business_date)
    hand.settle_alarm()
    book.hands[hand.contract_id] = hand
    return hand


def change_limit(book: BorrowerBook, command: asked.ChangeLimit) -> dict[str, Any]:
    """Set the limit; what is drawn above a lower one stays, nothing more can be drawn."""
    product = product_of(command.product)
    check_limit(product, command.limit)
    line = open_one(book, product)
    check_person(book, product, command.limit, line.limit)
    before, line.limit = line.limit, command.limit
    line.dirty = True
    say(book, line, before)
    return line_answer(book, line, product)


def open_one(book: BorrowerBook, product: Product) -> Line:
    """The borrower's open line on a product."""
    line = book.line(product.product_id)
    if line.status != OPEN_LINE:
        raise Refused("R-LINE-14", "the line is closed", "product")
    return line


@rule("R-CLOSE-02")
def close_line(book: BorrowerBook, command: asked.CloseLine) -> dict[str, Any]:
    """End a product: nothing owed, nothing held, no credit balance; the account closes with it."""
    product = product_of(command.product)
    line = open_one(book, product)
    if line.held:
        raise Refused("R-CLOSE-02", "a hold is still open", "product")
    for hand in list(book.open_hands()):
        loan = hand.product_id == product.product_id and hand.state.kind != LINE
        plan = line.contract_id and hand.parent_id == line.contract_id
        if (loan or plan) and not is_over(hand):
            still_open = written("contract", hand.contract_id)
            raise Refused("R-CLOSE-02", "a contract is still open", still_open)
    if line.contract_id and not is_over(book.hand(line.contract_id)):
        close = Event(kind=CLOSE, amount=1)
        book.hand(line.contract_id).apply(close, book.business_date)
    line.status = CLOSED_LINE
    line.dirty = True
    say(book, line, line.limit)
    return line_answer(book, line, product)


@rule("R-OFF-03")
def is_over(hand: Hand) -> bool:
    """Charged off, recovered in full, and nothing to be paid out: it has no other end."""
    return recovered_in_full(hand.state) == 1 and hand.state.credit == 0


@rule("R-LINE-13")
def change_statement_day(book: BorrowerBook, command: asked.ChangeStatementDay) -> dict[str, Any]:
    """From the next statement on."""
    if not 1 <= command.day <= 28:
        raise Refused("R-LINE-13", "a statement day lies between 1 and 28", "day")
    hand = book.hand(command.contract_id)
    booked = hand.apply(Event(kind=STATEMENT_DAY, amount=command.day), book.business_date)
    return event_answer(hand, booked)


def line_answer(book: BorrowerBook, line: Line, product: Product) -> dict[str, Any]:
    """A line as the API shows it."""
    return {
        "borrower_id": written("borrower", line.borrower_id),
        "product": product.code,
        "limit": money(line.limit, product.decimals),
        "available": money(book.available(line), product.decimals),
        "held": money(line.held, product.decimals),
        "status": STATUS[line.status],
        "contract_id": written("contract", line.contract_id) if line.contract_id else None,
    }
