"""Interest and penalty in suspense: each on its own account, each back to its own income."""

from __future__ import annotations

from datetime import date

from tests.servicing.books import TestBook
from usance.ledger import chart
from usance.servicing import commands as asked

SUSPENSE = (chart.INTEREST_SUSPENSE, chart.PENALTY_SUSPENSE)


async def balance(book: TestBook, account: int) -> int:
    """Debits less credits."""
    found: int = await book.pool.fetchval(
        "SELECT coalesce(sum(CASE WHEN debit = $1 THEN amount ELSE -amount END), 0)::bigint "
        "FROM transfer WHERE $1 IN (debit, credit)", account,
    )  # fmt: skip
    return found


async def test_each_on_its_own_account(book: TestBook) -> None:
    """R-NONACC-01: asked and unpaid of each; paid, it is the income that it is."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 300_000, 3)
    paid = await book.do(asked.Repay(contract_id=loan, amount=10_000))
    await book.close_through(date(2025, 6, 15))
    await book.do(asked.Charge(contract_id=loan, component="penalty", amount=500))
    state = await book.contract(loan)
    assert state["unpaid_penalty"] > 500
    assert state["unpaid_interest"] > 0
    stands = [await balance(book, each) for each in SUSPENSE]
    assert stands == [-state["unpaid_interest"], -state["unpaid_penalty"]]
    await book.holds()
    await book.do(asked.ChargeBack(contract_id=loan, of=paid["event"]["seq"]))
    await book.do(asked.Waive(contract_id=loan, component="interest", amount=100))
    await book.holds()
    income = [await balance(book, each) for each in (chart.INTEREST_INCOME, chart.PENALTY_INCOME)]
    owed = await book.contract(loan)
    await book.do(asked.Settle(contract_id=loan))
    earned = [await balance(book, each) for each in (chart.INTEREST_INCOME, chart.PENALTY_INCOME)]
    assert income[0] - earned[0] == owed["unpaid_interest"]
    assert income[1] - earned[1] == owed["unpaid_penalty"]
    assert [await balance(book, each) for each in SUSPENSE] == [0, 0]
    await book.close_days(2)
    await book.holds()
