"""Both products end to end: from the offer to the last day, every invariant at every station."""

from __future__ import annotations

from datetime import date, timedelta

from tests.servicing.books import TestBook
from usance.core.identifiers import parse
from usance.servicing import commands as asked

CLOSED, CHARGED_OFF = 2, 3


async def test_cash_loan(book: TestBook) -> None:
    """Offer, accept, draw, day closes, repay, settle: the account is square at the end."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who, principal=1_000_000, instalments=12)
    await book.holds()
    await book.close_through(date(2025, 1, 31))
    row = await book.pool.fetchrow("SELECT * FROM due WHERE contract_id = $1 AND n = 1", loan)
    # 31 nights of January at 0.04 % a day on 10,000.00
    assert row["interest"] == 1_000_000 * 4 * 31 // 10_000 == 12_400
    first = row["principal"] + row["interest"]
    paid = await book.do(asked.Repay(contract_id=loan, amount=first))
    assert paid["event"]["interest"] == "124.00"
    assert paid["event"]["principal"] == f"{row['principal'] / 100:.2f}"
    await book.holds()
    await book.close_through(date(2025, 3, 20))
    late = await book.contract(loan)
    assert late["late_from"] == date(2025, 3, 1).toordinal()
    await book.holds()
    await book.do(asked.Settle(contract_id=loan))
    assert (await book.contract(loan))["status"] == CLOSED
    await book.refused(asked.Repay(contract_id=loan, amount=100), "R-CLOSE-01")
    await book.close_days(20)
    await book.holds()
    balances = dict(
        await book.pool.fetch(
            "SELECT account, sum(debit - credit)::bigint FROM ledger_day GROUP BY account"
        )
    )
    assert [balances.get(a, 0) for a in (1101, 1201, 1202, 1203, 1204, 1205, 2101)] == [0] * 7
    assert balances[1001] + balances[1002] == -sum(balances.get(a, 0) for a in (4001, 4002, 4009))


async def test_pay_later(book: TestBook) -> None:
    """Purchases, statement, interest-free if paid in full; the minimum keeps one current."""
    await book.close_days(1)  # the first of January is a statement day
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    await book.do(asked.Purchase(contract_id=account, amount=100_000))
    await book.close_through(date(2025, 2, 1))
    said = await book.pool.fetchrow("SELECT * FROM statement WHERE number = 1")
    assert (said["principal"], said["interest"], said["required"]) == (100_000, 0, 10_000)
    assert said["due_on"] == date(2025, 2, 10)
    await book.do(asked.Repay(contract_id=account, amount=100_000))
    await book.do(asked.Purchase(contract_id=account, amount=50_000))
    await book.close_through(date(2025, 3, 5))
    await book.do(asked.Repay(contract_id=account, amount=5_000))  # the minimum
    await book.close_through(date(2025, 4, 1))
    state = await book.contract(account)
    assert state["late_from"] == date(2025, 4, 10).toordinal()  # not before the next due day
    # from the due day on, the remainder of 450.00 bears 0.04 % a day: 23 nights to 1 April's end
    statement = await book.pool.fetchrow("SELECT * FROM statement ORDER BY number DESC LIMIT 1")
    assert (statement["principal"], statement["interest"]) == (45_000, 45_000 * 4 * 23 // 10_000)
    await book.holds()
    await book.do(asked.Settle(contract_id=account))
    await book.do(asked.CloseLine(borrower_id=who, product="pay_later"))
    assert (await book.contract(account))["status"] == CLOSED
    await book.close_days(40)
    await book.holds()


async def test_instalment_plan(book: TestBook) -> None:
    """A statement becomes instalments; the plan asks, is paid, and the limit is used once."""
    await book.close_days(1)  # the first of January is a statement day
    who = await book.borrower()
    account = await book.line(who, "pay_later", limit=100_000)
    await book.do(asked.Purchase(contract_id=account, amount=90_000))
    await book.close_through(date(2025, 2, 3))
    offer = await book.do(asked.OfferPlan(contract_id=account, instalments=3))
    accepted = await book.accept(who, parse("offer", offer["offer_id"]))
    plan = parse("contract", accepted["contract_id"])
    assert (await book.contract(account))["unpaid_principal"] == 0
    assert (await book.contract(plan))["unpaid_principal"] == 90_000
    await book.refused(asked.Purchase(contract_id=account, amount=10_001), "R-LIMIT-01")
    await book.do(asked.Purchase(contract_id=account, amount=10_000))
    await book.holds()
    await book.close_through(date(2025, 3, 1))
    said = await book.pool.fetchrow("SELECT * FROM statement ORDER BY number DESC LIMIT 1")
    assert said["plans_due"] == 30_000 + 594  # an instalment and its fee of 0.66 %
    await book.close_through(date(2025, 3, 9))
    await book.do(asked.RepayBorrower(borrower_id=who, amount=40_594))
    assert (await book.contract(plan))["unpaid_principal"] == 60_000
    assert (await book.contract(account))["unpaid_principal"] == 0
    await book.close_through(date(2025, 5, 15))
    assert (await book.contract(plan))["late_from"] == date(2025, 4, 10).toordinal()
    await book.holds()
    await book.do(asked.Settle(contract_id=plan))
    await book.holds()


async def test_charge_off_and_recovery(book: TestBook) -> None:
    """Nothing is paid: suspended interest, charge-off, no receivable, a recovery is income."""
    await book.close_days(1)  # the first of January is a statement day
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 300_000, 6)
    await book.do(asked.Purchase(contract_id=account, amount=80_000))
    await book.close_through(date(2025, 6, 15))
    for each in (account, loan):
        state = await book.contract(each)
        assert state["non_accrual"] == 1
        assert state["suspense"] > 0
    await book.holds()
    for each in (account, loan):
        await book.do(asked.ChargeOff(contract_id=each))
        assert (await book.contract(each))["status"] == CHARGED_OFF
        await book.refused(asked.Repay(contract_id=each, amount=100), "R-OFF-02")
        await book.refused(asked.ChargeOff(contract_id=each), "R-OFF-02")
    await book.holds()
    await book.close_days(5)
    for each in (account, loan):
        await book.do(asked.Recover(contract_id=each, amount=20_000))
    await book.close_days(40)
    await book.holds()
    recovered = await book.pool.fetchval("SELECT sum(credit) FROM ledger_day WHERE account = 4010")
    assert recovered == 40_000


async def test_extension(book: TestBook) -> None:
    """Due days move, interest runs on, and the days past due as if not extended remain."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 300_000, 3)
    await book.close_through(date(2025, 2, 10))
    await book.do(asked.Extend(contract_id=loan, days=30))
    state = await book.contract(loan)
    assert state["extensions"] == 1
    await book.refused(asked.Extend(contract_id=loan, days=0), "R-EXT-02")
    await book.refused(asked.Extend(contract_id=loan, days=181), "R-EXT-02")
    await book.holds()
    await book.close_through(date(2025, 4, 10))
    await book.holds()
    await book.do(asked.Settle(contract_id=loan))
    await book.close_days(3)
    await book.holds()


