"""What is told of what was committed (R-HOOK-07): everything, once, in order, and nothing else."""

from __future__ import annotations

import ast
import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import usance
from tests.day.lives import Life, Payments, Way
from tests.servicing.books import TestBook
from tests.webhooks.hooks import ACTOR, ALL, House, house
from tests.webhooks.receiver import Receiver
from usance.core.identifiers import CELLS, parse, written
from usance.day import bulk as by_set
from usance.day import close
from usance.day.finish import finish
from usance.day.wake import wake_rest
from usance.identity.accesses import DETAILS, Accesses
from usance.identity.staff_policy import staff_policy
from usance.platform.database import Pool, open_pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.servicing import bulk_post
from usance.servicing import commands as asked
from usance.servicing.write import write_operation
from usance.webhooks import feed, types

KINDS = ",".join(map(str, types.OF_EVENTS))
SELDOM = {
    "contract.charged_off", "contract.reopened", "contract.restructured", "drawing.returned",
    "goodwill.booked", "penalty.charged", "principal.moved", "recovery.booked",
}  # fmt: skip
"""What a short life may not bring; they have a test of their own."""
EVENTS = f"SELECT contract_id, seq FROM event WHERE kind IN ({KINDS})"


async def fed(home: House) -> int:
    """Queue all there is; how many."""
    total = 0
    while (queued := await feed.step(home.pool, home.clock)) is not None:
        total += queued
    return total


def data(rows: list[Any], *names: str) -> list[dict[str, Any]]:
    """What messages of these types say, in order."""
    return [json.loads(row["data"]) for row in rows if row["type"] in names]


# -- a whole life ----------------------------------------------------------------------------------


async def pay_as_the_bank(book: TestBook, payments: Payments) -> None:
    """Debits as a set, under one operation without a borrower, as a bank's file is posted."""
    today = (await book.today()).toordinal()
    contracts = np.array(list(payments), np.int64)
    amounts = np.array(list(payments.values()), np.int64)
    number = new_operation_id()
    async with transaction(book.pool) as connection:
        posted = await bulk_post.repay_each(connection, today, contracts, amounts, number)
        await write_operation(connection, number, "bank", "Debit", today, posted.digest)
    served = set(posted.contract_ids.tolist())
    rest = {c: amount for c, amount in payments.items() if c not in served}
    commands = [asked.Repay(contract_id=c, amount=amount) for c, amount in rest.items()]
    await book.book.submit_many(list(commands), actor="bank")


async def close_in_sets(book: TestBook, day: date) -> None:
    """The close of a large day."""
    await close.move_date(book.pool, day)
    async with transaction(book.pool) as connection:
        woken = await by_set.wake_range(connection, day.toordinal(), 0, CELLS - 1)
        woken += await wake_rest(connection, day.toordinal(), 0, CELLS - 1)
    async with transaction(book.pool) as connection:
        await finish(connection, day.toordinal(), woken)


async def live(home: House, people: int, days: int) -> Life:
    """A random life, in sets, while the feed runs beside it."""
    life = Life(Way(home.book, pay_as_the_bank, close_in_sets), Random("told"))

    async def feed_beside() -> None:
        while True:
            await feed.step(home.pool, home.clock)
            await asyncio.sleep(0.02)

    beside = asyncio.create_task(feed_beside())
    await life.begin(people)
    for _ in range(days):
        await life.live_day(await home.book.today())
    assert not beside.done()
    beside.cancel()
    await asyncio.gather(beside, return_exceptions=True)
    await fed(home)
    return life


async def test_a_life_is_told_event_by_event(pool: Pool) -> None:
    async with house(pool) as home:
        first, second = await home.register("http://127.0.0.1:1/a"), await home.register(
            "http://127.0.0.1:1/b", ["contract.closed", "day.closed"]
        )
        life = await live(home, 12, 70)
        rows, few = await home.queued(first), await home.queued(second)
        wanted = await pool.fetch(EVENTS)
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    events = [each for each in map(said, rows) if "event" in each]
    found = Counter((each["contract_id"], each["event"]) for each in events)
    assert found == Counter((written("contract", c), seq) for c, seq in wanted)
    assert {row["type"] for row in rows} >= set(ALL) - SELDOM - {"notice.push"}
    assert [(r["type"], r["data"]) for r in few] == [
        (r["type"], r["data"]) for r in rows if r["type"] in ("contract.closed", "day.closed")
    ]  # fmt: skip
    assert life.done["Repay"] > 0
    check_order(rows)


