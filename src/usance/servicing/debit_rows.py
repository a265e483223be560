"""A bank's debit-result file as rows, checked as a whole before anything is done.

CSV, UTF-8, with this header; a line is one debit that the bank tried, or one that came back:

- ``reference``            ours, of the order to the bank: a debit is known by it (1 to 64 signs)
- ``id``                   ``c-...`` a contract, ``b-...`` a borrower (one debit for all contracts)
- ``amount``               decimal, of the book's currency, positive
- ``result_code``          ``00`` collected; ``R`` and up to seven signs: a debit that was collected
                           earlier under the reference has come back; anything else: failed
- ``value_date``           YYYY-MM-DD
- ``bank_transaction_id``  the bank's, kept for reconciliation (may be empty)
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from usance.core.identifiers import parse
from usance.core.money import AMOUNT_MAX, DECIMALS, parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule

HEADER = ("reference", "id", "amount", "result_code", "value_date", "bank_transaction_id")
COLLECTED = "00"
REFERENCE = re.compile(r"[!-~]{1,64}")
CODE = re.compile(r"[A-Z0-9]{1,8}")
TRANSACTION = re.compile(r"[!-~]{0,64}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line; the amount in minor units, exactly one of the two ids is not 0."""

    number: int
    reference: str
    borrower_id: int
    contract_id: int
    amount: int
    code: str
    value_date: date
    transaction: str

    @property
    def returned(self) -> bool:
        """Whether an earlier debit has come back."""
        return self.code.startswith("R")


def malformed(detail: str, line: int, column: str = "") -> Refused:
    """A bad file, and where."""
    where = f"line {line}" + (f", column {column}" if column else "")
    return Refused("R-DEBIT-02", f"{where}: {detail}", where)


@rule("R-DEBIT-02")
def read(content: bytes, currency: str) -> list[Row]:
    """All rows; raises ``Refused`` at the first thing that is wrong, before anything is done."""
    lines = list(numbered(content))
    if not lines or tuple(lines[0][1]) != HEADER:
        raise malformed(f"the header must be {','.join(HEADER)}", 1)
    rows = [
        row_of(number, line, fields, DECIMALS[currency])
        for number, (line, fields) in enumerate(lines[1:], 1)
    ]
    if not rows:
        raise malformed("the file has no row", 1)
    return rows


def numbered(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Lines with their numbers."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise malformed("not UTF-8 text", line) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for fields in reader:
            yield reader.line_num, fields
    except csv.Error as error:
        raise malformed(str(error), reader.line_num) from error


def row_of(number: int, line: int, fields: list[str], decimals: int) -> Row:
    """One line, every column checked."""
    if len(fields) != len(HEADER):
        raise malformed(f"{len(fields)} columns where {len(HEADER)} are needed", line)
    reference, party, amount, code, value_date, transaction = fields
    for column, text, pattern in (
        ("reference", reference, REFERENCE), ("result_code", code, CODE),
        ("bank_transaction_id", transaction, TRANSACTION),
    ):  # fmt: skip
        if not pattern.fullmatch(text):
            raise malformed(f"not a {column}", line, column)
    borrower_id, contract_id = party_of(party, line)
    return Row(
        number, reference, borrower_id, contract_id, amount_of(amount, decimals, line), code,
        day_of(value_date, line), transaction,
    )  # fmt: skip


def party_of(text: str, line: int) -> tuple[int, int]:
    """(borrower, 0) or (0, contract)."""
    try:
        if text.startswith("c-"):
            return 0, parse("contract", text)
        return parse("borrower", text), 0
    except ValueError as error:
        raise malformed("neither a contract nor a borrower", line, "id") from error


def amount_of(text: str, decimals: int, line: int) -> int:
    """Minor units, positive."""
    try:
        amount = parse_decimal(text, decimals)
    except ValueError as error:
        raise malformed(str(error), line, "amount") from error
    if not 0 < amount <= AMOUNT_MAX:
        raise malformed(
            "the amount must be positive and no larger than a book holds", line, "amount"
        )
    return amount


def day_of(text: str, line: int) -> date:
    """A day as YYYY-MM-DD."""
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise malformed("not a day (YYYY-MM-DD)", line, "value_date")
