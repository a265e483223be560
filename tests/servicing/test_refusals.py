"""What may not be done is refused by name, and nothing at all is changed by asking."""

from __future__ import annotations

from datetime import date
from itertools import chain

import pytest

from tests.servicing.books import TestBook
from usance.core.identifiers import contract_of, parse
from usance.servicing import commands as asked

TODAY = date(2025, 1, 12)
FUTURE, BEFORE = date(2025, 1, 13).toordinal(), date(2024, 12, 31).toordinal()
HUGE = 10**15

Refusal = tuple[str, asked.Command]
"""The rule that refuses, and what it refuses."""


class Cast:
    """Whom and what the refused commands name."""

    def __init__(self) -> None:
        self.who = self.other = self.account = self.loan = self.plan_offer = self.stale = 0
        self.closed = self.hold = self.used = self.purchase = self.repayment = self.reversed = 0


async def cast(book: TestBook) -> Cast:
    """A borrower with both products, a settled loan, a hold, a used and a stale offer."""
    c = Cast()
    await book.close_days(1)
    c.who, c.other = await book.borrowers(2)
    c.account = await book.line(c.who, "pay_later", limit=500_000)
    await book.line(c.who, "cash_loan", limit=500_000)
    c.loan = await book.loan(c.who, 200_000, 3)
    c.closed = await book.loan(c.who, 60_000, 3)
    await book.do(asked.Settle(contract_id=c.closed))
    buy = asked.Purchase(contract_id=c.account, amount=50_000)
    c.purchase = (await book.do(buy))["event"]["seq"]
    stale = asked.MakeOffer(borrower_id=c.who, product="cash_loan", principal=60_000, instalments=3)
    c.stale = parse("offer", (await book.do(stale))["offer_id"])
    await book.close_through(date(2025, 1, 11))
    used = parse("offer", (await book.do(stale))["offer_id"])
    await book.accept(c.who, used)
    c.used = used
    hold = asked.Authorise(borrower_id=c.who, product="pay_later", amount=10_000, merchant="Tea")
    c.hold = parse("authorisation", (await book.do(hold))["authorisation_id"])
    repay = asked.Repay(contract_id=c.account, amount=20_000)
    c.repayment = (await book.do(repay))["event"]["seq"]
    c.reversed = (await book.do(repay))["event"]["seq"]
    await book.do(asked.Reverse(contract_id=c.account, of=c.reversed))
    return c


def of_lines_and_offers(c: Cast) -> list[Refusal]:
    """What begins a line or a contract."""
    nobody = 5
    line, offer = asked.OpenLine, asked.MakeOffer
    return [
        ("R-FOUND-01", line(borrower_id=nobody, product="cash_loan", limit=100)),
        ("R-PRODUCT-01", line(borrower_id=c.other, product="gold", limit=100)),
        ("R-PRODUCT-01", line(borrower_id=c.other, product="instalment_plan", limit=100)),
        ("R-LINE-11", line(borrower_id=c.other, product="cash_loan", limit=0)),
        ("R-LINE-11", line(borrower_id=c.other, product="cash_loan", limit=-5)),
        ("R-LINE-11", line(borrower_id=c.other, product="cash_loan", limit=HUGE)),
        ("R-LINE-12", line(borrower_id=c.who, product="cash_loan", limit=100)),
        ("R-LINE-13", line(borrower_id=c.other, product="pay_later", limit=100, statement_day=29)),
        ("R-LINE-10", asked.ChangeLimit(borrower_id=c.other, product="cash_loan", limit=100)),
        ("R-LINE-11", asked.ChangeLimit(borrower_id=c.who, product="cash_loan", limit=-1)),
        ("R-PRODUCT-02", offer(borrower_id=c.who, product="pay_later", principal=60_000)),
        ("R-LINE-10", offer(borrower_id=c.other, product="cash_loan", principal=60_000)),
        ("R-OFFER-01", offer(borrower_id=c.who, product="cash_loan", principal=49_999)),
        ("R-OFFER-01", offer(borrower_id=c.who, product="cash_loan", principal=HUGE)),
        ("R-LIMIT-01", offer(borrower_id=c.who, product="cash_loan", principal=300_000)),
        ("R-OFFER-02",
         offer(borrower_id=c.who, product="cash_loan", principal=60_000, instalments=5)),
        ("R-DOC-01", offer(borrower_id=c.who, product="cash_loan", principal=60_000,
                           instalments=3, amortisation="balloon")),
        ("R-FOUND-01", asked.AcceptOffer(borrower_id=c.who, offer_id=77)),
        ("R-FOUND-01", asked.AcceptOffer(borrower_id=c.other, offer_id=c.used)),
        ("R-OFFER-03", asked.AcceptOffer(borrower_id=c.who, offer_id=c.used)),
        ("R-OFFER-03", asked.AcceptOffer(borrower_id=c.who, offer_id=c.stale)),
        ("R-KIND-01", asked.OfferPlan(contract_id=c.loan, instalments=3)),
        ("R-PLAN-01", asked.OfferPlan(contract_id=c.account, instalments=3)),
        ("R-SEQ-01", asked.OfferPlan(contract_id=c.account, instalments=3, purchase=c.repayment)),
        ("R-OFFER-02",
         asked.OfferPlan(contract_id=c.account, instalments=5, purchase=c.purchase)),
    ]  # fmt: skip