def said(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["data"])
    return found


def check_order(rows: list[Any]) -> None:
    """Of a contract in the order of its events; a closed day behind everything booked on it."""
    last: dict[str, int] = {}
    closed: date | None = None
    for row in rows:
        each = said(row)
        if "event" in each:
            assert each["event"] > last.get(each["contract_id"], 0)
            last[each["contract_id"]] = each["event"]
        if "booked_on" in each and closed:
            assert date.fromisoformat(each["booked_on"]) > closed
        if row["type"] == "day.closed":
            assert closed is None or row["business_date"] == closed + timedelta(days=1)
            closed = row["business_date"]
    assert closed is not None


async def test_statuses_are_told_as_they_became(home: House) -> None:
    """Closed by a repayment, owed again after a charge-back, closed once more: all on one day."""
    endpoint = await home.register("http://127.0.0.1:1/")
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    loan = await home.book.loan(who, instalments=3)
    await home.book.close_days(3)
    settled = await home.book.do(asked.Settle(contract_id=loan))
    await home.book.do(asked.ChargeBack(contract_id=loan, of=settled["event"]["seq"]))
    await home.book.do(asked.Settle(contract_id=loan))
    await fed(home)
    rows = await home.queued(endpoint)
    names = [row["type"] for row in rows if said(row).get("contract_id")]
    assert names == [
        "contract.opened", "repayment.booked", "contract.closed", "chargeback.booked",
        "contract.reopened", "repayment.booked", "contract.closed",
    ]  # fmt: skip
    assert data(rows, "contract.closed")[0] == {
        "borrower_id": written("borrower", who), "contract_id": written("contract", loan),
        "product": "cash_loan", "status": "closed", "status_before": "active",
    }  # fmt: skip
    operations = [row["operation_id"] for row in rows if row["type"] in
                  ("repayment.booked", "contract.closed")]  # fmt: skip
    assert operations[0] == operations[1] != operations[2] == operations[3]
    assert await home.pool.fetchval("SELECT count(*) FROM state_change") == 0


async def test_what_happens_seldom_is_told_too(home: House) -> None:
    endpoint = await home.register("http://127.0.0.1:1/")
    who = await home.book.borrower()
    account, do = await home.book.line(who, "pay_later"), home.book.do
    await home.book.line(who, "cash_loan")
    loan, other = await home.book.loan(who), await home.book.loan(who)
    await do(asked.Purchase(contract_id=account, amount=90_000))
    plan = await do(asked.OfferPlan(contract_id=account, instalments=3, purchase=2))
    offer_id = parse("offer", plan["offer_id"])
    await home.book.accept(who, offer_id)
    await do(asked.Charge(contract_id=loan, component="penalty", amount=500))
    await do(asked.Goodwill(contract_id=loan, amount=500))
    await do(asked.Restructure(contract_id=loan, instalments=6))
    await do(asked.ReturnDrawing(contract_id=other, reason="failed"))
    await home.book.close_days(1)
    await do(asked.ChargeOff(contract_id=loan))
    await do(asked.Recover(contract_id=loan, amount=1_000))
    await fed(home)
    rows = await home.queued(endpoint)
    assert {row["type"] for row in rows} >= SELDOM - {"contract.reopened"}
    assert data(rows, "recovery.booked")[0]["amount"] == "10.00"
    assert data(rows, "contract.closed")[0]["contract_id"] == written("contract", other)


async def test_lines_are_told_with_what_they_were(home: House) -> None:
    endpoint = await home.register("http://127.0.0.1:1/", ["line.changed"])
    who = await home.book.borrower()
    await home.book.line(who, "pay_later", 500_000)
    change = asked.ChangeLimit(borrower_id=who, product="pay_later", limit=700_000)
    await home.book.do(change)
    hold = {"borrower_id": who, "product": "pay_later", "amount": 5_000, "merchant": "Tea"}
    held = await home.book.do(asked.Authorise(**hold))
    assert held["status"] == "open"
    await home.book.close_days(10)  # the hold expires, which changes no limit
    await home.book.do(asked.CloseLine(borrower_id=who, product="pay_later"))
    await fed(home)
    told = data(await home.queued(endpoint), "line.changed")
    assert [(e["status_before"], e["status"], e["limit_before"], e["limit"]) for e in told] == [
        (None, "open", None, "5000.00"), ("open", "open", "5000.00", "7000.00"),
        ("open", "closed", "7000.00", "7000.00"),
    ]  # fmt: skip


