"""Erasure: refused while anything stands, complete when done, done again after a restore."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.servicing.books import KEYS, TestBook, fresh
from usance.approvals.rules import policy
from usance.approvals.service import Approvals
from usance.core.identifiers import parse, written
from usance.core.refusals import Refused
from usance.identity import erasure, retention
from usance.identity.borrowers import Borrowers
from usance.identity.changing import Asking
from usance.identity.people import Person
from usance.identity.staff import Staff
from usance.platform import personal
from usance.platform.database import Pool, transaction
from usance.servicing import commands as asked
from usance.servicing import debit_file
from usance.servicing.debit_rows import HEADER
from usance.web import personal as _rooms  # noqa: F401 (enters what stands in the way)
from usance.web.acts import acts

COUNTS = """SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM transfer),
    (SELECT count(*) FROM contract), (SELECT sum(amount) FROM transfer)"""


@pytest_asyncio.fixture
async def book(pool: Pool) -> AsyncIterator[TestBook]:
    async with fresh(pool) as found:
        yield found


@pytest.fixture
def list_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.key.erasures"


async def erase(book: TestBook, borrower_id: int, list_file: Path, reason: str = "request") -> int:
    return await erasure.erase(
        book.pool, borrower_id, reason, actor="staff:1", list_file=list_file
    )


async def held(book: TestBook, act: erasure.HeldAct, actor: str) -> None:
    """A legal hold is set or lifted."""
    await erasure.perform(book.pool, act, Asking(actor), Path("none"))


async def refused(book: TestBook, borrower_id: int, list_file: Path, rule: str, words: str) -> None:
    """The erasure is refused by this rule in these words, and nothing is changed."""
    before = await book.pool.fetch("SELECT * FROM borrower ORDER BY 1, 2")
    operations = await book.pool.fetchval("SELECT count(*) FROM operation")
    with pytest.raises(Refused) as caught:
        await erase(book, borrower_id, list_file)
    assert (caught.value.refusal.rule, words in caught.value.refusal.detail) == (rule, True), (
        caught.value
    )
    assert await book.pool.fetch("SELECT * FROM borrower ORDER BY 1, 2") == before
    assert await book.pool.fetchval("SELECT count(*) FROM operation") == operations


async def later(book: TestBook, years: int) -> None:
    """So many years later, without living the days in between."""
    await book.pool.execute("UPDATE book SET business_date = business_date + $1 * 365", years)


async def row(book: TestBook, borrower_id: int) -> Any:
    return await book.pool.fetchrow("SELECT * FROM borrower WHERE borrower_id = $1", borrower_id)


# -- what stands in the way ------------------------------------------------------------------------


async def test_whoever_never_had_a_contract_is_erased_at_once(
    book: TestBook, list_file: Path
) -> None:
    """R-ERASE-05: no key, no details, no entry; the audit event and the list say so."""
    one, two = await book.borrowers(2)
    operation_id = await erase(book, one, list_file, "mistake")
    found = await row(book, one)
    private = ("data_key", "name", "phone", "identity_number", "email")
    assert [found[name] for name in private] == [b""] * 5
    assert found["status"] == 2
    entries = await book.pool.fetch("SELECT borrower_id FROM directory")
    assert {each[0] for each in entries} == {two}
    audit = await book.pool.fetchrow(
        "SELECT * FROM operation WHERE operation_id = $1", operation_id
    )
    assert (audit["action"], audit["borrower_id"]) == ("EraseBorrower", one)
    assert audit["detail"] == '{"reason": "mistake"}'
    shown = await Borrowers(book.pool, KEYS).read(one)
    assert shown is not None
    assert shown.document() | {"registered_on": ""} == {
        "borrower_id": written("borrower", one), "status": "erased", "name": "", "phone": "",
        "identity_number": "", "email": "", "language": "zh-CN", "registered_on": "",
    }  # fmt: skip
    assert read_lines(list_file)[0].startswith(f"{written('borrower', one)} ")
    await book.holds()


def read_lines(path: Path) -> list[str]:
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text().splitlines()


async def test_again_changes_nothing(book: TestBook, list_file: Path) -> None:
    """R-ERASE-05, also for many at once."""
    one = await book.borrower()
    first = await asyncio.gather(*(erase(book, one, list_file) for _ in range(8)))
    assert len(set(first)) == 1
    assert await erase(book, one, list_file, "retention") == first[0]
    assert await book.pool.fetchval("SELECT count(*) FROM erasure") == 1
    query = "SELECT count(*) FROM operation WHERE action = 'EraseBorrower'"
    assert await book.pool.fetchval(query) == 1
    assert len(read_lines(list_file)) == 1


async def test_the_whole_way_of_a_borrower_to_erasure(book: TestBook, list_file: Path) -> None:
    """R-ERASE-01 and R-ERASE-02, obstacle after obstacle, until nothing stands in the way."""
    one = await book.borrower()
    account = await book.line(one, "pay_later")
    await refused(book, one, list_file, "R-ERASE-01", "contract is still open")
    await book.do(asked.Purchase(contract_id=account, amount=50_000))
    hold = await book.do(
        asked.Authorise(borrower_id=one, product="pay_later", amount=900, merchant="Tea")
    )
    await refused(book, one, list_file, "R-ERASE-01", "contract is still open")
    hold_id = parse("authorisation", hold["authorisation_id"])
    await book.do(asked.Void(borrower_id=one, authorisation_id=hold_id))
    await book.do(asked.SettleAndClose(contract_id=account))
    until = retention.kept_until(await book.today(), 10)
    assert until == date(2035, 1, 1)
    await refused(book, one, list_file, "R-ERASE-02", f"until {until}")
    money = await book.pool.fetchrow(COUNTS)
    await book.pool.execute("UPDATE book SET business_date = $1", until - timedelta(days=1))
    await refused(book, one, list_file, "R-ERASE-02", f"until {until}")
    await book.pool.execute("UPDATE book SET business_date = $1", until)
    await erase(book, one, list_file, "retention")
    assert await book.pool.fetchrow(COUNTS) == money
    contract = await book.contract(account)
    assert (contract["status"], contract["borrower_id"]) == (2, one)


async def test_ledger_and_audit_verify_after_an_erasure(book: TestBook, list_file: Path) -> None:
    """Days are lived, somebody is erased, and days are lived on."""
    one, two = await book.borrowers(2)
    for each in (one, two):
        await book.line(each, "cash_loan")
    loan = await book.loan(one)
    await book.loan(two)
    await book.close_days(40)
    await book.do(asked.Settle(contract_id=loan))
    await book.do(asked.CloseLine(borrower_id=one, product="cash_loan"))
    await refused(book, one, list_file, "R-ERASE-02", "until")
    personal_last = personal.LAST_USE[:]
    personal.LAST_USE[:] = [nothing]
    try:
        await erase(book, one, list_file)
    finally:
        personal.LAST_USE[:] = personal_last
    await book.close_days(5)
    await book.holds()


async def nothing(*_: object) -> None:
    return None


async def test_a_line_without_a_contract_stands_in_the_way(
    book: TestBook, list_file: Path
) -> None:
    one = await book.borrower()
    await book.line(one, "cash_loan")
    await refused(book, one, list_file, "R-ERASE-01", "a line is still open")
    await book.do(asked.CloseLine(borrower_id=one, product="cash_loan"))
    await erase(book, one, list_file)


async def test_what_is_owed_after_a_charge_off_stands_in_the_way(
    book: TestBook, list_file: Path
) -> None:
    one = await book.borrower()
    await book.line(one, "cash_loan")
    loan = await book.loan(one, 100_000, 3)
    await book.close_days(130)
    await book.do(asked.ChargeOff(contract_id=loan))
    close = asked.CloseLine(borrower_id=one, product="cash_loan")
    await book.refused(close, "R-CLOSE-02")
    await book.pool.execute("UPDATE line SET status = 2")
    await refused(book, one, list_file, "R-ERASE-01", "something is still owed")
    await book.pool.execute("UPDATE line SET status = 1")
    contract = await book.contract(loan)
    owed = sum(contract[f"unpaid_{part}"] for part in ("principal", "interest", "fee", "penalty"))
    await book.do(asked.Recover(contract_id=loan, amount=owed))
    await refused(book, one, list_file, "R-ERASE-01", "a line is still open")
    await book.do(close)
    await book.holds()
    await refused(book, one, list_file, "R-ERASE-02", "until")
    await later(book, 11)
    await erase(book, one, list_file, "retention")


async def test_a_credit_balance_stands_in_the_way(book: TestBook, list_file: Path) -> None:
    """A refund after the end: the person's money is still here."""
    one = await book.borrower()
    account = await book.line(one, "pay_later")
    bought = await book.do(asked.Purchase(contract_id=account, amount=50_000))
    await book.do(asked.SettleAndClose(contract_id=account))
    seq = bought["event"]["seq"]
    answer = await book.submit(asked.Refund(contract_id=account, amount=5_000, of=seq))
    await later(book, 11)
    if answer.status == 201:
        await refused(book, one, list_file, "R-ERASE-01", "credit balance")
    else:
        await book.pool.execute("UPDATE contract SET credit = 1 WHERE contract_id = $1", account)
        await refused(book, one, list_file, "R-ERASE-01", "credit balance")


