"""The proof finds nothing in a good book, and names the row of every damage done to one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import asyncpg
import pytest

from tests.servicing.books import ACTOR, TestBook, fresh
from usance.approvals.rules import DONE, policy
from usance.approvals.service import Approvals
from usance.audit.check import SENTENCES
from usance.consents.records import Saying, borrower
from usance.consents.service import Consents
from usance.core.identifiers import parse, written
from usance.day import close, verify, verify_facts
from usance.day.verify_replay import Proof
from usance.day.verify_sql import INVARIANTS
from usance.identity.accesses import DETAILS, LIST, Accesses
from usance.identity.borrowers import Borrowers
from usance.identity.changing import Asking
from usance.identity.staff import Staff
from usance.platform.clock import SystemClock
from usance.platform.database import open_pool
from usance.servicing import commands as asked
from usance.servicing import debit_file, terms
from usance.servicing.debit_rows import HEADER
from usance.web.acts import acts


@pytest.fixture(scope="module")
def good_book(new_database: Callable[[], str]) -> str:
    """A small book with a bit of everything in it, its last day not closed."""
    url = new_database()

    async def fill() -> None:
        pool = await open_pool(url, 4)
        async with fresh(pool) as book:
            await book.close_days(1)
            await live(book)
        await pool.close()

    asyncio.run(fill())
    return url


async def live(book: TestBook) -> None:
    """A loan repaid, corrected and reversed; a line with a plan, a hold; a loan written off."""
    one, two = await book.borrowers(2)
    account = await book.line(one, "pay_later")
    await book.line(one, "cash_loan")
    loan = await book.loan(one, 600_000, 6)
    await book.line(two, "cash_loan")
    lost = await book.loan(two, 300_000, 3)
    purchase = asked.Purchase(contract_id=account, amount=90_000)
    bought = await book.do(purchase, key="k", request_hash=b"h")
    await book.do(asked.Refund(contract_id=account, amount=5_000, of=bought["event"]["seq"]))
    await book.close_through(date(2025, 2, 4))
    paid = await book.do(asked.Repay(contract_id=loan, amount=120_000))
    await book.do(asked.Reverse(contract_id=loan, of=paid["event"]["seq"]))
    back = date(2025, 1, 30).toordinal()
    await book.do(asked.Repay(contract_id=loan, amount=110_000, effective_on=back))
    offer = await book.do(asked.OfferPlan(contract_id=account, instalments=3, amount=40_000))
    offer_id = parse("offer", offer["offer_id"])
    await book.accept(one, offer_id)
    await book.close_through(date(2025, 6, 2))
    await book.do(asked.ChargeOff(contract_id=lost))
    await book.close_through(date(2025, 6, 5))
    hold = asked.Authorise(borrower_id=two, product="pay_later", amount=7_000, merchant="Tea")
    await book.line(two, "pay_later")
    await book.do(hold)
    await close.move_date(book.pool, date(2025, 6, 6))
    await book.do(asked.Recover(contract_id=lost, amount=9_000))
    nobody = f"D1,{written('contract', 4095)},30.00,00,2025-06-06,"
    rows = "\n".join([",".join(HEADER), nobody, nobody.replace("D1", "D2"), ""])
    await debit_file.load(book.book, "bank.csv", rows.encode(), ACTOR)
    (receipt,) = await book.pool.fetchrow("SELECT min(receipt_id) FROM receipt")
    await book.do(asked.AllocateReceipt(contract_id=account, receipt_id=receipt))
    await two_proposals(book, loan)
    await looks(book, [one, two])
    await taken_back(book, one)


async def taken_back(book: TestBook, who: int) -> None:
    """Somebody agreed to notices, and does no more."""
    consents, asking = Consents(book.pool, book.keys), Asking(f"borrower:{who}")
    said = Saying(who, borrower(who), "notices-service", 1, "en", "portal")
    record = (await consents.grant(said, asking)).document["record_id"]
    await consents.withdraw(who, parse("consent", record), "portal", "", asking)


async def looks(book: TestBook, borrowers: list[int]) -> None:
    """A machine reads a list and one person; a member of staff opens one in the console."""
    staff = Staff(book.pool)
    accesses = Accesses(book.pool, SystemClock(), staff.policy, book.keys)
    people = Borrowers(book.pool, book.keys)
    for some, what in ((borrowers, LIST), (borrowers[:1], DETAILS)):
        await people.read_many(some, accesses.by_machine("machine:1", "shop", "", what))
    _, session = await staff.log_in("anna", "correct horse battery")
    await accesses.open(session, borrowers[0], "fraud", "no. 7", Asking(session.actor))


async def two_proposals(book: TestBook, loan: int) -> None:
    """What one person asked for and another did not agree with, and agreed with."""
    staff = Staff(book.pool)
    anna = await staff.create("anna", "correct horse battery", ["service"])
    bert = await staff.create("bert", "correct horse battery", ["supervisor"])
    approvals = Approvals(book.pool, policy(2), acts(book.pool, book.book))
    asking = asked.ChargeOff(contract_id=loan)
    answer = await approvals.submit(asking, actor=f"staff:{anna}")
    number = parse("proposal", answer.document["proposal_id"])
    await approvals.refuse(number, bert, bytes.fromhex(answer.document["digest"]), "Not yet.")
    gift = asked.Goodwill(contract_id=loan, amount=20_001)
    answer = await approvals.submit(gift, actor=f"staff:{anna}")
    number = parse("proposal", answer.document["proposal_id"])
    digest = bytes.fromhex(answer.document["digest"])
    assert (await approvals.approve(number, bert, digest, "Seen.")).state == DONE


async def findings(url: str, *damage: str) -> tuple[str, dict[str, verify.Finding]]:
    """The key that the damage returns, and what the proof finds; the damage is undone."""
    terms.forget()
    connection = await asyncpg.connect(url)
    undone = connection.transaction()
    await undone.start()
    key = ""
    for statement in damage:
        key = str(await connection.fetchval(statement))
    found = await verify.check(connection, lambda _: None, None)
    await undone.rollback()
    await connection.close()
    return key, {each.invariant: each for each in found}


async def test_a_good_book_has_no_finding(good_book: str) -> None:
    told: list[str] = []
    terms.forget()
    pool = await open_pool(good_book, 2)
    assert await verify.run(pool, progress=told.append) == []
    assert await verify.run(pool, sample=1) == []
    await pool.close()
    assert any("contracts replayed" in line for line in told)
    assert any("1001 Collections clearing" in line for line in told)
    assert sum(" holds: " in line for line in told) == len(INVARIANTS) + len(SENTENCES)


async def test_processes_share_a_large_book(
    good_book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What two processes prove by portions is what one proves: the same sums, the same finding."""
    terms.forget()
    connection = await asyncpg.connect(good_book)
    alone = await verify.contracts(connection, lambda _: None, None)
    monkeypatch.setattr(verify, "SMALL_BOOK", 0)
    monkeypatch.setattr(verify_facts, "PORTION", 1)
    shared = await verify.contracts(connection, lambda _: None, None)
    assert (shared.findings, shared.streams) == (alone.findings, alone.streams)
    assert (shared.rounding, shared.replayed) == (alone.rounding, alone.replayed)
    assert shared.replayed == await connection.fetchval("SELECT count(*) FROM contract") > 3
    undone = connection.transaction()
    await undone.start()
    key = await connection.fetchval(DAMAGES["a field of a due"].sql)
    damaged = await verify.contracts(connection, lambda _: None, None)
    await undone.rollback()
    await connection.close()
    assert [(each.invariant, each.key) for each in damaged.findings] == [("INV-REPLAY-02", key)]