async def test_lateness_is_told_when_the_day_is_closed(home: House) -> None:
    endpoint = await home.register(
        "http://127.0.0.1:1/", ["contract.overdue", "due.reminder", "day.closed"]
    )
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    loan = await home.book.loan(who, instalments=3)
    await home.book.close_days(40)
    await fed(home)
    rows = await home.queued(endpoint)
    contract = {"borrower_id": written("borrower", who), "contract_id": written("contract", loan)}
    reminded = data(rows, "due.reminder")
    assert reminded == [contract | {"due": 1, "days": days} for days in (3, 0)]
    late = [(row["business_date"], said(row)["days"]) for row in rows
            if row["type"] == "contract.overdue"]  # fmt: skip
    due = date(2025, 2, 1)  # late on the day after it, as the close of the due day finds
    assert late == [(due + timedelta(days - 1), days) for days in (1, 3, 7)]
    assert len(data(rows, "day.closed")) == 40


# -- what is not told ------------------------------------------------------------------------------


async def test_nobody_listens_and_nothing_is_written(home: House) -> None:
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    loan = await home.book.loan(who)
    before = await home.pool.fetchrow("SELECT * FROM webhook_feed")
    await home.book.do(asked.Settle(contract_id=loan))
    await home.book.close_days(2)
    assert await feed.step(home.pool, home.clock) is None
    assert await home.pool.fetchrow("SELECT * FROM webhook_feed") == before
    assert await home.pool.fetchval("SELECT count(*) FROM state_change") == 0
    endpoint = await home.register("http://127.0.0.1:1/")
    await home.book.close_days(1)
    await fed(home)
    assert {row["type"] for row in await home.queued(endpoint)} == {"day.closed"}
    assert len(await home.queued(endpoint)) == 1, "what was before is not told"


async def test_who_looked_at_whom_is_told_to_nobody(home: House) -> None:
    """R-HOOK-07: a look has an audit event, and no message; what comes after it is told."""
    borrower = await home.book.borrower()
    endpoint = await home.register("https://receiver.example/hook")
    await fed(home)
    accesses = Accesses(home.pool, home.clock, staff_policy(), home.book.keys)
    seen = accesses.by_machine("machine:1", "shop", "", DETAILS)
    for _ in range(3):
        await accesses.note(seen, borrower)
    assert await fed(home) == 0
    await home.book.line(borrower, "cash_loan")
    await fed(home)
    assert [row["type"] for row in await home.queued(endpoint)] == ["line.changed"]


async def test_what_was_rolled_back_is_not_told(home: House) -> None:
    endpoint = await home.register("http://127.0.0.1:1/")
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    loan = await home.book.loan(who)
    with pytest.raises(RuntimeError):
        async with transaction(home.pool) as connection:
            await connection.execute("UPDATE contract SET status = 2")
            await connection.execute(
                "INSERT INTO event (cell, contract_id, seq, kind, effective_on, booked_on, amount,"
                " operation_id) SELECT cell, contract_id, 99, 3, '2025-01-01', '2025-01-01', 5, 7"
                " FROM contract"
            )
            await connection.execute(
                "INSERT INTO operation (operation_id, actor, action, borrower_id, business_date,"
                " digest) VALUES (7, 'x', 'Repay', $1, '2025-01-01', '')",
                who,
            )
            raise RuntimeError
    await home.book.refused(asked.Repay(contract_id=loan, amount=0), "R-AMT-01")
    await fed(home)
    names = [row["type"] for row in await home.queued(endpoint)]
    assert sorted(names) == ["contract.opened", "line.changed"]