def of_purchases(c: Cast) -> list[Refusal]:
    """What merchants ask."""
    nothing = contract_of(c.who, 99)
    purchase = asked.Purchase
    return [
        ("R-LINE-10",
         asked.Authorise(borrower_id=c.other, product="pay_later", amount=5, merchant="x")),
        ("R-KIND-01",
         asked.Authorise(borrower_id=c.who, product="cash_loan", amount=5, merchant="x")),
        ("R-AMT-01",
         asked.Authorise(borrower_id=c.who, product="pay_later", amount=0, merchant="x")),
        ("R-LIMIT-01",
         asked.Authorise(borrower_id=c.who, product="pay_later", amount=HUGE, merchant="x")),
        ("R-HOLD-01", asked.Authorise(
            borrower_id=c.who, product="pay_later", amount=5, merchant="x", valid_days=31)),
        ("R-FOUND-01", asked.Capture(borrower_id=c.who, authorisation_id=5, amount=5)),
        ("R-FOUND-01", asked.Capture(borrower_id=c.other, authorisation_id=c.hold, amount=5)),
        ("R-HOLD-02", asked.Capture(borrower_id=c.who, authorisation_id=c.hold, amount=10_001)),
        ("R-HOLD-02", asked.Capture(borrower_id=c.who, authorisation_id=c.hold, amount=0)),
        ("R-FOUND-01", asked.Void(borrower_id=c.other, authorisation_id=c.hold)),
        ("R-FOUND-01", purchase(contract_id=nothing, amount=5)),
        ("R-KIND-01", purchase(contract_id=c.loan, amount=5)),
        ("R-AMT-01", purchase(contract_id=c.account, amount=0)),
        ("R-AMT-01", purchase(contract_id=c.account, amount=-5)),
        ("R-LIMIT-01", purchase(contract_id=c.account, amount=HUGE)),
        ("R-DATE-01", purchase(contract_id=c.account, amount=5, effective_on=FUTURE)),
        ("R-DATE-01", purchase(contract_id=c.account, amount=5, effective_on=BEFORE)),
    ]  # fmt: skip


