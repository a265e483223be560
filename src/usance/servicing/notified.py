"""Money that a bank told of and no contract takes: kept as a receipt, like that of a bank's file.

The notification stands in the place of a file with one row, so everything that holds of unallocated
receipts (account, proof, allocation, return) holds of it. It is kept under the key under which the
book was asked, with the answer: the book, asked again, does not book what lies here.
"""

import hashlib
import json

from usance.core.identifiers import borrower_of_contract
from usance.core.rules import rule
from usance.identity.once import Answer
from usance.identity.store import first_answer, insert_operation
from usance.ledger.digest import digest
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id
from usance.servicing import columns, debit_file, read
from usance.servicing import debit_file_sql as sql
from usance.servicing import receipts_sql as own
from usance.servicing.debit_rows import COLLECTED

OUTCOME = "refused"
KEPT = "receipt_id"
"""Among what is answered: the receipt, where money was kept and not booked."""


@rule("R-PAY-05", "R-RECEIPT-03")
async def hold(
    pool: Pool, key: str, borrower_id: int, contract_id: int, amount: int, *, rule_id: str,
    detail: str, actor: str, request_hash: bytes,
) -> Answer:  # fmt: skip
    """Keep the money, once for a key, and answer so; or the answer of the book, if it was first."""

    async def once() -> Answer:
        async with transaction(pool, columns.LOCK) as connection:
            if first := await first_answer(connection, actor, key):
                return first.again(request_hash)
            why = {"rule": rule_id, "detail": detail}
            file_id = await entered(connection, key, actor)
            if file_id:
                row = borrower_id or borrower_of_contract(contract_id), contract_id, amount
                await enter(connection, file_id, key, row, why, actor)
            return await answered(connection, key, why, actor, request_hash)

    return await retrying(once)


@rule("R-PAY-02")
async def answered(
    connection: Connection, key: str, why: dict[str, str], actor: str, request_hash: bytes
) -> Answer:
    """Keep the answer, as the book keeps its own: whoever comes second finds the key taken."""
    row = await connection.fetchrow(sql.KNOWN, key_digest(key))
    receipt_id: int = await connection.fetchval(own.OF_DIGEST, key_digest(key))
    answer = Answer(201, why | {KEPT: receipt_id}, row["operation_id"])
    kept = actor, key, request_hash, json.dumps(answer.document), answer.operation_id
    await connection.execute(columns.INSERT_ANSWERS, *([each] for each in kept))
    return answer


def key_digest(key: str) -> bytes:
    """What the notification is known by, among the digests of files."""
    return hashlib.sha256(f"notification {key}".encode()).digest()


async def entered(connection: Connection, key: str, actor: str) -> int:
    """The number of the new file with its audit event; 0 if it is known."""
    book = await read.book(connection)
    assert book is not None  # nobody pays into none
    operation_id = new_operation_id()
    file_id: int | None = await connection.fetchval(
        sql.BEGIN, key, key_digest(key), book.business_date, 1, operation_id
    )
    if file_id is None:
        return 0
    await insert_operation(
        connection, operation_id, actor=actor, action="HoldPayment", on=book.business_date,
        digest=digest([("bank_file", [(file_id, 1, book.today)])]), detail={"file_id": file_id},
    )  # fmt: skip
    return file_id


async def enter(
    connection: Connection, file_id: int, key: str, row: tuple[int, int, int], why: dict[str, str],
    actor: str,
) -> None:  # fmt: skip
    """The one row, and the receipt."""
    borrower_id, contract_id, amount = row
    book = await read.book(connection)
    assert book is not None
    on = book.business_date
    detail = why | {"code": COLLECTED, "value_date": on.isoformat(), "bank_transaction_id": ""}
    entry = (file_id, 1, key, borrower_id, contract_id, amount, COLLECTED, OUTCOME,
             json.dumps(detail))  # fmt: skip
    await connection.execute(sql.ENTER, *([each] for each in entry))
    await debit_file.hold(connection, file_id, [(1, amount, on)], [], actor)