async def test_bank_money_that_waits_stands_in_the_way(book: TestBook, list_file: Path) -> None:
    one = await book.borrower()
    text = "\n".join([",".join(HEADER), f"D1,{written('borrower', one)},30.00,00,2025-01-01,", ""])
    await debit_file.load(book.book, "bank.csv", text.encode(), "staff:1")
    assert await book.pool.fetchval("SELECT count(*) FROM receipt WHERE status = 1") == 1
    await refused(book, one, list_file, "R-ERASE-01", "unallocated")
    receipt = await book.pool.fetchval("SELECT receipt_id FROM receipt")
    await book.do(asked.ReturnReceipt(receipt_id=receipt))
    await erase(book, one, list_file)


async def test_an_act_that_waits_stands_in_the_way(book: TestBook, list_file: Path) -> None:
    """Until somebody has decided, or it has expired."""
    one = await book.borrower()
    await book.pool.execute(
        "INSERT INTO proposal (proposal_id, author, act, body, weight, policy, borrower_id,"
        " expires_at, digest) VALUES (7, 'staff:1', 'OpenLine', '', 'large', '', $1,"
        " now() + interval '1 day', '')",
        one,
    )
    await refused(book, one, list_file, "R-ERASE-01", "waits for a second person")
    await book.pool.execute("UPDATE proposal SET expires_at = now()")
    await erase(book, one, list_file)


