"""A payment reaches the book exactly once, whatever the bank and the process do."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.identity.doors import refused
from tests.payments.tills import Till, take_and_die, till
from usance.payments import rules, store
from usance.payments.notifications import Entered
from usance.payments.sandbox_bank import NotTakenError
from usance.platform.database import Pool
from usance.servicing import commands as asked
from usance.servicing.receipts import open_receipts

FORK = multiprocessing.get_context("fork")


@pytest_asyncio.fixture
async def desk(pool: Pool) -> AsyncIterator[Till]:
    async with till(pool) as found:
        yield found
        await found.book.holds()


async def test_a_payment_is_begun_confirmed_and_booked(desk: Till) -> None:
    intent = await desk.begin()
    assert intent["status"] == rules.SUBMITTED
    assert intent["bank_page"] == f"/sandbox/bank/{intent['bank_reference']}"
    await desk.bank.decide(intent["bank_reference"], paid=20_000)
    found = await desk.one(intent)
    assert (found["status"], found["outcome"], found["paid"]) == (3, "booked", 20_000)
    assert await desk.paid() == [20_000]
    row = await desk.pool.fetchrow("SELECT actor, action FROM operation WHERE operation_id = $1",
                                   found["operation_id"])  # fmt: skip
    assert tuple(row) == ("system:payments", "RepayBorrower")
    begun = await desk.pool.fetchrow("SELECT actor, detail FROM operation"
                                     " WHERE action = 'BeginPayment'")  # fmt: skip
    assert begun["actor"] == f"borrower:{desk.borrower_id}"


async def test_a_form_makes_one_payment(desk: Till) -> None:
    """R-PAY-02, R-IDEM-01: twenty at once with the same key."""
    found = await asyncio.gather(*(desk.begin() for _ in range(20)))
    assert len({row["intent_id"] for row in found}) == 1
    assert len({row["bank_reference"] for row in found}) == 1
    assert await desk.pool.fetchval("SELECT count(*) FROM sandbox_order") == 1
    begun = "SELECT count(*) FROM operation WHERE action = 'BeginPayment'"
    assert await desk.pool.fetchval(begun) == 1
    await refused(desk.begin(20_001), "R-IDEM-01")


async def test_what_is_no_amount_is_refused_and_nothing_is_written(desk: Till) -> None:
    """R-PAY-01."""
    await refused(desk.begin(0), "R-PAY-01")
    await refused(desk.begin(1_001, owed=1_000), "R-PAY-01")
    assert await desk.pool.fetchval("SELECT count(*) FROM payment_intent") == 0
    for number in range(10):
        await desk.begin(100, f"many {number}")
    await refused(desk.begin(100, "one more"), "R-PAY-02")
    assert await desk.pool.fetchval("SELECT count(*) FROM payment_intent") == 10


async def test_a_notification_that_comes_twice_books_once(desk: Till) -> None:
    """R-PAY-02: sent again by the bank, one after the other and all at once."""
    intent = await desk.begin()
    first = await desk.say(intent)
    assert first["outcome"] == "booked"
    assert await desk.say(intent) == first
    await asyncio.gather(*(desk.say(intent) for _ in range(10)))
    assert await desk.paid() == [20_000]
    other = await desk.begin(10_000, "k2")
    await asyncio.gather(*(desk.say(other, id="n-2") for _ in range(10)))
    await desk.work()
    assert sorted(await desk.paid()) == [10_000, 20_000]


async def test_a_replayed_notification_is_refused(desk: Till) -> None:
    """R-PAY-04: the very same bytes again are nobody's who has the key."""
    intent = await desk.begin()
    body, headers = await capture(desk, intent)
    await desk.notified.receive(desk.bank, headers, body)
    before = await desk.pool.fetch("SELECT * FROM payment_intent")
    await refused(desk.notified.receive(desk.bank, headers, body), "R-PAY-04")
    assert await desk.pool.fetch("SELECT * FROM payment_intent") == before
    desk.clock.advance(timedelta(minutes=6))
    await refused(desk.notified.receive(desk.bank, headers, body), "R-PAY-03")
    assert await desk.paid() == [20_000]


async def capture(desk: Till, intent: Any) -> tuple[bytes, dict[str, str]]:
    """The notification of a payment that was confirmed, without sending it."""
    caught: list[tuple[bytes, dict[str, str]]] = []

    async def keep(_path: str, body: bytes, headers: Any) -> int:
        caught.append((body, dict(headers)))
        return 503

    desk.bank.post = keep
    await desk.bank.decide(intent["bank_reference"], paid=intent["amount"])
    desk.bank.post = desk.post
    return caught[0]


async def test_a_forged_notification_changes_nothing(desk: Till) -> None:
    """R-PAY-03."""
    intent = await desk.begin()
    body, headers = await capture(desk, intent)
    tampered = body.replace(b"200.00", b"900.00")
    assert tampered != body
    await refused(desk.notified.receive(desk.bank, headers, tampered), "R-PAY-03")
    await refused(desk.notified.receive(desk.bank, {}, body), "R-PAY-03")
    assert (await desk.one(intent))["outcome"] == ""
    assert await desk.pool.fetchval("SELECT count(*) FROM bank_signature") == 0


