"""Rules of lines, offers, payments and the ledger that the other stories do not name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.servicing.books import KEYS, TestBook
from usance.cli.serve import demo_book
from usance.contract.rates import apr, irr
from usance.contract.records import Effect
from usance.core.refusals import Refused
from usance.ledger.chart import SIDES
from usance.ledger.transfers import pairs_of, transfers_of
from usance.platform.database import Pool
from usance.servicing import commands as asked
from usance.servicing import offers, purchases
from usance.servicing.hand import Line
from usance.servicing.lines import OPEN_LINE
from usance.servicing.products import Product, products
from usance.servicing.setup import create_book


async def test_an_account_in_arrears_buys_nothing(book: TestBook) -> None:
    """R-LIMIT-02: from the day after the due day, until the required amount is met."""
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    await book.do(asked.Purchase(contract_id=account, amount=100_000))
    await book.close_through(date(2025, 1, 9))  # its statement is due on the 10th
    await book.do(asked.Purchase(contract_id=account, amount=500))
    await book.close_days(1)
    await book.refused(asked.Purchase(contract_id=account, amount=500), "R-LIMIT-02")
    await book.do(asked.Repay(contract_id=account, amount=100_000))
    await book.do(asked.Purchase(contract_id=account, amount=500))


async def test_a_closed_line_is_not_drawn(book: TestBook) -> None:
    """R-LINE-14."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    await book.do(asked.CloseLine(borrower_id=who, product="cash_loan"))
    offer = asked.MakeOffer(borrower_id=who, product="cash_loan", principal=100_000)
    await book.refused(offer, "R-LINE-14")


def test_purchases_that_another_system_authorised() -> None:
    """R-LIMIT-03: a matter of the product alone."""

    def line(product: str) -> Line:
        return Line(7, products()[product].product_id, 100, 0, OPEN_LINE, 0, 1)

    assert purchases.authorised_elsewhere(line("imported_card"))
    assert not purchases.authorised_elsewhere(line("pay_later"))


async def test_an_offer_above_the_cap_is_not_made(
    book: TestBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-CAP-01: 0.04 % a day is an effective annual rate of 15.7 %, under 24 % and over 15 %."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    offer = asked.MakeOffer(borrower_id=who, product="cash_loan", principal=100_000)
    await book.do(offer)

    def capped(code: str) -> Product:
        found = products()[code]
        return replace(found, settings=found.settings | {"irr_cap": "0.15"})

    monkeypatch.setattr(offers, "product_of", capped)
    await book.refused(offer, "R-CAP-01")


async def test_one_payment_for_all_contracts(book: TestBook) -> None:
    """R-ORDER-02: asked before owed, the longest late first, the rest a credit balance."""
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    await book.line(who, "cash_loan")
    await book.close_days(5)
    loan = await book.loan(who, 100_000, 3)  # due on the 6th of February, the account on the 10th
    await book.do(asked.Purchase(contract_id=account, amount=30_000))
    await book.close_through(date(2025, 2, 15))
    late = [(await book.contract(each))["late_from"] for each in (loan, account)]
    assert 0 < late[0] < late[1]
    await book.do(asked.RepayBorrower(borrower_id=who, amount=10_000))
    assert [await paid(book, each) for each in (loan, account)] == [10_000, 0]
    await book.do(asked.RepayBorrower(borrower_id=who, amount=1_000_000))
    rows = [await book.contract(each) for each in (loan, account)]
    assert [row["unpaid_principal"] for row in rows] == [0, 0]
    assert rows[0]["credit"] == 0 < rows[1]["credit"]
    await book.holds()


async def paid(book: TestBook, contract_id: int) -> int:
    """All that was paid on a contract's dues."""
    found: int = await book.pool.fetchval(
        "SELECT sum(paid_principal + paid_interest + paid_fee + paid_penalty)::bigint FROM due "
        "WHERE contract_id = $1", contract_id,
    )  # fmt: skip
    return found


async def test_a_demo_leaves_a_real_book_alone(book: TestBook) -> None:
    """R-BOOK-03."""
    with pytest.raises(Refused, match="R-BOOK-03"):
        await demo_book(book.pool, KEYS)
    assert await book.pool.fetchval("SELECT count(*) FROM staff") == 0


async def test_a_database_holds_one_book(pool: Pool) -> None:
    """R-BOOK-02: the database itself refuses the second; R-BOOK-01: nothing before the first."""
    from usance.identity.staff import Staff

    with pytest.raises(Refused, match="R-BOOK-01"):
        await Staff(pool).create("anna", "correct horse battery", ["viewer"])
    await create_book(pool, name="One", opened_on=date(2025, 1, 1))
    codes = [row[0] for row in await pool.fetch("SELECT code FROM product ORDER BY code")]
    assert codes == ["cash_loan", "instalment_plan", "pay_later"]  # none of another country
    with pytest.raises(Exception, match="duplicate key"):
        await create_book(pool, name="Two", opened_on=date(2025, 1, 1))
    assert await pool.fetchval("SELECT string_agg(name, ',') FROM book") == "One"


def test_the_disclosed_rates() -> None:
    """R-RATE-02: 1 % a month is 12 % a year, and 12.68 % effective over twelve even months."""
    assert apr(100_000, [101_000], 1, 0) == 120_000
    assert irr(100_000, [(365, 112_000)]) == 120_000
    assert irr(100_000, [(73, 101_000)]) == 51_010  # 1.01 to the fifth


def test_effects_become_transfers_that_are_in_balance() -> None:
    """R-LEDGER-01, R-LEDGER-02: two accounts and one positive amount, opposite effects netted."""
    kind = next(kind for kind, sides in enumerate(SIDES) if sides is not None)
    sides = SIDES[kind]
    assert sides is not None
    ask, take = Effect(kind, 1, 500), Effect(kind, 1, -800)
    assert pairs_of([ask, take]) == {sides: -300}
    assert transfers_of(pairs_of([ask, take])) == [(sides[1], sides[0], 300)]
    assert transfers_of(pairs_of([ask, Effect(kind, 1, -500)])) == []