async def test_back_dated_repayment_and_reversal(book: TestBook) -> None:
    """What becomes known late is replayed; only differences are booked, today."""
    who, twin = await book.borrowers(2)
    for each in (who, twin):
        await book.line(each, "cash_loan")
    loan, same = [await book.loan(each, 600_000, 6) for each in (who, twin)]
    await book.close_through(date(2025, 2, 20))
    late = await book.contract(loan)
    assert late["unpaid_penalty"] > 0
    paid = await book.do(
        asked.Repay(
            contract_id=loan, amount=110_000, effective_on=date(2025, 2, 1).toordinal()
        )
    )
    state = await book.contract(loan)
    assert state["unpaid_penalty"] == 0
    await book.holds()
    booked = await book.pool.fetchval(
        "SELECT count(*) FROM transfer WHERE booked_on < $1 AND event_seq = $2",
        date(2025, 2, 21), paid["event"]["seq"],
    )  # fmt: skip
    assert booked == 0
    await book.do(asked.Reverse(contract_id=loan, of=paid["event"]["seq"]))
    await book.refused(asked.Reverse(contract_id=loan, of=paid["event"]["seq"]), "R-REV-02")
    await book.holds()
    await book.close_days(10)
    settled = [await book.do(asked.Settle(contract_id=each)) for each in (loan, same)]
    parts = ("principal", "interest", "fee", "penalty")
    one, other = ([document["event"][part] for part in parts] for document in settled)
    assert one == other
    await book.holds()