@pytest.mark.parametrize(("changes", "rule"), [
    ({"order": "b-1.y-1"}, "R-FOUND-01"), ({"order": "nonsense"}, "R-FOUND-01"),
    ({"reference": "0" * 32}, "R-FOUND-01"), ({"currency": "USD"}, "R-CURRENCY-01"),
    ({"amount": "1.234"}, "R-AMT-01"), ({"amount": "-1.00"}, "R-AMT-01"),
    ({"amount": "0"}, "R-AMT-01"), ({"result": "maybe"}, "R-DOC-01"), ({"more": "x"}, "R-DOC-01"),
])  # fmt: skip
async def test_a_notification_that_makes_no_sense_changes_nothing(
    desk: Till, changes: dict[str, str], rule: str
) -> None:
    intent = await desk.begin()
    await refused(desk.say(intent, **changes), rule)
    assert (await desk.one(intent))["status"] == rules.SUBMITTED
    assert await desk.pool.fetchval("SELECT count(*) FROM bank_signature") == 0
    await desk.say(intent)
    assert await desk.paid() == [20_000]


async def test_a_bank_does_not_say_two_things(desk: Till) -> None:
    """R-PAY-06."""
    intent = await desk.begin()
    await desk.say(intent)
    await refused(desk.say(intent, amount="900.00"), "R-PAY-06")
    await refused(desk.say(intent, id="n-9", result="declined"), "R-PAY-06")
    other = await desk.begin(100, "k2")
    assert (await desk.say(other, id="n-2", result="declined"))["status"] == rules.FAILED
    await refused(desk.say(other, id="n-3"), "R-PAY-06")
    assert await desk.paid() == [20_000]


async def test_another_amount_is_kept_and_flagged_not_booked(desk: Till) -> None:
    """R-PAY-05, R-RECEIPT-03: the bank's money is in the book, on no contract."""
    intent = await desk.begin()
    await desk.say(intent, amount="150.00")
    await desk.say(intent, amount="150.00")
    found = await desk.one(intent)
    assert (found["status"], found["outcome"], found["rule"]) == (3, "unallocated", "R-PAY-05")
    assert await desk.paid() == []
    (receipt,) = await open_receipts(desk.pool, 0, 10)
    assert (receipt["receipt_id"], receipt["amount"]) == (found["receipt_id"], 15_000)
    assert receipt["borrower_id"] == desk.borrower_id
    await desk.book.holds()
    await desk.book.do(asked.AllocateReceipt(
        contract_id=desk.contract_id, receipt_id=receipt["receipt_id"]
    ))  # fmt: skip
    assert await desk.paid() == [15_000]


async def test_what_no_contract_takes_is_kept(desk: Till) -> None:
    """R-PAY-05: everything was paid and closed while the payment was on its way."""
    intent = await desk.begin()
    await desk.book.do(asked.SettleAndClose(contract_id=desk.contract_id))
    await desk.say(intent)
    found = await desk.one(intent)
    assert (found["outcome"], found["rule"]) == ("unallocated", "R-FOUND-02")
    assert len(await open_receipts(desk.pool, 0, 10)) == 1


