"""What comes after a charge-off never makes a receivable: the loss follows what is owed."""

from __future__ import annotations

from datetime import date

import pytest

from tests.servicing.books import TestBook
from usance.ledger import chart
from usance.servicing import commands as asked

RECEIVABLES = (chart.PRINCIPAL, chart.INTEREST_ASKED, chart.FEE_ASKED, chart.PENALTY_ASKED)


async def balances(book: TestBook, contract_id: int) -> dict[int, int]:
    """Debits less credits on each account of a contract."""
    rows = await book.pool.fetch(
        "SELECT account, sum(amount)::bigint FROM (SELECT contract_id, debit AS account, amount "
        "FROM transfer UNION ALL SELECT contract_id, credit, -amount FROM transfer) AS side "
        "WHERE contract_id = $1 GROUP BY account", contract_id,
    )  # fmt: skip
    return dict(rows)


async def owed(book: TestBook, contract_id: int) -> int:
    """All that is asked and unpaid."""
    row = await book.contract(contract_id)
    return sum(int(row[f"unpaid_{name}"]) for name in ("principal", "interest", "fee", "penalty"))


async def written_off(book: TestBook, contract_id: int) -> None:
    """No receivable stands; losses less recoveries are what is owed; every invariant holds."""
    found = await balances(book, contract_id)
    assert [found.get(account, 0) for account in RECEIVABLES] == [0] * 4
    lost = found[chart.LOSSES] + found.get(chart.RECOVERIES, 0)
    assert lost == await owed(book, contract_id)
    await book.holds()


@pytest.mark.parametrize("product", ["pay_later", "cash_loan"])
async def test_charge_back_refund_waiver_goodwill(book: TestBook, product: str) -> None:
    """R-OFF-03: a repayment comes back after the charge-off, and more becomes known."""
    await book.close_days(1)
    who = await book.borrower()
    account = await book.line(who, product)
    contract = account or await book.loan(who, 300_000, 6)
    if account:
        await book.do(asked.Purchase(contract_id=account, amount=80_000))
    paid = await book.do(asked.Repay(contract_id=contract, amount=30_000))
    late = await book.do(asked.Repay(contract_id=contract, amount=1_000))
    await book.close_through(date(2025, 2, 20))
    await book.do(asked.Charge(contract_id=contract, component="fee", amount=700))
    await book.do(asked.ChargeOff(contract_id=contract))
    await written_off(book, contract)
    before = await owed(book, contract)
    await book.close_days(100)  # past the days after which interest is no income any more
    await book.do(asked.ChargeBack(contract_id=contract, of=paid["event"]["seq"]))
    assert await owed(book, contract) == before + 30_000
    await written_off(book, contract)
    await book.do(asked.Refund(contract_id=contract, amount=5_000))
    await book.do(asked.Waive(contract_id=contract, component="fee", amount=700))
    await book.do(asked.Goodwill(contract_id=contract, amount=1_300))
    assert await owed(book, contract) == before + 23_000
    await book.do(asked.Reverse(contract_id=contract, of=late["event"]["seq"]))
    now = await owed(book, contract)  # a loan's 10.00 would have borne interest until then
    assert now == before + 24_000 if account else before + 24_000 < now < before + 24_040
    await book.do(asked.Recover(contract_id=contract, amount=10_000))
    assert await owed(book, contract) == now - 10_000
    await written_off(book, contract)
    await book.close_days(3)
    await written_off(book, contract)
    await book.do(asked.Recover(contract_id=contract, amount=now - 9_500))
    await written_off(book, contract)
    assert (await book.contract(contract))["credit"] == 500


@pytest.mark.parametrize("product", ["cash_loan", "pay_later"])
async def test_a_line_ends_once_what_was_charged_off_is_recovered(
    book: TestBook, product: str
) -> None:
    """R-CLOSE-02 and R-OFF-03: nothing on it is owed, and the charge-off has no other end."""
    who = await book.borrower()
    contract = await book.line(who, product)
    if product == "cash_loan":
        contract = await book.loan(who, 300_000, 3)
    else:
        await book.do(asked.Purchase(contract_id=contract, amount=50_000))
    await book.close_days(100)
    await book.do(asked.ChargeOff(contract_id=contract))
    close = asked.CloseLine(borrower_id=who, product=product)
    answer = await book.submit(close)
    assert answer.status == 422
    amount = await owed(book, contract)
    await book.do(asked.Recover(contract_id=contract, amount=amount))
    await book.do(close)
    await book.close_days(2)
    await book.holds()
