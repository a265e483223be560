"""Bank money that waits: kept beside the contracts until it is allocated to one or returned.

What a debit-result file brings and no contract takes (``debit_file``: already paid, unmatched,
refused) stands on the account of unallocated receipts, so that bank and book agree to the cent.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import asyncpg

from usance.contract.records import CHARGED_OFF, RECOVERY, REPAYMENT, Event
from usance.core.identifiers import CELLS
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.ledger import chart
from usance.platform.database import Connection, Pool
from usance.servicing import commands as asked
from usance.servicing import receipts_sql as sql
from usance.servicing.answers import event_answer, money
from usance.servicing.hand import ALLOCATED, RETURNED, WAITS, BorrowerBook, Receipt
from usance.servicing.repayments import post
from usance.servicing.store import Rows


def waiting(book: BorrowerBook, receipt_id: int) -> Receipt:
    """A receipt that is neither allocated nor returned."""
    receipt = book.receipts.get(receipt_id)
    if receipt is None:
        raise Refused("R-FOUND-01", "there is no such receipt", "receipt_id")
    if receipt.status != WAITS:
        raise Refused("R-RECEIPT-01", "the receipt is settled already", "receipt_id")
    return receipt


@rule("R-RECEIPT-01", "R-RECEIPT-02")
def allocate(book: BorrowerBook, command: asked.AllocateReceipt) -> dict[str, Any]:
    """The money pays a contract, from the day on which it came in."""
    receipt = waiting(book, command.receipt_id)
    if receipt.amount < 0:
        raise Refused("R-RECEIPT-02", "what the bank took back pays nothing", "receipt_id")
    hand = book.hand(command.contract_id)
    day = command.effective_on or min(receipt.value_date, book.business_date)
    kind = RECOVERY if hand.state.status == CHARGED_OFF else REPAYMENT
    entry = post(hand, Event(kind=kind, amount=receipt.amount, on=day), book.business_date)
    receipt.settle(ALLOCATED, chart.COLLECTIONS, hand.contract_id, entry.event.seq)
    return event_answer(hand, entry) | receipt_answer(receipt)


@rule("R-RECEIPT-01")
def give_back(book: BorrowerBook, command: asked.ReturnReceipt) -> dict[str, Any]:
    """The money goes back to the payer; what the bank took back comes back from the bank."""
    receipt = waiting(book, command.receipt_id)
    receipt.settle(RETURNED, chart.PAYOUTS if receipt.amount > 0 else chart.COLLECTIONS)
    return receipt_answer(receipt)


def receipt_answer(receipt: Receipt) -> dict[str, Any]:
    """A receipt as the API shows it."""
    status = ("", "waiting", "allocated", "returned")[receipt.status]
    return {
        "receipt_id": receipt.receipt_id, "receipt_amount": money(receipt.amount),
        "receipt_status": status,
    }  # fmt: skip


async def load(connection: Connection, book: BorrowerBook, receipt_id: int) -> None:
    """A receipt, locked."""
    row = await connection.fetchrow(sql.LOAD, receipt_id)
    if row is not None:
        book.receipts[receipt_id] = receipt_of(row)


def receipt_of(row: Sequence[Any]) -> Receipt:
    """A row in the hand."""
    number, amount, value_date, *rest = row
    return Receipt(number, amount, value_date.toordinal(), *rest)


async def hold(
    connection: Connection, file_id: int, operation_id: int, rows: list[tuple[int, int, date]]
) -> Rows:
    """Keep and book (row, amount, value date) of a file that no contract took; the transfers."""
    columns = (list(column) for column in zip(*rows, strict=True))
    booked = await connection.fetch(sql.HOLD, file_id, operation_id, *columns)
    return [(*row[:7], row[7].toordinal(), row[8].toordinal(), row[9]) for row in booked]


@rule("R-RECEIPT-01", "R-PROOF-09")
def taken_off(receipt: Receipt, today: int) -> tuple[int, ...]:
    """The transfer of a receipt that was settled: off its account, to collections or pay-outs."""
    sides = chart.UNALLOCATED, receipt.through
    number, amount = receipt.receipt_id, receipt.amount
    return (
        number % CELLS, 0, -number, 1, *(sides if amount > 0 else sides[::-1]), abs(amount),
        today, today, 0,
    )  # fmt: skip


async def of_references(connection: Connection, references: list[str]) -> dict[str, Receipt]:
    """What came in under these references and was not booked, locked."""
    rows = await connection.fetch(sql.OF_REFERENCES, references)
    return {row[0]: receipt_of(tuple(row)[1:]) for row in rows}


async def write(connection: Connection, receipts: Iterable[Receipt]) -> None:
    """Those that were settled: the row says how and by which operation."""
    for each in receipts:
        if each.through:
            await connection.execute(
                sql.SETTLE, each.receipt_id, each.status, each.contract_id, each.event_seq,
                each.operation_id,
            )  # fmt: skip


async def open_receipts(pool: Pool, after: int, limit: int) -> list[asyncpg.Record]:
    """Receipts that wait, oldest first."""
    rows: list[asyncpg.Record] = await pool.fetch(sql.OPEN, after, limit)
    return rows


async def all_receipts(pool: Pool, before: int, limit: int) -> list[asyncpg.Record]:
    """Receipts, settled ones too, newest first."""
    rows: list[asyncpg.Record] = await pool.fetch(sql.ALL, before, limit)
    return rows


async def one_receipt(pool: Pool, receipt_id: int) -> asyncpg.Record | None:
    """A receipt with the bank's row that brought it; None if there is none."""
    return await pool.fetchrow(sql.ONE, receipt_id)
