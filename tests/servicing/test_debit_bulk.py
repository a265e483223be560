"""The debits of a file as a set do what the poster does, one after the other: row for row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from tests.servicing.books import TestBook, fresh
from tests.servicing.test_debit_file import first_row, line, loaded
from usance.core.identifiers import written
from usance.platform.database import Pool, open_pool
from usance.servicing import commands as asked
from usance.servicing import debit_bulk

TABLES = {
    "contract": "version",
    "due": "",
    "event": "operation_id, recorded_at",
    "transfer": "",
    "receipt": "operation_id, held_by, recorded_at",
}
"""What both ways must write alike, and the columns in which they may differ."""


async def file_of(book: TestBook) -> list[str]:
    """Loans due today: exact, less, more, paid by hand, twice, in credit; an account; nobody."""
    people = await book.borrowers(9)
    loans = []
    for who in people[:7]:
        await book.line(who, "cash_loan")
        loans.append(await book.loan(who, 600_000, 6))
    account = await book.line(people[7], "pay_later")
    await book.do(asked.Purchase(contract_id=account, amount=30_000))
    await book.close_through(date(2025, 1, 31))
    amount = await first_row(book, loans[0])
    await book.do(asked.Repay(contract_id=loans[3], amount=round(float(amount) * 100)))
    wanted = [
        (loans[0], amount), (loans[1], "50.00"), (loans[2], "3000.00"), (loans[3], amount),
        (loans[4], amount), (loans[4], "1.00"), (loans[5], "9000.00"), (account, "100.00"),
        (people[8] << 12 | 1, "7.00"),
    ]  # fmt: skip
    rows = [
        line(f"D{n}", written("contract", each), size) for n, (each, size) in enumerate(wanted)
    ]
    return [*rows, line("D99", written("borrower", people[6]), amount)]


async def written_rows(book: TestBook) -> dict[str, list[str]]:
    """Every row of the tables as text, in order."""
    found = {}
    for table, free in TABLES.items():
        drop = "".join(f" - '{name.strip()}'" for name in free.split(",") if name)
        query = f"SELECT (to_jsonb(t){drop})::text FROM {table} t ORDER BY 1"
        found[table] = [row[0] for row in await book.pool.fetch(query)]
    return found


@pytest.fixture
def other_database(new_database: Callable[[], str]) -> str:
    """Address of a second fresh database."""
    return new_database()


async def test_equal_to_one_after_the_other(
    pool: Pool, other_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await open_pool(other_database, 10)
    told, rows, operations = [], [], []
    for least, source in ((1, pool), (10**9, other)):
        monkeypatch.setattr(debit_bulk, "LEAST", least)
        async with fresh(source) as book:
            outcome = await loaded(book, *await file_of(book))
            told.append([(row.outcome, row.detail.get("events")) for row in outcome.rows])
            rows.append(await written_rows(book))
            operations.append(await source.fetchval(
                "SELECT count(*) FROM operation WHERE action = 'Debit'"))  # fmt: skip
            await book.holds()
            await book.close_days(3)
            await book.holds()
    await other.close()
    assert told[0] == told[1]
    for table in TABLES:
        assert rows[0][table] == rows[1][table], table
    assert operations[0] < operations[1]
