"""A bank's debit-result file: an outcome for each row, every kind of row, twice, at once."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from tests.servicing.books import ACTOR, TestBook, fingerprint
from usance.core.identifiers import borrower_of, contract_of, written
from usance.core.refusals import Refused
from usance.servicing import commands as asked
from usance.servicing import debit_file
from usance.servicing.debit_file import FileOutcome, RowOutcome
from usance.servicing.debit_rows import HEADER, read
from usance.servicing.service import Book

TODAY = date(2025, 2, 1)
"""The first due day of loans drawn on the first of January."""


def line(
    reference: str, party: str, amount: str, code: str = "00", on: date = TODAY, bank: str = "T1"
) -> str:
    return f"{reference},{party},{amount},{code},{on},{bank}"


def content_of(*lines: str) -> bytes:
    return "\n".join([",".join(HEADER), *lines, ""]).encode()


async def loaded(book: TestBook, *lines: str, name: str = "bank.csv") -> FileOutcome:
    return await debit_file.load(book.book, name, content_of(*lines), ACTOR)


async def outcomes(book: TestBook, *lines: str) -> list[str]:
    return [row.outcome for row in (await loaded(book, *lines)).rows]


async def one(book: TestBook, row: str) -> RowOutcome:
    (found,) = (await loaded(book, row)).rows
    return found


async def due_today(book: TestBook) -> tuple[int, str, str]:
    """A borrower with a loan whose first instalment is due today: (borrower, contract, amount)."""
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loan = await book.loan(who)
    await book.close_through(date(2025, 1, 31))
    return who, written("contract", loan), await first_row(book, loan)


async def first_row(book: TestBook, loan: int) -> str:
    asked_for = await book.pool.fetchval(
        "SELECT principal + interest FROM due WHERE contract_id = $1 AND n = 1", loan
    )
    return f"{asked_for // 100}.{asked_for % 100:02}"


async def test_a_debit_that_was_collected_is_a_repayment(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    row = await one(book, line("D1", loan, amount, bank="BANK-77"))
    assert row.outcome == "paid"
    seq = await book.pool.fetchval("SELECT seq FROM event WHERE kind = 3")
    assert row.detail["events"] == [[loan, seq]]
    assert row.detail["bank_transaction_id"] == "BANK-77"
    paid = await book.pool.fetchval("SELECT paid_principal + paid_interest FROM due WHERE n = 1")
    assert f"{paid // 100}.{paid % 100:02}" == amount
    event = await book.pool.fetchrow("SELECT o.actor, o.action FROM event e JOIN operation o "
                                     "USING (operation_id) WHERE e.kind = 3")  # fmt: skip
    assert tuple(event) == (ACTOR, "Debit")
    await book.holds()


async def test_the_load_has_an_audit_event(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    found = await loaded(book, line("D1", loan, amount), name="2025-02-01.csv")
    operation = await book.pool.fetchrow(
        "SELECT o.actor, o.action, o.detail::text "
        "FROM operation o JOIN bank_file USING (operation_id)"
    )
    assert operation["actor"] == ACTOR
    assert operation["action"] == "LoadDebitFile"
    assert "2025-02-01.csv" in operation["detail"]
    assert not found.replayed


async def test_a_failed_debit_keeps_the_banks_code_and_moves_nothing(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    before = await book.pool.fetchval("SELECT count(*) FROM event")
    row = await one(book, line("D1", loan, amount, code="51"))
    assert (row.outcome, row.detail["code"]) == ("failed", "51")
    assert await book.pool.fetchval("SELECT count(*) FROM event") == before
    # the bank tries again under the same reference
    again = await one(book, line("D1", loan, amount, bank="T2"))
    assert again.outcome == "paid"
    await book.holds()


async def test_the_same_file_twice_changes_nothing(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    rows = [line("D1", loan, amount), line("D2", loan, "5.00", code="51")]
    first = await loaded(book, *rows)
    before = await fingerprint(book.pool)
    second = await loaded(book, *rows, name="the same under another name.csv")
    assert await fingerprint(book.pool) == before
    assert second.replayed
    assert (second.file_id, second.rows) == (first.file_id, first.rows)


async def test_the_same_reference_twice_in_one_file_and_in_another(book: TestBook) -> None:
    """R-DEBIT-03."""
    _, loan, amount = await due_today(book)
    assert await outcomes(
        book, line("D1", loan, amount), line("D1", loan, amount), line("D1", loan, amount)
    ) == ["paid", "duplicate", "duplicate"]
    assert await outcomes(book, line("D1", loan, amount, bank="another")) == ["duplicate"]
    assert await book.pool.fetchval("SELECT count(*) FROM event WHERE kind = 3") == 1


async def test_paid_by_hand_meanwhile(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    contract_id = await book.pool.fetchval("SELECT contract_id FROM contract")
    cents = int(amount.replace(".", ""))
    await book.do(asked.Repay(contract_id=contract_id, amount=cents))
    row = await one(book, line("D1", loan, amount))
    assert (row.outcome, row.detail["rule"]) == ("already_paid", "R-DEBIT-01")
    assert await book.pool.fetchval("SELECT count(*) FROM event WHERE kind = 3") == 1
    await book.holds()


async def test_settled_by_hand_meanwhile(book: TestBook) -> None:
    who, loan, amount = await due_today(book)
    contract_id = await book.pool.fetchval("SELECT contract_id FROM contract")
    await book.do(asked.Settle(contract_id=contract_id))
    party = written("borrower", who)
    assert await outcomes(book, line("D1", loan, amount)) == ["already_paid"]
    # nothing is open under the borrower any more: a person must look where the money belongs
    assert await outcomes(book, line("D2", party, amount)) == ["unmatched"]


async def test_one_debit_for_all_contracts_of_a_borrower(book: TestBook) -> None:
    who = await book.borrower()
    await book.line(who, "cash_loan")
    loans = [await book.loan(who), await book.loan(who, principal=500_000)]
    await book.close_through(date(2025, 1, 31))
    amounts = [await first_row(book, loan) for loan in loans]
    total = sum(int(amount.replace(".", "")) for amount in amounts)
    both = f"{total // 100}.{total % 100:02}"
    row = await one(book, line("D1", written("borrower", who), both))
    assert row.outcome == "paid"
    assert sorted(each[0] for each in row.detail["events"]) == sorted(
        written("contract", loan) for loan in loans
    )
    unpaid = await book.pool.fetchval(
        "SELECT sum(principal + interest - paid_principal - paid_interest)::bigint "
        "FROM due WHERE n = 1"
    )
    assert unpaid == 0
    # and when it comes back, both ask again
    back = await one(book, line("D1", written("borrower", who), both, code="R03"))
    assert back.outcome == "returned"
    assert len(back.detail["events"]) == 2
    await book.holds()


async def test_a_late_return_takes_back_what_the_debit_had_paid(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    await loaded(book, line("D1", loan, amount))
    await book.close_through(date(2025, 2, 4))
    owed_before = await book.pool.fetchval("SELECT unpaid_principal FROM contract")
    on = date(2025, 2, 5)
    row = await one(book, line("D1", loan, amount, code="R01", on=on))
    assert row.outcome == "returned"
    assert await book.pool.fetchval("SELECT unpaid_principal FROM contract") > owed_before
    kinds = [
        r[0] for r in await book.pool.fetch("SELECT kind FROM event ORDER BY seq DESC LIMIT 1")
    ]
    assert kinds == [9]  # charge-back
    assert await outcomes(book, line("D1", loan, amount, code="R02", on=on)) == ["duplicate"]
    await book.holds()


async def test_collected_and_returned_in_one_file(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    before = await book.pool.fetchval("SELECT unpaid_principal FROM contract")
    rows = [line("D1", loan, amount), line("D1", loan, amount, code="R01")]
    assert await outcomes(book, *rows) == ["paid", "returned"]
    assert await book.pool.fetchval("SELECT unpaid_principal FROM contract") == before


async def test_a_return_needs_its_debit_and_its_whole_amount(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    assert await outcomes(book, line("D9", loan, amount, code="R01")) == ["unmatched"]
    await loaded(book, line("D1", loan, amount))
    row = await one(book, line("D1", loan, "1.00", code="R01"))
    assert (row.outcome, row.detail["rule"]) == ("refused", "R-DEBIT-04")
    # a return that came to nothing does not stand in the way of the right one
    assert await outcomes(book, line("D1", loan, amount, code="R01", bank="T9")) == ["returned"]


async def test_a_return_of_a_debit_that_was_never_booked(book: TestBook) -> None:
    nobody = written("contract", contract_of(borrower_of(999), 1))
    assert await outcomes(book, line("D1", nobody, "10.00")) == ["unmatched"]
    before = await book.pool.fetchval("SELECT count(*) FROM event")
    assert await outcomes(book, line("D1", nobody, "10.00", code="R01")) == ["returned"]
    assert await book.pool.fetchval("SELECT count(*) FROM event") == before


async def test_unknown_ids_are_kept_with_their_amount(book: TestBook) -> None:
    nobody = borrower_of(999)
    rows = (await loaded(
        book, line("D1", written("contract", contract_of(nobody, 1)), "10.00"),
        line("D2", written("borrower", nobody), "20.00"),
    )).rows  # fmt: skip
    assert [(row.outcome, row.amount) for row in rows] == [("unmatched", 1000), ("unmatched", 2000)]


async def test_what_the_contract_does_not_accept_is_refused_by_its_rule(book: TestBook) -> None:
    who, loan, amount = await due_today(book)
    ahead = date(2025, 2, 9)
    found = (await loaded(
        book, line("D1", loan, amount, on=ahead),
        line("D2", written("borrower", who), amount, on=ahead),
    )).rows  # fmt: skip
    assert [(row.outcome, row.detail["rule"]) for row in found] == [("refused", "R-DATE-01")] * 2
    await book.close_through(date(2025, 2, 3))
    contract_id = await book.pool.fetchval("SELECT contract_id FROM contract")
    await book.do(asked.ChargeOff(contract_id=contract_id))
    row = await one(book, line("D3", loan, amount, on=date(2025, 2, 4)))
    assert (row.outcome, row.detail["rule"]) == ("refused", "R-OFF-02")
    await book.holds()


async def test_the_value_date_counts_not_the_day_of_the_file(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    await book.close_through(date(2025, 2, 3))
    assert await outcomes(book, line("D1", loan, amount, on=TODAY)) == ["paid"]
    event = await book.pool.fetchrow("SELECT effective_on, booked_on FROM event WHERE kind = 3")
    assert tuple(event) == (TODAY, date(2025, 2, 4))
    assert await book.pool.fetchval("SELECT late_from FROM contract") == 0
    await book.holds()


GOOD = line("D1", "c-1", "1.00")


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"", "line 1"),
        (content_of(), "line 1"),
        (b"\xff\xfe", "line 1"),
        (content_of(GOOD) + b"\xff", "line 3"),
        (b"reference,id\n", "line 1"),
        (content_of(GOOD, ""), "line 3"),
        (content_of(GOOD, "D2,c-1,1.00,00,2025-02-01"), "line 3"),
        (content_of(GOOD, GOOD + ",more"), "line 3"),
        (content_of(GOOD, '"D2,c-1'), "line 3"),
        (content_of(line("", "c-1", "1.00")), "line 2, column reference"),
        (content_of(line("D 1", "c-1", "1.00")), "line 2, column reference"),
        (content_of(line("x" * 65, "c-1", "1.00")), "line 2, column reference"),
        (content_of(line("D1", "17", "1.00")), "line 2, column id"),
        (content_of(line("D1", "o-17", "1.00")), "line 2, column id"),
        (content_of(line("D1", "c-1", "1,00")), "line 2"),
        (content_of(line("D1", "c-1", "1.001")), "line 2, column amount"),
        (content_of(line("D1", "c-1", "0.00")), "line 2, column amount"),
        (content_of(line("D1", "c-1", "-1.00")), "line 2, column amount"),
        (content_of(line("D1", "c-1", "9999999999999.00")), "line 2, column amount"),
        (content_of(line("D1", "c-1", "1.00", code="?")), "line 2, column result_code"),
        (content_of(GOOD, "D2,c-1,1.00,00,2025-02-30,T"), "line 3, column value_date"),
        (content_of(GOOD, "D2,c-1,1.00,00,20250201,T"), "line 3, column value_date"),
        (content_of(GOOD, line("D2", "c-1", "1.00", bank="T\t1")), "line 3, column bank_trans"),
    ],
)
def test_a_malformed_file_is_refused_with_line_and_column(content: bytes, where: str) -> None:
    with pytest.raises(Refused) as refused:
        read(content, "CNY")
    assert refused.value.refusal.rule == "R-DEBIT-02"
    assert refused.value.refusal.path.startswith(where)


async def test_a_malformed_file_changes_nothing(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    before = await fingerprint(book.pool)
    for bad in (line("D2", loan, "0.00"), "", GOOD + ",more"):
        with pytest.raises(Refused, match="line 3"):
            await loaded(book, line("D1", loan, amount), bad)
    assert await fingerprint(book.pool) == before


async def test_a_load_that_was_broken_off_goes_on_where_it_stopped(
    book: TestBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between two portions: the second load enters only what is missing."""
    _, loan, amount = await due_today(book)
    rows = [line("D1", loan, amount), line("D2", loan, "3.00", code="51"),
            line("D3", loan, "2.00", code="51")]  # fmt: skip
    monkeypatch.setattr(debit_file, "PORTION", 1)
    enter, entered = debit_file.enter, []

    async def dies(*args: object) -> None:
        if len(entered) == 1:
            raise ConnectionError("gone")
        entered.append(args)
        await enter(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(debit_file, "enter", dies)
    with pytest.raises(ConnectionError):
        await loaded(book, *rows)
    assert await book.pool.fetchval("SELECT count(*) FROM bank_file_row") == 1
    monkeypatch.setattr(debit_file, "enter", enter)
    found = await loaded(book, *rows)
    assert [row.outcome for row in found.rows] == ["paid", "failed", "failed"]
    assert await book.pool.fetchval("SELECT count(*) FROM event WHERE kind = 3") == 1


async def test_two_machines_load_the_same_file_at_once(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    content = content_of(line("D1", loan, amount), line("D2", loan, "3.00", code="51"))
    other = Book(book.pool)
    first, second = await asyncio.gather(
        debit_file.load(book.book, "a.csv", content, ACTOR),
        debit_file.load(other, "b.csv", content, ACTOR),
    )
    assert first.rows == second.rows
    assert [row.outcome for row in first.rows] == ["paid", "failed"]
    assert await book.pool.fetchval("SELECT count(*) FROM event WHERE kind = 3") == 1


async def test_two_files_with_one_reference_at_once(book: TestBook) -> None:
    _, loan, amount = await due_today(book)
    files = await asyncio.gather(
        *(loaded(book, line("D1", loan, amount, bank=f"T{n}")) for n in range(5))
    )
    assert sorted(each.rows[0].outcome for each in files) == ["duplicate"] * 4 + ["paid"]
    assert await book.pool.fetchval("SELECT count(*) FROM event WHERE kind = 3") == 1
