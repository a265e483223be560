"""Everything is done once: the same key again, fifty at once, two machines at once."""

from __future__ import annotations

import asyncio

from tests.reading import Patient, read_costs
from tests.servicing.books import ACTOR, TestBook, fingerprint
from usance.core.identifiers import parse
from usance.platform.database import open_pool, transaction
from usance.servicing import columns
from usance.servicing import commands as asked
from usance.servicing.post import Request, post
from usance.servicing.service import Book


async def loan_of(book: TestBook) -> int:
    """A cash loan of a new borrower."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    return await book.loan(who, 500_000, 6)


async def repayments(book: TestBook) -> int:
    """How many repayments were booked."""
    found: int = await book.pool.fetchval("SELECT count(*) FROM event WHERE kind = 3")
    return found


async def test_the_same_key_gives_the_same_answer(book: TestBook) -> None:
    loan = await loan_of(book)
    command = asked.Repay(contract_id=loan, amount=10_000)
    first = await book.submit(command, key="k1", request_hash=b"body")
    before = await fingerprint(book.pool)
    again = await book.submit(command, key="k1", request_hash=b"body")
    assert (first.status, first.document) == (again.status, again.document)
    assert (first.replayed, again.replayed) == (False, True)
    assert await fingerprint(book.pool) == before
    assert await repayments(book) == 1
    await book.holds()


async def test_the_same_key_with_another_body_is_refused(book: TestBook) -> None:
    loan = await loan_of(book)
    await book.do(asked.Repay(contract_id=loan, amount=10_000), key="k1", request_hash=b"one")
    before = await fingerprint(book.pool)
    command = asked.Repay(contract_id=loan, amount=20_000)
    answer = await book.submit(command, key="k1", request_hash=b"two")
    assert (answer.status, answer.document["rule"]) == (409, "R-IDEM-01")
    assert await fingerprint(book.pool) == before
    other = await book.submit(command, actor="machine:7", key="k1", request_hash=b"two")
    assert other.status == 201  # another client's keys are its own


async def test_a_key_with_two_bodies_in_one_batch(book: TestBook) -> None:
    """Each is judged by itself, whether the key is new in the batch or answered before."""
    loan = await loan_of(book)
    one, two = (
        Request(asked.Repay(contract_id=loan, amount=amount), ACTOR, "k", body)
        for amount, body in ((10_000, b"one"), (20_000, b"two"))
    )
    expected = [(201, False), (409, False), (201, True)]
    for _ in range(2):
        answers = await book.book.post([one, two, one])
        assert [(answer.status, answer.replayed) for answer in answers] == expected
        assert answers[0].document == answers[2].document
        expected[0] = 201, True
    async with transaction(book.pool, columns.LOCK) as connection:
        answers = await post(connection, [two, one])
    assert [(answer.status, answer.replayed) for answer in answers] == [(409, False), (201, True)]
    assert await repayments(book) == 1


async def test_a_refusal_is_not_kept_under_the_key(book: TestBook) -> None:
    loan = await loan_of(book)
    bad = asked.PayOut(contract_id=loan, amount=5)
    assert (await book.submit(bad, key="k", request_hash=b"x")).status == 422
    good = asked.Repay(contract_id=loan, amount=5_000)
    assert (await book.submit(good, key="k", request_hash=b"y")).status == 201


async def test_fifty_at_once_with_one_key(book: TestBook) -> None:
    loan = await loan_of(book)
    command = asked.Repay(contract_id=loan, amount=10_000)
    answers = await asyncio.gather(
        *(book.submit(command, key="k", request_hash=b"body") for _ in range(50))
    )
    assert {answer.status for answer in answers} == {201}
    assert len({str(answer.document) for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert await repayments(book) == 1
    await book.holds()


async def test_two_machines_with_one_key(book: TestBook, database: str) -> None:
    """Two processes' worth of pools and lanes: one effect, and everybody gets its answer."""
    loan = await loan_of(book)
    pool = await open_pool(database, 4)
    second = Book(pool, clock=Patient())
    await second.start()
    command = asked.Repay(contract_id=loan, amount=10_000)
    for n in range(5):
        answers = await asyncio.gather(
            *(
                each.submit(command, actor=ACTOR, key=f"k{n}", request_hash=b"body")
                for _ in range(10)
                for each in (book.book, second)
            )
        )
        assert {answer.status for answer in answers} == {201}
        assert len({str(answer.document) for answer in answers}) == 1
        assert await repayments(book) == n + 1
    await second.stop()
    await pool.close()
    await book.holds()