async def test_what_was_kept_is_not_booked_when_the_contract_takes_it_later(
    desk: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-PAY-02: the process dies between keeping the money and saying so of the payment."""
    await desk.book.do(asked.SettleAndClose(contract_id=desk.contract_id))
    intent, before = await desk.begin(), await desk.paid()

    async def dies(*_: object) -> bool:
        raise ConnectionError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(store, "settle_intent", dies)
        with pytest.raises(ConnectionError):
            await desk.say(intent)
    (receipt,) = await open_receipts(desk.pool, 0, 10)
    account = await desk.book.line(desk.borrower_id, "pay_later")
    await desk.book.do(asked.Purchase(contract_id=account, amount=90_000))
    await desk.work()
    found = await desk.one(intent)
    assert (found["outcome"], found["receipt_id"]) == ("unallocated", receipt["receipt_id"])
    assert found["rule"] == "R-FOUND-02"
    assert await desk.paid() == before
    assert len(await open_receipts(desk.pool, 0, 10)) == 1
    await desk.say(intent)
    assert await desk.one(intent) == found


@pytest.mark.parametrize("first", ["booked", "kept"])
async def test_two_who_settle_at_once_and_see_another_book(
    desk: Till, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """R-PAY-02: one is refused by the book, the other is not: the money is in one place."""
    till, intent, seen = desk.notified._till, await desk.begin(), asyncio.Event()
    keeps, books, rest = till.hold, till.book, []

    async def book(*given: Any) -> Any:
        rest.append(1)
        if len(rest) == 1:
            return Entered(0, "R-FOUND-02", "nothing takes it")
        if first == "kept":
            await seen.wait()
        answer = await books(*given)
        seen.set()
        return answer

    async def hold(*given: Any) -> Any:
        if first == "booked":
            await seen.wait()
        answer = await keeps(*given)
        seen.set()
        return answer

    async def nothing(*_: object) -> None:
        return None

    with monkeypatch.context() as held:
        held.setattr(desk.notified, "settle", nothing)
        await desk.say(intent)
    monkeypatch.setattr(till, "book", book)
    monkeypatch.setattr(till, "hold", hold)
    settle = desk.notified.settle
    await asyncio.gather(*(settle(desk.borrower_id, intent["intent_id"]) for _ in range(2)))
    kept = [row["amount"] for row in await open_receipts(desk.pool, 0, 10)]
    assert (await desk.paid(), kept) == (([20_000], []) if first == "booked" else ([], [20_000]))
    found = await desk.one(intent)
    assert found["outcome"] == ("booked" if first == "booked" else "unallocated")
    assert (found["operation_id"] > 0, found["receipt_id"] > 0) == (
        first == "booked", first == "kept",
    )  # fmt: skip


async def test_many_who_settle_at_once(desk: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-PAY-02, R-PAY-05: of money that nothing takes there is one receipt."""
    await desk.book.do(asked.SettleAndClose(contract_id=desk.contract_id))
    intent = await desk.begin()

    async def nothing(*_: object) -> None:
        return None

    with monkeypatch.context() as held:
        held.setattr(desk.notified, "settle", nothing)
        await desk.say(intent)
    settle = desk.notified.settle
    await asyncio.gather(*(settle(desk.borrower_id, intent["intent_id"]) for _ in range(8)))
    assert len(await open_receipts(desk.pool, 0, 10)) == 1
    assert (await desk.one(intent))["outcome"] == "unallocated"


async def test_a_payment_on_one_contract_pays_that_one(desk: Till) -> None:
    await desk.book.line(desk.borrower_id, "cash_loan")
    loan = await desk.book.loan(desk.borrower_id, 500_000, 3)
    intent = await desk.begin(contract_id=loan)
    await desk.say(intent)
    row = await desk.pool.fetchrow("SELECT action, contract_id FROM operation"
                                   " WHERE actor = 'system:payments'")  # fmt: skip
    assert tuple(row) == ("Repay", loan)


async def test_what_was_written_off_is_recovered(desk: Till) -> None:
    await desk.book.do(asked.ChargeOff(contract_id=desk.contract_id))
    intent = await desk.begin(contract_id=desk.contract_id)
    await desk.say(intent)
    assert (await desk.one(intent))["outcome"] == "booked"
    kinds = await desk.pool.fetch("SELECT kind FROM event WHERE amount = 20000")
    assert [row["kind"] for row in kinds] == [16]


async def test_a_payment_left_pending_expires_and_may_still_come(desk: Till) -> None:
    """R-PAY-07."""
    intent = await desk.begin()
    await desk.work()
    assert (await desk.one(intent))["status"] == rules.SUBMITTED
    desk.clock.advance(timedelta(minutes=30))
    await desk.pool.execute("UPDATE job SET state = 0, attempts = 0")
    await desk.work()
    assert (await desk.one(intent))["status"] == rules.EXPIRED
    await desk.say(intent)
    assert (await desk.one(intent))["status"] == rules.SUCCEEDED
    assert await desk.paid() == [20_000]


async def test_a_declined_payment_changes_nothing_in_the_book(desk: Till) -> None:
    intent = await desk.begin()
    await desk.bank.decide(intent["bank_reference"], paid=0)
    assert (await desk.one(intent))["status"] == rules.FAILED
    await desk.bank.decide(intent["bank_reference"], paid=20_000)
    assert (await desk.one(intent))["status"] == rules.FAILED
    assert await desk.paid() == []


async def test_the_bank_tells_again_until_it_is_heard(desk: Till) -> None:
    """The sandbox's bank behaves like a real one: it does not give up, and may tell twice."""
    intent = await desk.begin()

    async def deaf(*_: Any) -> int:
        return 503

    desk.bank.post = deaf
    await desk.bank.decide(intent["bank_reference"], paid=20_000)
    assert (await desk.one(intent))["outcome"] == ""
    order = {"reference": intent["bank_reference"]}
    with pytest.raises(NotTakenError):
        await desk.bank.work(None, type("J", (), {"payload": order})())  # type: ignore[arg-type]
    desk.bank.post = desk.post
    await desk.work()
    assert await desk.paid() == [20_000]
    other = await desk.begin(500, "k2")
    await desk.bank.decide(other["bank_reference"], paid=500, twice=True)
    assert await desk.paid() == [20_000, 500]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_that_is_killed_in_between_loses_and_doubles_nothing(
    desk: Till, database: str, when: str
) -> None:
    """R-PAY-02: kill -9 between taking the notification and booking it, and right after that."""
    intent = await desk.begin()
    body, headers = await capture(desk, intent)
    process = FORK.Process(target=take_and_die, args=(database, headers, body, when))
    process.start()
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == -signal.SIGKILL
    assert (await desk.one(intent))["outcome"] == "received"
    assert await desk.paid() == ([20_000] if when == "after" else [])
    await desk.work()
    assert (await desk.one(intent))["outcome"] == "booked"
    assert await desk.paid() == [20_000]
    await desk.say(intent, id=f"n-{intent['bank_reference']}")
    assert await desk.paid() == [20_000]
