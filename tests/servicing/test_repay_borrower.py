"""One payment for all contracts: what is asked, what is next, and as of an earlier day."""

from __future__ import annotations

from datetime import date

from tests.servicing.books import TestBook
from usance.core.identifiers import parse
from usance.servicing import commands as asked


async def account_and_plan(book: TestBook) -> tuple[int, int, int]:
    """A borrower, a pay-later account and a plan of 900.00; 80.00 in the open cycle."""
    await book.close_days(1)
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    await book.do(asked.Purchase(contract_id=account, amount=100_000))
    await book.close_through(date(2025, 2, 3))
    offer = await book.do(asked.OfferPlan(contract_id=account, instalments=3, amount=90_000))
    offer_id = parse("offer", offer["offer_id"])
    accepted = await book.accept(who, offer_id)
    await book.do(asked.Purchase(contract_id=account, amount=8_000))
    return who, account, parse("contract", accepted["contract_id"])


async def test_the_next_instalment_of_a_plan_before_the_open_cycle(book: TestBook) -> None:
    """R-ORDER-02, R-EARLY-06: the statement and the plan's next due, some days before their day.

    Asked is the rest of the statement, 100.00; on 10 March the plan will ask 300.00 and 5.94.
    """
    who, account, plan = await account_and_plan(book)
    await book.do(asked.Repay(contract_id=account, amount=10_000))
    await book.close_through(date(2025, 3, 5))  # the statement of 1 March asks 80.00
    await book.do(asked.Purchase(contract_id=account, amount=40_000))
    paid = await book.do(asked.RepayBorrower(borrower_id=who, amount=8_000 + 30_594))
    assert [(parse("contract", each["contract"]["contract_id"]), each["amount"])
            for each in paid["parts"]] == [(account, "80.00"), (plan, "305.94")]  # fmt: skip
    await book.close_through(date(2025, 3, 20))
    for each in (account, plan):
        assert (await book.contract(each))["late_from"] == 0
    await book.holds()


async def test_as_of_an_earlier_day(book: TestBook) -> None:
    """What was paid on the due day is known five days later: nobody was late."""
    who, account, plan = await account_and_plan(book)
    await book.do(asked.Repay(contract_id=account, amount=10_000))
    await book.close_through(date(2025, 3, 15))
    new = await book.line(who, "cash_loan") or await book.loan(who, 100_000, 3)
    assert (await book.contract(plan))["unpaid_penalty"] > 0
    day = date(2025, 3, 10).toordinal()
    tomorrow = date(2025, 3, 17).toordinal()
    pay = asked.RepayBorrower(borrower_id=who, amount=38_594, effective_on=day)
    await book.refused(asked.RepayBorrower(borrower_id=who, amount=1, effective_on=tomorrow),
                       "R-DATE-01")  # fmt: skip
    early = asked.RepayBorrower(borrower_id=who, amount=1, effective_on=day - 200)
    await book.refused(early, "R-FOUND-02")
    paid = await book.do(pay)
    assert {each["amount"] for each in paid["parts"]} == {"80.00", "305.94"}
    for each in (account, plan):
        state = await book.contract(each)
        assert (state["late_from"], state["unpaid_penalty"]) == (0, 0)
    assert (await book.contract(new))["unpaid_principal"] == 100_000
    rows = await book.pool.fetch(
        "SELECT DISTINCT effective_on, booked_on FROM event "
        "WHERE kind = 3 AND effective_on <> booked_on"
    )
    assert [tuple(row) for row in rows] == [(date(2025, 3, 10), date(2025, 3, 16))]
    await book.holds()
    await book.close_days(2)
    await book.holds()