async def test_two_machines_with_one_key_for_what_can_be_done_once(
    book: TestBook, database: str
) -> None:
    """Whoever waited for the other's locks finds it done, and gives the other's answer."""
    pool = await open_pool(database, 4)
    second = Book(pool, clock=Patient())
    await second.start()
    for n in range(5):
        who = await book.borrower()
        open_line = asked.OpenLine(borrower_id=who, product="cash_loan", limit=100_000)
        await one_answer(book.book, second, open_line, f"open{n}")
        other = await second.submit(open_line, actor=ACTOR, key=f"open{n}", request_hash=b"other")
        assert (other.status, other.document["rule"]) == (409, "R-IDEM-01")
        make = asked.MakeOffer(
            borrower_id=who, product="cash_loan", principal=60_000, instalments=3
        )
        offer_id = parse("offer", (await book.do(make))["offer_id"])
        await read_costs(book.do, who, offer_id)
        accept = asked.AcceptOffer(borrower_id=who, offer_id=offer_id)
        await one_answer(book.book, second, accept, f"accept{n}")
    await second.stop()
    await pool.close()
    await book.holds()


async def one_answer(one: Book, two: Book, command: asked.Command, key: str) -> None:
    """The same request ten times on each of two machines is done once, and answered alike."""
    answers = await asyncio.gather(
        *(
            each.submit(command, actor=ACTOR, key=key, request_hash=b"body")
            for _ in range(10)
            for each in (one, two)
        )
    )
    assert {answer.status for answer in answers} == {201}
    assert len({str(answer.document) for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1


async def test_two_machines_race_for_one_limit(book: TestBook, database: str) -> None:
    """The limit is there once: one purchase of two, one draw of two."""
    pool = await open_pool(database, 4)
    second = Book(pool, clock=Patient())
    await second.start()
    for n in range(5):
        who = await book.borrower()
        account = await book.line(who, "pay_later", limit=100_000)
        buy = asked.Purchase(contract_id=account, amount=60_000)
        await one_wins(book.book, second, [buy, buy], "R-LIMIT-01")
        await book.line(who, "cash_loan", limit=100_000)
        offers = []
        for _ in range(2):
            offer = await book.do(
                asked.MakeOffer(
                    borrower_id=who, product="cash_loan", principal=60_000, instalments=3
                )
            )
            offer_id = parse("offer", offer["offer_id"])
            await read_costs(book.do, who, offer_id)
            offers.append(asked.AcceptOffer(borrower_id=who, offer_id=offer_id))
        await one_wins(book.book, second, offers, "R-LIMIT-01")
        twice = [asked.CloseLine(borrower_id=who, product="cash_loan")] * 2
        assert n < 5
        answers = await asyncio.gather(
            book.book.submit(twice[0], actor=ACTOR), second.submit(twice[1], actor=ACTOR)
        )
        assert {answer.document["rule"] for answer in answers} == {"R-CLOSE-02"}
    await second.stop()
    await pool.close()
    await book.holds()


async def one_wins(one: Book, two: Book, commands: list[asked.Command], rule: str) -> None:
    """Of two commands at once on two machines one is done and one is refused with the rule."""
    answers = await asyncio.gather(
        one.submit(commands[0], actor=ACTOR), two.submit(commands[1], actor=ACTOR)
    )
    assert sorted(answer.status for answer in answers) == [201, 422]
    assert [a.document["rule"] for a in answers if a.status == 422] == [rule]


async def test_a_batch_is_not_disturbed_by_a_refusal(book: TestBook) -> None:
    """Commands of one borrower in one transaction: the refused one leaves nothing behind."""
    who = await book.borrower()
    account = await book.line(who, "pay_later", limit=100_000)
    other = await loan_of(book)
    buy = asked.Purchase(contract_id=account, amount=40_000)
    answers = await book.book.submit_many(
        [buy, buy, buy, asked.Repay(contract_id=other, amount=100),
         asked.Repay(contract_id=account, amount=30_000), buy], actor=ACTOR,
    )  # fmt: skip
    assert [answer.status for answer in answers] == [201, 201, 422, 201, 201, 201]
    assert (await book.contract(account))["unpaid_principal"] == 90_000
    await book.holds()


async def test_stopping_answers_what_was_asked(book: TestBook) -> None:
    loan = await loan_of(book)
    command = asked.Repay(contract_id=loan, amount=1_000)
    waiting = [asyncio.create_task(book.submit(command)) for _ in range(20)]
    await asyncio.sleep(0)
    await book.book.stop()
    assert {answer.status for answer in await asyncio.gather(*waiting)} == {201}
    assert await repayments(book) == 20


async def test_two_machines_open_one_line(book: TestBook, database: str) -> None:
    """One line, one account; the other is told that there is a line."""
    pool = await open_pool(database, 4)
    second = Book(pool, clock=Patient())
    await second.start()
    for who in await book.borrowers(5):
        command = asked.OpenLine(borrower_id=who, product="pay_later", limit=100_000)
        await one_wins(book.book, second, [command, command], "R-LINE-12")
    assert await book.pool.fetchval("SELECT count(*) FROM contract") == 5
    await second.stop()
    await pool.close()
    await book.holds()