async def test_a_transaction_that_runs_long_is_waited_for(home: House) -> None:
    """It took its number first and commits last: nothing behind it is told before it."""
    endpoint = await home.register("http://127.0.0.1:1/", ["repayment.booked"])
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    loan = await home.book.loan(who)
    connection = await home.pool.acquire()
    await connection.execute("BEGIN")
    await connection.execute("SELECT pg_current_xact_id()")
    for amount in (100, 200):
        await home.book.do(asked.Repay(contract_id=loan, amount=amount))
    await fed(home)
    assert await home.queued(endpoint) == []
    await connection.execute(
        "INSERT INTO operation (operation_id, actor, action, borrower_id, business_date, digest)"
        " VALUES (7, 'x', 'Repay', $1, '2025-01-01', '')",
        who,
    )
    await connection.execute(
        "INSERT INTO event (cell, contract_id, seq, kind, effective_on, booked_on, amount,"
        " operation_id) SELECT cell, contract_id, 99, 3, '2025-01-01', '2025-01-01', 5, 7"
        " FROM contract WHERE contract_id = $1",
        loan,
    )
    await connection.execute("COMMIT")
    await home.pool.release(connection)
    await fed(home)
    amounts = [each["amount"] for each in data(await home.queued(endpoint), "repayment.booked")]
    assert amounts == ["0.05", "1.00", "2.00"]


async def test_a_stopped_endpoint_is_told_of_what_comes_after_it_starts(home: House) -> None:
    endpoint = await home.register("http://127.0.0.1:1/", ["repayment.booked"])
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    loan = await home.book.loan(who)

    async def pay(amount: int) -> None:
        await home.book.do(asked.Repay(contract_id=loan, amount=amount))

    await pay(100)
    await fed(home)
    await home.change(endpoint, home.client_id, ACTOR, active=False)
    await pay(200)
    await fed(home)
    await home.change(endpoint, home.client_id, ACTOR, active=True)
    await pay(300)
    await fed(home)
    await home.pool.execute("UPDATE machine_client SET active = false")
    await pay(400)
    await fed(home)
    amounts = [each["amount"] for each in data(await home.queued(endpoint), "repayment.booked")]
    assert amounts == ["1.00", "3.00"]


async def test_a_place_of_another_cluster_is_given_up(
    home: House, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = await home.register("http://127.0.0.1:1/", ["line.changed"])
    far = "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 10^9::bigint)::text::xid8"
    await home.pool.execute(f"UPDATE webhook_feed SET through = {far}")
    await home.pool.execute(f"UPDATE webhook_endpoint SET since = {far}")
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    assert await fed(home) == 0
    await feed.take_place(home.pool)
    assert "does not have yet" in caplog.text
    await home.book.line(who, "pay_later")
    await fed(home)
    told = data(await home.queued(endpoint), "line.changed")
    assert [each["product"] for each in told] == ["pay_later"]
    caplog.clear()
    await feed.take_place(home.pool)
    assert caplog.text == ""


WITHOUT_EVENTS = {"HoldReceipts"}
"""Actions that move bank money and concern no contract."""


def test_every_operation_on_many_contracts_is_looked_into() -> None:
    """Who writes events under an operation without a borrower is known to the feed."""
    actions = set()
    for room in ("day", "servicing", "importer"):
        for path in (Path(usance.__file__).parent / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and "write_operation" in ast.unparse(node.func):
                    actions |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    assert actions - WITHOUT_EVENTS == feed.SETS


async def test_two_feeders_at_once_queue_everything_once(
    pool: Pool, new_database: Callable[[], str], database: str, receiver: Receiver
) -> None:
    async with house(pool) as home:
        endpoint = await home.register(receiver.url, ["repayment.booked"])
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who)
        other = await open_pool(database, 3)
        stop = asyncio.Event()

        async def feeding(from_pool: Pool) -> None:
            while not stop.is_set():
                await feed.step(from_pool, home.clock)

        feeders = [asyncio.create_task(feeding(each)) for each in (pool, other, other)]
        for _ in range(60):
            await asyncio.gather(*(
                home.book.submit(asked.Repay(contract_id=loan, amount=1)) for _ in range(3)
            ))  # fmt: skip
        stop.set()
        await asyncio.gather(*feeders)
        await fed(home)
        rows = await home.queued(endpoint)
        await other.close()
    assert len(rows) == 180
    assert len({said(row)["event"] for row in rows}) == 180
    assert [row["sequence"] for row in rows] == list(range(1, 181))
