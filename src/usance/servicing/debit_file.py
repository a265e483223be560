"""A bank's debit-result file (``debit_rows``), set by set: every row gets an outcome.

``paid``          booked: a repayment of the contract, or of all contracts of the borrower
``already_paid``  nothing was asked any more: paid by hand meanwhile; a receipt that is to go back
``failed``        the bank could not collect, for the reason of its code
``returned``      a debit that was booked has come back: charge-back of what it had paid
``duplicate``     the reference was collected (or returned) in an earlier row of any file
``unmatched``     nobody has this id, or there is no debit to return: a receipt, for a person
``refused``       the contract does not accept it, by the rule named: a receipt, for a person

The same content again changes nothing and gives the earlier outcomes. Rows are entered by portions,
each with its postings in one transaction, so a load that was broken off goes on where it stopped.
Many plain debits are posted as a set (``debit_bulk``), the others by the poster.
The sender's key is kept with the file's number before the first row: whoever asks again under it
gets on with the same file, whenever the first request broke off.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from usance.core.identifiers import borrower_of_contract, parse
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as keys
from usance.identity.once import Answer
from usance.ledger import chart
from usance.ledger.digest import digest
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id
from usance.servicing import columns, receipts
from usance.servicing import commands as asked
from usance.servicing import debit_file_sql as sql
from usance.servicing.debit_bulk import post_debits
from usance.servicing.debit_rows import COLLECTED, Row, read
from usance.servicing.hand import ALLOCATED, Receipt
from usance.servicing.hand import RETURNED as BACK
from usance.servicing.post import Request, post
from usance.servicing.service import Book
from usance.servicing.write import write_operation

PORTION = 1000
PAID, FAILED, RETURNED = "paid", "failed", "returned"
UNBOOKED = ("already_paid", "unmatched", "refused")
"""Outcomes of rows whose money moved at the bank and on no contract (``receipts``)."""
CAME_IN = (PAID, *UNBOOKED)
"""Outcomes of rows whose money has reached the lender."""

Detail = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What came of one row; the amount in minor units."""

    row: int
    reference: str
    outcome: str
    amount: int
    detail: Detail


@dataclass(frozen=True, slots=True)
class Key:
    """An ``Idempotency-Key`` and the SHA-256 of the request that it stands for."""

    text: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What came of a file; ``replayed``: it had been loaded before."""

    file_id: int
    operation_id: int
    name: str
    rows: list[RowOutcome]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """What came of a reference in earlier rows."""

    outcome: str
    amount: int
    detail: Detail


async def load(
    book: Book, name: str, content: bytes, actor: str, key: Key | None = None
) -> FileOutcome:
    """Load a file; raises ``Refused`` (R-DEBIT-02, line and column) and changes nothing if bad.

    Under a key that the actor used for anything else it is refused too (R-IDEM-01).
    """
    currency = await book.pool.fetchval(sql.CURRENCY)
    if currency is None:
        raise Refused("R-BOOK-01", "there is no book yet")
    if not 1 <= len(name) <= 200:
        raise Refused("R-DEBIT-02", "a file's name has 1 to 200 characters", "name")
    if key is not None:
        await check_key(book.pool, actor, key)
    rows = read(content, currency)
    file_id, operation_id, known = await begin(book.pool, name, content, rows, actor, key)
    done = await book.pool.fetchval(sql.ENTERED, file_id)
    for portion in portions(rows[done:]):
        await enter(book.pool, file_id, portion, actor)
    outcomes = [
        RowOutcome(row[0], row[1], row[2], row[3], json.loads(row[4]))
        for row in await book.pool.fetch(sql.OUTCOMES, file_id)
    ]
    return FileOutcome(file_id, operation_id, name, outcomes, known and done == len(rows))


async def begin(
    pool: Pool, name: str, content: bytes, rows: list[Row], actor: str, key: Key | None
) -> tuple[int, int, bool]:
    """The file's number, its audit event, and whether its content was known before."""
    sha256 = hashlib.sha256(content).digest()
    async with transaction(pool) as connection:
        file = await enter_file(connection, name, sha256, rows, actor)
        known = file is None
        file_id, operation_id = file or await connection.fetchrow(sql.KNOWN, sha256)
        if key is not None:
            await keep_key(connection, actor, key, file_id, operation_id)
    return file_id, operation_id, known


async def enter_file(
    connection: Connection, name: str, sha256: bytes, rows: list[Row], actor: str
) -> tuple[int, int] | None:
    """The new file with its audit event; None if the content is known."""
    value_date = max(row.value_date for row in rows)
    operation_id = new_operation_id()
    file_id: int | None = await connection.fetchval(
        sql.BEGIN, name, sha256, value_date, len(rows), operation_id
    )
    if file_id is None:
        return None
    detail = {"file_id": file_id, "name": name, "rows": len(rows), "sha256": sha256.hex()}
    hashed = digest([("bank_file", [(file_id, len(rows), value_date.toordinal())])])
    await connection.execute(sql.AUDIT, operation_id, actor, hashed, json.dumps(detail))
    return file_id, operation_id