async def test_charge_back_and_credit_balance(book: TestBook) -> None:
    """A repayment taken back is asked again from that day; what was overpaid is paid out."""
    await book.close_days(1)  # the first of January is a statement day
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    bought = await book.do(asked.Purchase(contract_id=account, amount=60_000))
    await book.close_through(date(2025, 2, 5))
    paid = await book.do(asked.Repay(contract_id=account, amount=70_000))
    assert paid["event"]["credit"] == "100.00"
    await book.holds()
    await book.do(asked.PayOut(contract_id=account, amount=4_000))
    await book.refused(asked.PayOut(contract_id=account, amount=6_001), "R-PAYOUT-01")
    await book.do(
        asked.Refund(contract_id=account, amount=25_000, of=bought["event"]["seq"])
    )
    assert (await book.contract(account))["credit"] == 31_000
    await book.refused(
        asked.Refund(contract_id=account, amount=35_001, of=bought["event"]["seq"]), "R-REFUND-03"
    )
    await book.holds()
    await book.close_days(1)
    seq = paid["event"]["seq"]
    await book.do(asked.ChargeBack(contract_id=account, of=seq, amount=30_000))
    await book.refused(asked.ChargeBack(contract_id=account, of=seq, amount=40_001), "R-BACK-02")
    await book.do(asked.ChargeBack(contract_id=account, of=seq))
    await book.refused(asked.ChargeBack(contract_id=account, of=seq), "R-BACK-02")
    await book.holds()
    await book.close_days(40)
    await book.holds()


async def test_refunds_before_and_after_the_statement(book: TestBook) -> None:
    """A refund finds the cycle of its purchase, also weeks later."""
    await book.close_days(1)  # the first of January is a statement day
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    one = await book.do(asked.Purchase(contract_id=account, amount=60_000))
    await book.do(asked.Refund(contract_id=account, amount=10_000, of=one["event"]["seq"]))
    await book.close_through(date(2025, 2, 1))
    two = await book.do(asked.Purchase(contract_id=account, amount=20_000))
    await book.do(asked.Refund(contract_id=account, amount=50_000, of=one["event"]["seq"]))
    unpaid = await book.pool.fetch(
        "SELECT n, principal - paid_principal FROM due WHERE contract_id = $1 AND principal > 0",
        account,
    )
    assert [tuple(row) for row in unpaid] == [(1, 0), (2, 20_000)]
    await book.do(asked.Reverse(contract_id=account, of=two["event"]["seq"]))
    await book.holds()
    await book.refused(
        asked.Refund(contract_id=account, amount=1, of=two["event"]["seq"]), "R-SEQ-01"
    )


async def test_holds_of_merchants(book: TestBook) -> None:
    """Authorise, capture in parts, void, expiry at the day close."""
    await book.close_days(1)  # the first of January is a statement day
    who = await book.borrower()
    account = await book.line(who, "pay_later", limit=100_000)

    async def hold(amount: int, days: int = 7) -> int:
        document = await book.do(
            asked.Authorise(
                borrower_id=who, product="pay_later", amount=amount, merchant="Tea", valid_days=days
            )
        )
        return parse("authorisation", document["authorisation_id"])

    first, second, third = await hold(50_000), await hold(20_000), await hold(10_000, 2)
    await book.refused(asked.Purchase(contract_id=account, amount=20_001), "R-LIMIT-01")
    part = asked.Capture(borrower_id=who, authorisation_id=first, amount=30_000, final=False)
    await book.do(part)
    await book.holds()
    await book.refused(part, "R-HOLD-02")  # only 200.00 is left of it
    await book.do(asked.Capture(borrower_id=who, authorisation_id=first, amount=5_000))
    await book.do(asked.Void(borrower_id=who, authorisation_id=second))
    await book.refused(asked.Void(borrower_id=who, authorisation_id=second), "R-HOLD-02")
    await book.close_days(5)
    held = await book.pool.fetchval("SELECT held FROM line WHERE contract_id = $1", account)
    assert held == 0
    await book.refused(
        asked.Capture(borrower_id=who, authorisation_id=third, amount=1_000), "R-HOLD-02"
    )
    assert (await book.contract(account))["unpaid_principal"] == 35_000
    await book.holds()