def of_money(c: Cast) -> list[Refusal]:
    """Repayments, refunds, charges, and what takes them back."""
    nothing = contract_of(c.who, 99)
    repay = asked.Repay
    return [
        ("R-FOUND-01", repay(contract_id=nothing, amount=5)),
        ("R-AMT-01", repay(contract_id=c.loan, amount=0)),
        ("R-AMT-01", repay(contract_id=c.loan, amount=-1)),
        ("R-AMT-01", repay(contract_id=c.loan, amount=-1, effective_on=TODAY.toordinal() - 1)),
        ("R-DATE-01", repay(contract_id=c.loan, amount=5, effective_on=FUTURE)),
        ("R-DATE-01", repay(contract_id=c.loan, amount=5, effective_on=BEFORE)),
        ("R-CLOSE-01", repay(contract_id=c.closed, amount=5)),
        ("R-AMT-01", asked.RepayBorrower(borrower_id=c.who, amount=0)),
        ("R-FOUND-02", asked.RepayBorrower(borrower_id=c.other, amount=5)),
        ("R-PAYOFF-02", asked.Settle(contract_id=c.closed)),
        ("R-AMT-01", asked.Refund(contract_id=c.account, amount=0, of=c.purchase)),
        ("R-REFUND-03", asked.Refund(contract_id=c.account, amount=50_001, of=c.purchase)),
        ("R-SEQ-01", asked.Refund(contract_id=c.account, amount=5, of=c.repayment)),
        ("R-SEQ-01", asked.Refund(contract_id=c.account, amount=5, of=999)),
        ("R-DATE-01", asked.Refund(contract_id=c.account, amount=5, effective_on=FUTURE)),
        ("R-AMT-01", asked.Goodwill(contract_id=c.loan, amount=0)),
        ("R-DOC-01", asked.Waive(contract_id=c.loan, component="principal", amount=5)),
        ("R-WAIVE-02", asked.Waive(contract_id=c.loan, component="interest", amount=5)),
        ("R-DOC-01", asked.Charge(contract_id=c.loan, component="interest", amount=5)),
        ("R-AMT-01", asked.Charge(contract_id=c.loan, component="fee", amount=0)),
        ("R-CLOSE-01", asked.Charge(contract_id=c.closed, component="fee", amount=5)),
        ("R-SEQ-01", asked.ChargeBack(contract_id=c.account, of=999)),
        ("R-SEQ-01", asked.ChargeBack(contract_id=c.account, of=c.reversed)),
        ("R-KIND-01", asked.ChargeBack(contract_id=c.account, of=c.purchase)),
        ("R-BACK-02", asked.ChargeBack(contract_id=c.account, of=c.repayment, amount=20_001)),
        ("R-BACK-02", asked.ChargeBack(contract_id=c.account, of=c.repayment, amount=-1)),
        ("R-SEQ-01", asked.Reverse(contract_id=c.account, of=1)),
        ("R-SEQ-01", asked.Reverse(contract_id=c.account, of=999)),
        ("R-REV-02", asked.Reverse(contract_id=c.account, of=c.reversed)),
        ("R-KIND-01", asked.Reverse(contract_id=c.account, of=c.reversed + 1)),
    ]  # fmt: skip


def of_changes(c: Cast) -> list[Refusal]:
    """Changes of a contract and its end."""
    return [
        ("R-EXT-02", asked.Extend(contract_id=c.loan, days=0)),
        ("R-EXT-02", asked.Extend(contract_id=c.loan, days=181)),
        ("R-KIND-01", asked.Extend(contract_id=c.account, days=10)),
        ("R-CLOSE-01", asked.Extend(contract_id=c.closed, days=10)),
        ("R-RESTR-02", asked.Restructure(contract_id=c.loan, instalments=0)),
        ("R-KIND-01", asked.Restructure(contract_id=c.account, instalments=3)),
        ("R-LINE-13", asked.ChangeStatementDay(contract_id=c.account, day=0)),
        ("R-KIND-01", asked.ChangeStatementDay(contract_id=c.loan, day=5)),
        ("R-CLOSE-01", asked.ChargeOff(contract_id=c.closed)),
        ("R-OFF-02", asked.Recover(contract_id=c.loan, amount=5)),
        ("R-PAYOUT-01", asked.PayOut(contract_id=c.account, amount=5)),
        ("R-AMT-01", asked.PayOut(contract_id=c.account)),
        ("R-CLOSE-02", asked.CloseLine(borrower_id=c.who, product="pay_later")),
        ("R-CLOSE-02", asked.CloseLine(borrower_id=c.who, product="cash_loan")),
        ("R-LINE-10", asked.CloseLine(borrower_id=c.other, product="cash_loan")),
    ]  # fmt: skip


BY_USE_CASE = (of_lines_and_offers, of_purchases, of_money, of_changes)


async def test_every_refusal_names_its_rule_and_changes_nothing(book: TestBook) -> None:
    named = await cast(book)
    wrong = []
    for rule, command in chain(*(ask(named) for ask in BY_USE_CASE)):
        try:
            await book.refused(command, rule)
        except AssertionError as error:
            wrong.append(f"{rule} {command}: {str(error).splitlines()[0]}")
    assert wrong == []
    await book.holds()


@pytest.mark.parametrize("borrower", [0, -1, 2**51])
async def test_ids_that_nobody_has(book: TestBook, borrower: int) -> None:
    """Ids out of any range are answered like unknown ones."""
    command = asked.OpenLine(borrower_id=borrower, product="cash_loan", limit=100)
    await book.refused(command, "R-FOUND-01")
    await book.refused(asked.Repay(contract_id=borrower << 12 | 1, amount=5), "R-FOUND-01")