async def keep_key(
    connection: Connection, actor: str, key: Key, file_id: int, operation_id: int
) -> None:
    """The key stands for this file from here on, whatever becomes of the request."""
    answer = json.dumps({"file_id": file_id})
    row = actor, key.text, key.request_hash, 201, answer, operation_id
    if not await keys.keep_answer(connection, row):
        await check_key(connection, actor, key)


async def check_key(connection: Connection | Pool, actor: str, key: Key) -> None:
    """Raises ``Refused`` if the key stands for another request."""
    first = await keys.first_answer(connection, actor, key.text)
    if first is not None:
        first.again(key.request_hash)


def portions(rows: list[Row]) -> Iterator[list[Row]]:
    """Rows in order; a reference stands once in a portion, so later rows see what came of it."""
    portion: list[Row] = []
    references: set[str] = set()
    for row in rows:
        if row.reference in references or len(portion) == PORTION:
            yield portion
            portion, references = [], set()
        portion.append(row)
        references.add(row.reference)
    if portion:
        yield portion


async def enter(pool: Pool, file_id: int, rows: list[Row], actor: str) -> None:
    """One portion: postings and outcomes in one transaction; nothing if somebody else was first."""

    async def once() -> None:
        async with transaction(pool, columns.LOCK) as connection:
            await connection.execute(sql.ALONE)
            if await connection.fetchval(sql.ENTERED, file_id) == rows[0].number - 1:
                await enter_rows(connection, file_id, rows, actor)

    await retrying(once)


async def enter_rows(connection: Connection, file_id: int, rows: list[Row], actor: str) -> None:
    """Judge, post what is to be posted, and write an outcome for each row."""
    earlier = await earlier_rows(connection, rows)
    held = await receipts.of_references(connection, [row.reference for row in rows if row.returned])
    wanted = [judge(row, earlier.get(row.reference, {}), held.get(row.reference)) for row in rows]
    debits = [row for row, each in zip(rows, wanted, strict=True) if isinstance(each, list)]
    paid = await post_debits(connection, rows, debits, actor)
    requests = [
        Request(command, actor) for row, each in zip(rows, wanted, strict=True)
        if isinstance(each, list) and row.number not in paid for command in each
    ]  # fmt: skip
    answers = iter(await post(connection, requests) if requests else [])
    entries = []
    for row, each in zip(rows, wanted, strict=True):
        if row.number in paid:
            outcome, detail = PAID, paid[row.number]
        elif isinstance(each, list):
            outcome, detail = outcome_of(row, [next(answers) for _ in each])
        else:
            outcome, detail = each
        entries.append(entry(file_id, row, outcome, detail))
    await connection.execute(sql.ENTER, *(list(c) for c in zip(*entries, strict=True)))
    await note_failed(connection, file_id, rows, [each[7] for each in entries], actor)
    await hold(connection, file_id, unbooked(rows, (each[7] for each in entries)),
               [each for each in held.values() if each.through], actor)  # fmt: skip


@rule("R-AUDIT-01")
async def note_failed(
    connection: Connection, file_id: int, rows: list[Row], outcomes: list[str], actor: str
) -> None:
    """Debits that failed or came back have an audit event: whoever tells of them finds it."""
    if not {FAILED, RETURNED}.intersection(outcomes):
        return
    first, last = rows[0].number, rows[-1].number
    on: date = await connection.fetchval(sql.BUSINESS_DATE)
    hashed = digest([("bank_file", [(file_id, first, last)])])
    detail = {"debits": {"file_id": file_id, "from": first, "through": last}}
    await keys.insert_operation(
        connection, new_operation_id(), actor=actor, action="FailDebits", on=on, digest=hashed,
        detail=detail,
    )  # fmt: skip


@rule("R-AUDIT-01", "R-PROOF-09")
async def hold(
    connection: Connection, file_id: int, unbooked: list[tuple[int, int, date]],
    returned: list[Receipt], actor: str,
) -> None:  # fmt: skip
    """What no contract took, and what the bank took back of it: under one audit event."""
    if not unbooked and not returned:
        return
    operation_id = new_operation_id()
    today = (await connection.fetchval(sql.BUSINESS_DATE)).toordinal()
    settled = []
    for each in returned:
        each.operation_id = operation_id
        settled.append(receipts.taken_off(each, today))
    if settled:
        await connection.execute(columns.INSERT_TRANSFERS, *columns.numbers(settled))
        await receipts.write(connection, returned)
    held = await receipts.hold(connection, file_id, operation_id, unbooked) if unbooked else []
    hashed = digest([("event", []), ("transfer", held + settled)])
    await write_operation(connection, operation_id, actor, "HoldReceipts", today, hashed)