async def test_the_words_of_who_decided_about_a_person_are_forgotten(
    book: TestBook, list_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-ERASE-05: the hash stays in the audit event, and everything still verifies."""
    monkeypatch.setattr(erasure, "LAST_USE", [nothing])
    staff, (one, two) = Staff(book.pool), await book.borrowers(2)
    await staff.create("bert", "correct horse battery", ["supervisor"])
    approvals = Approvals(book.pool, policy(2), acts(book.pool, book.book))
    for who in (one, two):
        await book.line(who, "cash_loan")
        loan = await book.loan(who)
        gift = asked.Goodwill(contract_id=loan, amount=20_001)
        answer = await approvals.submit(gift, actor="staff:99")
        number = parse("proposal", answer.document["proposal_id"])
        shown = bytes.fromhex(answer.document["digest"])
        await approvals.approve(number, 1, shown, "Mrs Lin of 3 Harbour Road has lost her work.")
        await book.do(asked.Settle(contract_id=loan))
        await book.do(asked.CloseLine(borrower_id=who, product="cash_loan"))
    await erase(book, one, list_file)
    rows = await book.pool.fetch("SELECT reason FROM approval ORDER BY proposal_id")
    assert [bool(each["reason"]) for each in rows] == [False, True]
    details = await book.pool.fetchval("SELECT string_agg(detail::text, '') FROM operation")
    assert "Harbour" not in details
    await book.holds()
    await book.pool.execute("UPDATE approval SET reason = ''")
    assert [each.invariant for each in await book.findings()] == ["INV-APPR-03"]


async def test_a_room_can_stand_in_the_way_and_forgets(
    book: TestBook, list_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As cases do while one is open, and as the portal does with its sessions."""
    one, forgotten, say = await book.borrower(), [], ["a case is still open"]

    async def case(_connection: object, borrower_id: int) -> str | None:
        assert borrower_id == one
        return say[0] if say else None

    async def forget(_connection: object, borrower_id: int) -> None:
        forgotten.append(borrower_id)

    monkeypatch.setattr(personal, "OBSTACLES", personal.OBSTACLES)
    personal.obstacle(case)
    personal.forget(forget)
    try:
        await refused(book, one, list_file, "R-ERASE-01", "a case is still open")
        assert forgotten == []
        say.clear()
        await erase(book, one, list_file)
        assert forgotten == [one]
    finally:
        personal.OBSTACLES.remove(case)
        personal.FORGET.remove(forget)


async def test_an_erased_person_gets_nothing_new(book: TestBook, list_file: Path) -> None:
    """R-ERASE-05; and whoever opens a line first is not erased."""
    one = await book.borrower()
    await book.line(one, "cash_loan")
    loan_offer = asked.MakeOffer(
        borrower_id=one, product="cash_loan", principal=100_000, instalments=3
    )
    offer = await book.do(loan_offer)
    await book.do(asked.CloseLine(borrower_id=one, product="cash_loan"))
    await erase(book, one, list_file)
    line = asked.OpenLine(borrower_id=one, product="pay_later", limit=100_000)
    await book.refused(line, "R-ERASE-05")
    offer_id = parse("offer", offer["offer_id"])
    for command in (
        loan_offer, asked.AcceptOffer(borrower_id=one, offer_id=offer_id),
        asked.Authorise(borrower_id=one, product="pay_later", amount=900, merchant="Tea"),
    ):  # fmt: skip
        answer = await book.submit(command)
        assert answer.status >= 400
    await book.holds()


async def test_a_line_and_an_erasure_at_once_never_both_happen(
    book: TestBook, list_file: Path
) -> None:
    everybody = await book.borrowers(20)
    opening = [
        book.submit(asked.OpenLine(borrower_id=each, product="cash_loan", limit=100_000))
        for each in everybody
    ]
    answers = await asyncio.gather(
        *(erase(book, each, list_file) for each in everybody), *opening, return_exceptions=True
    )
    erased, opened = answers[:20], answers[20:]
    for one, two in zip(erased, opened, strict=True):
        assert not isinstance(two, BaseException), two
        assert isinstance(one, Refused) != (two.status >= 400), (one, two)
    await book.holds()


# -- policy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "on", "years"),
    [("CNY", date(2024, 12, 31), 5), ("CNY", date(2025, 1, 1), 10), ("CNY", date(2040, 1, 1), 10),
     ("TWD", date(2026, 1, 1), 5), ("EUR", date(2026, 1, 1), 10), ("CNY", date(2000, 1, 1), 10)],
)  # fmt: skip
def test_the_time_of_keeping_is_dated_policy(currency: str, on: date, years: int) -> None:
    """R-ERASE-02: where nothing is said, the longest counts."""
    found = retention.in_force(currency, on)
    assert found.years == years
    assert "Law" in found.source or "Act" in found.source


