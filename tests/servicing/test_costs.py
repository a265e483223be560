"""Costs are shown, read and confirmed; nothing is charged above the cap over a whole life."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from tests.reading import read_costs
from tests.servicing.books import TestBook, fresh
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.platform.clock import FixedClock
from usance.platform.database import Pool
from usance.policy.shipped import register
from usance.servicing import commands as asked
from usance.servicing import cost_policy, cost_read, line_sheet
from usance.servicing.products import products
from usance.servicing.service import Book

MOMENT = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    """It moves when it is told to."""
    return FixedClock(MOMENT)


@pytest_asyncio.fixture
async def slow(pool: Pool, clock: FixedClock) -> AsyncIterator[TestBook]:
    """A book by that clock."""
    async with fresh(pool) as found:
        await found.book.stop()
        found.book = Book(pool, clock=clock)
        await found.book.start()
        yield found
        await found.book.stop()


async def offered(book: TestBook, principal: int = 1_000_000) -> tuple[int, int, dict[str, Any]]:
    """A borrower with an offer of twelve instalments."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    offer = await book.do(asked.MakeOffer(
        borrower_id=who, product="cash_loan", principal=principal, instalments=12
    ))  # fmt: skip
    return who, parse("offer", offer["offer_id"]), offer


def confirmation(who: int, offer: int, shown: dict[str, Any], **more: Any) -> asked.ConfirmCosts:
    given = {"digest": shown["digest"], "nonce": shown["nonce"], "how": "borrower"} | more
    return asked.ConfirmCosts(borrower_id=who, offer_id=offer, **given)


# -- what a sheet says -----------------------------------------------------------------------------


async def test_a_sheet_adds_up_and_is_kept_word_for_word(book: TestBook) -> None:
    """R-COST-01, R-COST-03."""
    who, offer_id, offer = await offered(book)
    kept = await cost_read.of_offer(book.pool, who, offer_id)
    assert kept is not None
    assert kept.digest == hashlib.sha256(kept.text.encode()).digest()
    assert offer["cost"]["sheet"] == kept.digest.hex()
    sheet = kept.sheet
    items = {each["code"]: Decimal(each["amount"]) for each in sheet["items"]}
    assert items == {"principal": 10_000, "interest": Decimal("804.93")}
    rows = sheet["schedule"]
    assert sum(Decimal(row["total"]) for row in rows) == Decimal(sheet["total"])
    assert Decimal(sheet["cost"]) == Decimal(sheet["total"]) - 10_000
    assert (sheet["apr"], sheet["irr"]) == (offer["cost"]["apr"], offer["cost"]["irr"])
    assert Decimal(sheet["per_thousand_month"]) == round(Decimal(sheet["apr"]) * 1000 / 12, 2)
    for language in ("en", "zh"):
        words = " ".join(each[language] for each in sheet["sentences"])
        assert "10,804.93" in words
        assert f"{round(Decimal(sheet['irr']) * 100, 2)} %" in words
        assert "{" not in words
    assert sheet["cap"]["source"] == "CN-NFRA-2025-9"


async def test_the_fees_of_a_plan_are_named(book: TestBook) -> None:
    """R-COST-01: and their sum is what the schedule asks."""
    await book.close_days(1)
    who = await book.borrower()
    account = await book.line(who, "pay_later")
    await book.do(asked.Purchase(contract_id=account, amount=90_000))
    await book.close_through(date(2025, 2, 3))
    offer = await book.do(asked.OfferPlan(contract_id=account, instalments=6))
    kept = await cost_read.of_offer(book.pool, who, parse("offer", offer["offer_id"]))
    assert kept is not None
    fee = kept.sheet["items"][-1]
    assert (kept.kind, fee["code"]) == ("plan", "fee_each")
    assert fee["name"]["zh"] == "每期收取的费用"
    assert fee["amount"] == offer["cost"]["totals"]["fee"] == kept.sheet["cost"]


async def test_the_late_example_comes_true(book: TestBook) -> None:
    """R-COST-02: who pays the first instalment as late as in the example pays what it says."""
    who, offer_id, _ = await offered(book)
    contract = parse("contract", (await book.accept(who, offer_id))["contract_id"])
    kept = await cost_read.of_contract(book.pool, contract)
    assert kept is not None
    late = kept.sheet["late"]
    await book.close_through(date.fromisoformat(late["paid_on"]) - timedelta(days=1))
    due = Decimal(late["instalment"]) + Decimal(late["penalty"])
    await book.do(asked.Repay(contract_id=contract, amount=int(due * 100)))
    assert await paid_of(book, contract, "penalty") == Decimal(late["penalty"]) > 0


async def test_the_early_example_comes_true(book: TestBook) -> None:
    """R-COST-02: what is saved by paying everything on the day of the example."""
    who, offer_id, _ = await offered(book)
    contract = parse("contract", (await book.accept(who, offer_id))["contract_id"])
    kept = await cost_read.of_contract(book.pool, contract)
    assert kept is not None
    early = kept.sheet["early"]
    await book.close_through(date.fromisoformat(early["day"]) - timedelta(days=1))
    await book.do(asked.Settle(contract_id=contract))
    assert await paid_of(book, contract, "amount") == Decimal(early["pay_off"])
    assert Decimal(early["pay_off"]) + Decimal(early["saved"]) == Decimal(kept.sheet["total"])