def test_a_broken_book_is_not_carried_along() -> None:
    """Of a million findings the first of each invariant is kept."""
    finding = verify.Finding("INV-REPLAY-01", "", "contract", "7", "1", "2")
    proof = Proof([finding])
    for key in ("9", "3", "8"):
        proof.add(Proof([replace(finding, key=key), replace(finding, invariant="INV-ALARM-01")]))
    assert [(each.invariant, each.key) for each in proof.findings] == [
        ("INV-ALARM-01", "7"), ("INV-REPLAY-01", "3"),
    ]  # fmt: skip


@dataclass(frozen=True)
class Damage:
    """What is done to the book, and all the invariants that it must break, the aimed one first."""

    sql: str
    breaks: tuple[str, ...]
    table: str


LEDGER = ("INV-LEDGER-01", "INV-STATE-01", "INV-AUDIT-02", "INV-DAY-02", "INV-REPLAY-03")
NAMED = "contract_id || ' event ' || event_seq || ' number ' || number"
LOAN = "(SELECT min(contract_id) FROM contract WHERE kind = 1 AND parent_id = 0)"
LOST = "(SELECT contract_id FROM contract WHERE status = 3)"
ACCOUNT = "(SELECT min(contract_id) FROM contract WHERE kind = 2)"
DAMAGES = {
    "an amount of nothing": Damage(
        f"UPDATE transfer SET amount = 0 WHERE contract_id = {LOAN} AND event_seq = 1 "
        f"RETURNING {NAMED}",
        ("INV-TRANSFER-01", *LEDGER), "transfer",
    ),
    "an unknown account": Damage(
        f"UPDATE transfer SET debit = 1777 WHERE contract_id = {LOAN} AND event_seq = 1 "
        f"RETURNING {NAMED}",
        ("INV-TRANSFER-01", *LEDGER), "transfer",
    ),
    "a transfer without an event": Damage(
        "INSERT INTO transfer SELECT cell, contract_id, 999, number, 1001, 1002, 5, effective_on, "
        f"booked_on, product_id FROM transfer WHERE contract_id = {LOAN} AND event_seq = 1 "
        f"RETURNING {NAMED}",
        ("INV-TRANSFER-02", "INV-LEDGER-01", "INV-DAY-02", "INV-REPLAY-03"), "transfer",
    ),
    "a lost transfer": Damage(
        f"DELETE FROM transfer WHERE contract_id = {LOAN} AND event_seq = 1 "
        "RETURNING contract_id || ' unpaid_principal'",
        ("INV-STATE-01", *(each for each in LEDGER if each != "INV-STATE-01")), "contract",
    ),
    "a turnover that was edited": Damage(
        "UPDATE ledger_day SET debit = debit + 1 WHERE (booked_on, product_id, account) = (SELECT "
        "booked_on, product_id, account FROM ledger_day WHERE account = 1001 ORDER BY 1 LIMIT 1) "
        "RETURNING booked_on || ' product ' || product_id || ' account ' || account",
        ("INV-LEDGER-01", "INV-AUDIT-03"), "ledger_day",
    ),
    "principal that nobody lent": Damage(
        f"UPDATE contract SET unpaid_principal = unpaid_principal + 1 WHERE contract_id = {LOAN} "
        "RETURNING contract_id || ' unpaid_principal'",
        ("INV-STATE-01", "INV-STATE-02", "INV-LEDGER-02", "INV-REPLAY-01"), "contract",
    ),
    "ten million that nobody lent": Damage(
        f"UPDATE contract SET unpaid_principal = unpaid_principal + 1000000000 "
        f"WHERE contract_id = {LOAN} RETURNING 'product 2 account 1101'",
        ("INV-LEDGER-02", "INV-STATE-01", "INV-STATE-02", "INV-REPLAY-01"), "ledger_day",
    ),
    "a credit balance that nobody paid": Damage(
        f"UPDATE contract SET credit = credit + 1 WHERE contract_id = {LOAN} "
        "RETURNING contract_id || ' credit'",
        ("INV-STATE-01", "INV-LEDGER-02", "INV-REPLAY-01"), "contract",
    ),
    "a due that asks more": Damage(
        f"UPDATE due SET fee = fee + 7 WHERE contract_id = {LOAN} AND n = 1 "
        "RETURNING contract_id || ' fee'",
        ("INV-STATE-02", "INV-REPLAY-02"), "contract",
    ),
    "a field of a due": Damage(
        f"UPDATE due SET original_due_on = original_due_on + 1 WHERE contract_id = {LOAN} AND "
        f"n = 6 "
        "RETURNING contract_id || ' due 6 original_due_on'",
        ("INV-REPLAY-02",), "due",
    ),
    "a receivable of a written-off loan": Damage(
        f"UPDATE transfer SET credit = 1205 WHERE contract_id = {LOST} AND debit = 5003 "
        "AND credit = 1101 RETURNING contract_id || ' unpaid_fee'",
        ("INV-OFF-01", "INV-LEDGER-01", "INV-AUDIT-02", "INV-DAY-02", "INV-REPLAY-03"), "contract",
    ),
    "an alarm that rings too late": Damage(
        f"UPDATE contract SET alarm = alarm + 1 WHERE contract_id = {LOAN} RETURNING contract_id",
        ("INV-ALARM-01",), "contract",
    ),
    "an alarm that was slept through": Damage(
        f"UPDATE contract SET alarm = 739300 WHERE contract_id = {LOAN} RETURNING contract_id",
        ("INV-ALARM-02", "INV-ALARM-01"), "contract",
    ),
    "a conversion that left something": Damage(
        "UPDATE transfer SET amount = amount - 1 WHERE debit = 1005 "
        "RETURNING 'borrower ' || (contract_id >> 12)",
        ("INV-CLEAR-01", *LEDGER), "transfer",
    ),
    "a receipt that grew": Damage(
        "UPDATE transfer SET amount = amount + 1 WHERE event_seq = (SELECT -receipt_id FROM "
        "receipt WHERE status = 1) RETURNING 'receipt ' || -event_seq",
        ("INV-RECEIPT-01", "INV-TRANSFER-03", "INV-AUDIT-02"), "receipt",
    ),
    "an allocation without its event": Damage(
        "UPDATE receipt SET event_seq = event_seq + 1 WHERE status = 2 "
        "RETURNING 'file ' || file_id || ' row ' || row",
        ("INV-RECEIPT-02",), "receipt",
    ),
    "a hold that nobody authorised": Damage(
        "UPDATE line SET held = held + 5 WHERE held > 0 "
        "RETURNING borrower_id || ' product ' || product_id",
        ("INV-LINE-01",), "line",
    ),
    "a line without its account": Damage(
        f"UPDATE line SET contract_id = 5 WHERE contract_id = {ACCOUNT} "
        "RETURNING borrower_id || ' contract 5'",
        ("INV-LINE-02",), "line",
    ),
    "an accepted offer of another amount": Damage(
        f"UPDATE offer SET principal = principal + 1 WHERE contract_id = {LOAN} "
        "RETURNING offer_id || ' offer'",
        ("INV-OFFER-01",), "offer",
    ),
    "costs that nobody confirmed": Damage(
        f"UPDATE cost_sheet SET confirmed_at = NULL WHERE contract_id = {LOAN} "
        "RETURNING sheet_id || ' offer'",
        ("INV-COST-01",), "cost_sheet",
    ),
    "costs that were read too soon": Damage(
        f"UPDATE cost_sheet SET confirmed_at = shown_at WHERE contract_id = {LOAN} "
        "RETURNING sheet_id || ' offer'",
        ("INV-COST-01",), "cost_sheet",
    ),
    "costs that were shown in other words": Damage(
        "UPDATE cost_words SET document = replace(document, 'late', 'early') WHERE digest = "
        f"(SELECT digest FROM cost_sheet WHERE contract_id = {LOAN}) "
        "RETURNING encode(digest, 'hex') || ' words'",
        ("INV-COST-01",), "cost_sheet",
    ),
    "costs that are gone": Damage(
        f"DELETE FROM cost_sheet WHERE contract_id = {LOAN} RETURNING sheet_id || ' offer'",
        ("INV-COST-01",), "cost_sheet",
    ),
    "an event that disappeared": Damage(
        f"DELETE FROM event WHERE contract_id = {LOST} AND kind = 16 "
        "RETURNING contract_id || ' event ' || seq",
        ("INV-EVENT-01", "INV-TRANSFER-02", "INV-AUDIT-02", "INV-REPLAY-01"), "event",
    ),
    "an event of tomorrow": Damage(
        f"UPDATE event SET booked_on = '2025-06-08' WHERE contract_id = {LOST} AND kind = 16 "
        "RETURNING contract_id || ' event ' || seq",
        ("INV-EVENT-02", "INV-TRANSFER-02", "INV-AUDIT-02"), "event",
    ),
    "a reversal that nobody marked": Damage(
        "UPDATE event SET reversed_by = 0 WHERE reversed_by <> 0 "
        "RETURNING contract_id || ' event ' || seq",
        ("INV-EVENT-03",), "event",
    ),
    "a repayment of another amount": Damage(
        f"UPDATE event SET amount = amount - 100 WHERE contract_id = {LOAN} AND kind = 3 "
        "AND reversed_by = 0 RETURNING contract_id || ' event ' || seq",
        ("INV-REPLAY-04", "INV-AUDIT-02", "INV-DAY-02"), "event",
    ),
    "a statement that says less": Damage(
        "UPDATE statement SET required = required - 1 WHERE number = 2 AND contract_id = "
        f"{ACCOUNT} RETURNING contract_id || ' event ' || event_seq",
        ("INV-STMT-01",), "statement",
    ),
    "a statement that was thrown away": Damage(
        f"DELETE FROM statement WHERE number = 2 AND contract_id = {ACCOUNT} "
        "RETURNING contract_id || ' event ' || event_seq",
        ("INV-STMT-02", "INV-STMT-01"), "statement",
    ),
    "an event without an operation": Damage(
        "DELETE FROM operation WHERE action = 'Recover' RETURNING (SELECT contract_id || ' event ' "
        "|| seq FROM event WHERE event.operation_id = operation.operation_id)",
        ("INV-AUDIT-01",), "event",
    ),
    "an operation with another digest": Damage(
        "UPDATE operation SET digest = sha256('x') WHERE action = 'Recover' "
        "RETURNING operation_id || ' Recover: ' || (SELECT contract_id || ' event ' || seq "
        "FROM event WHERE event.operation_id = operation.operation_id)",
        ("INV-AUDIT-02",), "operation",
    ),
    "an event that was recorded at another time": Damage(
        f"UPDATE event SET recorded_at = recorded_at + interval '1 ms' WHERE contract_id = {LOST} "
        "AND kind = 16 RETURNING contract_id || ' event ' || seq",
        ("INV-AUDIT-01",), "event",
    ),
    "an accrual of another day": Damage(
        "UPDATE transfer SET event_seq = event_seq - 1 WHERE (cell, event_seq, number) = (SELECT "
        "cell, event_seq, number FROM transfer WHERE contract_id = 0 AND event_seq > 0 "
        "ORDER BY 1, 2, 3 LIMIT 1) AND contract_id = 0 "
        "RETURNING 'cell ' || cell || ' event ' || event_seq || ' number ' || number",
        ("INV-TRANSFER-03", "INV-AUDIT-03", "INV-DAY-02"), "transfer",
    ),
    "a receipt that nobody booked": Damage(
        "DELETE FROM transfer WHERE event_seq = (SELECT -receipt_id FROM receipt WHERE status = 1) "
        "RETURNING 'cell ' || cell || ' event ' || event_seq || ' number ' || number",
        ("INV-TRANSFER-03", "INV-RECEIPT-01", "INV-AUDIT-02"), "transfer",
    ),
    "a day that nobody finished": Damage(
        "DELETE FROM operation WHERE action = 'FinishDay' AND business_date = '2025-03-03' "
        "RETURNING business_date || ' without its operation'",
        ("INV-AUDIT-03",), "operation",
    ),
    "an end of a day with another digest": Damage(
        "UPDATE operation SET digest = sha256('x') WHERE action = 'FinishDay' AND business_date = "
        "'2025-03-03' RETURNING operation_id || ' FinishDay 2025-03-03'",
        ("INV-AUDIT-03",), "operation",
    ),
    "a registration of somebody else": Damage(
        "UPDATE borrower SET registered_on = '2024-01-01' WHERE borrower_id = "
        "(SELECT min(borrower_id) FROM borrower) RETURNING (SELECT operation_id || ' "
        "RegisterBorrower' "
        "FROM operation WHERE action = 'RegisterBorrower')",
        ("INV-AUDIT-02",), "operation",
    ),
    "an answer to nothing": Damage(
        "UPDATE idempotency SET operation_id = 7 WHERE key = 'k' RETURNING client || ' ' || key",
        ("INV-IDEM-01",), "idempotency",
    ),
    "a day that was skipped": Damage(
        "DELETE FROM day_close WHERE business_date = '2025-03-03' RETURNING business_date",
        ("INV-DAY-01", "INV-TRANSFER-03", "INV-AUDIT-03"), "day_close",
    ),
    "a day with another digest": Damage(
        "UPDATE day_close SET digest = sha256('x') WHERE business_date = '2025-03-03' "
        "RETURNING business_date",
        ("INV-DAY-02", "INV-AUDIT-03"), "day_close",
    ),
    "a borrower whom nobody finds": Damage(
        "DELETE FROM directory WHERE purpose = 'phone' AND borrower_id = "
        "(SELECT min(borrower_id) FROM borrower) RETURNING 'phone of ' || borrower_id",
        ("INV-DIR-01",), "directory",
    ),
    "a number that is used twice": Damage(
        "UPDATE borrower SET last_contract = last_contract - 1 WHERE borrower_id = "
        "(SELECT min(borrower_id) FROM borrower) RETURNING borrower_id",
        ("INV-NUMBER-01",), "borrower",
    ),
    "a person who was half forgotten": Damage(
        "WITH gone AS (INSERT INTO erasure (cell, borrower_id, registered_at, reason, erased_on) "
        "SELECT cell, borrower_id, recorded_at, 'request', '2025-06-06' FROM borrower "
        "ORDER BY borrower_id LIMIT 1 RETURNING borrower_id) "
        "UPDATE borrower SET status = 2 WHERE borrower_id = (SELECT borrower_id FROM gone) "
        "RETURNING borrower_id",
        ("INV-ERASE-01",), "borrower",
    ),
    "a person who was erased by nobody": Damage(
        "UPDATE borrower SET status = 2, data_key = '', name = '', phone = '', email = '', "
        "identity_number = '' WHERE borrower_id = (SELECT min(borrower_id) FROM borrower) "
        "RETURNING borrower_id",
        ("INV-ERASE-01", "INV-DIR-01"), "borrower",
    ),
    "a master key that was retired too early": Damage(
        "INSERT INTO key_epoch (kind, key_id, retired_at) VALUES ('master', 1, now()) "
        "RETURNING (SELECT min(borrower_id) FROM borrower)",
        ("INV-KEY-01",), "borrower",
    ),
    "a proposal that was edited": Damage(
        "UPDATE proposal SET approvers = 0 WHERE state = 5 RETURNING proposal_id",
        ("INV-APPR-01",), "proposal",
    ),
    "a proposal under another digest": Damage(
        "UPDATE proposal SET digest = sha256('x') WHERE state = 5 RETURNING proposal_id",
        ("INV-APPR-02", "INV-APPR-01", "INV-APPR-03"), "proposal",
    ),
    "a decision that its author made": Damage(
        "UPDATE approval SET on_behalf_of = (SELECT min(author) FROM proposal) WHERE decision = 2 "
        "RETURNING proposal_id || ' by ' || approver",
        ("INV-APPR-03",), "approval",
    ),
    "a decision turned round": Damage(
        "UPDATE approval SET decision = 1 WHERE decision = 2 "
        "RETURNING proposal_id || ' by ' || approver",
        ("INV-APPR-03",), "approval",
    ),
    "a decision for somebody else": Damage(
        "UPDATE approval SET on_behalf_of = 'staff:99' WHERE decision = 1 "
        "RETURNING proposal_id || ' by ' || approver",
        ("INV-APPR-03",), "approval",
    ),
    "a decision for other reasons": Damage(
        "UPDATE approval SET reason = 'Now.' WHERE decision = 2 "
        "RETURNING proposal_id || ' by ' || approver",
        ("INV-APPR-03",), "approval",
    ),
    "a reason that was forgotten without its person": Damage(
        "UPDATE approval SET reason = '' WHERE decision = 1 "
        "RETURNING proposal_id || ' by ' || approver",
        ("INV-APPR-03",), "approval",
    ),
    "a decision that was thrown away": Damage(
        "DELETE FROM approval WHERE decision = 1 "
        "RETURNING 'operation ' || operation_id || ' by ' || approver",
        ("INV-APPR-03", "INV-APPR-04"), "approval",
    ),
    "a refusal that was thrown away": Damage(
        "DELETE FROM approval WHERE decision = 2 "
        "RETURNING 'operation ' || operation_id || ' by ' || approver",
        ("INV-APPR-03",), "approval",
    ),
    "a proposal that was thrown away": Damage(
        "DELETE FROM proposal WHERE state = 3 RETURNING proposal_id",
        ("INV-APPR-02", "INV-APPR-03"), "proposal",
    ),
    "a proposal about somebody else": Damage(
        "UPDATE proposal SET borrower_id = borrower_id + 1 WHERE state = 3 RETURNING proposal_id",
        ("INV-APPR-02",), "proposal",
    ),
    "a proposal that was done as something else": Damage(
        "UPDATE proposal SET operation_id = (SELECT operation_id FROM operation "
        "WHERE action = 'Repay' LIMIT 1) WHERE state = 3 RETURNING proposal_id",
        ("INV-APPR-05",), "proposal",
    ),
    "a proposal that was done by nothing": Damage(
        "UPDATE proposal SET operation_id = 0 WHERE state = 3 RETURNING proposal_id",
        ("INV-APPR-05",), "proposal",
    ),
    "a proposal that was done without enough": Damage(
        "UPDATE proposal SET state = 3 WHERE state = 5 RETURNING proposal_id",
        ("INV-APPR-04", "INV-APPR-05"), "proposal",
    ),
    "another word in a template": Damage(
        "UPDATE notice_template SET body = replace(body, '您', '你') WHERE template_id = 'paid' "
        "RETURNING template_id || ' version ' || version", ("INV-NOTICE-01",), "notice_template",
    ),
    "a look that was taken away": Damage(
        "DELETE FROM access WHERE what = 'details' RETURNING operation_id", ("INV-ACCESS-01",),
        "access",
    ),
    "a look for another reason": Damage(
        "UPDATE access SET reason = 'case' WHERE access_id = (SELECT max(access_id) FROM access "
        "WHERE what = 'list') RETURNING operation_id", ("INV-ACCESS-01",), "access",
    ),
    "a look by somebody else": Damage(
        "UPDATE access SET actor = 'staff:9' WHERE what = 'console' RETURNING operation_id",
        ("INV-ACCESS-01",), "access",
    ),
    "a look that nobody had": Damage(
        "INSERT INTO access (cell, borrower_id, access_id, actor, acted_as, reason, note, what, "
        "session) SELECT cell, borrower_id, 5, 'staff:9', 'service', 'case', '', 'console', '' "
        "FROM borrower LIMIT 1 RETURNING operation_id", ("INV-ACCESS-01",), "access",
    ),
    "a consent to more than was said": Damage(
        "UPDATE consent_event SET channels = '[\"voice\"]' WHERE number = 1 "
        "RETURNING record_id || ' event ' || number", ("INV-CONSENT-01",), "consent_event",
    ),
    "a consent that was taken back and stands": Damage(
        "UPDATE consent SET state = 1 RETURNING record_id", ("INV-CONSENT-02",), "consent",
    ),
    "other words than were agreed to": Damage(
        "UPDATE consent_document SET body = replace(body, 'remind', 'call') "
        "WHERE document_id = 'notices-service' RETURNING document_id || ' version ' || version",
        ("INV-CONSENT-03",), "consent_document",
    ),
    "other words than were adopted": Damage(
        "UPDATE policy_version SET body = replace(body, 'tier', 'grade') "
        "WHERE policy_id = 'cn-tier' RETURNING policy_id || ' version ' || version",
        ("INV-POLICY-01",), "policy_version",
    ),
    "a lateness that nobody knew of": Damage(
        "UPDATE lateness SET late_from = late_from + 1 WHERE (contract_id, number) = (SELECT "
        "contract_id, max(number) FROM lateness GROUP BY 1 ORDER BY 1 LIMIT 1) "
        "RETURNING contract_id", ("INV-LATE-01",), "lateness",
    ),
    "terms that were edited": Damage(
        "UPDATE terms SET numbers = numbers || '{\"grace\": 99}' WHERE terms_id = "
        "(SELECT min(terms_id) FROM terms) RETURNING terms_id",
        ("INV-TERMS-01", "INV-STMT-01"), "terms",
    ),
    "an accrual that is a thousandth off": Damage(
        "UPDATE accrual_total SET rest = rest + 1 WHERE (cell, product_id, stream, denominator) = "
        "(SELECT cell, product_id, stream, denominator FROM accrual_total ORDER BY 1, 2, 3 "
        "LIMIT 1) "
        "RETURNING 'cell ' || cell || ' product ' || product_id || ' stream ' || stream || "
        "' day count ' || day_count || ' denominator ' || denominator",
        ("INV-ACCR-01",), "accrual_total",
    ),
    "an accrual that was not booked": Damage(
        "UPDATE accrual_posted SET posted = posted + 1 WHERE (cell, product_id, stream) = "
        "(SELECT cell, product_id, stream FROM accrual_posted ORDER BY 1, 2, 3 LIMIT 1) "
        "RETURNING 'cell ' || cell || ' product ' || product_id || ' stream ' || stream",
        ("INV-ACCR-02",), "accrual_posted",
    ),
    "a rounding that nobody did": Damage(
        "UPDATE accrual_posted SET rounding = rounding + 1 WHERE (cell, product_id, stream) = "
        "(SELECT cell, product_id, stream FROM accrual_posted ORDER BY 1, 2, 3 LIMIT 1) "
        "RETURNING 'cell ' || cell || ' product ' || product_id",
        ("INV-ACCR-03",), "accrual_posted",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
async def test_damage_is_named(good_book: str, name: str) -> None:
    """The aimed invariant names the row; what else breaks is what must, and nothing more.

    R-VERIFY-01; and of what it proves R-ALARM-01, R-ACCR-01, R-ACCR-02, R-AUDIT-01, R-PROOF-09.
    """
    damage = DAMAGES[name]
    key, found = await findings(good_book, damage.sql)
    assert set(found) == set(damage.breaks)
    aimed = found[damage.breaks[0]]
    assert (aimed.table, aimed.key) == (damage.table, key)
    assert aimed.expected != aimed.found
    assert aimed.sentence.endswith(".")
    assert "E+" not in aimed.expected + aimed.found