def test_a_leap_day_is_kept_a_day_longer() -> None:
    assert retention.kept_until(date(2024, 2, 29), 10) == date(2034, 3, 1)
    assert retention.kept_until(date(2025, 1, 31), 5) == date(2030, 1, 31)


# -- legal holds -----------------------------------------------------------------------------------


async def test_a_legal_hold_stands_until_it_is_lifted(book: TestBook, list_file: Path) -> None:
    """R-ERASE-03: whatever else is settled; each step is an operation."""
    one = await book.borrower()
    await held(book, erasure.SetLegalHold(one, "court"), "staff:1")
    await refused(book, one, list_file, "R-ERASE-03", "since 2025-01-01")
    await held(book, erasure.SetLegalHold(one, "dispute"), "staff:2")
    assert await book.pool.fetchval("SELECT reason FROM legal_hold") == "dispute"
    await held(book, erasure.LiftLegalHold(one), "staff:1")
    with pytest.raises(Refused, match="R-ERASE-03"):
        await held(book, erasure.LiftLegalHold(one), "staff:1")
    await erase(book, one, list_file)
    with pytest.raises(Refused, match="R-ERASE-05"):
        await held(book, erasure.SetLegalHold(one, "court"), "staff:1")
    actions = await book.pool.fetch(
        "SELECT action FROM operation WHERE borrower_id = $1 ORDER BY operation_id", one
    )
    assert [each[0] for each in actions] == [
        "RegisterBorrower", "SetLegalHold", "SetLegalHold", "LiftLegalHold", "EraseBorrower",
    ]  # fmt: skip
    await book.holds()


async def test_reasons_are_words_of_a_list(book: TestBook, list_file: Path) -> None:
    """R-ERASE-04: what somebody types could name the person."""
    one = await book.borrower()
    for reason in ("", "because Li asked", "court", "REQUEST"):
        with pytest.raises(Refused, match="R-ERASE-04") as caught:
            await erase(book, one, list_file, reason)
        assert "Li" not in caught.value.refusal.detail
    for reason in ("", "request"):
        with pytest.raises(Refused, match="R-ERASE-04"):
            await held(book, erasure.SetLegalHold(one, reason), "staff:1")