async def paid_of(book: TestBook, contract: int, column: str) -> Decimal:
    """A column of the repayment, as a decimal."""
    query = f"SELECT {column} FROM event WHERE contract_id = $1 AND kind = 3"
    return Decimal(await book.pool.fetchval(query, contract)) / 100


# -- shown, read, confirmed ------------------------------------------------------------------------


async def test_nothing_begins_unread(slow: TestBook, clock: FixedClock) -> None:
    """R-COST-03, R-COST-04: not shown, other words, another showing, too soon; then it begins."""
    who, offer_id, _ = await offered(slow)
    accept = asked.AcceptOffer(borrower_id=who, offer_id=offer_id)
    nothing = {"digest": "", "nonce": ""}
    await slow.refused(accept, "R-COST-04")
    await slow.refused(confirmation(who, offer_id, nothing), "R-COST-03")
    shown = await slow.do(asked.ShowCosts(borrower_id=who, offer_id=offer_id, language="en"))
    await slow.refused(accept, "R-COST-04")
    clock.advance(timedelta(seconds=9))
    await slow.refused(confirmation(who, offer_id, shown), "R-COST-04")
    clock.advance(timedelta(seconds=1))
    await slow.refused(confirmation(who, offer_id, shown, digest="00"), "R-COST-03")
    await slow.refused(confirmation(who, offer_id, shown, nonce="é"), "R-COST-03")
    await slow.refused(confirmation(who, offer_id, shown, how="mother"), "R-DOC-01")
    done = await slow.do(confirmation(who, offer_id, shown))
    assert done["confirmed_at"] == done["confirm_from"] == "2026-11-27T09:00:10+00:00"
    await slow.do(accept)
    await slow.refused(accept, "R-OFFER-03")
    await slow.holds()


async def test_the_first_showing_counts(slow: TestBook, clock: FixedClock) -> None:
    """R-COST-04: looking again begins nothing anew, and who confirms twice has confirmed once."""
    who, offer_id, _ = await offered(slow)
    show = asked.ShowCosts(borrower_id=who, offer_id=offer_id)
    first = await slow.do(show)
    clock.advance(timedelta(seconds=60))
    again = await slow.do(show)
    assert (again["nonce"], again["shown_at"]) == (first["nonce"], first["shown_at"])
    one = await slow.do(confirmation(who, offer_id, again))
    clock.advance(timedelta(seconds=60))
    two = await slow.do(confirmation(who, offer_id, again, how="desk"))
    assert (two["confirmed_at"], two["how"]) == (one["confirmed_at"], "borrower")


async def test_a_sheet_is_its_borrowers(book: TestBook) -> None:
    """R-COST-03: nobody is shown or confirms what is somebody else's."""
    who, offer_id, _ = await offered(book)
    other = await book.borrower()
    shown = await book.do(asked.ShowCosts(borrower_id=who, offer_id=offer_id))
    await book.refused(asked.ShowCosts(borrower_id=other, offer_id=offer_id), "R-FOUND-01")
    await book.refused(confirmation(other, offer_id, shown), "R-FOUND-01")
    language = asked.ShowCosts(borrower_id=who, offer_id=offer_id, language="fr")
    await book.refused(language, "R-DOC-01")


async def test_an_offer_of_before_is_made_anew(book: TestBook) -> None:
    """R-COST-03: it has no sheet, so it is neither shown nor accepted."""
    who, offer_id, _ = await offered(book)
    await book.pool.execute("DELETE FROM cost_sheet WHERE sheet_id = $1", offer_id)
    for command in (asked.ShowCosts, asked.AcceptOffer):
        await book.refused(command(borrower_id=who, offer_id=offer_id), "R-COST-03")


async def test_the_audit_log_binds_the_words(book: TestBook) -> None:
    """R-COST-03: making, showing, confirming and beginning each name the digest."""
    who, offer_id, offer = await offered(book)
    await read_costs(book.do, who, offer_id)
    await book.do(asked.AcceptOffer(borrower_id=who, offer_id=offer_id))
    rows = await book.pool.fetch(
        "SELECT action, detail FROM operation WHERE borrower_id = $1 ORDER BY operation_id", who
    )
    found = {row[0]: json.loads(row[1])["cost_sheet"]["digest"] for row in rows
             if "cost_sheet" in (row[1] or "")}  # fmt: skip
    asked_for = ("MakeOffer", "ShowCosts", "ConfirmCosts", "AcceptOffer")
    assert found == dict.fromkeys(asked_for, offer["cost"]["sheet"])


# -- lines -----------------------------------------------------------------------------------------


