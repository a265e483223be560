"""A loan's pay-out that fails or comes back: the loan was never owed, and the book is clean."""

from __future__ import annotations

from datetime import date

import pytest

from tests.servicing.books import TestBook
from usance.core.identifiers import parse
from usance.ledger import chart
from usance.servicing import commands as asked

CLOSED = 2


async def balances(book: TestBook) -> dict[int, int]:
    """What stands on the accounts of the whole book, accrual included; zeros left out."""
    rows = await book.pool.fetch(
        "SELECT account, sum(amount)::bigint AS amount FROM (SELECT debit AS account, amount "
        "FROM transfer UNION ALL SELECT credit, -amount FROM transfer) AS side "
        "GROUP BY account HAVING sum(amount) <> 0"
    )
    return dict(rows)


def back(loan: int, reason: str = "returned") -> asked.ReturnDrawing:
    """The bank's word."""
    return asked.ReturnDrawing(contract_id=loan, reason=reason)


@pytest.mark.parametrize("days", [0, 1, 45, 150])
async def test_nothing_of_it_is_left(book: TestBook, days: int) -> None:
    """R-DRAW-01: on the day of the drawing, with interest accrued, late, on non-accrual."""
    who = await book.borrower()
    await book.line(who, "cash_loan", limit=1_000_000)
    loan = await book.loan(who, 1_000_000, 12)
    if days:
        await book.close_days(days)
    await book.do(back(loan, "failed"))
    state = await book.contract(loan)
    assert (state["status"], state["closed_on"]) == (CLOSED, (await book.today()).toordinal())
    await book.holds()
    assert await book.loan(who, 1_000_000, 12)  # the limit is free again
    await book.close_days(2)
    await book.holds()
    found = await balances(book)
    two_nights = 2 * 400
    assert found == {
        chart.PRINCIPAL: 1_000_000, chart.LOANS_OUT: -1_000_000,
        chart.INTEREST_ACCRUED: two_nights, chart.INTEREST_INCOME: -two_nights,
    }  # fmt: skip


async def test_what_was_paid_is_the_borrowers(book: TestBook) -> None:
    """R-DRAW-01: a repayment and a fee before; the money is paid out, the account is square."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 300_000, 6)
    await book.close_through(date(2025, 2, 10))
    await book.do(asked.Repay(contract_id=loan, amount=60_000))
    await book.do(asked.Charge(contract_id=loan, component="fee", amount=900))
    await book.do(asked.Extend(contract_id=loan, days=10))
    await book.do(back(loan))
    state = await book.contract(loan)
    assert (state["credit"], state["unpaid_principal"], state["extensions"]) == (60_000, 0, 0)
    await book.holds()
    await book.refused(asked.Repay(contract_id=loan, amount=100_001, effective_on=1), "R-DATE-01")
    await book.close_days(1)
    await book.refused(asked.Repay(contract_id=loan, amount=100), "R-CLOSE-01")
    await book.do(asked.PayOut(contract_id=loan))
    await book.close_days(2)
    await book.holds()
    assert await balances(book) == {chart.COLLECTIONS: 60_000, chart.PAYOUTS: -60_000}


async def test_once_and_only_a_drawing(book: TestBook) -> None:
    """R-DRAW-02, R-KIND-01; the same key gets the same answer; a wrong return is reversed."""
    await book.close_days(1)
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    await book.line(who, "cash_loan")
    await book.do(asked.Purchase(contract_id=account, amount=90_000))
    await book.close_through(date(2025, 2, 3))
    offer = await book.do(asked.OfferPlan(contract_id=account, instalments=3))
    offer_id = parse("offer", offer["offer_id"])
    plan = await book.accept(who, offer_id)
    loan = await book.loan(who, 300_000, 6)
    await book.refused(back(account), "R-KIND-01")
    await book.refused(back(parse("contract", plan["contract_id"])), "R-KIND-01")
    await book.refused(back(loan, "lost"), "R-DOC-01")
    await book.close_days(5)
    before = await book.contract(loan)
    one = await book.do(back(loan), key="k", request_hash=b"1")
    assert await book.do(back(loan), key="k", request_hash=b"1") == one
    await book.refused(back(loan), "R-DRAW-02")
    await book.do(asked.Reverse(contract_id=loan, of=one["event"]["seq"]))
    after = await book.contract(loan)
    for name in ("status", "unpaid_principal", "balance", "alarm"):
        assert before[name] == after[name], name
    await book.holds()
    await book.do(back(loan))
    await book.close_days(30)
    await book.holds()
    done = await book.pool.fetchval("SELECT count(*) FROM operation WHERE action = 'ReturnDrawing'")
    assert done == 2