async def test_nobody_is_not_erased(book: TestBook, list_file: Path) -> None:
    one = await book.borrower()
    for work in (
        erase(book, one + 1024, list_file),
        held(book, erasure.SetLegalHold(one + 1024, "court"), "staff:1"),
        held(book, erasure.LiftLegalHold(one + 1024), "staff:1"),
    ):
        with pytest.raises(Refused, match="R-FOUND-01"):
            await work


# -- the list beside the master key ----------------------------------------------------------------


async def brought_back(book: TestBook, before: list[Any], entries: list[Any]) -> None:
    """The book as a backup from before the erasures has it."""
    await book.pool.execute("DELETE FROM borrower")
    await book.pool.execute("DELETE FROM erasure")
    async with transaction(book.pool) as connection:
        await connection.copy_records_to_table("borrower", records=[tuple(r) for r in before])
        await connection.execute("DELETE FROM directory")
        await connection.copy_records_to_table("directory", records=[tuple(r) for r in entries])


async def test_a_restored_backup_forgets_again(book: TestBook, list_file: Path) -> None:
    """R-ERASE-06: from the list; whoever was never erased stays; running it again is harmless."""
    one, two, three = await book.borrowers(3)
    before = await book.pool.fetch("SELECT * FROM borrower")
    entries = await book.pool.fetch("SELECT * FROM directory")
    for each in (one, two):
        await erase(book, each, list_file)
    await brought_back(book, before, entries)
    borrowers = Borrowers(book.pool, KEYS)
    again = await borrowers.read(one)
    assert again is not None
    assert again.name
    done = await erasure.reapply(book.pool, list_file, actor="operator")
    assert (done.erased, done.already) == (2, 0)
    for each in (one, two):
        assert (await row(book, each))["data_key"] == b""
    kept = await borrowers.read(three)
    assert kept is not None
    assert kept.name
    assert await book.pool.fetchval("SELECT count(*) FROM directory") == 2
    done = await erasure.reapply(book.pool, list_file, actor="operator")
    assert (done.erased, done.already) == (0, 2)
    assert len(read_lines(list_file)) == 2
    details = await book.pool.fetch("SELECT detail FROM operation WHERE action = 'EraseBorrower'")
    assert sorted(each[0] for each in details)[0] == '{"again": true, "reason": "request"}'
    await book.holds()


async def test_another_person_under_the_same_number_is_not_meant(
    book: TestBook, list_file: Path
) -> None:
    """After a restore numbers are given again; the moment of registration tells them apart."""
    one = await book.borrower()
    await erase(book, one, list_file)
    await book.pool.execute("TRUNCATE borrower, erasure, directory, borrower_number")
    other = Person("Other", "+8613700000000", "OTHER0001")
    (two,) = await Borrowers(book.pool, KEYS).register_many([other], actor="demo")
    assert two == one
    done = await erasure.reapply(book.pool, list_file, actor="operator")
    assert (done.erased, done.already) == (0, 1)
    found = await Borrowers(book.pool, KEYS).read(two)
    assert found is not None
    assert found.name == "Other"


async def test_the_list_catches_up_and_survives_a_cut_line(
    book: TestBook, list_file: Path
) -> None:
    """A crash after the commit, or in the middle of a line: the book still knows."""
    one, two = await book.borrowers(2)
    await erase(book, one, list_file)
    cut(list_file, 9)
    await erase(book, two, list_file)
    assert len(read_lines(list_file)) == 2
    cut(list_file, 10**6)
    assert [each.borrower_id for each in await erasure.write_list(book.pool, list_file)] == [
        one, two,
    ]  # fmt: skip
    damage(list_file)
    with pytest.raises(Refused, match="R-ERASE-06"):
        await erasure.reapply(book.pool, list_file, actor="operator")


def cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def damage(path: Path) -> None:
    path.write_text("b-1234 yesterday\n" + path.read_text())


async def test_no_list_is_an_empty_list(book: TestBook, list_file: Path) -> None:
    done = await erasure.reapply(book.pool, list_file, actor="operator")
    assert (done.erased, done.already) == (0, 0)