@rule("R-RECEIPT-03")
def unbooked(rows: list[Row], outcomes: Iterable[str]) -> list[tuple[int, int, date]]:
    """(row, amount, value date) of money that moved at the bank and on no contract."""
    return [
        (row.number, -row.amount if row.returned else row.amount, row.value_date)
        for row, outcome in zip(rows, outcomes, strict=True) if outcome in UNBOOKED
    ]  # fmt: skip


async def earlier_rows(connection: Connection, rows: list[Row]) -> dict[str, dict[bool, Earlier]]:
    """By reference: the row under which it came in (False), and the one that returned it (True)."""
    found: dict[str, dict[bool, Earlier]] = {}
    references = [row.reference for row in rows]
    for reference, outcome, amount, detail in await connection.fetch(
        sql.EARLIER, references, [*CAME_IN, RETURNED]
    ):
        whole = Earlier(outcome, amount, json.loads(detail))
        back = whole.detail["code"].startswith("R")
        if outcome == RETURNED or not back:  # a return that came to nothing may be tried again
            found.setdefault(reference, {}).setdefault(back, whole)
    return found


@rule("R-DEBIT-03")
def judge(
    row: Row, earlier: dict[bool, Earlier], held: Receipt | None
) -> list[asked.Command] | tuple[str, Detail]:
    """What a row asks for, or its outcome where it asks for nothing."""
    if row.returned:
        return judge_return(row, earlier, held)
    if row.code != COLLECTED:
        return FAILED, {}
    if False in earlier:
        return "duplicate", {"detail": "the reference has been collected before"}
    on = row.value_date.toordinal()
    if row.contract_id:
        return [asked.Debit(contract_id=row.contract_id, amount=row.amount, effective_on=on)]
    return [asked.DebitBorrower(borrower_id=row.borrower_id, amount=row.amount, effective_on=on)]


@rule("R-DEBIT-04")
def judge_return(
    row: Row, earlier: dict[bool, Earlier], held: Receipt | None
) -> list[asked.Command] | tuple[str, Detail]:
    """A debit that has come back takes back exactly what it had paid, from today on."""
    if True in earlier:
        return "duplicate", {"detail": "the debit has come back before"}
    debit = earlier.get(False)
    if debit is None:
        return "unmatched", {"detail": "no debit was collected under the reference"}
    if debit.amount != row.amount:
        detail = "a debit comes back whole"
        return "refused", {"rule": "R-DEBIT-04", "detail": detail}
    if debit.outcome != PAID:
        return judge_receipt(held)
    return [
        asked.ChargeBack(contract_id=parse("contract", contract), of=seq)
        for contract, seq in debit.detail["events"]
    ]


@rule("R-DEBIT-04", "R-RECEIPT-01")
def judge_receipt(held: Receipt | None) -> list[asked.Command] | tuple[str, Detail]:
    """A debit that was not booked has come back: from the account, or from where it went since."""
    assert held is not None, "what was not booked is a receipt"
    if held.status == BACK:
        return "refused", {"rule": "R-RECEIPT-01", "detail": "the receipt is settled already"}
    if held.status == ALLOCATED:
        return [asked.ChargeBack(contract_id=held.contract_id, of=held.event_seq)]
    held.settle(BACK, chart.COLLECTIONS)
    return RETURNED, {"detail": "the debit had not been booked"}


def outcome_of(row: Row, answers: list[Answer]) -> tuple[str, Detail]:
    """The outcome of what was posted for a row."""
    refusal = next((each for each in answers if each.status >= 400), None)
    if refusal is None:
        events = [place for each in answers for place in events_of(each.document)]
        operations = [each.document["operation_id"] for each in answers]
        return (RETURNED if row.returned else PAID), {"events": events, "operations": operations}
    rule_id = refusal.document["rule"]
    detail = {"rule": rule_id, "detail": refusal.document["detail"]}
    if rule_id == "R-DEBIT-01":
        return "already_paid", detail
    return ("unmatched" if rule_id.startswith("R-FOUND-") else "refused"), detail


def events_of(document: Detail) -> list[tuple[str, int]]:
    """(contract, event) of every part of an answer."""
    return [
        (each["contract"]["contract_id"], each["event"]["seq"])
        for each in document.get("parts", [document])
    ]


def entry(file_id: int, row: Row, outcome: str, detail: Detail) -> tuple[Any, ...]:
    """The row as it is stored."""
    kept = detail | {
        "code": row.code, "value_date": row.value_date.isoformat(),
        "bank_transaction_id": row.transaction,
    }  # fmt: skip
    borrower_id = row.borrower_id or borrower_of_contract(row.contract_id)
    return (
        file_id, row.number, row.reference, borrower_id, row.contract_id, row.amount, row.code,
        outcome, json.dumps(kept),
    )  # fmt: skip