async def test_a_line_has_its_sheet_from_the_first_day(book: TestBook) -> None:
    """R-COST-06: the words that could be had before are those that stand with the account."""
    opened = book.book
    day = (await book.today()).toordinal()
    before = line_sheet.line_sheet("pay_later", 1, day)
    one, two = [await book.line(await book.borrower(), "pay_later") for _ in range(2)]
    for account in (one, two):
        kept = await cost_read.of_contract(book.pool, account)
        assert kept is not None
        assert (kept.kind, kept.text, kept.offer_id) == ("line", before.text, 0)
        assert kept.given_at is not None
    assert opened is book.book
    assert await book.pool.fetchval("SELECT count(*) FROM cost_words") == 1
    assert before.sheet["free_days"] == {"least": 9, "most": 39}
    assert (before.sheet["apr"], before.sheet["daily"]) == ("0.146000", "0.0004")
    await book.holds()


async def test_the_least_amount_of_a_line(book: TestBook) -> None:
    """R-COST-06: a purchase that is paid by the least amount costs what the sheet says."""
    account = await book.line(await book.borrower(), "pay_later")
    kept = await cost_read.of_contract(book.pool, account)
    assert kept is not None
    example = kept.sheet["minimum"]
    total, cost, left = (Decimal(example[name]) for name in ("total", "cost", "left"))
    unpaid = Decimal(example["amount"]) - (total - cost)
    assert unpaid <= left < unpaid + 1  # with the interest of the last days
    assert example["payments"] > 12


def test_an_account_that_was_taken_over_was_agreed_to_elsewhere() -> None:
    """R-COST-06."""
    assert products()["imported_card"].authorised_elsewhere
    assert not products()["pay_later"].authorised_elsewhere


# -- over the whole life ---------------------------------------------------------------------------


async def test_a_fee_above_the_cap_is_refused_with_the_figure(book: TestBook) -> None:
    """R-COST-05: one below it is booked, and then less is left for the next."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 1_000_000, 12)
    dear = asked.Charge(contract_id=loan, component="fee", amount=40_000)
    answer = await book.submit(dear)
    assert answer.document["detail"] == (
        "over its whole life it would cost 0.247953 a year, more than 0.24"
    )
    await book.refused(dear, "R-COST-05")
    await book.do(asked.Charge(contract_id=loan, component="fee", amount=20_000))
    await book.refused(
        asked.Charge(contract_id=loan, component="penalty", amount=20_000), "R-COST-05"
    )
    await book.do(asked.Waive(contract_id=loan, component="fee", amount=20_000))
    await book.do(asked.Charge(contract_id=loan, component="penalty", amount=20_000))
    await book.holds()


async def test_a_line_and_its_fees(book: TestBook) -> None:
    """R-COST-05: a line on which nothing was lent bears no fee; one that is used bears a little."""
    await book.close_days(1)
    account = await book.line(await book.borrower(), "pay_later")
    fee = asked.Charge(contract_id=account, component="fee", amount=500)
    answer = await book.submit(fee)
    assert (answer.document["rule"], "beyond any rate" in answer.document["detail"]) == (
        "R-COST-05", True
    )  # fmt: skip
    await book.do(asked.Purchase(contract_id=account, amount=90_000))
    await book.do(fee)
    await book.refused(
        asked.Charge(contract_id=account, component="fee", amount=5_000), "R-COST-05"
    )
    await book.holds()


async def test_another_plan_after_a_fee(book: TestBook) -> None:
    """R-COST-05: a plan whose rate alone is allowed is too dear together with what was charged."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who, 1_000_000, 12)
    await book.do(asked.Charge(contract_id=loan, component="fee", amount=35_000))
    again = asked.Restructure(contract_id=loan, instalments=12, annual_rate="0.20")
    await book.refused(again, "R-COST-05")
    await book.do(asked.Extend(contract_id=loan, days=30))
    await book.do(asked.Restructure(contract_id=loan, instalments=24))
    await book.holds()


# -- the policy document ---------------------------------------------------------------------------


def test_the_cap_is_the_registers() -> None:
    """R-COST-05, R-CAP-01: the document and the register of law name one number."""
    sources = {each.id: each for each in register().sources}
    for cap in cost_policy.cost_policy().caps.values():
        said = sources[cap.source].limits["annual_cost"]
        assert Decimal(said.removesuffix(" %")) / 100 == Decimal(cap.annual)


@pytest.mark.parametrize(("place", "value", "rule"), [
    ("caps", {"CN": {"annual": "0.24", "source": "A-FRIEND"}}, "R-COST-05"),
    ("names", {"fee_each": {"en": "Fee", "zh": ""}}, "R-COST-05"),
    ("reading_seconds", {"loan": 0}, "R-COST-04"),
])  # fmt: skip
def test_a_poor_document_is_refused(place: str, value: Any, rule: str) -> None:
    document = {
        "caps": {}, "names": {}, "sentences": {}, "reading_seconds": {"loan": 5}, "late_days": 30,
        "line_example": "1000.00",
    } | {place: value}  # fmt: skip
    with pytest.raises(Refused, match=rule):
        cost_policy.policy_in(document)
