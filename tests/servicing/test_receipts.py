"""Bank money that no contract took: on its account, to a contract, back, and verified."""

from __future__ import annotations

from datetime import date

from tests.servicing.books import TestBook
from tests.servicing.test_debit_file import due_today, line, loaded, outcomes
from usance.core.identifiers import borrower_of, contract_of, parse, written
from usance.ledger import chart
from usance.servicing import commands as asked
from usance.servicing.receipts import open_receipts

NOBODY = written("contract", contract_of(borrower_of(999), 1))


async def stands(book: TestBook) -> tuple[int, ...]:
    """Collections, pay-outs, unallocated receipts: debits less credits."""
    found = dict(await book.pool.fetch(
        "SELECT account, sum(amount)::bigint FROM (SELECT debit AS account, amount FROM transfer "
        "UNION ALL SELECT credit, -amount FROM transfer) AS side GROUP BY account"
    ))  # fmt: skip
    accounts = chart.COLLECTIONS, chart.PAYOUTS, chart.UNALLOCATED
    return tuple(found.get(account, 0) for account in accounts)


async def waiting(book: TestBook) -> list[tuple[int, int]]:
    """Numbers and amounts of the receipts that wait."""
    return [(row[0], row[3]) for row in await open_receipts(book.pool, 0, 100)]


async def test_what_no_contract_took_stands_on_its_account(book: TestBook) -> None:
    """R-RECEIPT-03: unmatched, already paid, refused; a return that fits nothing below zero."""
    _, loan, amount = await due_today(book)
    units = round(float(amount) * 100)
    found = await outcomes(
        book, line("D4", loan, "5.00", on=date(2025, 2, 2)), line("D1", loan, amount),
        line("D2", loan, amount), line("D3", NOBODY, "10.00"), line("D5", loan, "7.00", "R1"),
        line("D6", loan, "8.00", "51"), line("D1", loan, amount),
    )  # fmt: skip
    assert found == [
        "refused", "paid", "already_paid", "unmatched", "unmatched", "failed", "duplicate"
    ]  # fmt: skip
    assert await waiting(book) == [(1, 500), (2, units), (3, 1000), (4, -700)]
    assert await stands(book) == (2 * units + 800, 0, -(units + 800))
    await book.holds()
    await book.close_days(1)
    await book.holds()
    assert await outcomes(book, line("D1", loan, amount), line("D2", loan, amount)) == [
        "duplicate", "duplicate"
    ]  # fmt: skip
    assert len(await waiting(book)) == 4
    for receipt_id in (1, 2, 3, 4):
        await book.do(asked.ReturnReceipt(receipt_id=receipt_id))
        await book.refused(asked.ReturnReceipt(receipt_id=receipt_id), "R-RECEIPT-01")
    assert await stands(book) == (2 * units + 800 + 700, -(units + 1500), 0)
    await book.close_days(1)
    await book.holds()


async def test_to_a_contract(book: TestBook) -> None:
    """R-RECEIPT-02: from its value date on, so nobody was late; a recovery after a charge-off."""
    _, loan, amount = await due_today(book)
    contract = parse("contract", loan)
    assert await outcomes(book, line("D1", NOBODY, amount), line("D2", NOBODY, "90.00")) == [
        "unmatched", "unmatched"
    ]  # fmt: skip
    await book.close_through(date(2025, 2, 10))
    assert (await book.contract(contract))["unpaid_penalty"] > 0
    pay = asked.AllocateReceipt(contract_id=contract, receipt_id=1)
    await book.refused(asked.AllocateReceipt(contract_id=contract, receipt_id=9), "R-FOUND-01")
    await book.refused(asked.AllocateReceipt(contract_id=5 << 12, receipt_id=1), "R-FOUND-01")
    await book.do(pay, key="k", request_hash=b"1")
    await book.do(pay, key="k", request_hash=b"1")
    await book.refused(pay, "R-RECEIPT-01")
    state = await book.contract(contract)
    assert (state["unpaid_penalty"], state["late_from"]) == (0, 0)
    await book.holds()
    await book.do(asked.ChargeOff(contract_id=contract))
    await book.do(asked.AllocateReceipt(contract_id=contract, receipt_id=2,
                                        effective_on=(await book.today()).toordinal()))  # fmt: skip
    units = round(float(amount) * 100)
    assert await stands(book) == (units + 9000, 0, 0)
    await book.close_days(2)
    await book.holds()
    operations = await book.pool.fetchval("SELECT count(DISTINCT operation_id) FROM receipt")
    assert operations == 2


async def test_the_debit_comes_back_afterwards(book: TestBook) -> None:
    """R-DEBIT-04, R-RECEIPT-03: from the account, from the contract, or from nowhere any more."""
    _, loan, _ = await due_today(book)
    contract = parse("contract", loan)
    await loaded(book, *(line(f"D{n}", NOBODY, "100.00") for n in (1, 2, 3)))
    done = await book.do(asked.AllocateReceipt(contract_id=contract, receipt_id=2))
    await book.do(asked.ReturnReceipt(receipt_id=3))
    found = await outcomes(book, *(line(f"D{n}", NOBODY, "100.00", "R1") for n in (1, 2, 3)))
    assert found == ["returned", "returned", "refused"]
    back = await book.pool.fetchrow("SELECT kind, of_seq FROM event ORDER BY seq DESC LIMIT 1")
    assert tuple(back) == (9, done["event"]["seq"])
    assert await waiting(book) == [(4, -10_000)]
    assert await stands(book) == (0, -10_000, 10_000)
    await book.refused(asked.AllocateReceipt(contract_id=contract, receipt_id=4), "R-RECEIPT-02")
    await book.close_days(1)
    await book.holds()


async def test_verify_finds_what_does_not_fit(book: TestBook) -> None:
    """INV-RECEIPT-01, INV-RECEIPT-02: a receipt without its money, a row without its receipt."""
    await loaded(book, line("D1", NOBODY, "10.00"), line("D2", NOBODY, "20.00"))
    await book.pool.execute("UPDATE receipt SET status = 3 WHERE receipt_id = 1")
    await book.pool.execute("DELETE FROM receipt WHERE receipt_id = 2")
    found = {each.invariant for each in await book.findings()}
    assert {"INV-RECEIPT-01", "INV-RECEIPT-02"} <= found
