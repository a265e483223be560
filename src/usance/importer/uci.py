"""The UCI file of card accounts (Taiwan, April to September 2005): parsed and checked as a whole.

A line is an account: limit, repayment status, bill and payment of six months, newest first. The
columns about the person (SEX, EDUCATION, MARRIAGE, AGE) and the outcome are checked and not kept.
Source: Yeh and Lien, "Default of credit card clients", UCI machine learning repository, CC BY 4.0.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from usance.core.refusals import Refused
from usance.core.rules import rule

MONTHS = 6
MINOR = 100
"""The file counts whole dollars."""

STATUS = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
BILLS = tuple(f"BILL_AMT{i}" for i in range(1, MONTHS + 1))
PAYMENTS = tuple(f"PAY_AMT{i}" for i in range(1, MONTHS + 1))
PERSON = ("SEX", "EDUCATION", "MARRIAGE", "AGE")
OUTCOME = "default.payment.next.month"
HEADER = ("ID", "LIMIT_BAL", *PERSON, *STATUS, *BILLS, *PAYMENTS, OUTCOME)

LIMIT_MOST = 1_000_000
MONEY_MOST = 100_000_000
RANGES = (
    {"ID": (1, 10**12), "LIMIT_BAL": (1, LIMIT_MOST), OUTCOME: (0, 1)}
    | dict.fromkeys(PERSON, (0, 150))
    | dict.fromkeys(STATUS, (-2, 9))
    | dict.fromkeys(BILLS, (-MONEY_MOST, MONEY_MOST))
    | dict.fromkeys(PAYMENTS, (0, MONEY_MOST))
)
"""Least and most of each column, in the file's units."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account; amounts in minor units, months in the order of time (April first)."""

    line: int
    number: int
    limit: int
    status: tuple[int, ...]
    bills: tuple[int, ...]
    payments: tuple[int, ...]


def refused(detail: str, line: int, column: str = "") -> Refused:
    """A bad file, and where."""
    where = f"line {line}" + (f", column {column}" if column else "")
    return Refused("R-IMPORT-01", f"{where}: {detail}", where)


@rule("R-IMPORT-01")
def read(content: bytes) -> list[Account]:
    """All accounts of a file; raises ``Refused`` at the first thing that is wrong."""
    rows = numbered(content)
    line, header = next(rows, (1, []))
    check_header(header, line)
    accounts: list[Account] = []
    seen: dict[int, int] = {}
    for line, row in rows:
        account = account_of(row, line)
        if account.number in seen:
            raise refused(f"the account stands in line {seen[account.number]} already", line, "ID")
        seen[account.number] = line
        accounts.append(account)
    if not accounts:
        raise refused("the file has no account", line)
    return accounts


def numbered(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each ends on."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refused("not UTF-8 text", line) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise refused(str(error), reader.line_num) from error
        if row is None:
            return
        yield reader.line_num, row


def check_header(header: list[str], line: int) -> None:
    """The columns, by name and in their order."""
    for place, expected in enumerate(HEADER):
        found = header[place] if place < len(header) else "nothing"
        if found != expected:
            raise refused(f"the header has {found!r} here", line, expected)
    if len(header) > len(HEADER):
        raise refused(f"unknown column {header[len(HEADER)]!r}", line)


def account_of(row: list[str], line: int) -> Account:
    """One line, every column checked."""
    if len(row) < len(HEADER):
        column = HEADER[len(row)] if row else ""
        raise refused(f"{len(row)} columns where {len(HEADER)} are needed", line, column)
    if len(row) > len(HEADER):
        raise refused(f"{len(row)} columns where {len(HEADER)} are needed", line)
    values = {name: number_of(row[i], name, line) for i, name in enumerate(HEADER)}

    def in_time(columns: tuple[str, ...], unit: int) -> tuple[int, ...]:
        return tuple(values[name] * unit for name in reversed(columns))

    return Account(
        line, values["ID"], values["LIMIT_BAL"] * MINOR, in_time(STATUS, 1),
        in_time(BILLS, MINOR), in_time(PAYMENTS, MINOR),
    )  # fmt: skip


def number_of(text: str, column: str, line: int) -> int:
    """A whole number within the range of its column."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise refused(f"not a whole number: {text[:40]!r}", line, column)
    value = int(text)
    least, most = RANGES[column]
    if not least <= value <= most:
        raise refused(f"{value} does not lie between {least} and {most}", line, column)
    return value