async def test_waiver_fee_goodwill_and_statement_day(book: TestBook) -> None:
    """What staff may do to be fair, and when the borrower wants another statement day."""
    await book.close_days(1)  # the first of January is a statement day
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 300_000, 6)
    await book.do(asked.Purchase(contract_id=account, amount=90_000))
    for each in (account, loan):
        await book.do(asked.Charge(contract_id=each, component="fee", amount=1_500))
        await book.do(asked.Waive(contract_id=each, component="fee", amount=500))
        await book.refused(
            asked.Waive(contract_id=each, component="fee", amount=1_001), "R-WAIVE-02"
        )
        await book.do(asked.Charge(contract_id=each, component="penalty", amount=300))
        await book.do(asked.Goodwill(contract_id=each, amount=400))
    await book.holds()
    await book.do(asked.ChangeStatementDay(contract_id=account, day=15))
    await book.refused(asked.ChangeStatementDay(contract_id=account, day=29), "R-LINE-13")
    await book.refused(asked.ChangeStatementDay(contract_id=loan, day=5), "R-KIND-01")
    await book.close_through(date(2025, 3, 20))
    issued = await book.pool.fetch("SELECT issued_on FROM statement ORDER BY number")
    assert [row[0] for row in issued] == [date(2025, 1, 15), date(2025, 2, 15), date(2025, 3, 15)]
    await book.holds()
    await book.do(asked.ChangeLimit(borrower_id=who, product="pay_later", limit=20_000))
    await book.refused(asked.Purchase(contract_id=account, amount=1), "R-LIMIT-01")


async def test_restructuring(book: TestBook) -> None:
    """All unpaid principal is planned anew; what was asked is asked in the first new row."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 600_000, 6)
    await book.close_through(date(2025, 3, 10))
    before = await book.contract(loan)
    await book.do(asked.Restructure(contract_id=loan, instalments=12))
    after = await book.contract(loan)
    assert after["unpaid_principal"] == before["unpaid_principal"] == 600_000
    assert after["late_from"] == 0
    await book.refused(asked.Restructure(contract_id=loan, instalments=61), "R-RESTR-02")
    await book.holds()
    await book.close_through(date(2025, 4, 20))
    await book.holds()
    await book.do(asked.Settle(contract_id=loan))
    await book.holds()


async def test_operation_before_the_close_reaches_the_contract(book: TestBook) -> None:
    """R-CLOSE-DAY-02: nobody was woken yet: an operation closes its own days first."""
    await book.close_days(1)
    who, other = await book.borrowers(2)
    accounts = [await book.line(each, "pay_later") for each in (who, other)]
    for account in accounts:
        await book.do(asked.Purchase(contract_id=account, amount=50_000))
    await book.close_through(date(2025, 1, 31))
    from usance.day import close

    await close.move_date(book.pool, date(2025, 2, 1))
    await book.do(asked.Repay(contract_id=accounts[0], amount=50_000))
    said = await book.pool.fetch("SELECT contract_id FROM statement WHERE issued_on = '2025-02-01'")
    assert [row[0] for row in said] == [accounts[0]]
    await book.holds()
    await book.close_through(date(2025, 2, 20))
    await book.holds()
    rows = await book.pool.fetch(
        "SELECT principal, required, balance, credit FROM statement WHERE issued_on = '2025-02-01'"
    )
    assert len(rows) == 2
    assert tuple(rows[0]) == tuple(rows[1])
    assert await book.today() == date(2025, 2, 20) + timedelta(days=1)
